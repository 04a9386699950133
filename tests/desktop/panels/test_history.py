"""The history: which runs there are, how they stand, found again, resumed and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget

from core.engine.events import ErrorInfo, Usage
from core.engine.journal import RunRecord
from core.engine.memory_journal import MemoryJournal
from core.engine.part import Given, Part
from core.workflow.model import Step, Workflow
from desktop.dialogs.message import MessageDialog
from desktop.icons import Icons
from desktop.panels.history import HistoryPanel
from desktop.panels.run_rows import COST, ERROR, TOKENS, WORKFLOW, RunFilter, RunRow, RunRows
from desktop.panels.run_scope import RunScope
from desktop.panels.wording import ago, clock_time
from desktop.theme import Theme
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts
from tests.support.qt_loop import next_signal

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DOCUMENT = Workflow(
    "Small",
    inputs={"x": {"type": "integer", "default": 0}},
    steps=workflow(
        step("a", config={"value": "{{ input.x }}", "tokens": 5}, then="b"), step("b", config={"gate": True})
    ).steps,
)  # fmt: skip


def rows_model(*records: RunRecord, live: Sequence[str] = ()) -> RunRows:
    model = RunRows(Theme.dark(), Icons(), now=lambda: NOW)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.show([RunRow(record, record.id in live) for record in records])
    return model


def run(run_id: str, minutes: int = 0, **more: object) -> RunRecord:
    record = RunRecord(run_id, Workflow("Small"), {}, "completed", NOW - timedelta(minutes=minutes))
    return replace(record, **more)  # type: ignore[arg-type] # fields of a RunRecord


def texts(model: RunRows, row: int) -> list[str]:
    return [model.index(row, column).data() for column in range(model.columnCount())]


def test_a_row_tells_state_time_cost_and_inputs(qapp: QApplication) -> None:
    model = rows_model(run("r1", 3, inputs={"x": 1, "note": "hi"}, usage=Usage(1_000, 204, 0.004), duration_s=1.84))
    row = texts(model, 0)

    assert (row[0], row[2:]) == ("Completed", ["all", "1.8 s", "1,204", "$0.0040", 'x: 1, note: "hi"', "", "Small"])
    assert not model.index(0, 0).data(Qt.ItemDataRole.DecorationRole).isNull()


def test_a_row_tells_by_their_titles_where_it_failed(qapp: QApplication) -> None:
    loop = Step("all", "for_each", title="Each order", body={"pay": Step("pay", "code", title="Pay it")})
    document = Workflow("Small", steps={"all": loop, "raw": Step("raw", "code"), "sub": Step("sub", "workflow")})
    error = ErrorInfo("code", "No money\nleft")
    model = rows_model(
        run("r1", workflow=document, status="failed", error=error, error_path="all[2]/pay"),
        run("r2", workflow=document, status="failed", error=error, error_path="raw"),
        run("r3", workflow=document, status="failed", error=error, error_path="sub/gone"),
        run("r4", workflow=document, status="failed", error=error),
        run("r5", workflow=document, status="failed", error=error, error_path="sub/all[0]/pay"),
    )
    assert [texts(model, row)[ERROR] for row in range(5)] == [
        "Each order, pass 3 > Pay it: No money left", "raw: No money left", "sub > gone: No money left",
        "No money left", "sub > all, pass 1 > pay: No money left",
    ]  # fmt: skip
    assert model.index(0, ERROR).data(Qt.ItemDataRole.ToolTipRole) == "all[2]/pay: No money\nleft"
    shown = RunFilter()
    shown.setSourceModel(model)
    for wanted in ("pay it", "all[2]"):
        shown.only("", wanted)
        assert shown.rowCount() == 1


async def test_a_narrow_panel_keeps_inside_its_place_with_signs_for_words(history: History) -> None:
    await history.run_once(1)
    panel = history.panel
    assert panel.delete_button.text() == " Delete"
    around = QWidget()
    row = QHBoxLayout(around)
    row.addWidget(panel)
    around.resize(500, 240)
    around.show()
    QCoreApplication.sendPostedEvents()
    assert around.width() == 500
    assert panel.table.mapTo(panel, panel.table.rect().topRight()).x() < 500
    assert (panel.delete_button.text(), panel.delete_button.toolTip()) == ("", "Delete")
    around.resize(900, 240)
    QCoreApplication.sendPostedEvents()
    assert panel.again_button.text() == " Run again…"
    panel.setParent(None)
    around.close()


async def test_columns_without_a_number_leave_their_room_to_the_others(history: History) -> None:
    await history.desk.idle()
    table = history.panel.table
    for usage, hidden in (
        (Usage(1_000, 2), (False, True)),
        (Usage(), (True, True)),
        (Usage(1, 1, 0.1), (False, False)),
    ):
        history.panel._show([run("r1", usage=usage)])
        assert (table.isColumnHidden(TOKENS), table.isColumnHidden(COST)) == hidden
    for column in (0, 1):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Part(), ""),
        (Part(only="a"), "First alone"),
        (Part(until="a", base="x"), "to First"),
        (Part(anew="a", base="x"), "from First"),
        (Part(base="x", given={"a": Given({}, why="edited")}), "First edited"),
        (Part(given={"a": Given({})}), ""),
        (Part(only="gone"), ""),
        (Part(base="x"), "what changed"),
    ],
)
def test_a_row_tells_what_of_the_workflow_ran(part: Part, words: str) -> None:
    workflow = Workflow("W", steps={"a": Step("a", "work", title="First")})
    assert RunRow(run("r", workflow=workflow, part=part), live=False).part == words


@pytest.mark.parametrize(
    ("status", "resumable", "live", "word", "may_resume"),
    [
        ("running", False, True, "Running", False),
        ("running", False, False, "Running", False),
        ("interrupted", False, False, "Interrupted", True),
        ("suspended", False, False, "Waiting", True),
        ("failed", False, False, "Failed", True),
        ("cancelled", True, False, "Stopped", True),
        ("cancelled", False, False, "Cancelled", False),
        ("completed", False, False, "Completed", False),
    ],
)
def test_what_can_go_on_is_told_from_what_has_ended(
    status: str, resumable: bool, live: bool, word: str, may_resume: bool
) -> None:
    is_interrupted = status == "interrupted"
    record = run("r", status="running" if is_interrupted else status, resumable=resumable, interrupted=is_interrupted)
    row = RunRow(record, live)

    assert (row.word, row.may_resume) == (word, may_resume)


def test_runs_are_sorted_by_what_they_are_not_by_their_text(qapp: QApplication) -> None:
    model = rows_model(run("a", 2, duration_s=9.0), run("b", 1, duration_s=100.0), run("c", 3, duration_s=0.5))
    shown = RunFilter()
    shown.setSourceModel(model)

    def order(column: int) -> list[str]:
        shown.sort(column)
        return [model.rows[shown.mapToSource(shown.index(n, 0)).row()].record.id for n in range(shown.rowCount())]

    assert order(3) == ["c", "a", "b"]
    assert order(1) == ["c", "a", "b"]


def test_runs_are_narrowed_by_state_and_by_text(qapp: QApplication) -> None:
    failed = run("b", status="failed", error=ErrorInfo("timeout", "It took too long."))
    model = rows_model(run("a", inputs={"t": "A boat"}), failed, run("c", status="running", interrupted=True))
    shown = RunFilter()
    shown.setSourceModel(model)

    def left(word: str, text: str) -> list[str]:
        shown.only(word, text)
        return [model.rows[shown.mapToSource(shown.index(n, 0)).row()].record.id for n in range(shown.rowCount())]

    assert left("", "BOAT") == ["a"]
    assert left("", "too long") == ["b"]
    assert left("Interrupted", "") == ["c"]
    assert left("Failed", "boat") == []
    assert left("", "") == ["a", "b", "c"]


def test_times_are_told_as_people_do() -> None:
    assert ago(NOW, NOW + timedelta(seconds=5)) == "just now"
    assert ago(NOW, NOW + timedelta(minutes=5)) == "5 min ago"
    assert ago(NOW - timedelta(days=40), NOW).startswith("2026-01-2")
    assert clock_time(NOW, NOW).count(":") == 2
    assert clock_time(NOW - timedelta(days=3), NOW).startswith("2026-02-27")


@dataclass
class History:
    """A panel beside runs."""

    desk: RunDesk
    parts: PanelParts
    panel: HistoryPanel

    async def run_once(self, x: int) -> str:
        self.desk.stage.gate("b").set()
        made = await self.desk.finish({"x": x})
        await self.desk.idle()
        return made.id


@pytest.fixture
async def history(qapp: QApplication, home: Path) -> AsyncIterator[History]:
    async with open_run_desk(DOCUMENT, home) as desk, panel_parts(desk.bridge) as parts:
        panel = HistoryPanel(
            desk.workspace, desk.controller, desk.document, desk.bridge, parts.themes, parts.icons,
            now=desk.workspace.clock.now,
        )  # fmt: skip
        parts.show(panel, 900, 300)
        yield History(desk, parts, panel)


async def test_runs_appear_by_themselves_newest_first(history: History) -> None:
    assert not history.panel.table.isVisible()
    first, second = await history.run_once(1), await history.run_once(2)
    assert [row.record.id for row in history.panel.rows.rows] == [second, first]
    assert history.panel.table.isVisible()
    assert history.panel.filter.index(0, 6).data() == "x: 2"


async def test_how_long_runs_are_kept_is_said_and_leads_to_the_setting(history: History) -> None:
    asked: list[str] = []
    history.panel.retention_wanted.connect(lambda: asked.append("asked"))
    said = []
    for runs, days in ((500, 90), (0, 30), (0, 0)):
        history.panel.show_retention(runs, days)
        said.append(history.panel.kept.said)
    assert said == ["Kept: the newest 500 and those of 90 days", "Kept: those of 30 days", "All runs are kept"]
    history.panel.kept.click()
    assert asked == ["asked"]


async def test_enter_on_a_run_asks_for_it_to_be_opened(history: History) -> None:
    run_id = await history.run_once(1)
    opened: list[str] = []
    history.panel.opened.connect(opened.append)
    history.panel.table.setFocus()
    history.panel.table.selectRow(0)
    QTest.keyClick(history.panel.table, Qt.Key.Key_Return)

    assert opened == [run_id]


async def test_a_stopped_run_is_resumed_from_the_list(history: History) -> None:
    desk = history.desk
    await desk.begin({"x": 1})
    await desk.stage_reached("b")
    desk.controller.stop()
    await desk.over()
    await desk.idle()
    assert history.panel.rows.rows[0].word == "Stopped"
    history.panel.table.selectRow(0)
    assert history.panel.resume_button.isEnabled()
    desk.stage.gate("b").set()
    history.panel.resume_button.click()
    await desk.over()
    await desk.idle()

    assert history.panel.rows.rows[0].word == "Completed"
    assert [row.record.id for row in history.panel.chosen()] == [history.panel.rows.rows[0].record.id]
    assert not history.panel.resume_button.isEnabled()


async def test_a_chosen_run_is_offered_to_be_run_again(history: History) -> None:
    await history.run_once(1)
    await history.run_once(2)
    wanted: list[RunRecord] = []
    history.panel.again_wanted.connect(wanted.append)
    assert not history.panel.again_button.isEnabled()
    history.panel.table.selectRow(1)
    QTest.mouseClick(history.panel.again_button, Qt.MouseButton.LeftButton)
    assert [record.inputs for record in wanted] == [{"x": 1}]
    history.panel.table.selectAll()
    assert not history.panel.again_button.isEnabled()


async def test_a_run_is_deleted_only_after_a_question(history: History) -> None:
    gone, stays = await history.run_once(1), await history.run_once(2)
    history.panel.table.selectRow(1)
    history.panel.delete_button.click()
    question = history.panel.findChild(MessageDialog)
    assert isinstance(question, MessageDialog)
    assert "this run" in question.windowTitle()
    assert len(history.panel.rows.rows) == 2
    QTest.mouseClick(question.buttons["delete"], Qt.MouseButton.LeftButton)
    await history.desk.idle()

    assert [row.record.id for row in history.panel.rows.rows] == [stays]
    assert gone not in {record.id for record in await history.desk.workspace.runs()}
    assert history.desk.failures == []


async def test_a_run_that_is_executed_cannot_be_deleted(history: History) -> None:
    desk = history.desk
    run = await desk.begin({"x": 1})
    await desk.stage_reached("b")
    history.panel.refresh()
    while desk.bridge.busy > 1:
        await next_signal(desk.bridge.busy_changed)
    history.panel.table.selectRow(0)
    assert not history.panel.delete_button.isEnabled()
    history.panel.delete_runs([run.id])
    (text,) = await next_signal(desk.bridge.failed)

    assert "Stop it first" in text
    assert (await desk.workspace.journal.run(run.id)).status == "running"


def scoped(history: History, **scope: object) -> HistoryPanel:
    """A panel that belongs to no workflow."""
    desk, parts = history.desk, history.parts
    panel = HistoryPanel(
        desk.workspace, None, None, desk.bridge, parts.themes, parts.icons, now=desk.workspace.clock.now
    )  # fmt: skip
    parts.show(panel, 900, 300)
    day = desk.workspace.clock.now()
    span = {"since": day - timedelta(days=1), "until": day + timedelta(days=1), **scope}
    panel.show_scope(RunScope(**span, title="These"))  # type: ignore[arg-type] # fields of a RunScope
    return panel


async def test_runs_of_a_span_are_listed_with_their_workflow_and_the_chip_says_which(history: History) -> None:
    first, second = await history.run_once(1), await history.run_once(2)
    panel = scoped(history)
    await history.desk.idle()
    assert [row.record.id for row in panel.rows.rows] == [second, first]
    assert (panel.chip.isVisible(), panel.chip.said, panel.chip.accessibleName()) == (True, "These", "Listed: These")
    assert panel.filter.index(0, WORKFLOW).data() == "Small"
    assert not panel.table.isColumnHidden(WORKFLOW)
    assert panel.table.isColumnHidden(ERROR)
    assert [row.record.id for row in panel.chosen()] == [second]
    left: list[str] = []
    panel.scope_left.connect(lambda: left.append("left"))
    QTest.mouseClick(panel.chip.clear, Qt.MouseButton.LeftButton)
    QTest.keyClick(panel.table, Qt.Key.Key_Escape)
    assert left == ["left", "left"]


async def test_a_span_without_such_runs_says_so_and_keeps_the_chip(history: History) -> None:
    await history.run_once(1)
    panel = scoped(history, workflow="Small", status="failed")
    await history.desk.idle()
    assert panel.rows.rows == []
    assert panel.chip.isVisible()
    assert not panel.table.isVisible()
    assert panel._none_there.title.text() == "No such run is kept"


async def test_older_runs_are_listed_a_piece_at_a_time(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop.panels.history.LIMIT", 2)
    for n in range(5):
        await history.run_once(n)
    panel = scoped(history)
    counted = []
    for _ in range(3):
        await history.desk.idle()
        counted.append((len(panel.rows.rows), panel.more.isVisible()))
        panel.more.click()
    assert counted == [(2, True), (4, True), (5, False)]


async def test_runs_that_are_resumed_from_a_span_go_on_where_they_can_be_seen(history: History) -> None:
    desk = history.desk
    await desk.begin({"x": 1})
    await desk.stage_reached("b")
    desk.controller.stop()
    await desk.over()
    panel = scoped(history)
    await desk.idle()
    wanted: list[RunRecord] = []
    panel.resume_wanted.connect(wanted.append)
    panel.resume_button.click()
    assert [record.id for record in wanted] == [panel.rows.rows[0].record.id]


async def test_a_run_that_says_it_runs_is_found_though_its_process_is_gone() -> None:
    journal = MemoryJournal(lambda: NOW)
    lease = await journal.open_run(run("gone", status="running"))
    await journal.close_run(lease)
    await journal.close_run(await journal.open_run(run("done")))
    scope = RunScope(NOW - timedelta(hours=1), NOW + timedelta(hours=1), status="running")
    assert [(each.id, each.interrupted) for each in await scope.read(journal, 10)] == [("gone", True)]
