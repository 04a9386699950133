"""The library panel: the workflows in the database with search, folders and tags; a drop of files imports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import QAction, QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QMenu,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from desktop.dialogs.text_prompt import TextPrompt
from desktop.empty_state import EmptyState
from desktop.filing import SUFFIX
from desktop.icons import Icons
from desktop.library_desk import LibraryDesk, file_name
from desktop.panels.library_delegate import LibraryDelegate
from desktop.panels.library_model import ENTRY, FOLDER, Index, LibraryModel
from desktop.panels.shelf_bar import ShelfBar
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.store.workflows import WorkflowEntry

FILES = f"Workflows (*{SUFFIX} *.yaml *.yml);;All files (*)"


class LibraryPanel(QWidget):
    """Shows a LibraryDesk. files_wanted: the person wants to choose files to import.

    now: the time in UTC.
    """

    files_wanted = Signal()

    def __init__(self, desk: LibraryDesk, themes: ThemeManager, icons: Icons, *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._desk, self._themes, self._icons = desk, themes, icons
        self._in_bin = False
        self._folded: set[str] = set()
        self._shelf = ("", False)
        self.setAcceptDrops(True)
        self.bar = ShelfBar(
            icons, themes, new="New workflow",
            search=("Search the library", "Search the library by name, folder, tag or state"),
            entries=(("Import files…", self.files_wanted.emit),),
        )  # fmt: skip
        self.search, self.new, self.more = self.bar.search, self.bar.new, self.bar.more
        self.bar.searched.connect(self._fill)
        self.bar.new_wanted.connect(desk.new)
        self.bar.bin_turned.connect(self._show_bin)
        self.model = LibraryModel(self)
        self.model.moved.connect(desk.move)
        self.view = _Tree()
        self.view.setModel(self.model)
        self.view.setItemDelegate(LibraryDelegate(themes, icons, now, self.view))
        self.view.activated.connect(self._open)
        self.view.collapsed.connect(lambda index: self._fold(index, True))
        self.view.expanded.connect(lambda index: self._fold(index, False))
        self.view.customContextMenuRequested.connect(self._menu_at)
        self._add_actions()
        self._empty = EmptyState(
            icons, themes, icon="library", title="The library is empty",
            text="Save a workflow with Ctrl+S to keep it here with all its versions, or drop files here.",
            button="Import files…", on_press=self.files_wanted.emit,
        )  # fmt: skip
        self._none = EmptyState(
            icons, themes, icon="database", title="No library", text="It needs the database, which is not there now."
        )
        self._nothing = EmptyState(icons, themes, icon="search", title="Nothing fits", text="Try fewer letters.")
        self._empty_bin = EmptyState(
            icons, themes, icon="trash-2", title="The bin is empty", text="Deleted workflows can be taken back here."
        )
        self._stack = QStackedWidget()
        for page in (self.view, self._empty, self._none, self._nothing, self._empty_bin):
            self._stack.addWidget(page)
        self._lay_out()
        themes.changed.connect(lambda _: self.view.viewport().update())
        desk.changed.connect(self._fill)
        self._fill()
        desk.refresh()

    def chosen(self) -> Sequence[str]:
        """The names of the selected workflows."""
        return [entry.name for entry in self._entries()]

    def menu(self) -> QMenu:
        """What can be done with the selected workflows."""
        menu = QMenu(self)
        number = len(self._entries())
        for action in self.view.actions():
            alone, in_bin = action.property("alone"), bool(action.property("bin"))
            if in_bin is self._in_bin and (number == 1 or (number > 1 and not alone)):
                menu.addAction(action)
        return menu

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files may be dropped anywhere on the panel."""
        if _files(event) and self._desk.available:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Take the files into the library."""
        if files := _files(event):
            event.acceptProposedAction()
            self._desk.import_files(files)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)

    def _add_actions(self) -> None:
        self._action("Open", lambda entry: self._desk.open(entry.name), "", alone=True)
        self._action("Duplicate", lambda entry: self._desk.duplicate(entry.name), "Ctrl+D", alone=True)
        self._action("Rename…", self._ask_name, "F2", alone=True)
        self._action("Tags…", self._ask_tags, "", alone=True)
        self._action("Move to a folder…", lambda _: self._ask_folder(), "Ctrl+M")
        self._action("Export…", lambda _: self._ask_export(), "Ctrl+E")
        self._action("Delete", lambda _: self._desk.delete(self.chosen()), "Delete")
        self._action("Take back", lambda _: self._desk.restore(self.chosen()), "", in_bin=True)

    def _action(
        self,
        title: str,
        act: Callable[[WorkflowEntry], object],
        keys: str,
        *,
        alone: bool = False,
        in_bin: bool = False,
    ) -> None:
        action = QAction(title, self.view)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.setProperty("alone", alone)
        action.setProperty("bin", in_bin)

        def run() -> None:
            entries = self._entries()
            if entries and self._in_bin is in_bin and (len(entries) == 1 or not alone):
                act(entries[0])

        action.triggered.connect(run)
        self.view.addAction(action)

    def _entries(self) -> Sequence[WorkflowEntry]:
        rows = self.view.selectionModel().selectedIndexes()
        return [entry for index in rows if (entry := index.data(ENTRY)) is not None]

    def _fill(self) -> None:
        known = self._desk.deleted if self._in_bin else self._desk.entries
        chosen, before = set(self.chosen()), [entry.name for entry in self.model.shown]
        self.model.show(known, self.bar.query)
        self.view.unfold(set() if self.bar.query else self._folded)
        shelf = (self.bar.query, self._in_bin)
        after = [entry.name for entry in self.model.shown]
        self.view.choose(_kept(chosen, before, after) if shelf == self._shelf else chosen)
        self._shelf = shelf
        page: QWidget = self.view
        if not self._desk.available:
            page = self._none
        elif not known:
            page = self._empty_bin if self._in_bin else self._empty
        elif not self.model.shown:
            page = self._nothing
        self._stack.setCurrentWidget(page)
        self.new.setEnabled(True)

    def _fold(self, index: QModelIndex, folded: bool) -> None:
        """Remember which folders the person closed: they stay so when the library is read anew."""
        if not self.bar.query:
            change = self._folded.add if folded else self._folded.discard
            change(str(index.data(FOLDER)))

    def _open(self, index: QModelIndex) -> None:
        entry = index.data(ENTRY)
        if entry is not None and not self._in_bin:
            self._desk.open(entry.name)

    def _show_bin(self, shown: bool) -> None:
        self._in_bin = shown
        self._fill()

    def _menu_at(self, at: QPoint) -> None:
        menu = self.menu()
        if not menu.isEmpty():
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(self.view.viewport().mapToGlobal(at))

    def _ask_name(self, entry: WorkflowEntry) -> None:
        others = {name for name in self._desk.names() if name != entry.name}

        def check(text: str) -> str:
            if not text:
                return "A workflow needs a name."
            return f"There is a workflow “{text}” already." if text in others else ""

        prompt = TextPrompt(
            self, title=f"Rename “{entry.name}”", label="Its runs and its versions stay with it.", text=entry.name,
            action="Rename", check=check,
        )  # fmt: skip
        prompt.given.connect(lambda text: self._desk.rename(entry.name, text))
        prompt.open()

    def _ask_tags(self, entry: WorkflowEntry) -> None:
        known = sorted({tag for each in self._desk.entries for tag in each.tags})
        prompt = TextPrompt(
            self, title=f"Tags of “{entry.name}”", label="Separated by commas.", text=", ".join(entry.tags),
            action="Save", known=known,
        )  # fmt: skip
        prompt.given.connect(
            lambda text: self._desk.tag(entry.name, [tag.strip() for tag in text.split(",") if tag.strip()])
        )
        prompt.open()

    def _ask_folder(self) -> None:
        entries = self._entries()
        prompt = TextPrompt(
            self, title="Move to a folder", label="A new one is made; / makes folders in folders; empty for none.",
            text=entries[0].folder, action="Move", known=self._desk.folders(),
        )  # fmt: skip
        names = [entry.name for entry in entries]
        prompt.given.connect(
            lambda text: self._desk.move(names, "/".join(filter(None, map(str.strip, text.split("/")))))
        )
        prompt.open()

    def _ask_export(self) -> None:
        names = self.chosen()
        dialog = QFileDialog(self, "Export", "", FILES)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if len(names) == 1:
            dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            dialog.selectFile(file_name(names[0]))
            dialog.fileSelected.connect(lambda chosen: self._desk.export(names[0], Path(chosen)))
        else:
            dialog.setFileMode(QFileDialog.FileMode.Directory)
            dialog.fileSelected.connect(lambda chosen: self._desk.export_all(names, Path(chosen)))
        dialog.open()


class _Tree(QTreeView):
    """Folders and workflows."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Workflows of the library")
        self.setHeaderHidden(True)
        self.setMouseTracking(True)
        self.setIndentation(14)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.CopyAction)

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:  # noqa: N802 - Qt's name
        """The arrow of a folder; before a workflow the style would paint a piece of its selection."""
        if index.data(ENTRY) is None:
            super().drawBranches(painter, rect, index)

    def unfold(self, folded: set[str]) -> None:
        """Open all folders but these."""
        for index in self._rows():
            if index.data(ENTRY) is None:
                self.setExpanded(index, index.data(FOLDER) not in folded)

    def choose(self, names: set[str]) -> None:
        """Select the workflows of these names, and bring the keyboard to one of them."""
        flags = self.selectionModel().SelectionFlag
        for index in self._rows():
            entry = index.data(ENTRY)
            if entry is not None and entry.name in names:
                self.selectionModel().setCurrentIndex(index, flags.Select)

    def _rows(self) -> Iterator[QModelIndex]:
        model = self.model()
        ways = [QModelIndex()]
        while ways:
            parent = ways.pop()
            for row in range(model.rowCount(parent)):
                index = model.index(row, 0, parent)
                ways.append(index)
                yield index

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files are for the panel around."""
        if _files(event):
            event.ignore()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802 - Qt's name
        """Files are for the panel around."""
        if _files(event):
            event.ignore()
        else:
            super().dragMoveEvent(event)


def _kept(chosen: set[str], before: Sequence[str], after: Sequence[str]) -> set[str]:
    """What is selected in a list that was read anew: the same, or where all of it is gone what came after it."""
    left = chosen.intersection(after)
    if left or not chosen.intersection(before):
        return left
    last = max(before.index(name) for name in chosen.intersection(before))
    around = [*before[last + 1 :], *reversed(before[:last])]
    return {next(name for name in around if name in after)} if set(around) & set(after) else set()


def _files(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
