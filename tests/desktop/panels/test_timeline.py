"""The timeline: what runs inside what, live and past, with thousands of attempts; chosen by mouse and keyboard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.engine.journal import StepRecord
from core.workflow.model import Retry
from desktop.panels.timeline import TimelinePanel
from desktop.panels.timeline_chart import TimelineChart
from desktop.panels.timeline_rows import TimelineRows
from desktop.run_log import RunLog
from desktop.watched_run import WatchedRun
from tests.support.desktop import move_mouse
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts
from tests.support.qt_loop import next_signal

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
DOCUMENT = workflow(
    step("a", config={"fails": 1}, retry=Retry(attempts=2, wait=0.001), then="all", title="Ask the model"),
    step("all", "many", config={"items": [1, 2]}, then="b",
         body=[step("x", then="y"), step("y", config={"value": "{{ item }}"})]),
    step("b", "choose", config={"value": True}, then={"false": "c", "true": "d"}),
    step("c"),
    step("d", config={"gate": True}),
)  # fmt: skip


def record(path: str, start: float, end: float | None, status: str = "completed", attempt: int = 1) -> StepRecord:
    step_id = path.rpartition("/")[2]
    ended = None if end is None else BEGAN + timedelta(seconds=end)
    return StepRecord(
        "run", path, step_id, attempt, status, started=BEGAN + timedelta(seconds=start), ended=ended  # type: ignore[arg-type] # the tests' statuses are right
    )  # fmt: skip


def rows_of(*records: StepRecord, running: bool = False) -> TimelineRows:
    log = RunLog()
    log.load(records)
    rows = TimelineRows(log, BEGAN)
    rows.take(running=running)
    return rows


def shown(rows: TimelineRows) -> list[tuple[int, str]]:
    return [(row.depth, row.label) for row in rows.shown()]


def test_steps_stand_inside_the_loops_and_workflows_that_ran_them() -> None:
    rows = rows_of(
        record("all", 0, 4), record("all[0]/x", 0, 1), record("all[1]/x", 1, 2), record("call", 4, 6),
        record("call/y", 4, 5), record("call/more[0]/z", 5, 6),
    )  # fmt: skip
    assert shown(rows) == [
        (0, "all"), (1, "Pass 1"), (1, "Pass 2"), (0, "call"), (1, "y"), (1, "more"), (2, "Pass 1"),
    ]  # fmt: skip
    inner = rows.row("all[0]")
    assert inner is not None
    rows.set_open(inner, True)

    assert shown(rows)[1:3] == [(1, "Pass 1"), (2, "x")]
    assert rows.reveal("call/more[0]/z") is not None
    assert shown(rows)[-1] == (3, "z")


def test_attempts_share_a_row_and_bars_lie_where_they_happened() -> None:
    rows = rows_of(record("a", 1, 2, "failed"), record("a", 3, 4.5, attempt=2))
    row = rows.row("a")
    assert row is not None

    assert [(bar.attempt, bar.start, bar.end, bar.state) for bar in row.bars] == [
        (1, 1.0, 2.0, "failed"), (2, 3.0, 4.5, "done")
    ]  # fmt: skip
    assert row.state == "done"
    assert rows.extent(100) == 4.5


def test_a_pass_spans_its_steps_and_tells_the_gravest_state() -> None:
    rows = rows_of(record("all[0]/x", 1, 2), record("all[0]/y", 2, 5, "failed"), record("all[1]/x", 1, None, "started"),
                   running=True)  # fmt: skip
    first, second = rows.row("all[0]"), rows.row("all[1]")
    assert first is not None
    assert second is not None

    assert [(bar.start, bar.end, bar.state) for bar in first.bars] == [(1.0, 5.0, "failed")]
    assert [(bar.start, bar.end, bar.state) for bar in second.bars] == [(1.0, None, "running")]
    assert rows.extent(9) == 9
    rows.settle()
    assert second.bars[0].state == "cancelled"


def test_a_step_that_was_interrupted_does_not_run_for_ever() -> None:
    rows = rows_of(record("a", 1, None, "started"), running=False)
    bar = rows.bar("a", 1)
    assert bar is not None
    assert bar.state == "cancelled"


@dataclass
class Timeline:
    """A panel beside a run."""

    desk: RunDesk
    parts: PanelParts
    panel: TimelinePanel

    @property
    def chart(self) -> TimelineChart:
        assert self.panel.chart is not None
        return self.panel.chart

    def point(self, path: str, attempt: int = 1) -> QPoint:
        """The middle of a bar, in the chart's pixels."""
        assert self.panel.rows is not None
        bar = self.panel.rows.bar(path, attempt)
        assert bar is not None
        place = next(n for n, row in enumerate(self.chart.rows) if row.key == path)
        return self.chart.rect_of(place, bar).center().toPoint()


@pytest.fixture
async def timeline(qapp: QApplication, home: Path) -> AsyncIterator[Timeline]:
    async with open_run_desk(DOCUMENT, home) as desk, panel_parts(desk.bridge) as parts:
        panel = TimelinePanel(
            desk.controller, desk.bridge, parts.themes, parts.icons, now=desk.workspace.clock.now
        )  # fmt: skip
        parts.show(panel, 900, 400)
        await next_signal(panel.loaded)
        yield Timeline(desk, parts, panel)


async def test_a_run_grows_on_the_timeline_while_it_runs(timeline: Timeline) -> None:
    desk, panel = timeline.desk, timeline.panel
    assert panel.empty.isVisible()
    await desk.begin()
    await desk.stage_reached("d")
    panel.refresh()
    assert panel.rows is not None
    assert [label for _, label in shown(panel.rows)] == ["Ask the model", "all", "Pass 1", "Pass 2", "b", "c", "d"]
    running = panel.rows.bar("d", 1)
    assert running is not None
    assert (running.state, running.end) == ("running", None)
    assert timeline.chart.live
    begun, ended = timeline.chart.seconds
    assert begun <= 0
    assert ended > timeline.chart.now
    desk.stage.gate("d").set()
    await desk.over()

    assert (running.state, timeline.chart.live) == ("done", False)
    assert panel.rows.attempts == 10
    skipped = panel.rows.bar("c", 1)
    assert skipped is not None
    assert skipped.state == "skipped"


async def test_pressing_a_bar_selects_that_attempt(timeline: Timeline) -> None:
    timeline.desk.stage.gate("d").set()
    await timeline.desk.finish()
    chosen: list[tuple[str, int]] = []
    timeline.panel.step_selected.connect(lambda path, attempt: chosen.append((path, attempt)))
    for path in ("a", "d"):  # as near as a person would go who wants just this one
        bar = timeline.panel.rows.bar(path, 1) if timeline.panel.rows else None
        assert bar is not None
        timeline.chart.set_range(bar.start - 1e-4, (bar.end or bar.start) + 1e-4)
        QTest.mouseClick(timeline.chart.viewport(), Qt.MouseButton.LeftButton, pos=timeline.point(path))

    assert chosen == [("a", 1), ("d", 1)]
    assert timeline.chart.chosen == ("d", 1)
    assert timeline.panel.names.currentIndex().data() == "d"
    assert "done" in timeline.chart.tip(timeline.chart.bar_at(timeline.point("d")) or pytest.fail("no bar there"))


async def test_the_keyboard_walks_opens_and_selects(timeline: Timeline) -> None:
    timeline.desk.stage.gate("d").set()
    await timeline.desk.finish()
    chosen: list[tuple[str, int]] = []
    timeline.panel.step_selected.connect(lambda path, attempt: chosen.append((path, attempt)))
    names = timeline.panel.names
    names.setFocus()
    names.choose("all")
    QTest.keyClick(names, Qt.Key.Key_Down)
    QTest.keyClick(names, Qt.Key.Key_Right)
    assert [row.key for row in names.names.rows][1:5] == ["all", "all[0]", "all[0]/x", "all[0]/y"]
    assert names.currentIndex().data() == "Pass 1"
    QTest.keyClick(names, Qt.Key.Key_Down)
    QTest.keyClick(names, Qt.Key.Key_Space)
    assert chosen == [("all[0]/x", 1)]
    QTest.keyClick(names, Qt.Key.Key_Left)
    QTest.keyClick(names, Qt.Key.Key_Left)

    assert [row.key for row in names.names.rows][1:4] == ["all", "all[0]", "all[1]"]
    assert names.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole) == "Pass 1, done, level 2, closed"


async def test_selecting_a_step_elsewhere_reveals_it_here_and_tells_nobody(timeline: Timeline) -> None:
    timeline.desk.stage.gate("d").set()
    await timeline.desk.finish()
    chosen: list[str] = []
    timeline.panel.step_selected.connect(lambda path, _attempt: chosen.append(path))
    timeline.panel.select("all[1]/y")

    assert "all[1]/y" in [row.key for row in timeline.chart.rows]
    assert timeline.chart.chosen == ("all[1]/y", 1)
    assert chosen == []


async def test_zooming_keeps_the_time_under_the_cursor_and_dragging_moves_it(timeline: Timeline) -> None:
    timeline.desk.stage.gate("d").set()
    await timeline.desk.finish()
    chart = timeline.chart
    at = chart.seconds_at(300)
    span = chart.seconds[1] - chart.seconds[0]
    turned = QWheelEvent(
        QPointF(300, 100), chart.mapToGlobal(QPointF(300, 100)), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    chart.wheelEvent(turned)
    assert chart.seconds_at(300) == pytest.approx(at)
    assert chart.seconds[1] - chart.seconds[0] < span
    start = chart.seconds[0]
    port = chart.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=QPoint(300, 390))
    move_mouse(port, QPoint(280, 390), Qt.MouseButton.LeftButton)
    move_mouse(port, QPoint(200, 390), Qt.MouseButton.LeftButton)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=QPoint(200, 390))

    assert chart.seconds[0] > start
    timeline.panel.show_all()
    assert chart.seconds[0] <= 0


async def test_five_thousand_attempts_are_taken_and_painted_quickly(timeline: Timeline) -> None:
    run = WatchedRun("big", DOCUMENT, {}, BEGAN)
    run.log.load(
        [record("all", 0, 2_500)]
        + [record(f"all[{n // 2}]/{'xy'[n % 2]}", n / 2, n / 2 + 0.4) for n in range(5_000)]
    )  # fmt: skip
    run.status = "completed"
    began = perf_counter()
    timeline.desk.controller.shown_changed.emit(run)
    held_up = perf_counter() - began
    await timeline.parts.idle()
    rows, chart = timeline.panel.rows, timeline.chart
    assert rows is not None
    assert rows.attempts == 5_001
    assert len(chart.rows) == 2_501

    began = perf_counter()
    for offset in range(0, 5_000, 100):
        timeline.panel.scroller.setValue(offset)
        chart.grab()
    each = (perf_counter() - began) / 50
    assert chart.offset == 4_900
    assert held_up < 0.05  # the rows are made in a thread
    assert each < 0.1  # 3 ms on an idle machine


async def test_nothing_moves_while_nobody_looks(timeline: Timeline) -> None:
    await timeline.desk.begin()
    await timeline.desk.stage_reached("d")
    timeline.panel.refresh()
    rows = timeline.panel.rows
    assert rows is not None
    timeline.panel.hide()
    before = rows.attempts
    timeline.desk.stage.gate("d").set()
    await timeline.desk.over()
    assert rows.attempts == before
    assert state_of(rows, "d") == "running"
    timeline.panel.show()
    await asyncio.sleep(0)

    assert state_of(rows, "d") == "done"


def state_of(rows: TimelineRows, path: str) -> str:
    bar = rows.bar(path, 1)
    assert bar is not None
    return bar.state
