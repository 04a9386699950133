"""Rows of ten thousand memories: counted at once, read page by page, never all of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from core.store.memory_records import Memory, MemoryFilter, MemoryPage, Source
from desktop.bridge import OnError
from desktop.memory_panel.rows import KEPT, MEMORY, PAGE, MemoryRows

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def memory(number: int) -> Memory:
    at = NOON - timedelta(minutes=number)
    return Memory(
        UUID(int=number + 1), None, "fact", f"Memory {number}", 0.5, Source(), "live", False, at, None, at, at
    )


class Shelf:
    """Gives pages when it is told to. asked: the offset of each page that was asked for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: list[int] = []
        self.filters: list[MemoryFilter] = []
        self._waiting: list[tuple[int, Callable[[MemoryPage], None], OnError]] = []

    def read(
        self, shown: MemoryFilter, limit: int, offset: int, on_done: Callable[[MemoryPage], None], on_error: OnError
    ) -> None:
        self.asked.append(offset)
        self.filters.append(shown)
        self._waiting.append((offset, on_done, on_error))

    def owner_name(self, agent_id: UUID | None) -> str:
        return "Concierge"

    def give(self) -> None:
        """Answer everything that was asked."""
        while self._waiting:
            offset, on_done, _ = self._waiting.pop(0)
            on_done(MemoryPage(tuple(map(memory, range(offset, min(self.size, offset + PAGE)))), self.size))

    def fail(self, error: Exception) -> None:
        self._waiting.pop(0)[2](error)

    @property
    def waits(self) -> bool:
        return bool(self._waiting)


def shown(shelf: Shelf, qtbot: QtBot) -> MemoryRows:
    rows = MemoryRows(shelf)
    rows.show(MemoryFilter())
    settle(shelf, qtbot)
    return rows


def settle(shelf: Shelf, qtbot: QtBot) -> None:
    """Let what was asked for be read."""
    qtbot.waitUntil(lambda: shelf.waits)
    shelf.give()


def test_the_model_keeps_qts_rules(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    rows = shown(Shelf(30), qtbot)
    qtmodeltester.check(rows)  # type: ignore[no-untyped-call] # pytest-qt leaves it so


def test_ten_thousand_rows_are_counted_from_the_first_page(qtbot: QtBot) -> None:
    shelf = Shelf(10_000)
    rows = shown(shelf, qtbot)
    assert rows.rowCount() == 10_000
    assert shelf.asked == [0]
    assert rows.index(5).data(MEMORY).content == "Memory 5"


def test_a_row_that_comes_into_view_is_read_with_its_page(qtbot: QtBot) -> None:
    shelf = Shelf(10_000)
    rows = shown(shelf, qtbot)
    assert rows.index(5_050).data(MEMORY) is None
    assert rows.index(5_050).data() == "…"
    with qtbot.waitSignal(rows.dataChanged):
        settle(shelf, qtbot)
    assert rows.index(5_050).data(MEMORY).content == "Memory 5050"
    assert shelf.asked == [0, 5_000]


def test_a_fast_scroll_reads_where_it_ends_first_and_not_all_that_flew_by(qtbot: QtBot) -> None:
    shelf = Shelf(10_000)
    rows = shown(shelf, qtbot)
    for row in range(PAGE, 10_000, PAGE):
        rows.index(row).data(MEMORY)
    settle(shelf, qtbot)
    assert shelf.asked[:2] == [0, 9_900]
    assert len(shelf.asked) <= 4


def test_only_so_many_pages_are_kept(qtbot: QtBot) -> None:
    shelf = Shelf(10_000)
    rows = shown(shelf, qtbot)
    for row in range(PAGE, 10_000, PAGE):
        rows.index(row).data(MEMORY)
        settle(shelf, qtbot)
    assert sum(rows.row_of(UUID(int=number + 1)) >= 0 for number in range(0, 10_000, PAGE)) == KEPT


def test_another_filter_replaces_the_rows_when_its_first_page_is_there(qtbot: QtBot) -> None:
    shelf = Shelf(300)
    rows = shown(shelf, qtbot)
    shelf.size = 2
    rows.show(MemoryFilter(text="dog"))
    assert rows.rowCount() == 300
    settle(shelf, qtbot)
    assert rows.rowCount() == 2
    assert shelf.filters[-1].text == "dog"


def test_a_late_page_of_another_filter_is_not_shown(qtbot: QtBot) -> None:
    shelf = Shelf(300)
    rows = shown(shelf, qtbot)
    rows.show(MemoryFilter(text="dog"))
    qtbot.waitUntil(lambda: shelf.waits)
    rows.show(MemoryFilter(text="cat"))
    shelf.size = 7
    shelf.give()  # the answer for "dog"
    assert rows.rowCount() == 300
    settle(shelf, qtbot)
    assert rows.rowCount() == 7


def test_a_page_that_cannot_be_read_is_told_and_asked_for_again(qtbot: QtBot) -> None:
    shelf = Shelf(300)
    rows = MemoryRows(shelf)
    rows.show(MemoryFilter())
    qtbot.waitUntil(lambda: shelf.waits)
    with qtbot.waitSignal(rows.failed):
        shelf.fail(OSError("no database"))
    rows.refresh()
    settle(shelf, qtbot)
    assert rows.rowCount() == 300
