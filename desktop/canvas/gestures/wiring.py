"""Drawing, moving and cutting wires."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from core.workflow import edits
from core.workflow.model import Wire, Workflow
from desktop.canvas.geometry import NodeBox, spanned
from desktop.canvas.gestures.gesture import Gesture, Pointer
from desktop.canvas.hit import entry_at
from desktop.canvas.routing import crosses, curve
from desktop.canvas.strands import curve_path

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_REASON_WIDTH = 280.0


class _Loose(Gesture):
    """Wires whose end follows the pointer. All others are dimmed, and so are steps that they may not lead to, with the
    reason."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, canvas: CanvasView, start: Pointer, ends: Collection[tuple[str, str]]) -> None:
        super().__init__(canvas, start)
        self._ends = tuple(ends)
        self._pointer = start
        self._target: NodeBox | None = None
        self._reason = ""
        self._refusals: dict[str, str] = {}
        workflow = canvas.document.workflow
        for source, port in self._ends:
            for step, reason in edits.refusals(workflow, canvas.types, source, port).items():
                self._refusals[step] = self._refusals.get(step) or reason
        canvas.marks.targets = frozenset(step for step, reason in self._refusals.items() if not reason)
        canvas.marks.source = self._ends[0][0]
        canvas.picture.dim_wires(True, canvas.camera)
        canvas.repaint_all()

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer, or stick to an input nearby."""
        self._pointer = pointer
        box = entry_at(self.canvas.diagram, pointer.x, pointer.y, self.canvas.camera.scale)
        if box is not None and box.id == self.canvas.marks.source:
            box = None
        self._reason = self._refusals.get(box.id, "") if box else ""
        self._target = box if box is not None and not self._reason else None
        self.canvas.repaint_all()

    def cancel(self) -> None:
        """Draw nothing."""
        self.canvas.marks.targets = None
        self.canvas.marks.source = ""
        self.canvas.picture.dim_wires(False, self.canvas.camera)
        self.canvas.repaint_all()

    def paint(self, painter: QPainter) -> None:
        """The loose wires, and why they may not end here."""
        canvas, theme = self.canvas, self.canvas.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        entry = self._target.shape.entry() if self._target else None
        if self._target is not None and entry is not None:
            end = canvas.camera.to_window(*self._target.spot(entry))
        else:
            end = (float(self._pointer.at.x()), float(self._pointer.at.y()))
        for source, port in self._ends:
            box = canvas.diagram.boxes.get(source)
            spot = box.shape.exit(port) if box else None
            if box is None or spot is None:
                continue
            begin = canvas.camera.to_window(*box.spot(spot))
            colour = theme.color("wire.invalid") if self._reason else canvas.picture.ink.port[spot.kind]
            painter.setPen(QPen(colour, 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawPath(curve_path(*begin, *end))
        if entry is not None:
            painter.setPen(QPen(theme.color("accent"), 2.0))
            painter.drawEllipse(QPointF(*end), 9.0, 9.0)
        if self._reason:
            paint_hint(painter, canvas, self._pointer.at, self._reason)


class Draw(_Loose):
    """A new wire from an output port. Let go in the void it asks for the step that comes next."""

    def __init__(self, canvas: CanvasView, start: Pointer, source: str, port: str) -> None:
        super().__init__(canvas, start, [(source, port)])
        self._source, self._port = source, port

    def end(self, pointer: Pointer) -> None:
        """Make the wire, or offer steps to add at its end."""
        self.move(pointer)
        target, reason = self._target, self._reason
        self.cancel()
        canvas, source, port = self.canvas, self._source, self._port
        if target is not None:
            types = canvas.types
            canvas.apply("Draw a wire", lambda w: edits.connect(w, source, port, target.id, types=types))
        elif reason:
            canvas.said.emit(reason)
        else:
            canvas.commands.ask_for_step(pointer.at, after=(source, port))


class Redirect(_Loose):
    """Takes wires off an input port and leads them to another step; let go in the void they are cut."""

    def __init__(self, canvas: CanvasView, start: Pointer, wires: Collection[Wire]) -> None:
        super().__init__(canvas, start, [(wire.source, wire.port) for wire in wires])
        self._wires = tuple(wires)
        self._old_target = self._wires[0].target
        canvas.marks.wires = set(self._wires)

    def end(self, pointer: Pointer) -> None:
        """Move the wires, or cut them."""
        self.move(pointer)
        target, reason = self._target, self._reason
        on_old = entry_at(self.canvas.diagram, pointer.x, pointer.y, self.canvas.camera.scale)
        self.cancel()
        canvas, wires = self.canvas, self._wires
        if (on_old is not None and on_old.id == self._old_target) or (target and target.id == self._old_target):
            return
        if target is not None:
            moved = {wire: Wire(wire.source, wire.port, target.id) for wire in wires}
            canvas.apply("Move a wire", lambda w: edits.reconnect(w, moved, types=canvas.types))
        elif reason:
            canvas.said.emit(reason)
        else:
            canvas.apply("Cut a wire", lambda w: edits.disconnect(w, wires))

    def cancel(self) -> None:
        """Leave the wires where they are."""
        self.canvas.marks.wires = set()
        super().cancel()


class Cut(Gesture):
    """A line that cuts every wire it crosses."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, canvas: CanvasView, start: Pointer) -> None:
        super().__init__(canvas, start)
        self._pointer = start
        self._wires: frozenset[Wire] = frozenset()

    def move(self, pointer: Pointer) -> None:
        """Find the wires under the line."""
        self._pointer = pointer
        diagram = self.canvas.diagram
        line = (self.start.x, self.start.y, pointer.x, pointer.y)
        paths = ((wire, diagram.wires[wire]) for wire in diagram.paths.within(spanned(*line)))
        self._wires = frozenset(wire for wire, p in paths if crosses(curve(p.x1, p.y1, p.x2, p.y2), *line))
        self.canvas.marks.wires = set(self._wires)
        self.canvas.repaint_all()

    def end(self, pointer: Pointer) -> None:
        """Cut them."""
        self.move(pointer)
        wires = self._wires
        self.cancel()
        if wires:

            def edit(workflow: Workflow) -> Workflow:
                return edits.disconnect(workflow, wires)

            self.canvas.apply("Cut a wire" if len(wires) == 1 else f"Cut {len(wires)} wires", edit)

    def cancel(self) -> None:
        """Cut nothing."""
        self.canvas.marks.wires = set()
        self.canvas.repaint_all()

    def paint(self, painter: QPainter) -> None:
        """The line."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(self.canvas.theme.color("wire.invalid"), 2.0)
        pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        begin = self.canvas.camera.to_window(self.start.x, self.start.y)
        painter.drawLine(QPointF(*begin), QPointF(self._pointer.at))


def paint_hint(painter: QPainter, canvas: CanvasView, at: QPoint, text: str) -> None:
    """A sentence beside the pointer."""
    theme = canvas.theme
    font = theme.font("caption")
    flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextWordWrap
    size = QFontMetricsF(font).boundingRect(QRectF(0, 0, _REASON_WIDTH, 200), int(flags), text)
    window = canvas.viewport().rect()
    left = min(at.x() + 18.0, window.right() - size.width() - 32.0)
    top = min(at.y() + 18.0, window.bottom() - size.height() - 24.0)
    back = QRectF(left, top, size.width() + 20.0, size.height() + 14.0)
    painter.setPen(QPen(theme.color("wire.invalid"), 1.0))
    painter.setBrush(theme.color("surface.menu"))
    painter.drawRoundedRect(back, 6.0, 6.0)
    painter.setFont(font)
    painter.setPen(theme.color("text.primary"))
    painter.drawText(back.adjusted(10, 7, -10, -7), int(flags), text)
