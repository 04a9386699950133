"""The way of a wire: cubics from port to port, and questions about them. Canvas pixels; no Qt."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TypeAlias

from desktop.canvas.geometry import Rect

Curve: TypeAlias = tuple[float, ...]
"""Cubics end to end: x, y of the start, then of two control points and an end for each."""

_LEAST_OFFSET = 40.0
_BACK = 60.0
"""A target that is further back than this gets a wire in the form of an S."""
_LOW = 160.0
"""Ends nearer than this in height leave no room between the steps: the wire goes around below."""
_DETOUR = 112.0


def curve(x1: float, y1: float, x2: float, y2: float) -> Curve:
    """The wire between an output at the first and an input at the second point."""
    dx = x2 - x1
    if dx >= -_BACK:
        bend = max(_LEAST_OFFSET, 0.5 * abs(dx))
        return (x1, y1, x1 + bend, y1, x2 - bend, y2, x2, y2)
    bend = max(_LEAST_OFFSET, min(0.25 * 25.0 * math.sqrt(-dx), 240.0))
    middle = (y1 + y2) / 2 if abs(y2 - y1) >= _LOW else max(y1, y2) + _DETOUR
    across = (x1 + x2) / 2
    return (x1, y1, x1 + bend, y1, x1 + bend, middle, across, middle, x2 - bend, middle, x2 - bend, y2, x2, y2)


def bounds(x1: float, y1: float, x2: float, y2: float) -> Rect:
    """A rectangle that the wire between these points does not leave."""
    points = curve(x1, y1, x2, y2)
    xs, ys = points[0::2], points[1::2]
    return Rect(min(xs), min(ys), max(xs), max(ys))


def strips(x1: float, y1: float, x2: float, y2: float, pieces: int = 4) -> list[Rect]:
    """Small rectangles that together cover the wire: far less than the one around it."""
    line = sampled(curve(x1, y1, x2, y2), 12)
    step = max(1, math.ceil((len(line) - 1) / pieces))
    out = []
    for start in range(0, len(line) - 1, step):
        part = line[start : start + step + 1]
        xs, ys = [x for x, _ in part], [y for _, y in part]
        out.append(Rect(min(xs), min(ys), max(xs), max(ys)))
    return out


def segments(points: Curve) -> Iterator[tuple[float, ...]]:
    """The cubics one by one, 8 numbers each."""
    for start in range(0, len(points) - 2, 6):
        yield points[start : start + 8]


def point_at(points: Curve, t: float) -> tuple[float, float]:
    """The point at a share of the way, from 0 to 1."""
    parts = list(segments(points))
    scaled = min(max(t, 0.0), 1.0) * len(parts)
    index = min(int(scaled), len(parts) - 1)
    return _on_cubic(parts[index], scaled - index)


def sampled(points: Curve, steps: int = 16) -> list[tuple[float, float]]:
    """Points along the way, both ends included. steps: pieces per cubic."""
    out = [(points[0], points[1])]
    for part in segments(points):
        out.extend(_on_cubic(part, step / steps) for step in range(1, steps + 1))
    return out


def distance(points: Curve, x: float, y: float) -> float:
    """How far a point is from the wire."""
    line = sampled(points)
    return min(_to_segment(x, y, *a, *b) for a, b in itertools.pairwise(line))


def crosses(points: Curve, x1: float, y1: float, x2: float, y2: float) -> bool:
    """Whether a straight cut meets the wire."""
    line = sampled(points)
    return any(_meet(x1, y1, x2, y2, *a, *b) for a, b in itertools.pairwise(line))


def _on_cubic(part: tuple[float, ...], t: float) -> tuple[float, float]:
    x0, y0, x1, y1, x2, y2, x3, y3 = part
    u = 1.0 - t
    a, b, c, d = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def _to_segment(x: float, y: float, x1: float, y1: float, x2: float, y2: float) -> float:
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    t = 0.0 if not length else min(1.0, max(0.0, ((x - x1) * dx + (y - y1) * dy) / length))
    return math.hypot(x - (x1 + t * dx), y - (y1 + t * dy))


def _meet(
    ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float
) -> bool:  # fmt: skip
    def side(px: float, py: float, qx: float, qy: float, rx: float, ry: float) -> float:
        return (qx - px) * (ry - py) - (qy - py) * (rx - px)

    first, second = side(ax, ay, bx, by, cx, cy), side(ax, ay, bx, by, dx, dy)
    third, fourth = side(cx, cy, dx, dy, ax, ay), side(cx, cy, dx, dy, bx, by)
    return first * second <= 0 and third * fourth <= 0 and (first != second or third != fourth)
