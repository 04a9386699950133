"""Steps dragged in from the palette: into the void, into a loop, onto a wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QDragMoveEvent, QDropEvent, QPainter, QPen

from desktop.canvas.geometry import HEADER, WIDTH, Rect
from desktop.canvas.hit import frame_at, wire_at

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

STEP_MIME: Final = "application/x-steploom-step"
"""What the palette puts into a drag: the step type's name as UTF-8."""

_HEIGHT = 72.0
_WIRE_NEAR = 32.0


class Drops:
    """Shows where a dragged step type would go, and adds it."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._ghost: Rect | None = None

    def over(self, event: QDragMoveEvent) -> bool:
        """The drag is over the canvas; whether it may be dropped."""
        if not event.mimeData().hasFormat(STEP_MIME) or self._canvas.document.read_only:
            return False
        x, y = self._canvas.canvas_point(event.position().toPoint())
        self._ghost = Rect(x - WIDTH / 2, y - HEADER / 2, x + WIDTH / 2, y - HEADER / 2 + _HEIGHT)
        marks, diagram = self._canvas.marks, self._canvas.diagram
        marks.drop = wire_at(diagram, x, y, _WIRE_NEAR / self._canvas.camera.scale)
        marks.frame = frame_at(diagram, Rect(x, y, x, y))
        event.acceptProposedAction()
        self._canvas.repaint_all()
        return True

    def drop(self, event: QDropEvent) -> bool:
        """Add the step where it was dropped; whether there was one."""
        if not event.mimeData().hasFormat(STEP_MIME) or self._canvas.document.read_only:
            self.leave()
            return False
        x, y = self._canvas.canvas_point(event.position().toPoint())
        wire = wire_at(self._canvas.diagram, x, y, _WIRE_NEAR / self._canvas.camera.scale)
        frame = frame_at(self._canvas.diagram, Rect(x, y, x, y))
        self.leave()
        type_name = event.mimeData().data(STEP_MIME).toStdString()
        event.acceptProposedAction()
        into = None if wire else frame or ""
        self._canvas.commands.add(type_name, (x - WIDTH / 2, y), on=wire, into=into)
        self._canvas.setFocus()
        return True

    def leave(self) -> None:
        """The drag is gone."""
        self._ghost = None
        self._canvas.marks.drop = self._canvas.marks.frame = None
        self._canvas.repaint_all()

    def paint(self, painter: QPainter) -> None:
        """The outline of what would be added; the painter is in window pixels."""
        if self._ghost is None:
            return
        camera, theme = self._canvas.camera, self._canvas.theme
        x, y = camera.to_window(self._ghost.left, self._ghost.top)
        rect = QRectF(x, y, self._ghost.width * camera.scale, self._ghost.height * camera.scale)
        pen = QPen(theme.color("accent"), 2.0)
        pen.setStyle(Qt.PenStyle.DashLine)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.setBrush(theme.color("surface.node", 0.8))
        radius = theme.px("radius.node") * camera.scale
        painter.drawRoundedRect(rect, radius, radius)
