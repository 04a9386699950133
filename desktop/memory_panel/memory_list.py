"""The list of memories: found by words, narrowed by a filter, worked on by keys and by a menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.store.memory_records import Memory, MemoryFilter
from desktop.bridge import explain
from desktop.empty_state import EmptyState
from desktop.memory_panel.around import Around, button, tool
from desktop.memory_panel.delegate import MemoryDelegate
from desktop.memory_panel.filters import Filters
from desktop.memory_panel.owner_box import EVERYONE, OwnerBox
from desktop.memory_panel.rows import MEMORY, Index, MemoryRows
from desktop.memory_panel.wording import count_of

TYPED_MS: Final = 250
"""How long a pause in typing is until the list is read."""


class MemoryList(QWidget):
    """opened: a Memory that the person wants to see whole. chosen: one Memory is selected now, or None.

    add_wanted: a memory is to be made by hand. erase_wanted: memories are to be forgotten for good.
    """

    opened = Signal(object)
    chosen = Signal(object)
    add_wanted = Signal()
    erase_wanted = Signal(list)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around, self._desk = around, around.desk
        self._kept: set[UUID] = set()
        self._scroll = 0
        self.owner = OwnerBox(around, "Whose memories are listed", everyone=True)
        self.owner.chosen.connect(self._narrow)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find words")
        self.search.setAccessibleName("Find memories by their words")
        self.search.setClearButtonEnabled(True)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.timeout.connect(self._narrow)
        self.search.textChanged.connect(lambda _: self._typed.start(TYPED_MS))
        self.search.returnPressed.connect(self._narrow)
        self.filters = Filters(self)
        self.filters.changed.connect(self._narrow)
        self.filter_button = tool("What is listed")
        self.filter_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.filter_button.setMenu(self.filters.menu)
        self.rows = MemoryRows(around.desk, self)
        self.rows.modelAboutToBeReset.connect(self._keep_place)
        self.rows.modelReset.connect(self._restore_place)
        self.rows.shown.connect(self._shown)
        self.rows.failed.connect(self._failed)
        self.view = _View()
        self.view.setModel(self.rows)
        self.view.setItemDelegate(MemoryDelegate(around, self.view))
        self.view.activated.connect(self._activate)
        self.view.selectionModel().selectionChanged.connect(lambda *_: self._choose())
        self.view.customContextMenuRequested.connect(self._menu_at)
        self.actions_by_name: dict[str, QAction] = {}
        self._add_actions()
        self._lay_out()
        self._desk.changed.connect(self.rows.refresh)
        around.themes.changed.connect(self._dress)
        self._dress()
        self._narrow()

    def selected(self) -> Sequence[Memory]:
        """The selected memories that have been read."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedIndexes())
        return [memory for row in rows if (memory := self.rows.memory(row)) is not None]

    def shown_filter(self) -> MemoryFilter:
        """What is listed now, for an export of just that."""
        owner = self.owner.owner
        agents = None if owner == EVERYONE else (self.owner.agent_id,)
        return replace(self.filters.filter, agents=agents, text=self.search.text().strip())

    def menu(self) -> QMenu:
        """What can be done with the selected memories."""
        menu = QMenu(self)
        memories = self.selected()
        for name, action in self.actions_by_name.items():
            if memories and _fits(name, memories):
                menu.addAction(action)
        return menu

    def _narrow(self) -> None:
        self._typed.stop()
        self.rows.show(self.shown_filter())

    def _shown(self) -> None:
        total = self.rows.total or 0
        words = self.filters.words()
        self.count.setText(f"{count_of(total)}{f'  ·  {words}' if words else ''}")
        self.count.setVisible(bool(total) or not self._is_plain())
        self.clear.setVisible(not self._is_plain())
        if total:
            self._stack.setCurrentWidget(self.view)
        else:
            self._stack.setCurrentWidget(self._empty if self._is_plain() else self._nothing)

    def _is_plain(self) -> bool:
        return self.filters.is_usual and not self.search.text().strip() and self.owner.owner == EVERYONE

    def _clear(self) -> None:
        self.search.clear()
        self.owner.choose(EVERYONE)
        self.filters.clear()

    def _failed(self, error: Exception) -> None:
        self.count.setText(explain(error))

    def _keep_place(self) -> None:
        self._kept = {memory.id for memory in self.selected()}
        self._scroll = self.view.verticalScrollBar().value()

    def _restore_place(self) -> None:
        rows = [row for each in self._kept if (row := self.rows.row_of(each)) >= 0]
        model = self.view.selectionModel()
        for row in rows:
            model.select(self.rows.index(row), QItemSelectionModel.SelectionFlag.Select)
        if rows:
            model.setCurrentIndex(self.rows.index(min(rows)), QItemSelectionModel.SelectionFlag.NoUpdate)
        self.view.doItemsLayout()
        self.view.verticalScrollBar().setValue(self._scroll)

    def _activate(self, index: QModelIndex) -> None:
        memory = index.data(MEMORY)
        if isinstance(memory, Memory):
            self.opened.emit(memory)

    def _choose(self) -> None:
        memories = self.selected()
        self.chosen.emit(memories[0] if len(memories) == 1 else None)

    def _add_actions(self) -> None:
        desk = self._desk
        self._action("Open", lambda m: self.opened.emit(m[0]), "F2")
        self._action("Confirm", desk.confirm, "C")
        self._action("Reject", lambda m: desk.forget(m, cause="rejected"), "R")
        self._action("Pin", lambda m: desk.pin(m, True), "P")
        self._action("Unpin", lambda m: desk.pin(m, False), "U")
        self._action("Forget", desk.forget, "Delete")
        self._action("Bring back", lambda m: desk.bring_back([each.id for each in m]), "B")
        self._action("Forget for good…", lambda m: self.erase_wanted.emit(list(m)), "Shift+Delete")

    def _action(self, title: str, act: Callable[[Sequence[Memory]], object], keys: str) -> None:
        action = QAction(title, self.view)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)

        def run() -> None:
            memories = self.selected()
            if memories and _fits(title, memories):
                act(memories)

        action.triggered.connect(run)
        self.view.addAction(action)
        self.actions_by_name[title] = action

    def _menu_at(self, at: QPoint) -> None:
        menu = self.menu()
        if not menu.isEmpty():
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.view.viewport().mapToGlobal(at))

    def _lay_out(self) -> None:
        around = self._around
        self._empty = EmptyState(
            around.icons, around.themes, icon="brain", title="Nothing is remembered yet",
            text="Agents remember what matters of their conversations. You can also tell them something yourself.",
            button="Remember something…", on_press=self.add_wanted.emit,
        )  # fmt: skip
        self._nothing = EmptyState(
            around.icons, around.themes, icon="search", title="No memory fits",
            text="Try fewer words, or show all of them.", button="Show all", on_press=self._clear,
        )  # fmt: skip
        self._reading = QWidget()
        self._stack = QStackedWidget()
        for page in (self._reading, self.view, self._empty, self._nothing):
            self._stack.addWidget(page)
        self.count = QLabel()
        self.count.setProperty("kind", "caption")
        self.clear = button("Clear", self._clear, "link", name="Clear the filter")
        self.clear.hide()
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.owner, 2)
        top.addWidget(self.search, 3)
        top.addWidget(self.filter_button)
        said = QHBoxLayout()
        said.setContentsMargins(2, 0, 0, 0)
        said.addWidget(self.count, 1)
        said.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(said)
        column.addWidget(self._stack, 1)

    def _dress(self, _theme: object = None) -> None:
        self.filter_button.setIcon(self._around.icons.icon("list-filter", self._around.themes.theme))
        self.view.viewport().update()


class _View(QListView):
    """Memories in rows of one height."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Memories")
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def dataChanged(self, top: Index, bottom: Index, roles: Sequence[int] = ()) -> None:  # noqa: N802 - Qt's name
        """Paint anew; Qt would lay all rows out again, though none gets another height: 40 ms for 20,000 of them."""
        self.viewport().update()

    def keyboardSearch(self, search: str) -> None:  # noqa: N802 - Qt's name
        """Letters are keys of their own here; Qt would read all rows to find one that begins with them."""


def _fits(name: str, memories: Sequence[Memory]) -> bool:
    """Whether something can be done with these memories."""
    states = {memory.state for memory in memories}
    match name:
        case "Open":
            return len(memories) == 1
        case "Confirm" | "Reject":
            return states == {"quarantined"}
        case "Pin":
            return states == {"live"} and not all(memory.pinned for memory in memories)
        case "Unpin":
            return all(memory.pinned for memory in memories)
        case "Forget":
            return bool(states & {"live", "replaced"})
        case "Bring back":
            return states == {"forgotten"}
        case _:
            return True
