from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtTest import QTest

from desktop.monitoring.numbers import Numbers
from desktop.monitoring.panel import MonitoringPanel
from desktop.program import Program
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


async def list_of(panel: MonitoringPanel) -> int:
    """Wait for the list of a bar's runs; how many it shows."""
    await until(lambda: panel.run_list.isVisible())
    return panel.run_list.rows.rowCount()


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
    today = QDate.currentDate()
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


async def test_a_click_on_the_failed_part_of_a_bar_lists_those_runs_and_return_opens_one(program: Program) -> None:
    panel = panel_of(program)
    wanted: list[str] = []
    program.monitoring.run_wanted.connect(wanted.append)
    chart = panel.runs_chart
    index = next(n for n, bar in enumerate(chart.bars) if bar.counts.get("failed"))
    at = chart.center_of(index, "failed").toPoint()
    QTest.mouseMove(chart.viewport(), at)
    QTest.mouseClick(chart.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)
    assert await list_of(panel) == chart.bars[index].counts["failed"]
    assert {row[1].text for row in panel.run_list.rows.cells} == {"Failed"}
    assert panel.run_list.rows.cells[0][5].text == "write: The server broke."
    QTest.keyClick(panel.run_list, Qt.Key.Key_Return)
    assert wanted == [panel.run_list.rows.keys[0]]


async def test_bars_are_walked_along_and_opened_by_the_keyboard(program: Program) -> None:
    panel = panel_of(program)
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
    assert await list_of(panel) == min(200, chart.bars[chart.at].total)
    QTest.mouseClick(panel._close, Qt.MouseButton.LeftButton)
    assert not panel.run_list.isVisible()


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
        panel.runs_chart, panel.durations, panel.spent, panel.steps, panel.workers, panel.run_list, panel.by,
        panel.which, panel.bar.ranges, panel.bar.workflows, panel.bar.first, panel.bar.last, panel.bar.reread,
    ):  # fmt: skip
        assert widget.accessibleName()
    assert "Chat" in panel.durations.accessibleDescription()
