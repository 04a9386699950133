"""Runs whose process died are offered once, and gone on with, shown, or left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from core.engine.journal import RunRecord
from core.engine.memory_journal import MemoryJournal
from desktop.run_offers import RunOffers
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

DOCUMENT = workflow(step("a", then="b"), step("b", config={"gate": True}), name="Cut")


@dataclass
class Table:
    desk: RunDesk
    parts: PanelParts
    offers: RunOffers
    resumed: list[RunRecord] = field(default_factory=list)
    shown: list[RunRecord] = field(default_factory=list)

    async def look(self) -> None:
        self.offers.look(self.desk.workspace)
        await self.desk.idle()

    async def cut(self) -> str:
        """A run whose process is gone, as the journal knows it."""
        journal = self.desk.workspace.journal
        assert isinstance(journal, MemoryJournal)
        run = RunRecord("cut", DOCUMENT, {}, "running", datetime(2026, 3, 1, 12, tzinfo=UTC))
        await journal.open_run(run)
        journal.abandon(run.id)
        return run.id

    def choose(self, key: str) -> None:
        assert self.offers.question is not None
        self.offers.question.buttons[key].click()


@pytest.fixture
async def table(qapp: QApplication, home: Path) -> AsyncIterator[Table]:
    async with open_run_desk(DOCUMENT, home) as desk, panel_parts(desk.bridge) as parts:
        window = QWidget()
        parts.show(window)
        made = Table(desk, parts, RunOffers(window, desk.bridge))
        made.offers.resume_wanted.connect(made.resumed.append)
        made.offers.show_wanted.connect(made.shown.append)
        yield made


async def test_a_run_that_is_executed_is_not_offered(table: Table) -> None:
    await table.desk.begin()
    await table.desk.stage_reached("b")
    assert await table.desk.workspace.journal.interrupted() == []
    table.desk.stage.gate("b").set()
    await table.desk.over()
    await table.look()
    assert table.offers.question is None


async def test_a_person_goes_on_with_what_was_interrupted(table: Table) -> None:
    run_id = await table.cut()
    await table.look()
    assert table.offers.question is not None
    assert table.offers.question.windowTitle() == "A run was interrupted"
    table.choose("resume")
    assert [run.id for run in table.resumed] == [run_id]


async def test_each_run_is_offered_once_and_left_for_later(table: Table) -> None:
    await table.cut()
    await table.look()
    table.choose("later")
    assert (table.resumed, table.shown) == ([], [])
    await table.look()
    assert table.offers.question is None


async def test_an_interrupted_run_is_looked_at_first(table: Table) -> None:
    run_id = await table.cut()
    await table.look()
    table.choose("show")
    assert [run.id for run in table.shown] == [run_id]
