"""A list of objects as rows and columns; only what is on screen is turned into text."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from core.workflow.model import Json
from desktop.panels.value_parts import TableData

_CELL = 200


class ValueTable(QAbstractTableModel):
    """The rows of one list."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._data = TableData((), (), ())
        self._font = QFont()

    def show(self, data: TableData | None) -> None:
        """Show another list; None shows nothing."""
        self.beginResetModel()
        self._data = data or TableData((), (), ())
        self.endResetModel()

    def set_font(self, font: QFont) -> None:
        """Write in that font."""
        self._font = font

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """How many objects there are."""
        return 0 if parent.isValid() else len(self._data.rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's
        """How many keys they have."""
        return 0 if parent.isValid() else len(self._data.columns)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The keys, and the index of each object."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self._data.columns[section] if orientation == Qt.Orientation.Horizontal else str(section)
        if role == Qt.ItemDataRole.TextAlignmentRole and orientation == Qt.Orientation.Horizontal:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows."""
        value = self._data.rows[index.row()].get(self._data.columns[index.column()], "")
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _cell(value)
            case Qt.ItemDataRole.FontRole:
                return self._font
            case Qt.ItemDataRole.TextAlignmentRole:
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                side = Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
            case _:
                return None


def _cell(value: Json) -> str:
    match value:
        case str():
            text = " ".join(value[: _CELL * 2].split())
        case dict():
            text = f"{{{', '.join(list(value)[:6])}}}"
        case list():
            text = f"[{len(value)}]"
        case _:
            text = json.dumps(value)
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"
