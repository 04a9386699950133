"""Moving steps: with snapping and guides, into loops and out of them, onto wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from core.workflow import edits
from core.workflow.model import Wire, Workflow
from desktop.canvas.geometry import Rect, spanned
from desktop.canvas.gestures.gesture import Gesture, Pointer
from desktop.canvas.hit import frame_at, wire_at
from desktop.canvas.layers import Place
from desktop.canvas.routing import bounds
from desktop.canvas.snapping import Guide, snapped
from desktop.canvas.stale import window_rect

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_NEAR = 400.0
"""How far around what is moved guides look for neighbours, in canvas pixels."""

_MOST_NEIGHBOURS = 200
_MOST_APART = 20
"""Above that many steps the whole window is painted with each movement."""

_AROUND = 36.0
"""How far rings, shadows and the numbers of guides reach, in canvas pixels."""

_WIRE_NEAR = 40.0
"""How near to a wire the middle of a step has to be to go onto it."""


class Move(Gesture):
    """The selected steps follow the pointer. Alt: freely, without snapping. Ctrl: neither into a loop nor a wire.

    Nothing moves in the document or the diagram before the button is let go: what is dragged is painted elsewhere.
    """

    cursor = Qt.CursorShape.SizeAllCursor

    def __init__(self, canvas: CanvasView, start: Pointer) -> None:
        super().__init__(canvas, start)
        diagram = canvas.diagram
        self._chosen = frozenset(canvas.marks.selected)
        self._steps = diagram.with_inside(self._chosen)
        self._area = diagram.bounds(self._chosen) or Rect(0, 0, 0, 0)
        self._loops = {diagram.boxes[step].parent for step in self._chosen}
        self._guides: tuple[Guide, ...] = ()
        self._goes_to: str | None = None
        self._shown: Rect | None = None
        canvas.picture.lift(self._steps, canvas.camera)

    def move(self, pointer: Pointer) -> None:
        """Show the steps elsewhere."""
        snap = snapped(
            self._area, pointer.x - self.start.x, pointer.y - self.start.y, self._neighbours(pointer),
            scale=self.canvas.camera.scale, free=pointer.holds(Qt.KeyboardModifier.AltModifier),
        )  # fmt: skip
        self._guides = snap.guides
        self.canvas.marks.offset = (snap.dx, snap.dy)
        before = (self.canvas.marks.drop, self.canvas.marks.frame)
        self._mark_targets(pointer, self._area.moved(snap.dx, snap.dy))
        touched = self._touched(snap.dx, snap.dy)
        if touched is None or before != (self.canvas.marks.drop, self.canvas.marks.frame):
            self.canvas.repaint_all()
        else:
            for area in (touched, self._shown or touched):
                self.canvas.repaint_part(window_rect(area, self.canvas.camera))
        self._shown = touched

    def end(self, pointer: Pointer) -> None:
        """Make it an edit."""
        dx, dy = self.canvas.marks.offset
        drop, goes_to = self.canvas.marks.drop, self._goes_to
        self.cancel()
        if dx or dy:
            boxes = self.canvas.diagram.boxes
            places = {step: (boxes[step].x + dx, boxes[step].y + dy) for step in self._steps}
            diagram = self.canvas.diagram
            self._apply({**diagram.unlaid(), **diagram.carried(places)}, drop, goes_to)

    def cancel(self) -> None:
        """Show everything where it is."""
        marks = self.canvas.marks
        marks.drop = marks.frame = None
        marks.offset = (0.0, 0.0)
        self.canvas.picture.lift(frozenset(), self.canvas.camera)
        self.canvas.repaint_all()

    def paint(self, painter: QPainter) -> None:
        """The guides with their distances."""
        paint_guides(painter, self.canvas, self._guides)

    def _touched(self, dx: float, dy: float) -> Rect | None:
        """The part of the canvas that what is dragged covers with its wires and guides; None for too much to say."""
        if len(self._steps) > _MOST_APART:
            return None
        diagram, area = self.canvas.diagram, self._area.moved(dx, dy)
        for wire in {wire for step in self._steps for wire in diagram.wires_of(step)}:
            path = diagram.wires[wire]
            out, into = wire.source in self._steps, wire.target in self._steps
            area = area.united(bounds(path.x1 + dx * out, path.y1 + dy * out, path.x2 + dx * into, path.y2 + dy * into))
        for guide in self._guides:
            area = area.united(spanned(guide.x1, guide.y1, guide.x2, guide.y2))
        return area.grown(_AROUND)

    def _neighbours(self, pointer: Pointer) -> list[Rect]:
        diagram = self.canvas.diagram
        area = self._area.moved(pointer.x - self.start.x, pointer.y - self.start.y).grown(_NEAR)
        near = diagram.nodes.within(area) - self._steps
        if len(near) > _MOST_NEIGHBOURS:
            return []
        return [diagram.boxes[step].rect for step in near if diagram.boxes[step].parent in self._loops]

    def _mark_targets(self, pointer: Pointer, area: Rect) -> None:
        """The wire or loop that the steps would go into if they were let go here."""
        marks, diagram = self.canvas.marks, self.canvas.diagram
        marks.drop = marks.frame = self._goes_to = None
        if pointer.holds(Qt.KeyboardModifier.ControlModifier):
            return
        frame = frame_at(diagram, area, self._steps)
        if self._loops != {frame} and len(self._loops) == 1:
            self._goes_to, marks.frame = frame or "", frame
        if len(self._chosen) == 1:
            step = next(iter(self._chosen))
            if not diagram.wires_of(step) and diagram.boxes[step].shape.entry() is not None:
                marks.drop = wire_at(diagram, *area.center, _WIRE_NEAR)

    def _apply(self, places: dict[str, Place], drop: Wire | None, goes_to: str | None) -> bool:
        chosen, types = self._chosen, self.canvas.types

        def edit(workflow: Workflow) -> Workflow:
            changed = edits.move_steps(workflow, places)
            if goes_to is not None:
                changed = edits.move_into_body(changed, chosen, goes_to, types=types)
            if drop is not None:
                changed = edits.insert_on_wire(changed, next(iter(chosen)), drop, types=types)
            return changed

        what = "step" if len(chosen) == 1 else f"{len(chosen)} steps"
        where = "" if goes_to is None else " into the loop" if goes_to else " out of the loop"
        return self.canvas.apply(f"Move {what}{where}", edit)


def paint_guides(painter: QPainter, canvas: CanvasView, guides: tuple[Guide, ...]) -> None:
    """Lines through what is in line, and the free space as a number."""
    if not guides:
        return
    theme, camera = canvas.theme, canvas.camera
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = theme.font("caption", tabular=True)
    painter.setFont(font)
    for guide in guides:
        x1, y1 = camera.to_window(guide.x1, guide.y1)
        x2, y2 = camera.to_window(guide.x2, guide.y2)
        painter.setPen(QPen(theme.color("accent"), 1.0))
        painter.drawLine(QLineF(QPointF(x1, y1), QPointF(x2, y2)))
        if guide.gap is None:
            continue
        text = f"{guide.gap:.0f}"
        width = QFontMetricsF(font).horizontalAdvance(text) + 10.0
        pill = QRectF((x1 + x2) / 2 - width / 2, (y1 + y2) / 2 - 8.0, width, 16.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent.fill"))
        painter.drawRoundedRect(pill, 8.0, 8.0)
        painter.setPen(theme.color("accent.on"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)
