"""How a line of the chooser is painted: icon, title, and what it is at the right."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QIcon, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.theme import Theme

ROW: Final = 32
DETAIL: Final = int(Qt.ItemDataRole.UserRole) + 1
_EDGE: Final = 8
_ICON: Final = 16


class ChooserRow(QStyledItemDelegate):
    """Paints a line in the colours of a theme."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, _option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:  # noqa: N802 - Qt's name
        """One line."""
        return QSize(0, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """One line."""
        theme, area = self._theme, QRect(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected:
            radius = theme.px("radius.control")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selection.fill"))
            painter.drawRoundedRect(area, radius, radius)
        inner = area.adjusted(_EDGE, 0, -_EDGE, 0)
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QIcon):
            icon.paint(painter, QRect(inner.left(), inner.center().y() - _ICON // 2 + 1, _ICON, _ICON))
        inner.setLeft(inner.left() + _ICON + _EDGE)
        detail, font = str(index.data(DETAIL) or ""), theme.font("caption")
        room = min(QFontMetrics(font).horizontalAdvance(detail), inner.width() // 2)
        painter.setFont(font)
        painter.setPen(theme.color("text.muted"))
        shown = QFontMetrics(font).elidedText(detail, Qt.TextElideMode.ElideRight, room + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)
        inner.setRight(inner.right() - room - _EDGE)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text.primary"))
        metrics = QFontMetrics(theme.font("body"))
        title = metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.restore()
