"""Editing in place on a canvas: the field is as large as what it lies over, and closes when the view moves on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from desktop.canvas.geometry import Rect
from desktop.in_place import InPlace, is_enter

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_SMALLEST_FONT = 11


class InPlaceOnCanvas(InPlace):
    """Lays a field over a place of a canvas; a view that moves on takes the text, too."""

    def __init__(
        self,
        canvas: CanvasView,
        field: QLineEdit | QPlainTextEdit,
        *,
        text: Callable[[], str],
        done: Callable[[str], None],
        takes: Callable[[QKeyEvent], bool] = is_enter,
    ) -> None:
        super().__init__(field, canvas, text=text, done=done, takes=takes)
        self._canvas = canvas

    def open(self, place: Rect, least: tuple[int, int], font: QFont, look: str) -> None:
        """Show the field and give it the keyboard.

        place: in canvas pixels. least: width and height in window pixels. font: at 100 %. look: its style sheet.
        """
        canvas, field = self._canvas, self._field
        scale = canvas.camera.scale
        x, y = canvas.camera.to_window(place.left, place.top)
        width, height = max(least[0], round(place.width * scale)), max(least[1], round(place.height * scale))
        field.setGeometry(QRect(round(x), round(y), width, height))
        scaled = QFont(font)
        scaled.setPixelSize(max(_SMALLEST_FONT, round(font.pixelSize() * scale)))
        field.setFont(scaled)
        field.setStyleSheet(look)
        canvas.viewed.connect(self.take)  # the view moves away from under it
        self.begin()
