"""What is painted over the picture at every frame: dragged steps, lit wires, rings around steps, what is running."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from core.workflow.model import Wire
from desktop.canvas.batches import draw_rects, rect_numbers
from desktop.canvas.diagram import Diagram
from desktop.canvas.geometry import HEADER, PLUS, PORT_RADIUS, NodeBox, PortSpot, Rect
from desktop.canvas.look import said
from desktop.canvas.painter import Painter, blit
from desktop.canvas.routing import curve, point_at
from desktop.canvas.strands import curve_path
from desktop.canvas.viewport import Viewport

FRAMES: Final = 24
"""Pictures in one turn of a running step's ring."""

_DASH: Final = 6.0
_GAP: Final = 2.0
"""Between a step and the ring around it."""

_MOST_TITLES: Final = 20
_SHADE: Final = QColor(0, 0, 0, 18)
_SPREAD: Final = 10.0
_SINK: Final = 4.0


@dataclass(slots=True)
class Marks:
    """What is marked on the canvas.

    selected: steps. wires: selected wires. hover, hover_wire: under the pointer. focus: the step that the keyboard is
    at. targets: steps that a wire being drawn may lead to, None when none is drawn; all others fade. drop: the wire
    that a dropped step goes into. frame: the loop that it goes into. offset: how far what is dragged is from where it
    stands, in canvas pixels. loose: a wire whose other end is being asked for: its step and port, and the canvas point
    where that end will be.
    """

    selected: set[str] = field(default_factory=set)
    wires: set[Wire] = field(default_factory=set)
    hover: str = ""
    hover_port: PortSpot | None = None
    hover_wire: Wire | None = None
    focus: str = ""
    targets: frozenset[str] | None = None
    source: str = ""
    drop: Wire | None = None
    frame: str | None = None
    offset: tuple[float, float] = (0.0, 0.0)
    loose: tuple[str, str, float, float] | None = None


class Live:
    """Paints the marks and what is running."""

    def __init__(self, diagram: Diagram, painter: Painter, marks: Marks) -> None:
        self._diagram = diagram
        self._painter = painter
        self._marks = marks
        self._shadows: dict[tuple[float, float], QPixmap] = {}
        self._rings: dict[tuple[float, float], tuple[QPolygonF, ...]] = {}

    def paint(
        self,
        painter: QPainter,
        area: Rect,
        viewport: Viewport,
        dpr: float,
        *,
        running: Callable[[str], float | None],
        phase: float,
        keyboard: bool,
    ) -> None:
        """Paint over a part of the canvas. running: seconds since a step began, None if it does not run.

        phase: how far the rings have turned, 0 to 1. keyboard: whether the focus ring is shown.
        """
        lifted, detail = self._painter.lifted, self._painter.detail
        _look_at(painter, viewport)
        self._wires(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._frame(painter)
        self._faded(painter, area)
        seen = self._diagram.nodes.within(area) if detail != "far" else set()
        self._steps(painter, seen - lifted, viewport, dpr, running, phase)
        if lifted:
            dx, dy = self._marks.offset
            shifted = Viewport(viewport.width, viewport.height)
            shifted.scale, shifted.x, shifted.y = viewport.scale, viewport.x - dx, viewport.y - dy
            _look_at(painter, shifted)
            near = self._diagram.nodes.within(area.moved(-dx, -dy)) & lifted
            self._lifted(painter, near, shifted, dpr)
            self._steps(painter, near, shifted, dpr, running, phase)
            _look_at(painter, viewport)
        self._hover(painter, viewport)
        if keyboard and self._marks.focus in self._diagram.boxes and self._marks.focus not in lifted:
            self._focus(painter, self._diagram.boxes[self._marks.focus], viewport)

    def _steps(
        self,
        painter: QPainter,
        seen: set[str],
        viewport: Viewport,
        dpr: float,
        running: Callable[[str], float | None],
        phase: float,
    ) -> None:
        """What is lit at these steps: what runs, and what is selected."""
        self._selection(painter, seen, viewport)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for step in seen:
            seconds = running(step)
            if seconds is not None:
                self._running(painter, self._diagram.boxes[step], seconds, phase, viewport, dpr)

    def _wires(self, painter: QPainter) -> None:
        marks, ink, strands = self._marks, self._painter.ink, self._painter.strands
        known, lifted = self._diagram.wires, self._painter.lifted
        lit = [w for w in marks.wires if w in known and w.source not in lifted and w.target not in lifted]
        if lit:
            strands.paint_as(painter, lit, ink.chosen_wire)
        for marked, pen in ((marks.hover_wire, ink.hover_wire), (marks.drop, ink.chosen_wire)):
            if marked is not None and marked in known:
                strands.paint_as(painter, (marked,), pen)
        if marks.loose is not None:
            self._loose(painter, *marks.loose)
        if self._painter.detail == "near":
            strands.paint_labels(painter, {*lit, *(known.keys() & {marks.hover_wire, marks.drop})}, ink)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, self._painter.detail != "far")
        dx, dy = marks.offset
        for step in lifted:
            for wire in self._diagram.wires_of(step):
                leaves, arrives = wire.source in lifted, wire.target in lifted
                if leaves and arrives:
                    continue
                path = known[wire]
                painter.setPen(ink.far_wire if self._painter.detail == "far" else ink.live_wire[path.kind])
                painter.setBrush(Qt.BrushStyle.NoBrush)
                out, into = float(leaves), float(arrives)
                painter.drawPath(
                    curve_path(path.x1 + dx * out, path.y1 + dy * out, path.x2 + dx * into, path.y2 + dy * into)
                )

    def _loose(self, painter: QPainter, step: str, port: str, x: float, y: float) -> None:
        """A wire whose other end is being asked for."""
        box = self._diagram.boxes.get(step)
        spot = box.shape.exit(port) if box is not None else None
        if box is not None and spot is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(self._painter.ink.live_wire[spot.kind])
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(curve_path(*box.spot(spot), x, y))

    def _lifted(self, painter: QPainter, near: set[str], viewport: Viewport, dpr: float) -> None:
        """What is dragged, with the wires between; the painter looks from where it would stand still."""
        lifted, ink = self._painter.lifted, self._painter.ink
        wires = {w for step in near for w in self._diagram.wires_of(step) if w.source in lifted and w.target in lifted}
        if self._painter.detail == "far":
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.second)
            draw_rects(painter, rect_numbers([self._diagram.boxes[step].rect for step in near]))
            return
        boxes = [box for box in map(self._diagram.boxes.__getitem__, near) if box.is_frame]
        for box in sorted(boxes, key=lambda box: box.depth):
            self._painter.paint_loop(painter, box, viewport, dpr)
        self._painter.strands.paint(painter, wires, ink, quick=len(wires) > 200, arrows=True)
        for step in sorted(near):
            box = self._diagram.boxes[step]
            if len(near) <= _MOST_TITLES:
                self._shadow(painter, box)
            sprite = None if box.is_frame else self._painter.sprite(step, viewport.scale, dpr)
            if sprite is not None:
                blit(painter, box, sprite, viewport, dpr)

    def _shadow(self, painter: QPainter, box: NodeBox) -> None:
        """What is dragged lies higher than the rest. The shadow is painted once for a size: it is soft anyway."""
        baked = self._shadows.get((box.width, box.height))
        if baked is None:
            baked = self._shadows[box.width, box.height] = _baked_shadow(box, self._painter.ink.radius)
        painter.drawPixmap(QPointF(box.x - _SPREAD, box.y - _SPREAD + _SINK), baked)

    def _frame(self, painter: QPainter) -> None:
        """The loop that what is dragged would go into."""
        frame = self._marks.frame
        if frame is not None and frame in self._diagram.boxes:
            self._ring(painter, self._diagram.boxes[frame], QPen(self._painter.ink.accent, 3.0), 0.0)

    def _faded(self, painter: QPainter, area: Rect) -> None:
        """While a wire is drawn: a halo around where it may end, a veil over where it may not."""
        targets, ink = self._marks.targets, self._painter.ink
        if targets is None:
            return
        veil = self._painter.ink.theme.color("canvas.bg", 0.65)
        for step in self._diagram.nodes.within(area):
            box = self._diagram.boxes[step]
            entry = box.shape.entry()
            if step in targets and entry is not None:
                painter.setPen(QPen(ink.theme.color("accent", 0.7), 2.0))
                painter.setBrush(ink.theme.color("accent", 0.25))
                painter.drawEllipse(QPointF(*box.spot(entry)), 9.0, 9.0)
            elif step != self._marks.source and not box.is_frame:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(veil)
                painter.drawPath(self._veil(box))

    def _veil(self, box: NodeBox) -> QPainterPath:
        """What covers a step with its ports and its chip."""
        path = QPainterPath()
        radius = self._painter.ink.radius
        path.addRoundedRect(_qt(box.rect.grown(1.0)), radius, radius)
        for port in box.shape.ports:
            spot = QPainterPath()
            spot.addEllipse(QPointF(*box.spot(port)), PORT_RADIUS + 1.0, PORT_RADIUS + 1.0)
            path = path.united(spot)
        chip = self._painter.faces.chip_rect(self._painter.look(box.id))
        if chip is not None:
            under = QPainterPath()
            under.addRoundedRect(chip.translated(box.x, box.y), chip.height() / 2, chip.height() / 2)
            path = path.united(under)
        return path

    def _running(
        self, painter: QPainter, box: NodeBox, seconds: float, phase: float, viewport: Viewport, dpr: float
    ) -> None:
        ink = self._painter.ink
        colour = ink.state["running"]
        frames = self._turns(box.width, box.height)
        painter.save()
        painter.translate(box.x, box.y)
        painter.setPen(QPen(colour, 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPolyline(frames[int(phase * FRAMES) % FRAMES])
        if self._painter.detail == "near":
            if seconds >= 1.0:
                chip = self._painter.faces.clock(said(math.floor(seconds)), viewport.scale, dpr)
                size = chip.deviceIndependentSize() / viewport.scale
                painter.drawPixmap(
                    QRectF(11.0, box.height - 9.0, size.width(), size.height()), chip, QRectF(chip.rect())
                )
            middle = QRectF(box.width - 28.0, HEADER / 2 - 6.0, 12.0, 12.0)
            painter.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawArc(middle, int(-phase * 360 * 16), 270 * 16)
        painter.restore()
        self._flow(painter, box.id, phase)

    def _flow(self, painter: QPainter, step: str, phase: float) -> None:
        """Something travels along the wires that lead to a running step."""
        ink = self._painter.ink
        painter.setPen(QPen(ink.state["running"], 3.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for wire in self._diagram.wires_of(step):
            if wire.target == step:
                path = self._diagram.wires[wire]
                points = curve(path.x1, path.y1, path.x2, path.y2)
                long = max(_DASH, math.hypot(path.x2 - path.x1, path.y2 - path.y1))
                painter.drawLine(
                    QPointF(*point_at(points, phase)), QPointF(*point_at(points, min(1.0, phase + _DASH / long)))
                )

    def _selection(self, painter: QPainter, seen: set[str], viewport: Viewport) -> None:
        chosen, ink = self._marks.selected, self._painter.ink
        if not chosen:
            return
        if self._painter.detail == "far":
            pen = QPen(ink.accent, 1.5)
            pen.setCosmetic(True)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            shown = chosen - self._painter.lifted if not seen else chosen & seen
            draw_rects(painter, rect_numbers([self._diagram.boxes[s].rect for s in shown if s in self._diagram.boxes]))
            return
        pen = QPen(ink.accent, max(2.0, 1.5 / viewport.scale))
        for step in seen & chosen:
            box = self._diagram.boxes[step]
            self._ring(painter, box, pen, _GAP)
            if len(chosen) <= _MOST_TITLES:
                self._above(painter, box, 1.0)
        if self._painter.detail == "mid" and len(chosen) <= _MOST_TITLES:
            self._titles(painter, seen & chosen, viewport)

    def _titles(self, painter: QPainter, steps: Iterable[str], viewport: Viewport) -> None:
        """The titles of what is selected, at a size that can be read from afar."""
        ink = self._painter.ink
        for step in steps:
            box = self._diagram.boxes.get(step)
            if box is None:
                continue
            painter.save()
            painter.translate(box.x, box.y)
            painter.scale(1 / viewport.scale, 1 / viewport.scale)
            painter.setFont(ink.caption)
            text = self._diagram.title(step)
            back = QRectF(-2, -22, QFontMetricsF(ink.caption).horizontalAdvance(text) + 12.0, 18.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.theme.color("surface.menu"))
            painter.drawRoundedRect(back, ink.chip_radius, ink.chip_radius)
            painter.setPen(ink.text)
            painter.drawText(back, Qt.AlignmentFlag.AlignCenter, text)
            painter.restore()

    def _hover(self, painter: QPainter, viewport: Viewport) -> None:
        marks, ink = self._marks, self._painter.ink
        box = self._diagram.boxes.get(marks.hover)
        if box is None or self._painter.detail == "far":
            return
        if marks.hover not in marks.selected:
            self._ring(painter, box, QPen(ink.hover.color(), max(1.0, 1.0 / viewport.scale)), -0.5)
        self._above(painter, box, 1.2)
        connected = self._diagram.connected(box.id)
        for port in box.shape.exits() if self._painter.detail == "near" else ():
            if ("out", port.name) not in connected:
                x, y = box.spot(port)
                self._plus(painter, x + PLUS, y, lit=port is marks.hover_port)

    def _above(self, painter: QPainter, box: NodeBox, grow: float) -> None:
        """Ports and chip once more, over a ring that crosses them. grow: of ports."""
        near = self._painter.detail == "near"
        connected = self._diagram.connected(box.id)
        for port in box.shape.ports:
            more = 1.25 if port is self._marks.hover_port else 1.0
            wired = (port.side, port.name) in connected or not near
            self._painter.faces.port(painter, port, *box.spot(port), connected=wired, grow=grow * more)
        if near and not box.is_frame:
            painter.save()
            painter.translate(box.x, box.y)
            self._painter.faces.chip(painter, self._painter.look(box.id))
            painter.restore()

    def _plus(self, painter: QPainter, x: float, y: float, *, lit: bool) -> None:
        """The sign at an open port that a click adds a step there."""
        ink = self._painter.ink
        painter.setPen(QPen(ink.accent if lit else ink.hover.color(), 1.0))
        painter.setBrush(ink.theme.color("surface.menu"))
        painter.drawEllipse(QPointF(x, y), 7.0, 7.0)
        painter.setPen(QPen(ink.accent if lit else ink.second, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(x - 3, y), QPointF(x + 3, y))
        painter.drawLine(QPointF(x, y - 3), QPointF(x, y + 3))

    def _focus(self, painter: QPainter, box: NodeBox, viewport: Viewport) -> None:
        pen = QPen(self._painter.ink.focus, max(2.0, 1.5 / viewport.scale))
        pen.setDashPattern([3.0, 2.0])
        self._ring(painter, box, pen, _GAP + 3.0)

    def _ring(self, painter: QPainter, box: NodeBox, pen: QPen, gap: float) -> None:
        ink = self._painter.ink
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        radius = ink.radius + max(gap, 0.0)
        painter.drawRoundedRect(_qt(box.rect.grown(gap)), radius, radius)

    def _turns(self, width: float, height: float) -> tuple[QPolygonF, ...]:
        found = self._rings.get((width, height))
        if found is None:
            found = self._rings[width, height] = ring_frames(width, height, self._painter.ink.radius)
        return found


def _baked_shadow(box: NodeBox, radius: float) -> QPixmap:
    pixmap = QPixmap(math.ceil(box.width + 2 * _SPREAD), math.ceil(box.height + 2 * _SPREAD))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_SHADE)
    for depth in range(5):
        by = _SPREAD - 2.0 * depth
        rect = QRectF(_SPREAD - by, _SPREAD - by, box.width + 2 * by, box.height + 2 * by)
        painter.drawRoundedRect(rect, radius + by, radius + by)
    painter.end()
    return pixmap


def ring_frames(width: float, height: float, radius: float) -> tuple[QPolygonF, ...]:
    """The quarter of a rounded rectangle's outline that is lit in each picture of one turn."""
    outline = _outline(width, height, radius)
    long = len(outline) // 4
    turns = []
    for frame in range(FRAMES):
        first = frame * len(outline) // FRAMES
        turns.append(QPolygonF([QPointF(*outline[(first + i) % len(outline)]) for i in range(long)]))
    return tuple(turns)


def _outline(width: float, height: float, radius: float) -> list[tuple[float, float]]:
    """Points along a rounded rectangle, about 4 pixels apart, clockwise from the top left."""
    points: list[tuple[float, float]] = []
    corners = (
        (width - radius, radius, -90.0), (width - radius, height - radius, 0.0),
        (radius, height - radius, 90.0), (radius, radius, 180.0),
    )  # fmt: skip
    at = (radius, 0.0)
    for x, y, turn in corners:
        start = (x + radius * math.cos(math.radians(turn)), y + radius * math.sin(math.radians(turn)))
        pieces = max(1, int(math.hypot(start[0] - at[0], start[1] - at[1]) / 4.0))
        points += [
            (at[0] + (start[0] - at[0]) * i / pieces, at[1] + (start[1] - at[1]) * i / pieces) for i in range(pieces)
        ]
        for i in range(4):
            angle = math.radians(turn + 90.0 * i / 4)
            points.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
        end = math.radians(turn + 90.0)
        at = (x + radius * math.cos(end), y + radius * math.sin(end))
    return points


def _look_at(painter: QPainter, viewport: Viewport) -> None:
    """Let the painter count in canvas pixels."""
    painter.resetTransform()
    painter.scale(viewport.scale, viewport.scale)
    painter.translate(-viewport.x, -viewport.y)


def _qt(rect: Rect) -> QRectF:
    return QRectF(rect.left, rect.top, rect.width, rect.height)
