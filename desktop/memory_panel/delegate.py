"""How the panel paints a memory in its list: two lines of words, below them what it is, whose, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.store.memory_records import Memory
from desktop.memory_panel.around import Around
from desktop.memory_panel.rows import MEMORY, Index
from desktop.memory_panel.wording import SHARED, STATES, TYPES
from desktop.panels.wording import ago

ROW: Final = 60
_LEFT: Final = 32
_BAR: Final = 36


class MemoryDelegate(QStyledItemDelegate):
    """Paints rows of one height, so that a list of any length scrolls without laying out what is not in view."""

    def __init__(self, around: Around, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """All rows are alike."""
        return QSize(160, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One row."""
        rect: QRect = option.rect
        memory = index.data(MEMORY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ground(painter, option)
        if isinstance(memory, Memory):
            self._memory(painter, rect, memory)
        else:
            self._not_read(painter, rect)
        painter.restore()

    def _ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        theme = self._around.themes.theme
        rect, radius = QRectF(option.rect).adjusted(0.5, 1.5, -0.5, -1.5), theme.px("radius.control")
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(Qt.PenStyle.NoPen)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("accent", 0.18) if selected else theme.color("surface.hover"))
            painter.drawRoundedRect(rect, radius, radius)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 1, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(rect, radius, radius)

    def _memory(self, painter: QPainter, rect: QRect, memory: Memory) -> None:
        theme = self._around.themes.theme
        gone = memory.state in ("replaced", "forgotten")
        icon, colour = TYPES[memory.type][1], "text.muted"
        if memory.state != "live":
            icon, colour = STATES[memory.state][1:]
        inner = rect.adjusted(_LEFT, 8, -10, -8)
        right = inner.right()
        if memory.pinned:
            inner.setRight(right - 20)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text.muted" if gone else "text.primary"))
        lines = self._lines(painter.font(), memory.content, inner.width())
        height = QFontMetrics(painter.font()).lineSpacing()
        top = rect.center().y() - (len(lines) * height + 18) // 2
        baseline = top + QFontMetrics(painter.font()).ascent()
        for place, line in enumerate(lines):
            painter.drawText(QPoint(inner.left(), baseline + place * height), line)
        self._icon(painter, QPoint(rect.left() + 8, top), icon, colour)
        if memory.pinned:
            self._icon(painter, QPoint(right - 13, top + 1), "pin", "accent", 14)
        below = QRect(inner.left(), top + len(lines) * height + 2, right - inner.left(), 16)
        self._below(painter, below, memory)

    def _lines(self, font: QFont, text: str, width: int) -> Sequence[str]:
        """The first two lines; what is longer ends in dots."""
        metrics = QFontMetrics(font)
        # A long text is cut before it is laid out: two lines never hold more.
        plain = " ".join(text[:400].split())
        layout = QTextLayout(plain, font)
        layout.setTextOption(QTextOption(Qt.AlignmentFlag.AlignLeft))
        layout.beginLayout()
        line = layout.createLine()
        line.setLineWidth(max(20, width))
        end = line.textStart() + line.textLength()
        layout.endLayout()
        lines = [metrics.elidedText(plain[:end].rstrip(), Qt.TextElideMode.ElideRight, width)]
        if rest := plain[end:].strip():
            lines.append(metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width))
        return lines

    def _below(self, painter: QPainter, room: QRect, memory: Memory) -> None:
        theme = self._around.themes.theme
        caption = theme.font("caption")
        painter.setFont(caption)
        metrics = QFontMetrics(caption)
        self._importance(painter, QRect(room.right() - _BAR, room.center().y() - 1, _BAR, 4), memory.importance)
        words = [TYPES[memory.type][0], self._around.desk.owner_name(memory.agent_id) if memory.agent_id else SHARED]
        words.append(ago(memory.created, self._around.now()))
        left = room.left()
        if memory.state != "live":
            name, _, colour = STATES[memory.state]
            painter.setPen(theme.color(colour))
            painter.drawText(QRect(left, room.top(), room.width(), room.height()), Qt.AlignmentFlag.AlignVCenter, name)
            left += metrics.horizontalAdvance(f"{name}  ")
        painter.setPen(theme.color("text.muted"))
        wide = room.right() - _BAR - 10 - left
        text = metrics.elidedText(" · ".join(words), Qt.TextElideMode.ElideRight, wide)
        painter.drawText(QRect(left, room.top(), wide, room.height()), Qt.AlignmentFlag.AlignVCenter, text)

    def _importance(self, painter: QPainter, bar: QRect, importance: float) -> None:
        theme = self._around.themes.theme
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border.subtle"))
        painter.drawRoundedRect(bar, 2, 2)
        painter.setBrush(theme.color("text.muted"))
        filled = QRect(bar.left(), bar.top(), max(4, round(bar.width() * importance)), bar.height())
        painter.drawRoundedRect(filled, 2, 2)

    def _not_read(self, painter: QPainter, rect: QRect) -> None:
        theme = self._around.themes.theme
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface.hover"))
        for top, share in ((12, 0.8), (30, 0.5)):
            painter.drawRoundedRect(rect.left() + _LEFT, rect.top() + top, int((rect.width() - 50) * share), 8, 4, 4)

    def _icon(self, painter: QPainter, at: QPoint, name: str, colour: str, px: int = 16) -> None:
        pixmap = self._around.icons.pixmap(
            name, self._around.themes.theme.color(colour), px, painter.device().devicePixelRatioF()
        )
        painter.drawPixmap(at, pixmap)
