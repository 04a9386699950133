"""Giving a note or a loop another size by its lower right corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from core.workflow import edits
from core.workflow.model import Workflow
from desktop.canvas.gestures.gesture import Gesture, Pointer
from desktop.canvas.snapping import to_grid

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_LEAST = {"note": (96.0, 48.0), "loop": (320.0, 160.0)}


class Resize(Gesture):
    """The corner follows the pointer, on the grid. Nothing changes before the button is let go."""

    cursor = Qt.CursorShape.SizeFDiagCursor

    def __init__(self, canvas: CanvasView, start: Pointer, step: str) -> None:
        super().__init__(canvas, start)
        self._box = canvas.diagram.boxes[step]
        self._size = (self._box.width, self._box.height)

    def move(self, pointer: Pointer) -> None:
        """Show the size that it would have."""
        least = _LEAST["loop" if self._box.is_frame else "note"]
        right, bottom = to_grid(
            self._box.rect.right + pointer.x - self.start.x, self._box.rect.bottom + pointer.y - self.start.y
        )
        self._size = (max(least[0], right - self._box.x), max(least[1], bottom - self._box.y))
        self.canvas.repaint_all()

    def end(self, pointer: Pointer) -> None:
        """Make it an edit."""
        self.move(pointer)
        box, size = self._box, self._size
        if size == (box.width, box.height):
            return

        def edit(workflow: Workflow) -> Workflow:
            laid = edits.move_steps(workflow, self.canvas.diagram.unlaid())
            return edits.resize(laid, box.id, (box.x, box.y, *size))

        self.canvas.apply("Resize the loop" if box.is_frame else "Resize the note", edit)

    def cancel(self) -> None:
        """Leave it as large as it is."""
        self.canvas.repaint_all()

    def paint(self, painter: QPainter) -> None:
        """The outline that it would have."""
        theme, camera = self.canvas.theme, self.canvas.camera
        x, y = camera.to_window(self._box.x, self._box.y)
        pen = QPen(theme.color("accent"), 2.0)
        pen.setStyle(Qt.PenStyle.DashLine)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = theme.px("radius.node") * camera.scale
        painter.drawRoundedRect(
            QRectF(x, y, self._size[0] * camera.scale, self._size[1] * camera.scale), radius, radius
        )
