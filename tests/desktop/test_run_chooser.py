"""Which run is shown: said above the canvas, and chosen there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.engine.part import Part
from desktop.run_chooser import RunChooser
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import panel_parts

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

DOCUMENT = workflow(step("a", title="First", then="b"), step("b", config={"gate": True}))


@dataclass
class Table:
    desk: RunDesk
    chooser: RunChooser
    asked: list[str] = field(default_factory=list)


@pytest.fixture
async def table(qapp: QApplication, home: Path) -> AsyncIterator[Table]:
    async with open_run_desk(DOCUMENT, home) as desk, panel_parts(desk.bridge) as parts:
        asked: list[str] = []
        chooser = RunChooser(desk.controller, lambda: asked.append("history"), parts.themes, parts.icons)
        assert not chooser.isVisible()
        parts.show(chooser, 300, 32)
        chooser.refresh()
        yield Table(desk, chooser, asked)


async def test_it_shows_only_when_there_is_a_run_and_tells_of_others_that_run(table: Table) -> None:
    assert not table.chooser.isVisible()
    first = await table.desk.begin()
    await table.desk.begin()
    assert table.chooser.isVisible()
    assert "1 more running" in table.chooser.text()
    table.desk.controller.show("")
    assert "No run shown · 2 more running" in table.chooser.text()
    table.desk.stage.gate("b").set()
    await table.desk.over()
    assert first in table.desk.controller.runs


async def test_another_run_is_chosen_from_the_menu(table: Table) -> None:
    table.desk.stage.gate("b").set()
    first, second = await table.desk.finish(), await table.desk.finish()
    table.chooser.build()
    rows = [action for action in table.chooser.choices.actions() if action.isCheckable()]
    assert [action.isChecked() for action in rows] == [True, False]
    assert "completed" in rows[1].text()
    rows[1].trigger()
    assert table.desk.controller.shown is first
    assert second is not first


async def test_no_run_and_all_kept_runs_can_be_chosen(table: Table) -> None:
    table.desk.stage.gate("b").set()
    await table.desk.finish()
    table.chooser.build()
    nothing, history = [
        action for action in table.chooser.choices.actions() if action.text() and not action.isCheckable()
    ]
    nothing.trigger()
    history.trigger()
    assert table.desk.controller.shown is None
    assert table.asked == ["history"]


async def test_a_run_of_a_part_says_which(table: Table) -> None:
    table.desk.controller.start(part=Part(until="a"))
    await table.desk.over()
    assert "to First" in table.chooser.text()
