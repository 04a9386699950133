from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.workflow.model import Step, Workflow
from desktop.document import OpenDocument
from desktop.monitoring.numbers import Numbers
from desktop.monitoring.panel import MonitoringPanel
from desktop.panels.history import HistoryPanel
from desktop.panels.run_rows import ERROR, WORKFLOW
from desktop.program import Program
from desktop.side_panels import TabStack
from tests.support.desktop import move_mouse
from tests.support.desktop_program import until
from tests.support.monitoring import keep_runs, panel_of, store_of

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def numbers_of(program: Program) -> Numbers:
    numbers = panel_of(program).numbers
    assert numbers is not None
    return numbers


async def choose_range(panel: MonitoringPanel, row: int) -> None:
    """Choose in the box as the arrow keys do, and wait for its numbers."""
    box = panel.bar.ranges
    box.setFocus()
    step = Qt.Key.Key_Down if row > box.currentIndex() else Qt.Key.Key_Up
    while box.currentIndex() != row:
        QTest.keyClick(box, step)
    await until(lambda: panel.numbers is not None and panel.numbers.range == panel.bar.range)


async def history_of(program: Program) -> HistoryPanel:
    """Wait for the history that lists the runs of a bar."""

    def found() -> HistoryPanel | None:
        stack = program.window.docks.get("history").fill()
        assert isinstance(stack, TabStack)
        panel = stack.currentWidget()
        return panel if isinstance(panel, HistoryPanel) and panel.isVisible() and panel.rows.rows else None

    await until(lambda: found() is not None)
    panel = found()
    assert panel is not None
    return panel


async def test_steps_are_counted_while_the_panel_is_looked_at_and_a_note_says_so(empty_program: Program) -> None:
    store = store_of(empty_program)
    await keep_runs(store, datetime.now(UTC), count=4500)
    empty_program.window.docks.reveal("monitoring")
    panel = panel_of(empty_program)
    said: list[str] = []

    def counted() -> bool:
        said.append(panel.bar.note.text())
        return panel.numbers is not None and bool(panel.numbers.types) and not panel.numbers.uncounted

    await until(counted, 60)
    assert any(text.startswith("Counting the steps of ") for text in said)
    assert panel.bar.note.text() == ""
    assert await store.statistics.uncounted() == 0


async def test_nothing_ran_yet_and_the_panel_says_what_to_do(empty_program: Program) -> None:
    empty_program.window.docks.reveal("monitoring")
    panel = panel_of(empty_program)
    await until(lambda: panel.numbers is not None)
    assert panel._stack.currentIndex() == 0


async def test_another_range_is_read_anew_and_has_bars_of_its_own_length(program: Program) -> None:
    panel = panel_of(program)
    week = numbers_of(program).runs
    await choose_range(panel, 0)
    assert numbers_of(program).runs < week
    assert len(numbers_of(program).bars) == 24
    assert panel._title.text() == "Runs per hour"
    await choose_range(panel, 2)
    assert numbers_of(program).runs > week
    assert panel._title.text() == "Runs per day"


async def test_other_dates_can_be_chosen(program: Program) -> None:
    panel = panel_of(program)
    await choose_range(panel, 3)
    assert panel.bar.first.isVisible()
    today = panel.bar.last.date()
    calendar = panel.bar.first.calendarWidget()
    fits = calendar.fontMetrics().horizontalAdvance("Wed") * 7
    assert calendar.minimumWidth() > 1.5 * fits  # every day has its name, and no day is red
    assert calendar.weekdayTextFormat(Qt.DayOfWeek.Sunday).foreground().color() == program.window.themes.theme.color(
        "text.primary"
    )
    panel.bar.first.setDate(today.addDays(-2))
    await until(lambda: numbers_of(program).range == panel.bar.range and len(numbers_of(program).bars) == 24)
    assert numbers_of(program).range.since.astimezone().date() == date.fromisoformat(
        today.addDays(-2).toString(Qt.DateFormat.ISODate)
    )


async def test_only_one_workflow_can_be_looked_at(program: Program) -> None:
    panel = panel_of(program)
    everything = numbers_of(program).runs
    box = panel.bar.workflows
    assert [box.itemText(n) for n in range(box.count())] == ["All workflows", "Digest", "Triage", "Weekly report"]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    await until(lambda: numbers_of(program).workflow == "Digest")
    assert 0 < numbers_of(program).runs < everything
    assert {each.workflow for each in numbers_of(program).steps} == {"Digest"}


async def test_a_click_on_the_failed_part_of_a_bar_lists_those_runs_in_the_history(program: Program) -> None:
    panel = panel_of(program)
    chart = panel.runs_chart
    index = next(n for n, bar in enumerate(chart.bars) if bar.counts.get("failed"))
    at = chart.center_of(index, "failed").toPoint()
    move_mouse(chart.viewport(), at)
    QTest.mouseClick(chart.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    history = await history_of(program)
    assert len(history.rows.rows) == chart.bars[index].counts["failed"]
    assert {(row.word, row.error) for row in history.rows.rows} == {("Failed", "write: The server broke.")}
    assert history.chip.said.startswith("Failed · ")
    assert history.chip.said.endswith(" · All workflows")
    columns = [history.table.isColumnHidden(column) for column in (WORKFLOW, ERROR)]
    assert columns == [False, False]
    opened: list[str] = []
    history.opened.connect(opened.append)
    QTest.keyClick(history.table, Qt.Key.Key_Return)
    assert opened == [history.chosen()[0].record.id]


async def test_bars_are_walked_along_and_opened_by_the_keyboard(program: Program) -> None:
    panel = panel_of(program)
    box = panel.bar.workflows
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    await until(lambda: numbers_of(program).workflow == "Digest")
    chart = panel.runs_chart
    chart.setFocus()
    QTest.keyClick(chart, Qt.Key.Key_End)
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert chart.at == len(chart.bars) - 2
    while not chart.bars[chart.at].total:
        QTest.keyClick(chart, Qt.Key.Key_Left)
    assert panel.pointed.text() == chart.accessibleDescription()
    assert "completed" in panel.pointed.text()
    QTest.keyClick(chart, Qt.Key.Key_Return)
    history = await history_of(program)
    assert len(history.rows.rows) == min(200, chart.bars[chart.at].total)
    assert {row.record.workflow.name for row in history.rows.rows} <= {"Digest", "Triage"}
    assert history.chip.said.endswith(" · Digest")


async def test_another_bar_lists_others_and_the_chip_leads_back_to_the_workflow_in_front(program: Program) -> None:
    program.filing.opened.emit(OpenDocument(Workflow("Triage", steps={"answer": Step("answer", "note")})), None)
    panel = panel_of(program)
    program.window.docks.reveal("monitoring")
    busy = [n for n, bar in enumerate(panel.runs_chart.bars) if bar.total]
    panel.runs_chart.chosen.emit(busy[-1], "")
    first = await history_of(program)
    panel.runs_chart.chosen.emit(busy[0], "completed")
    await until(lambda: program.window.docks.get("history").fill().currentWidget() is not first)  # type: ignore[attr-defined] # a stack
    second = await history_of(program)
    assert second.chip.said.startswith("Completed · ")
    QTest.mouseClick(second.chip.clear, Qt.MouseButton.LeftButton)
    own = await history_of(program)
    assert not own.chip.isVisible()
    assert own.table.isColumnHidden(WORKFLOW)
    panel.runs_chart.chosen.emit(busy[0], "")
    again = await history_of(program)
    assert again.chip.isVisible()
    QTest.keyClick(again.table, Qt.Key.Key_Escape)
    assert await history_of(program) is own


async def test_a_slow_step_leads_to_its_place_on_the_canvas(program: Program) -> None:
    document = OpenDocument(Workflow("Triage", steps={"answer": Step("answer", "note"), "b": Step("b", "note")}))
    program.filing.opened.emit(document, None)
    tab = program.window.active
    assert tab is not None
    asked: list[str] = []
    tab.step_wanted.connect(asked.append)
    program.filing.new()
    program.window.docks.reveal("monitoring")
    steps = panel_of(program).steps
    row = next(n for n, cells in enumerate(steps.rows.cells) if cells[0].text == "Triage / answer")
    steps.setFocus()
    steps.selectRow(row)
    QTest.keyClick(steps, Qt.Key.Key_Return)
    assert program.window.active is tab
    assert asked == ["answer"]
    assert getattr(tab.canvas, "selected", frozenset({"answer"})) == frozenset({"answer"})
    program.step_way.show("Triage", "gone")
    assert [toast.title for toast in program.window.toasts.shown][-1:] == ["Triage has no such step"]


async def test_a_step_of_a_workflow_that_is_not_open_is_shown_from_the_library_or_the_newest_run(
    program: Program,
) -> None:
    store = store_of(program)
    await store.workflows.save(Workflow("Digest", steps={"answer": Step("answer", "note")}), 0)
    program.step_way.show("Digest", "answer")
    await until(lambda: program.window.active is not None and program.window.active.title == "Digest")
    assert program.window.active is not None
    assert (program.window.active.work is not None, program.window.active.document.read_only) == (True, False)
    program.step_way.show("Weekly report", "answer")
    await until(lambda: len(program.window.all_tabs) == 2)
    assert program.window.active.document.read_only
    program.step_way.show("Nobody", "answer")
    await until(lambda: any(toast.title == "Nobody is not here" for toast in program.window.toasts.shown))


async def test_a_narrow_panel_leaves_out_columns_and_breaks_lines_so_that_nothing_is_cut_off(program: Program) -> None:
    panel = panel_of(program)
    inside, widths = panel._area.widget(), []
    assert inside is not None

    async def become(width: int) -> None:
        program.window.resize(width, 900)
        await until(lambda: program.window.width() == width and panel.width() < width)
        await until(lambda: inside.width() <= panel._area.viewport().width())

    for width in (1720, 1000):
        await become(width)
        widths.append(panel.width())
        last = panel._figure_labels[-1][0]
        assert last.mapTo(panel, last.rect().topRight()).x() < panel.width()
        for table in (panel.steps, panel.spent, panel.workers):
            header = table.horizontalHeader()
            assert header.length() <= table.viewport().width()
            assert header.sectionSize(0) >= 120
    assert widths[0] > widths[1]
    assert panel.steps.isColumnHidden(1)


async def test_spending_is_told_by_model_workflow_and_agent(program: Program) -> None:
    panel = panel_of(program)
    assert [row[0].text for row in panel.spent.rows.cells] == ["anthropic/claude-sonnet", "openai/gpt-5-mini"]
    panel.by.setFocus()
    QTest.keyClick(panel.by, Qt.Key.Key_Down)
    assert {row[0].text for row in panel.spent.rows.cells} == {"Triage", "Digest", "Weekly report"}
    QTest.keyClick(panel.by, Qt.Key.Key_Down)
    assert [row[0].text for row in panel.spent.rows.cells] == ["Concierge", "Researcher"]


async def test_the_most_failing_steps_come_first_if_asked(program: Program) -> None:
    panel = panel_of(program)
    assert panel.steps.rows.cells[0][0].text.endswith(" / answer")
    panel.which.setFocus()
    QTest.keyClick(panel.which, Qt.Key.Key_Down)
    assert {row[0].text.partition(" / ")[2] for row in panel.steps.rows.cells} == {"write"}


async def test_a_silent_worker_is_said_to_be_lost(program: Program) -> None:
    heard = [row[4].text for row in panel_of(program).workers.rows.cells]
    assert sorted(text.endswith(" ago: lost") for text in heard) == [False, True]


async def test_everything_has_a_name_for_those_who_cannot_see_it(program: Program) -> None:
    panel = panel_of(program)
    for widget in (
        panel.runs_chart, panel.durations, panel.spent, panel.steps, panel.workers, panel.by,
        panel.which, panel.bar.ranges, panel.bar.workflows, panel.bar.first, panel.bar.last, panel.bar.reread,
    ):  # fmt: skip
        assert widget.accessibleName()
    assert "Chat" in panel.durations.accessibleDescription()
