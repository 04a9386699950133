"""The list under the cursor that offers what can be put into a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop.panels.completion import Suggestion, SuggestionKind
from desktop.panels.popup_frame import PopupFrame
from desktop.style import set_role
from desktop.theme import Theme

ROW: Final = 26
"""Height of a suggestion, in logical pixels."""

ROWS: Final = 8
"""Suggestions that are seen at once."""

WIDTH: Final = 400

_ITEM = Qt.ItemDataRole.UserRole
_COLOURS: Final[dict[SuggestionKind, str]] = {
    "step": "accent",
    "input": "kind.input",
    "variable": "kind.code",
    "run": "text.muted",
    "secret": "kind.human",
    "loop": "kind.loop",
    "filter": "kind.logic",
}
_WORDS: Final[dict[SuggestionKind, str]] = {
    "step": "output",
    "input": "input",
    "variable": "variable",
    "run": "run",
    "secret": "secret",
    "loop": "loop",
    "filter": "filter",
}

Index = QModelIndex | QPersistentModelIndex


class SuggestionModel(QAbstractListModel):
    """The suggestions as Qt's views take them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._items: Sequence[Suggestion] = ()

    def set_items(self, items: Sequence[Suggestion]) -> None:
        """Show other suggestions."""
        self.beginResetModel()
        self._items = items
        self.endResetModel()

    def item(self, row: int) -> Suggestion:
        """The suggestion of a row."""
        return self._items[row]

    def rowCount(self, parent: Index | None = None) -> int:  # noqa: N802 - Qt's name
        """How many there are."""
        return 0 if parent is not None and parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The text, the whole suggestion, and what a screen reader says."""
        item = self._items[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return item.text
            case Qt.ItemDataRole.AccessibleTextRole:
                return spoken(item)
            case Qt.ItemDataRole.ToolTipRole:
                return item.help or None
            case _ if role == _ITEM:
                return item
            case _:
                return None


def spoken(item: Suggestion) -> str:
    """A suggestion in words."""
    parts = (item.text, _WORDS[item.kind], item.type, item.value[:60] or item.help)
    return ", ".join(part for part in parts if part)


class _Delegate(QStyledItemDelegate):
    """Paints a suggestion: what is put in, its last value or what it is, its type."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """One row."""
        return QSize(WIDTH - 40, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One suggestion."""
        item: Suggestion = index.data(_ITEM)
        theme = self._theme
        rect: QRect = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.color("accent", 0.18))
            painter.drawRoundedRect(rect, theme.px("radius.chip"), theme.px("radius.chip"))
        painter.setBrush(theme.color(_COLOURS[item.kind]))
        painter.drawEllipse(QPoint(rect.left() + 12, rect.center().y() + 1), 4, 4)
        inner = rect.adjusted(24, 0, -10, 0)
        kind_width = self._right(painter, inner, item.type or _WORDS[item.kind])
        inner.setRight(inner.right() - kind_width - 12)
        mono = theme.font("mono")
        metrics = QFontMetrics(mono)
        wide = min(metrics.horizontalAdvance(item.text) + 2, round(inner.width() * (0.65 if item.value else 1)))
        painter.setFont(mono)
        painter.setPen(theme.color("text.primary"))
        name = metrics.elidedText(item.text, Qt.TextElideMode.ElideMiddle, wide)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, name)
        inner.setLeft(inner.left() + wide + 12)
        font = theme.font("caption")
        painter.setFont(font)
        painter.setPen(theme.color("text.muted"))
        text = QFontMetrics(font).elidedText(item.value or item.help, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def _right(self, painter: QPainter, inner: QRect, text: str) -> int:
        font = self._theme.font("caption")
        painter.setFont(font)
        painter.setPen(self._theme.color("text.secondary"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
        return QFontMetrics(font).horizontalAdvance(text)


class CompletionPopup(PopupFrame):
    """Offers suggestions without taking the keyboard from the editor. chosen: the Suggestion that was picked."""

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, Qt.WindowType.ToolTip, parent)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._model = SuggestionModel(self)
        self._view = QListView(self)
        self._view.setModel(self._model)
        self._view.setItemDelegate(_Delegate(theme, self._view))
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setUniformItemSizes(True)
        self._view.setMouseTracking(True)
        self._view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.setStyleSheet("background: transparent;")
        self._view.setAccessibleName("What can be put in here")
        self._view.clicked.connect(lambda index: self.chosen.emit(self._model.item(index.row())))
        self._help = QLabel(self)
        self._help.setWordWrap(True)
        self._help.setContentsMargins(10, 4, 10, 6)
        set_role(self._help, kind="caption")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(0)
        layout.addWidget(self._view)
        layout.addWidget(self._help)

    @property
    def items(self) -> list[Suggestion]:
        """What is offered."""
        return [self._model.item(row) for row in range(self._model.rowCount())]

    @property
    def current(self) -> Suggestion | None:
        """What would be picked."""
        row = self._view.currentIndex().row()
        return self._model.item(row) if 0 <= row < self._model.rowCount() else None

    def offer(self, items: Sequence[Suggestion], place: QRect) -> None:
        """Show suggestions under (or, for want of room, above) a place in global coordinates."""
        self._model.set_items(items)
        self._view.setFixedHeight(ROW * min(ROWS, len(items)) + 8)
        self._select(0)
        self.resize(WIDTH, self.sizeHint().height())
        screen = self.screen().availableGeometry()
        left = max(screen.left(), min(place.left() - 24, screen.right() - WIDTH))
        below = place.bottom() + 4
        height = self.height()
        top = below if below + height <= screen.bottom() else place.top() - height - 4
        self.move(left, top)
        self.show()

    def step(self, rows: int) -> None:
        """Go some rows down (or up), round the ends."""
        count = self._model.rowCount()
        if count:
            self._select((self._view.currentIndex().row() + rows) % count)

    def _select(self, row: int) -> None:
        index = self._model.index(row, 0)
        self._view.setCurrentIndex(index)
        item = self.current
        if item is None:
            return
        self._help.setText(item.help if item.value or len(item.help) > 30 else "")
        self._help.setVisible(bool(self._help.text()))
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, spoken(item)))
