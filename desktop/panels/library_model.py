"""The library as a tree: folders, and in them the workflows that a search means, with how their last run stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel

from desktop.fuzzy import match
from desktop.panels.wording import ago

if TYPE_CHECKING:
    from core.store.workflows import WorkflowEntry

_NUMBERS: Final = re.compile(r"(\d+)")

Index = QModelIndex | QPersistentModelIndex

ENTRY: Final = Qt.ItemDataRole.UserRole
"""The WorkflowEntry of a row; None of a folder."""

FOLDER: Final = Qt.ItemDataRole.UserRole + 1
"""The folder that a row is, or stands in."""

WORKFLOWS_MIME: Final = "application/x-steploom-workflows"
"""Names of workflows, one a line, while they are dragged to another folder."""

_WORDS: Final = {
    "queued": "queued", "running": "runs", "suspended": "waits", "completed": "ran", "failed": "failed",
    "cancelled": "stopped",
}  # fmt: skip


class LibraryModel(QStandardItemModel):
    """moved: names of workflows, and the folder that they were dropped on."""

    moved = Signal(list, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shown: Sequence[WorkflowEntry] = ()

    def show(self, entries: Sequence[WorkflowEntry], query: str) -> None:
        """Show what a query means: all words must be found in name, folder, tags or state."""
        self.clear()
        found = [entry for entry in entries if match(query, searchable(entry)) is not None] if query else entries
        self.shown = sorted(found, key=lambda entry: (in_order(entry.folder), in_order(entry.name)))
        folders: dict[str, QStandardItem] = {}
        for entry in self.shown:
            self._parent_of(entry.folder, folders).appendRow(_item(entry))

    def mimeTypes(self) -> list[str]:  # noqa: N802 - Qt's name
        """What can be dropped on a folder."""
        return [WORKFLOWS_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802 - Qt's name
        """The names of the dragged workflows."""
        names = [entry.name for index in indexes if (entry := index.data(ENTRY)) is not None]
        data = QMimeData()
        data.setData(WORKFLOWS_MIME, "\n".join(names).encode())
        return data

    def canDropMimeData(  # noqa: N802 - Qt's name
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        """Workflows may be dropped on a folder, or beside one of its workflows, or on the void."""
        return data.hasFormat(WORKFLOWS_MIME)

    def dropMimeData(  # noqa: N802 - Qt's name
        self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index
    ) -> bool:
        """Tell where they are to go; the library itself moves them."""
        if not data.hasFormat(WORKFLOWS_MIME):
            return False
        names = [name for name in bytes(data.data(WORKFLOWS_MIME).data()).decode().split("\n") if name]
        folder = str(parent.data(FOLDER) or "") if parent.isValid() else ""
        self.moved.emit(names, folder)
        return False  # the view would remove the dragged rows otherwise

    def _parent_of(self, folder: str, folders: dict[str, QStandardItem]) -> QStandardItem:
        if not folder:
            return self.invisibleRootItem()
        if folder not in folders:
            item = QStandardItem(folder.rpartition("/")[2])
            item.setData(folder, FOLDER)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsDropEnabled)
            item.setAccessibleText(f"Folder {folder}")
            above = folder.rpartition("/")[0]
            self._parent_of(above, folders).appendRow(item)
            folders[folder] = item
        return folders[folder]


def in_order(name: str) -> list[tuple[int, str]]:
    """What names are sorted by: as people count, so that “Week 9” comes before “Week 10”, whatever the case."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(name.casefold()) if part]


def searchable(entry: WorkflowEntry) -> str:
    """The words that a workflow is found by."""
    state = _WORDS.get(entry.last_run_status or "", "never ran")
    return " ".join([entry.name, entry.folder, *entry.tags, state])


def standing(entry: WorkflowEntry, now: datetime) -> str:
    """How the last run stands: `ran 5 min ago`, `failed yesterday`, `never ran`."""
    if entry.last_run_status is None or entry.last_run_at is None:
        return "never ran"
    return f"{_WORDS[entry.last_run_status]} {ago(entry.last_run_at, now)}"


def _item(entry: WorkflowEntry) -> QStandardItem:
    item = QStandardItem(entry.name)
    item.setData(entry, ENTRY)
    item.setData(entry.folder, FOLDER)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled)
    item.setToolTip("\n".join(filter(None, (entry.name, entry.folder, ", ".join(entry.tags)))))
    tags = f", tags {', '.join(entry.tags)}" if entry.tags else ""
    item.setAccessibleText(f"{entry.name}{tags}, last run: {entry.last_run_status or 'none'}")
    return item
