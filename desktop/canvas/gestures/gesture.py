"""What every gesture is: it begins, follows the pointer, and ends in at most one edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPainter

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the pointer is: in the window, and on the canvas. keys: modifiers held."""

    at: QPoint
    x: float
    y: float
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier

    def holds(self, key: Qt.KeyboardModifier) -> bool:
        """Whether a modifier is held."""
        return bool(self.keys & key)


class Gesture:
    """A movement with a button held. autopan: whether the view moves along when the pointer comes to its border."""

    cursor: Qt.CursorShape | None = None
    autopan = True

    def __init__(self, canvas: CanvasView, start: Pointer) -> None:
        self.canvas = canvas
        self.start = start

    def move(self, pointer: Pointer) -> None:
        """The pointer is somewhere else."""

    def end(self, pointer: Pointer) -> None:
        """The button was let go."""

    def cancel(self) -> None:
        """Escape: everything is as it was."""

    def paint(self, painter: QPainter) -> None:
        """Paint what explains the gesture; the painter is in window pixels."""
