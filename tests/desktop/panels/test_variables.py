"""The variables of a run: their values now, and who set them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication

from desktop.panels.variables import VariableRows, VariablesPanel
from tests.support.desktop_runs import open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import panel_parts

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

DOCUMENT = workflow(
    step("early", "set", title="Set the tone", config={"variables": {"tone": "calm"}}, then="wait"),
    step("wait", config={"gate": True}, then="late"),
    step("late", "set", config={"variables": {"tone": ["a", "list"]}}),
    variables={"tone": "friendly", "still": 1},
)


def rows(model: VariableRows) -> list[tuple[str, str, str]]:
    def text(row: int, column: int) -> str:
        return str(model.index(row, column).data())

    return [(text(n, 0), text(n, 1), text(n, 2)) for n in range(model.rowCount())]


async def test_values_and_who_set_them_follow_the_run(qapp: QApplication, home: Path) -> None:
    async def no_file(_hash: str) -> bytes:
        raise AssertionError("no file is asked for")

    async with open_run_desk(DOCUMENT, home) as desk, panel_parts(desk.bridge) as parts:
        panel = VariablesPanel(desk.controller, no_file, desk.bridge, parts.themes, parts.icons)
        QAbstractItemModelTester(panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
        parts.show(panel, 900, 240)
        assert panel.empty.isVisible()
        await desk.begin()
        assert rows(panel.model) == [("tone", '"friendly"', "initial value"), ("still", "1", "initial value")]
        await desk.stage_reached("wait")
        panel.refresh()
        assert rows(panel.model)[0] == ("tone", '"calm"', "Set the tone")
        assert panel.model.index(0, 2).data(Qt.ItemDataRole.ToolTipRole) == "early"
        panel.table.selectRow(0)
        assert panel.view.model.value == "calm"
        desk.stage.gate("wait").set()
        await desk.over()

        assert rows(panel.model) == [("tone", "[2 items]", "late"), ("still", "1", "initial value")]
        shown: object = panel.view.model.value
        assert shown == ["a", "list"]
        panel.view.choose((0,))
        assert "vars.tone[0]" in panel.view.path.toolTip()
        chosen: list[str] = []
        panel.step_chosen.connect(chosen.append)
        panel.table.setFocus()
        QTest.keyClick(panel.table, Qt.Key.Key_Return)
        assert chosen == ["late"]
