"""Painting wires: their curves kept as Qt paths, their pens by what they carry and what a run has sent along them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF, QRegion

from core.workflow.model import Wire
from desktop.canvas.diagram import Diagram
from desktop.canvas.geometry import Rect, WirePath
from desktop.canvas.ink import Ink
from desktop.canvas.routing import curve, point_at, segments, strips
from desktop.canvas.traffic import Flow

LABEL_REACH: Final = 14.0
"""Canvas pixels that a wire's label may reach out of the wire's own rectangle."""

_ARROW = 5.0
_LABEL, _WIDEST = 18.0, 80.0
"""Height of a label, and its width at most."""

_ENDS = 20.0
"""Length of a wire that its two ports take."""

_DIMMED = 0.35
"""Opacity of wires that are not what matters now."""


class Strands:
    """The wires of a diagram. flow: what the run that is shown did with a wire. tally: how much it sent along it, in
    words, '' for nothing."""

    def __init__(self, diagram: Diagram, flow: Callable[[Wire], Flow], tally: Callable[[Wire], str]) -> None:
        self._diagram = diagram
        self._flow = flow
        self._tally = tally
        self.dimmed = False
        """Whether another wire is being drawn, which has to stand out."""
        self._paths: dict[Wire, QPainterPath] = {}
        self._regions: dict[Wire, QRegion] = {}

    def forget(self, wires: Iterable[Wire]) -> None:
        """These wires have moved or are gone."""
        for wire in wires:
            self._paths.pop(wire, None)
            self._regions.pop(wire, None)

    def path(self, wire: Wire) -> QPainterPath:
        """A wire's curve."""
        found = self._paths.get(wire)
        if found is None:
            found = self._paths[wire] = qt_path(self._diagram.wires[wire])
        return found

    def crossing(self, wires: Iterable[Wire], region: QRegion) -> list[Wire]:
        """Those of the wires that come through a region of the canvas; a curve is mostly not in its own rectangle."""
        return [wire for wire in wires if self._region(wire).intersects(region)]

    def _region(self, wire: Wire) -> QRegion:
        found = self._regions.get(wire)
        if found is None:
            path, found = self._diagram.wires[wire], QRegion()
            for left, top, right, bottom in strips(path.x1, path.y1, path.x2, path.y2):
                found += QRect(int(left) - 6, int(top) - 6, int(right - left) + 13, int(bottom - top) + 13)
            left, top, right, bottom = label_room(path)
            found += QRect(int(left) - 1, int(top) - 1, int(right - left) + 3, int(bottom - top) + 3)
            self._regions[wire] = found
        return found

    def paint(self, painter: QPainter, wires: Iterable[Wire], ink: Ink, *, quick: bool, arrows: bool) -> None:
        """Paint wires; the painter is in canvas pixels. quick: thin and without antialiasing (while zooming)."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not quick)
        painter.setOpacity(_DIMMED if self.dimmed else 1.0)
        if quick:
            painter.setPen(ink.far_wire)
            for wire in wires:
                painter.drawPath(self.path(wire))
            painter.setOpacity(1.0)
            return
        by_pen: dict[int, tuple[QPen, list[Wire]]] = {}
        for wire in wires:
            pen = self._pen(wire, ink)
            by_pen.setdefault(id(pen), (pen, []))[1].append(wire)
        for pen, some in by_pen.values():
            painter.setPen(pen)
            for wire in some:
                painter.drawPath(self.path(wire))
            if arrows:
                painter.setBrush(pen.color())
                painter.setPen(Qt.PenStyle.NoPen)
                for wire in some:
                    path = self._diagram.wires[wire]
                    if path.kind == "flow":
                        paint_arrow(painter, path, beside=bool(self._tally(wire)))
                painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setOpacity(1.0)

    def paint_as(self, painter: QPainter, wires: Iterable[Wire], pen: QPen) -> None:
        """Paint wires with a pen of the caller's."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        for wire in wires:
            painter.drawPath(self.path(wire))

    def paint_labels(self, painter: QPainter, wires: Iterable[Wire], ink: Ink) -> None:
        """Say on wires how much a run sent along them, where there is room; the painter is in canvas pixels."""
        painter.setOpacity(_DIMMED if self.dimmed else 1.0)
        for wire in wires:
            text = self._tally(wire)
            if text:
                paint_label(painter, self._diagram.wires[wire], text, ink)
        painter.setOpacity(1.0)

    def _pen(self, wire: Wire, ink: Ink) -> QPen:
        path = self._diagram.wires[wire]
        if path.missing:
            return ink.broken_wire
        flow = self._flow(wire)
        pens = ink.wire if flow == "rest" else ink.live_wire if flow == "live" else ink.dead_wire
        return pens[path.kind]


def qt_path(path: WirePath) -> QPainterPath:
    """The curve between a wire's ends."""
    return curve_path(path.x1, path.y1, path.x2, path.y2)


def curve_path(x1: float, y1: float, x2: float, y2: float) -> QPainterPath:
    """The curve between two points."""
    points = curve(x1, y1, x2, y2)
    out = QPainterPath(QPointF(points[0], points[1]))
    for _, _, ax, ay, bx, by, x, y in segments(points):
        out.cubicTo(ax, ay, bx, by, x, y)
    return out


def label_room(path: WirePath) -> Rect:
    """The place that a wire's label never leaves."""
    x, y = point_at(curve(path.x1, path.y1, path.x2, path.y2), 0.5)
    return Rect(x - _WIDEST / 2, y - _LABEL / 2, x + _WIDEST / 2, y + _LABEL / 2)


def paint_label(painter: QPainter, path: WirePath, text: str, ink: Ink) -> None:
    """A pill in the middle of a wire; only its number where the wire is short, nothing where it is shorter still."""
    metrics = QFontMetricsF(ink.figures)
    room = min(_WIDEST, math.hypot(path.x2 - path.x1, path.y2 - path.y1) - _ENDS)
    for words in (text, text.partition(" ")[0]):
        width = max(_LABEL, metrics.horizontalAdvance(words) + 12.0)
        if width <= room:
            break
    else:
        return
    x, y = label_room(path).center
    pill = QRectF(x - width / 2, y - _LABEL / 2, width, _LABEL)
    painter.setPen(ink.border)
    painter.setBrush(ink.theme.color("surface.menu"))
    painter.drawRoundedRect(pill.adjusted(0.5, 0.5, -0.5, -0.5), _LABEL / 2 - 0.5, _LABEL / 2 - 0.5)
    painter.setFont(ink.figures)
    painter.setPen(ink.second)
    painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, words)


def paint_arrow(painter: QPainter, path: WirePath, *, beside: bool = False) -> None:
    """A small arrow in the middle of a wire that decides the way: colour alone would not say it.

    beside: further on, because the middle is taken.
    """
    points = curve(path.x1, path.y1, path.x2, path.y2)
    middle = 0.82 if beside else 0.5
    (x1, y1), (x2, y2) = point_at(points, middle - 0.02), point_at(points, middle + 0.02)
    angle = math.atan2(y2 - y1, x2 - x1)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    corners = [(1.0, 0.0), (-0.8, 0.9), (-0.8, -0.9)]
    turned = [
        QPointF(
            x + _ARROW * (a * math.cos(angle) - b * math.sin(angle)),
            y + _ARROW * (a * math.sin(angle) + b * math.cos(angle)),
        )
        for a, b in corners
    ]
    painter.drawPolygon(QPolygonF(turned))
