"""How much of what fits into the model the last request took, as a short bar that opens what was sent."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton

from desktop.chat.wording import tokens
from desktop.theme import ThemeManager

_BAR: Final = 56


class ContextMeter(QAbstractButton):
    """A bar and a number; clicking it shows the whole request."""

    def __init__(self, themes: ThemeManager) -> None:
        super().__init__()
        self._themes = themes
        self._used = 0
        self._most: int | None = None
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_use(0, None)

    def show_use(self, used: int, most: int | None) -> None:
        """used: tokens of the last request. most: what fits into the model, None if unknown."""
        self._used, self._most = used, most
        share = f", {100 * used / most:.0f} % of what fits" if most else ""
        text = f"The last request had about {used:,} tokens{share}. Click to see exactly what was sent."
        self.setToolTip(text)
        self.setAccessibleName(f"Context: {tokens(used)} tokens{share}. What was sent")
        self.setVisible(used > 0)
        self.updateGeometry()
        self.update()

    @property
    def text_shown(self) -> str:
        """The number."""
        return f"{tokens(self._used)} / {tokens(self._most)}" if self._most else f"{tokens(self._used)} tok"

    @property
    def _figures(self) -> QFont:
        return self._themes.theme.font("caption", tabular=True)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Bar and number."""
        wide = QFontMetrics(self._figures).horizontalAdvance(self.text_shown)
        return QSize(_BAR + wide + 16, 24)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint bar and number."""
        theme = self._themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border.subtle"))
        painter.drawRoundedRect(QRectF(4, middle - 2, _BAR, 4), 2, 2)
        share = min(1.0, self._used / self._most) if self._most else 0.0
        colour = "state.failed" if share > 0.9 else "state.waiting" if share > 0.75 else "accent"
        painter.setBrush(theme.color(colour))
        painter.drawRoundedRect(QRectF(4, middle - 2, max(_BAR * share, 3 if self._used else 0), 4), 2, 2)
        painter.setFont(self._figures)
        painter.setPen(theme.color("text.primary" if self.underMouse() else "text.muted"))
        painter.drawText(
            QRectF(_BAR + 10, 0, self.width(), self.height()), Qt.AlignmentFlag.AlignVCenter, self.text_shown
        )
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 4, 4)
        painter.end()
