"""A list with a search box that opens under a control: models, secrets, workflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.fuzzy import match
from desktop.panels.popup_frame import PopupFrame
from desktop.panels.text_edit import LineEdit
from desktop.style import set_role
from desktop.theme import Theme

ROW: Final = 44
"""Height of an entry of two lines, in logical pixels."""

ROW_OF_ONE: Final = 30
"""Height of an entry of one line."""

ROWS: Final = 7

_SIDE: Final = 8
_ITEM = Qt.ItemDataRole.UserRole

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Pick:
    """One entry. value: what choosing it gives. detail: a second line. right: at the end of the first line."""

    value: str
    title: str
    detail: str = ""
    right: str = ""


class PickModel(QAbstractListModel):
    """The entries that fit the search, the best first."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._all: Sequence[Pick] = ()
        self._shown: Sequence[Pick] = ()

    def set_items(self, items: Sequence[Pick]) -> None:
        """Show other entries."""
        self._all = items
        self.search("")

    def search(self, query: str) -> None:
        """Show those that fit; all of them for ''."""
        self.beginResetModel()
        if query.strip():
            ranked = [
                (found.score, -place, item)
                for place, item in enumerate(self._all)
                if (found := match(query, f"{item.title} {item.value}")) is not None
            ]
            self._shown = [item for _, _, item in sorted(ranked, key=lambda one: one[:2], reverse=True)]
        else:
            self._shown = self._all
        self.endResetModel()

    def item(self, row: int) -> Pick:
        """The entry of a row."""
        return self._shown[row]

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        """How many fit."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The title, the whole entry, and what a screen reader says."""
        item = self._shown[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return item.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(part for part in (item.title, item.right, item.detail) if part)
            case Qt.ItemDataRole.ToolTipRole:
                return item.value
            case _ if role == _ITEM:
                return item
            case _:
                return None


class _Delegate(QStyledItemDelegate):
    """Paints an entry in two lines."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """Two lines, or one."""
        item: Pick = index.data(_ITEM)
        return QSize(200, ROW if item.detail else ROW_OF_ONE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One entry."""
        item: Pick = index.data(_ITEM)
        theme = self._theme
        rect: QRect = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver)
        if lit:
            chosen = state & QStyle.StateFlag.State_Selected
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.18) if chosen else theme.color("surface.hover"))
            painter.drawRoundedRect(rect, theme.px("radius.chip"), theme.px("radius.chip"))
        inner = rect.adjusted(10, 5, -10, -5)
        caption, body = theme.font("caption", tabular=True), theme.font("body")
        painter.setFont(caption)
        painter.setPen(theme.color("text.muted"))
        top = Qt.AlignmentFlag.AlignTop if item.detail else Qt.AlignmentFlag.AlignVCenter
        painter.drawText(
            inner.adjusted(0, 2 if item.detail else 0, 0, 0), top | Qt.AlignmentFlag.AlignRight, item.right
        )
        room = inner.width() - QFontMetrics(caption).horizontalAdvance(item.right) - 12
        painter.setFont(body)
        painter.setPen(theme.color("text.primary"))
        title = QFontMetrics(body).elidedText(item.title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(inner, top | Qt.AlignmentFlag.AlignLeft, title)
        if item.detail:
            painter.setFont(caption)
            painter.setPen(theme.color("text.muted"))
            text = QFontMetrics(caption).elidedText(item.detail, Qt.TextElideMode.ElideRight, inner.width())
            painter.drawText(inner, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


class PickerPopup(PopupFrame):
    """Lets a person search and choose; Esc or a click elsewhere closes it. chosen: the entry's value.

    name: what is chosen, for the search box and screen readers.
    """

    chosen = Signal(str)

    def __init__(self, theme: Theme, name: str, parent: QWidget) -> None:
        super().__init__(theme, Qt.WindowType.Popup, parent)
        self.setAccessibleName(name)
        self.search = LineEdit(self)
        self.search.setPlaceholderText(f"Search {name}")
        self.search.setAccessibleName(f"Search {name}")
        self.search.installEventFilter(self)
        self.model = PickModel(self)
        self.view = QListView(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(theme, self.view))
        self.view.setMouseTracking(True)
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setStyleSheet("background: transparent;")
        self.view.setAccessibleName(name)
        self.view.hide()
        self._status = QLabel(self)
        self._status.setWordWrap(True)
        self._status.setContentsMargins(6, 2, 6, 4)
        set_role(self._status, kind="caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_SIDE, _SIDE, _SIDE, _SIDE)
        layout.setSpacing(6)
        for widget in (self.search, self.view, self._status):
            layout.addWidget(widget)
        self.search.textChanged.connect(self._search)
        self.view.clicked.connect(lambda index: self._choose(index.row()))
        self.say("Loading…")

    @property
    def status(self) -> str:
        """The line under the list."""
        return self._status.text() if not self._status.isHidden() else ""

    def offer(self, items: Sequence[Pick], current: str = "", empty: str = "There is nothing to choose from.") -> None:
        """Show the entries, the current one selected. empty: what is said if there are none."""
        self.model.set_items(items)
        self.say("" if items else empty)
        self._fit()
        row = next((row for row in range(self.model.rowCount()) if self.model.item(row).value == current), 0)
        self._select(row)

    def say(self, text: str) -> None:
        """Show a line under the list, '' for none."""
        self._status.setText(text)
        self._status.setVisible(bool(text))
        if self.isVisible():
            self._status.setMinimumHeight(self._status.heightForWidth(self.width() - 2 * _SIDE) if text else 0)
            self.adjustSize()

    def open_under(self, anchor: QWidget, width: int) -> None:
        """Show it under a widget, or above it for want of room, and take the keyboard."""
        self.setFixedWidth(width)
        self.adjustSize()
        corner = anchor.mapToGlobal(anchor.rect().bottomLeft())
        screen = self.screen().availableGeometry()
        top = corner.y() + 4
        if top + self.height() > screen.bottom():
            top = anchor.mapToGlobal(anchor.rect().topLeft()).y() - self.height() - 4
        self.move(max(screen.left(), min(corner.x(), screen.right() - width)), max(screen.top(), top))
        self.show()
        self.search.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Walk through the list from the search box."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            row, rows = self.view.currentIndex().row(), self.model.rowCount()
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS}
            for key, count in steps.items():
                if event.key() == key and rows:
                    self._select(max(0, min(rows - 1, row + count)))
                    return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(row)
                return True
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """As high as the entries need, up to some rows."""
        rows = range(min(self.model.rowCount(), ROWS))
        height = sum(ROW if self.model.item(row).detail else ROW_OF_ONE for row in rows)
        self.view.setFixedHeight(max(height + 8, ROW_OF_ONE))
        self.view.setVisible(self.model.rowCount() > 0)
        self.adjustSize()

    def _search(self, query: str) -> None:
        self.model.search(query)
        self._select(0)
        if self.model.rowCount() == 0 and query:
            self.say("Nothing fits. Other letters find more.")
        elif query:
            self.say("")

    def _select(self, row: int) -> None:
        self.view.setCurrentIndex(self.model.index(row, 0))

    def _choose(self, row: int) -> None:
        if 0 <= row < self.model.rowCount():
            value = self.model.item(row).value
            self.close()
            self.chosen.emit(value)
