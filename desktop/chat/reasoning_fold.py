"""What a model thought before it answered: one line above the answer that unfolds."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.chat.blocks import Growing
from desktop.chat.laid import Laid, LaidCode, LaidText, lay
from desktop.icons import Icons
from desktop.theme import Theme

FOLDED: Final = 28
"""Height of the line, in logical pixels."""

_INDENT: Final = 14
_GAP: Final = 7


class ReasoningFold(QWidget):
    """folded: it was opened or closed. The theme is that of its making."""

    folded = Signal()

    def __init__(self, theme: Theme, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._icons = theme, icons
        self.text = ""
        self._words = 0
        self.is_open = False
        self._is_live = False
        self._growing = Growing()
        self._laid: list[Laid] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_text(self, text: str, *, live: bool) -> None:
        """Show what was thought so far. live: more is to come."""
        if (text, live) == (self.text, self._is_live):
            return
        if live and text.startswith(self.text):  # counting all of a long text again, 30 times a second, would be felt
            self._words += len(text[len(self.text) :].split())
        else:
            self._words = len(text.split())
        self.text, self._is_live = text, live
        if self.is_open:
            self._read()
        self._name()
        self.update()

    def set_open(self, is_open: bool) -> None:
        """Open or close it."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        if is_open:
            self._read()
        self._name()
        self.folded.emit()

    def fit(self, width: int) -> int:
        """Lay it out for a width; its height."""
        if not self.is_open:
            return FOLDED
        height = float(FOLDED)
        for each in self._laid:
            each.fit(width - _INDENT)
            height += each.height + _GAP
        return round(height)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as it is now."""
        return QSize(300, self.fit(max(self.width(), 200)))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The line opens and closes it."""
        if event.button() == Qt.MouseButton.LeftButton and event.position().y() <= FOLDED:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.set_open(not self.is_open)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter and Space open and close it."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.set_open(not self.is_open)
        elif event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Left) and not event.modifiers():
            self.set_open(event.key() == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the line, and what was thought beside a bar."""
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 2))
            painter.drawRoundedRect(QRectF(1, 1, self._line_width(), FOLDED - 3), 4, 4)
        self._paint_line(painter)
        if self.is_open:
            painter.fillRect(QRectF(3, FOLDED, 2, self.height() - FOLDED - _GAP), theme.color("border.control", 0.6))
            y = float(FOLDED)
            for each in self._laid:
                at = QPointF(_INDENT, y)
                painter.translate(at)
                each.paint(painter, QRectF(event.rect()).translated(-at), None)
                painter.translate(-at)
                y += each.height + _GAP
        painter.end()

    def _paint_line(self, painter: QPainter) -> None:
        theme, ratio = self._theme, self.devicePixelRatioF()
        muted = theme.color("text.muted")
        chevron = "chevron-down" if self.is_open else "chevron-right"
        painter.drawPixmap(QPointF(4, 7), self._icons.pixmap(chevron, muted, 14, ratio))
        painter.drawPixmap(QPointF(22, 7), self._icons.pixmap("brain", muted, 14, ratio))
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.secondary"))
        painter.drawText(QRectF(42, 0, self.width() - 42, FOLDED), Qt.AlignmentFlag.AlignVCenter, self._title())

    def _line_width(self) -> float:
        return 42.0 + QFontMetrics(self._theme.font("caption")).horizontalAdvance(self._title()) + 8

    def _title(self) -> str:
        count = "1 word" if self._words == 1 else f"{self._words:,} words"
        return f"Thinking, {count} so far" if self._is_live else f"What it thought, {count}"

    def _name(self) -> None:
        self.setAccessibleName(f"{self._title()}, {'open' if self.is_open else 'folded'}")
        self.setAccessibleDescription(self.text[-500:] if self._is_live else self.text[:500])

    def _read(self) -> None:
        """Lay out what is new; the blocks before it stay."""
        first = self._growing.show(self.text)
        self._laid[first:] = [lay(block, self._theme) for block in self._growing.blocks[first:]]
        for each in self._laid[first:]:
            if isinstance(each, LaidText) and not isinstance(each, LaidCode):
                each.set_colour("text.secondary")
