"""What a model thought before it answered: one line above the answer that unfolds."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from desktop.chat.blocks import Growing
from desktop.chat.folding import Folding
from desktop.chat.laid import Laid, LaidCode, LaidText, lay
from desktop.icons import Icons
from desktop.theme import Theme

FOLDED: Final = 28
"""Height of the line, in logical pixels."""

_INDENT: Final = 14
_GAP: Final = 7


class ReasoningFold(Folding):
    """The thoughts of one answer."""

    def __init__(self, theme: Theme, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(FOLDED, theme, icons, parent)
        self.text = ""
        self._words = 0
        self._is_live = False
        self._growing = Growing()
        self._laid: list[Laid] = []
        self.folded.connect(self._fill)

    def show_text(self, text: str, *, live: bool) -> None:
        """Show what was thought so far. live: more is to come."""
        if (text, live) == (self.text, self._is_live):
            return
        if live and text.startswith(self.text):  # counting all of a long text again, 30 times a second, would be felt
            self._words += len(text[len(self.text) :].split())
        else:
            self._words = len(text.split())
        self.text, self._is_live = text, live
        self._fill()
        self.update()

    def fit(self, width: int) -> int:
        """Lay it out for a width; its height."""
        if not self.is_open:
            return FOLDED
        height = float(FOLDED)
        for each in self._laid:
            each.fit(width - _INDENT)
            height += each.height + _GAP
        return round(height)

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

    def _fill(self) -> None:
        """Say what it is now, and lay out what is new of it, if it is seen; the blocks before it stay."""
        self._name()
        if not self.is_open:
            return
        first = self._growing.show(self.text)
        self._laid[first:] = [lay(block, self._theme) for block in self._growing.blocks[first:]]
        for each in self._laid[first:]:
            if isinstance(each, LaidText) and not isinstance(each, LaidCode):
                each.set_colour("text.secondary")
