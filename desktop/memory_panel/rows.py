"""The memories that a filter lets through as rows: counted at once, read page by page as they come into view."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal

from core.store.memory_records import Memory, MemoryFilter
from desktop.memory_panel.wording import SHARED, STATES, TYPES, percent

if TYPE_CHECKING:
    from core.store.memory_records import MemoryPage
    from desktop.bridge import OnError

Index = QModelIndex | QPersistentModelIndex

MEMORY: Final = Qt.ItemDataRole.UserRole
"""The Memory of a row; None while it is being read."""

PAGE: Final = 100
"""Rows that are read at once."""

KEPT: Final = 40
"""Pages that are kept; 4,000 memories are about 4 MB."""


class MemoryPages(Protocol):
    """Where rows are read from; MemoryDesk is one."""

    def read(
        self, shown: MemoryFilter, limit: int, offset: int, on_done: Callable[[MemoryPage], None], on_error: OnError
    ) -> None:
        """Read a part of a list and call back."""

    def owner_name(self, agent_id: UUID | None) -> str:
        """Whose memories those are."""


class MemoryRows(QAbstractListModel):
    """shown: another page was read, or there are other rows. failed: the error of a page that could not be read."""

    shown = Signal()
    failed = Signal(object)

    def __init__(self, source: MemoryPages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._filter = MemoryFilter()
        self._pages: OrderedDict[int, Sequence[Memory]] = OrderedDict()
        self._stale: set[int] = set()
        self._wanted: OrderedDict[int, None] = OrderedDict()
        self._reading: int | None = None
        self._turn = 0
        self._replace = False
        self.total: int | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._read_next)

    @property
    def filter(self) -> MemoryFilter:
        """What is listed."""
        return self._filter

    def show(self, shown: MemoryFilter) -> None:
        """List something else; the old rows stay until the first new page is there."""
        self._filter = shown
        self._turn += 1
        self._reading = None
        self._wanted.clear()
        self._replace = True
        self._want(0)

    def refresh(self) -> None:
        """Read again what is in view; the rest when it comes into view."""
        if self._replace:
            self.show(self._filter)
            return
        self._turn += 1
        self._reading = None
        self._stale = set(self._pages)
        self._want(next(reversed(self._pages), 0))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many memories there are, read or not."""
        return 0 if parent.isValid() else self.total or 0

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The memory, its words, or what a screen reader says of it."""
        if not index.isValid() or role not in (MEMORY, Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return None
        memory = self.memory(index.row())
        if role == MEMORY:
            return memory
        if memory is None:
            return "…"
        return memory.content if role == Qt.ItemDataRole.DisplayRole else self.spoken(memory)

    def memory(self, row: int) -> Memory | None:
        """The memory of a row; None while it is being read."""
        number, place = divmod(row, PAGE)
        page = self._pages.get(number)
        if page is None or number in self._stale:
            self._want(number)
        else:
            self._pages.move_to_end(number)
        return page[place] if page is not None and place < len(page) else None

    def row_of(self, memory_id: UUID) -> int:
        """Where a memory stands among those that were read; -1 if it does not."""
        for number, page in self._pages.items():
            for place, memory in enumerate(page):
                if memory.id == memory_id:
                    return number * PAGE + place
        return -1

    def spoken(self, memory: Memory) -> str:
        """A memory as one sentence."""
        owner = self._source.owner_name(memory.agent_id) if memory.agent_id else SHARED
        pinned = ", pinned" if memory.pinned else ""
        kind, state = TYPES[memory.type][0], STATES[memory.state][0]
        return f"{memory.content}. {kind}, {state}{pinned}, importance {percent(memory.importance)}, {owner}"

    def _want(self, number: int) -> None:
        if number != self._reading:
            self._wanted[number] = None
            self._wanted.move_to_end(number)
            if not self._soon.isActive():
                self._soon.start(0)

    def _read_next(self) -> None:
        """Read the page that came into view last; one at a time, so that a fast scroll does not pile up reading."""
        if self._reading is not None or not self._wanted:
            return
        number, _ = self._wanted.popitem()
        while len(self._wanted) > 2:
            self._wanted.popitem(last=False)
        self._reading = number
        turn = self._turn
        self._source.read(
            self._filter, PAGE, number * PAGE,
            lambda page: self._got(turn, number, page), lambda error: self._not_got(turn, error),
        )  # fmt: skip

    def _got(self, turn: int, number: int, page: MemoryPage) -> None:
        if turn != self._turn:
            return
        self._reading = None
        if self.total != page.total or self._replace:
            self.beginResetModel()
            if self._replace:
                self._pages.clear()
                self._stale.clear()
                self._replace = False
            self.total = page.total
            self._keep(number, page)
            self.endResetModel()
        else:
            self._keep(number, page)
            self.dataChanged.emit(self.index(number * PAGE), self.index(min(self.total, (number + 1) * PAGE) - 1))
        self.shown.emit()
        self._read_next()

    def _keep(self, number: int, page: MemoryPage) -> None:
        self._pages[number] = page.items
        self._pages.move_to_end(number)
        self._stale.discard(number)
        while len(self._pages) > KEPT:
            old, _ = self._pages.popitem(last=False)
            self._stale.discard(old)

    def _not_got(self, turn: int, error: Exception) -> None:
        if turn == self._turn:
            self._reading = None
            self.failed.emit(error)
