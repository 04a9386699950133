"""How the palette paints its lines, and what an entry looks like while it is dragged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from desktop.icons import Icons
from desktop.panels.palette_model import ITEM, Entry, Heading, Index
from desktop.theme import ThemeManager

ROW: Final = 46
"""Height of an entry, in logical pixels."""

HEADING: Final = 30


class EntryDelegate(QStyledItemDelegate):
    """Paints headings and entries: icon on its tinted square, title, one line of help.

    has_keyboard: whether the chosen entry is to be marked.
    """

    def __init__(self, themes: ThemeManager, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes
        self._icons = icons
        self.has_keyboard: Callable[[], bool] = lambda: True

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """A heading is lower than an entry."""
        return QSize(160, HEADING if isinstance(index.data(ITEM), Heading) else ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One line."""
        line = index.data(ITEM)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if isinstance(line, Heading):
            self._heading(painter, rect, line.title)
        else:
            state = option.state
            lit = bool(state & QStyle.StateFlag.State_MouseOver)
            selected = bool(state & QStyle.StateFlag.State_Selected) and self.has_keyboard()
            self._entry(painter, rect, line, selected=selected, lit=lit)
        painter.restore()

    def picture(self, entry: Entry, dpr: float) -> QPixmap:
        """An entry as it looks while it is dragged."""
        theme = self._themes.theme
        width = 20 + 32 + QFontMetrics(theme.font("body.strong")).horizontalAdvance(entry.title) + 16
        pixmap = QPixmap(round(width * dpr), round(36 * dpr))
        pixmap.setDevicePixelRatio(dpr)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("border.control"))
        painter.setBrush(theme.color("surface.node"))
        radius = theme.px("radius.node")
        painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, 35), radius, radius)
        self._tile(painter, QRect(8, 6, 24, 24), entry)
        painter.setFont(theme.font("body.strong"))
        painter.setPen(theme.color("text.primary"))
        painter.drawText(QRect(42, 0, width - 42, 36), Qt.AlignmentFlag.AlignVCenter, entry.title)
        painter.end()
        return pixmap

    def _heading(self, painter: QPainter, rect: QRect, title: str) -> None:
        theme = self._themes.theme
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.muted"))
        painter.drawText(rect.adjusted(8, 0, -8, -5), Qt.AlignmentFlag.AlignBottom, title)

    def _entry(self, painter: QPainter, rect: QRect, entry: Entry, *, selected: bool, lit: bool) -> None:
        theme = self._themes.theme
        if selected or lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.18) if selected else theme.color("surface.hover"))
            radius = theme.px("radius.control")
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), radius, radius)
        self._tile(painter, QRect(rect.left() + 8, rect.top() + (ROW - 28) // 2, 28, 28), entry)
        inner = rect.adjusted(46, 6, -8, -6)
        self._title(painter, inner, entry)
        caption = theme.font("caption")
        painter.setFont(caption)
        painter.setPen(theme.color("text.muted"))
        text = QFontMetrics(caption).elidedText(entry.help, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, text)

    def _title(self, painter: QPainter, inner: QRect, entry: Entry) -> None:
        """The title, with the letters that a search found in the accent colour."""
        theme = self._themes.theme
        plain, strong = theme.font("body"), theme.font("body.strong")
        matched = set(entry.matched)
        at = inner.left()
        baseline = inner.top() + QFontMetrics(plain).ascent()
        for index, letter in enumerate(entry.title):
            font = strong if index in matched else plain
            painter.setFont(font)
            painter.setPen(theme.color("accent" if index in matched else "text.primary"))
            painter.drawText(at, baseline, letter)
            at += QFontMetrics(font).horizontalAdvance(letter)

    def _tile(self, painter: QPainter, square: QRect, entry: Entry) -> None:
        theme = self._themes.theme
        colour = f"kind.{entry.category}"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(colour, 0.16))
        radius = theme.px("radius.control")
        painter.drawRoundedRect(square, radius, radius)
        dpr = painter.device().devicePixelRatioF()
        pixmap = self._icons.pixmap(entry.icon, theme.color(colour), 16, dpr)
        painter.drawPixmap(square.center() - QPoint(7, 7), pixmap)
