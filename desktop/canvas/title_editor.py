"""Editing a title where it stands: a step's or a group's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit

from desktop.canvas.geometry import Rect
from desktop.canvas.in_place import InPlaceOnCanvas

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_LEAST = 120, 24


class TitleEditor(QLineEdit):
    """A line over a title. Enter or the focus going elsewhere takes the text, Escape leaves it as it was."""

    def __init__(self, canvas: CanvasView, title: str, place: Rect, done: Callable[[str], None]) -> None:
        super().__init__(canvas.viewport())
        self._canvas, self._place = canvas, place
        self._edit = InPlaceOnCanvas(canvas, self, text=self.text, done=done)
        self.setAccessibleName("Title")
        self.setText(title)

    def open(self) -> None:
        """Show it and take the keyboard."""
        theme = self._canvas.theme
        look = (
            f"QLineEdit {{ background: {theme.css('surface.input')}; color: {theme.css('text.primary')};"
            f" border: 1px solid {theme.css('focus')}; border-radius: {theme.px('radius.chip')}px; padding: 0 5px; }}"
        )
        self._edit.open(self._place, _LEAST, theme.font("body.strong"), look)
