"""The ground of what pops up over the window: a rounded surface with a border, in the colours of menus."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QWidget

from desktop.theme import Theme


class PopupFrame(QFrame):
    """A window of its own without the system's frame. The theme is that of the moment when it is made."""

    def __init__(self, theme: Theme, kind: Qt.WindowType, parent: QWidget) -> None:
        super().__init__(parent, kind | Qt.WindowType.FramelessWindowHint)
        self._ground, self._edge = theme.color("surface.menu"), theme.color("border.control", 0.6)
        self._radius = theme.px("radius.control")
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the ground; style sheets do not reach windows that see through."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._edge, 1))
        painter.setBrush(self._ground)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), self._radius, self._radius)
        painter.end()
