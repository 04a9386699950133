"""The names beside a timeline's bars: indented, with the sign of each state, opened and closed by keys and clicks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.icons import Icons
from desktop.panels.timeline_rows import Row
from desktop.panels.wording import STATE_ICONS
from desktop.theme import Theme

ROW: Final = Qt.ItemDataRole.UserRole
"""The Row of a line."""

_INDENT = 14
_CHEVRON = 14

Index = QModelIndex | QPersistentModelIndex


class RowNames(QAbstractListModel):
    """The rows that are shown now, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[Row] = ()

    def show(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def tell_states(self, first: int, last: int) -> None:
        """The states of some rows may have changed."""
        if self.rows:
            self.dataChanged.emit(self.index(max(0, first)), self.index(min(last, len(self.rows) - 1)))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many rows there are."""
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The name, the Row itself, and what is read aloud."""
        if not 0 <= index.row() < len(self.rows):
            return None
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.label
            case Qt.ItemDataRole.ToolTipRole:
                return row.key
            case Qt.ItemDataRole.AccessibleTextRole:
                openness = (", open" if row.is_open else ", closed") if row.children else ""
                return f"{row.label}, {row.state}, level {row.depth + 1}{openness}"
            case _ if role == ROW:
                return row
            case _:
                return None


class RowList(QListView):
    """Shows the names. toggled: a Row shall be opened or closed. picked: a Row was chosen."""

    toggled = Signal(object)
    picked = Signal(object)

    def __init__(self, theme: Theme, icons: Icons, row_height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names = RowNames()
        self.setModel(self.names)
        self.delegate = _Line(theme, icons, row_height)
        self.setItemDelegate(self.delegate)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setMouseTracking(True)
        self.setAccessibleName("Steps of the run, in the order in which they began")
        self.setFrameShape(QListView.Shape.NoFrame)
        # A border on focus would move its lines away from the chart's.
        self.setStyleSheet("QListView, QListView:focus { border: 0px; padding: 0px; margin: 0px; border-radius: 0px; }")
        self.clicked.connect(self._clicked)
        self.activated.connect(self._clicked)

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.delegate.theme = theme
        self.viewport().update()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows; the current one stays current if it is still there."""
        index = self.currentIndex()
        key = self.names.rows[index.row()].key if index.isValid() else ""
        self.names.show(rows)
        self.doItemsLayout()
        if key:
            self.choose(key)

    def choose(self, key: str) -> None:
        """Mark the row of a scope path."""
        place = next((n for n, row in enumerate(self.names.rows) if row.key == key), -1)
        self.setCurrentIndex(self.names.index(place) if place >= 0 else QModelIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Right opens, Left closes or goes to the row around, Enter and Space choose."""
        row = self.names.data(self.currentIndex(), ROW) if self.currentIndex().isValid() else None
        if row is None or event.key() not in (Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Space):
            super().keyPressEvent(event)
            return
        if event.key() == Qt.Key.Key_Space:
            self.picked.emit(row)
        elif row.children and row.is_open != (event.key() == Qt.Key.Key_Right):
            self.toggled.emit(row)
        elif event.key() == Qt.Key.Key_Left and row.parent is not None:
            self.choose(row.parent.key)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A press on the arrow opens or closes."""
        index = self.indexAt(event.position().toPoint())
        row = self.names.data(index, ROW) if index.isValid() else None
        if row is not None and row.children and event.position().x() < _left(row) + _CHEVRON + 4:
            self.toggled.emit(row)
            return
        super().mousePressEvent(event)

    def _clicked(self, index: QModelIndex) -> None:
        self.picked.emit(self.names.data(index, ROW))


class _Line(QStyledItemDelegate):
    """Paints one name."""

    def __init__(self, theme: Theme, icons: Icons, height: int) -> None:
        super().__init__()
        self.theme = theme
        self._icons = icons
        self._height = height

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """All rows are as high as the chart's."""
        return QSize(100, self._height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """An arrow if there is something in it, the sign of its state, its name."""
        row: Row = index.data(ROW)
        theme, rect, state = self.theme, QRect(option.rect), option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selection.fill"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, theme.color("surface.hover", 0.5))
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.color("focus"))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))
        x, middle = _left(row), rect.center().y() + 1
        dpr = painter.device().devicePixelRatioF()
        if row.children:
            arrow = "chevron-down" if row.is_open else "chevron-right"
            pixmap = self._icons.pixmap(arrow, theme.color("text.muted"), _CHEVRON, dpr)
            painter.drawPixmap(x, middle - _CHEVRON // 2, pixmap)
        x += _CHEVRON + 4
        sign = self._icons.pixmap(STATE_ICONS[row.state], theme.color(f"state.{row.state}"), 14, dpr)
        painter.drawPixmap(x, middle - 7, sign)
        x += 20
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text.secondary" if row.is_pass else "text.primary"))
        room = QRect(x, rect.top(), rect.right() - x - 6, rect.height())
        text = painter.fontMetrics().elidedText(row.label, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)

    def editorEvent(self, event: QEvent, model: object, option: object, index: object) -> bool:  # noqa: N802 - Qt's name
        """Names are not edited."""
        return False


def _left(row: Row) -> int:
    return 6 + row.depth * _INDENT
