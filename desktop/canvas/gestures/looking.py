"""Moving the view, and choosing steps with a rubber band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from desktop.canvas.geometry import spanned
from desktop.canvas.gestures.gesture import Gesture, Pointer

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView


class Pan(Gesture):
    """The canvas follows the hand."""

    cursor = Qt.CursorShape.ClosedHandCursor
    autopan = False

    def move(self, pointer: Pointer) -> None:
        """Drag the canvas along."""
        moved = pointer.at - self.start.at
        self.start = pointer
        if moved.x() or moved.y():
            self.canvas.pan(-moved.x(), -moved.y())


class Band(Gesture):
    """A rectangle that chooses what it touches. Shift adds to what is chosen."""

    def __init__(self, canvas: CanvasView, start: Pointer, inside: str = "") -> None:
        super().__init__(canvas, start)
        self._before = set(canvas.marks.selected) if start.holds(Qt.KeyboardModifier.ShiftModifier) else set()
        self._wires_before = set(canvas.marks.wires) if self._before else set()
        self._inside = inside
        self._pointer = start

    def move(self, pointer: Pointer) -> None:
        """Choose what is inside now."""
        old, self._pointer = self._rect(), pointer
        diagram = self.canvas.diagram
        area = spanned(self.start.x, self.start.y, pointer.x, pointer.y)
        found = {
            box.id
            for box in diagram.in_area(area)
            if box.id != self._inside and (not box.is_frame or area.encloses(box.rect))
        }
        if self._inside and diagram.boxes[self._inside].rect.encloses(area):
            found &= diagram.inside(self._inside)
        found -= {child for step in found for child in diagram.inside(step)}
        self.canvas.select(self._before | found, self._wires_before)
        self.canvas.repaint_part(old.united(self._rect()).adjusted(-3, -3, 3, 3))

    def end(self, pointer: Pointer) -> None:
        """Keep what was chosen."""
        self.move(pointer)
        self.canvas.repaint_all()

    def cancel(self) -> None:
        """Choose what was chosen before."""
        self.canvas.select(self._before, self._wires_before)
        self.canvas.repaint_all()

    def paint(self, painter: QPainter) -> None:
        """The rectangle."""
        theme = self.canvas.theme
        painter.setPen(QPen(theme.color("accent"), 1.0))
        painter.setBrush(theme.color("selection.fill"))
        painter.drawRect(QRectF(self._rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _rect(self) -> QRect:
        x, y = self.canvas.camera.to_window(self.start.x, self.start.y)
        at = self._pointer.at
        return QRect(
            round(min(x, at.x())), round(min(y, at.y())), round(abs(at.x() - x)) + 1, round(abs(at.y() - y)) + 1
        )
