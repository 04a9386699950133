"""The scale, in a corner of the canvas, with what changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton

from desktop.theme import Theme

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_STEP: Final = 1.25
_EDGE: Final = 16
_HEIGHT: Final = 28


class ZoomPill(QFrame):
    """Smaller, the scale (a click shows 100 %), larger, everything."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas.viewport())
        self._canvas = canvas
        self._icons: dict[QToolButton, str] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 2, 4, 2)
        row.setSpacing(0)
        row.addWidget(self._button("Zoom out", "minus", lambda: canvas.zoom(1 / _STEP)))
        self.scale_button = self._button("Zoom to 100 %", "", lambda: canvas.zoom_to(1.0))
        self.scale_button.setMinimumWidth(48)
        row.addWidget(self.scale_button)
        row.addWidget(self._button("Zoom in", "plus", lambda: canvas.zoom(_STEP)))
        row.addWidget(self._button("Show everything", "maximize", canvas.fit))
        canvas.zoomed.connect(self._show)
        self.dress(canvas.theme)
        self._show(canvas.camera.scale)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Fill the corners too: the canvas does not paint what is behind."""
        theme = self._canvas.theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("canvas.bg"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.subtle"), 1.0))
        painter.setBrush(theme.color("surface.panel"))
        radius = theme.px("radius.control") + 2.0
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        painter.end()

    def place(self) -> None:
        """Stand in the canvas's lower left corner."""
        self.adjustSize()
        room = self._canvas.viewport().rect()
        self.move(_EDGE, room.bottom() - self.height() - _EDGE + 1)

    def dress(self, theme: Theme) -> None:
        """Take a theme's colours."""
        css, radius = theme.css, theme.px("radius.control")
        self.setObjectName("zoom")
        self.setStyleSheet(
            f"QToolButton {{ background: transparent; border: none; border-radius: {radius}px; padding: 4px;"
            f" color: {css('text.secondary')}; }}"
            f"QToolButton:hover {{ background: {css('surface.hover')}; }}"
        )
        self.scale_button.setFont(theme.font("caption", tabular=True))
        for button, name in self._icons.items():
            button.setIcon(QIcon(self._canvas.icons.pixmap(name, theme.color("text.secondary"), 16, 2.0)))

    def _button(self, name: str, icon: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton(self)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFixedHeight(_HEIGHT)
        button.setIconSize(QSize(16, 16))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys of the canvas do the same
        button.clicked.connect(lambda: act())
        if icon:
            self._icons[button] = icon
        return button

    def _show(self, scale: float) -> None:
        self.scale_button.setText(f"{scale * 100:.0f} %")
