"""The picture of an agent: its icon on a round ground in its colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from desktop.icons import Icons
from desktop.theme import ThemeManager

SIDE: Final = 36
"""Side of the picture on a card, in logical pixels."""

TOKENS: Final[Mapping[str, str]] = {
    "blue": "kind.output",
    "green": "kind.input",
    "yellow": "kind.logic",
    "purple": "kind.model",
    "pink": "kind.loop",
    "grey": "text.muted",
}
"""The token of each colour that an agent can have."""

ICONS: Final = (
    "bot", "brain", "sparkles", "user", "users", "message-circle", "mail", "search", "globe", "map", "book-open",
    "graduation-cap", "file-text", "table", "database", "code", "terminal", "bug", "flask-conical", "chart-line",
    "calendar", "coins", "shield-check", "wand-sparkles", "palette", "image", "star", "rocket", "house", "zap",
)  # fmt: skip
"""The icons that are offered."""


class Avatar(QWidget):
    """Shows a colour and an icon."""

    def __init__(self, icons: Icons, themes: ThemeManager, side: int = SIDE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons, self._themes, self._side = icons, themes, side
        self.colour, self.icon = "blue", "bot"
        self.setFixedSize(side, side)
        themes.changed.connect(self._changed)

    def show_look(self, colour: str, icon: str) -> None:
        """Show that icon on that colour; what is unknown is shown grey, or as a box."""
        if (colour, icon) != (self.colour, self.icon):
            self.colour, self.icon = colour, icon
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A square."""
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the ground and the icon."""
        theme = self._themes.theme
        token = TOKENS.get(self.colour, TOKENS["grey"])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(token, 0.18))
        painter.drawEllipse(QRectF(self.rect()))
        px = round(self._side * 0.52 / 2) * 2
        at = (self._side - px) // 2
        painter.drawPixmap(at, at, self._icons.pixmap(self.icon, theme.color(token), px, self.devicePixelRatioF()))
        painter.end()

    def _changed(self) -> None:
        self.update()
