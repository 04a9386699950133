"""Where dragged steps come to rest: on the grid, or in line with a neighbour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from desktop.canvas.geometry import GRID, Rect

REACH = 6.0
"""How near an edge has to be for a guide to take it, in window pixels."""


@dataclass(frozen=True, slots=True)
class Guide:
    """A line that shows what a dragged step is in line with. gap: free space between the two in canvas pixels, shown
    as a number; None where they overlap."""

    x1: float
    y1: float
    x2: float
    y2: float
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class Snap:
    """A movement after snapping, and the guides that explain it."""

    dx: float
    dy: float
    guides: tuple[Guide, ...] = ()


def snapped(moving: Rect, dx: float, dy: float, others: Iterable[Rect], *, scale: float, free: bool = False) -> Snap:
    """The movement that brings a rectangle to rest near dx, dy.

    moving: where it was. others: what it may line up with. scale: 1.0 = 100 %. free: no snapping (Alt is held).
    """
    if free:
        return Snap(dx, dy)
    near = list(others)
    target = moving.moved(dx, dy)
    reach = REACH / scale
    shift_x = _nearest((target.left, target.center[0], target.right), _lines(near, across=True), reach)
    shift_y = _nearest((target.top, target.top + 18.0, target.bottom), _lines(near, across=False), reach)
    new_dx = dx + shift_x if shift_x is not None else _to_grid(moving.left + dx) - moving.left
    new_dy = dy + shift_y if shift_y is not None else _to_grid(moving.top + dy) - moving.top
    rest = moving.moved(new_dx, new_dy)
    guides = (
        *(_guide_down(rest, near) if shift_x is not None else ()),
        *(_guide_across(rest, near) if shift_y is not None else ()),
    )
    return Snap(new_dx, new_dy, guides)


def to_grid(x: float, y: float) -> tuple[float, float]:
    """The grid point nearest to a point."""
    return _to_grid(x), _to_grid(y)


def _to_grid(value: float) -> float:
    return round(value / GRID) * GRID


def _lines(rects: Sequence[Rect], *, across: bool) -> list[tuple[float, float, float]]:
    """For each neighbour the lines that its edges and middle (or port) make, in the order of the moving one's."""
    if across:
        return [(r.left, r.center[0], r.right) for r in rects]
    return [(r.top, r.top + 18.0, r.bottom) for r in rects]


def _nearest(
    own: tuple[float, float, float], lines: Sequence[tuple[float, float, float]], reach: float
) -> float | None:
    best: float | None = None
    for line in lines:
        for mine, theirs in zip(own, line, strict=True):
            shift = theirs - mine
            if abs(shift) <= reach and (best is None or abs(shift) < abs(best)):
                best = shift
    return best


def _guide_down(rest: Rect, others: Sequence[Rect]) -> tuple[Guide, ...]:
    """The upright line through equal left edges, middles or right edges, to the nearest such neighbour."""
    found: list[tuple[float, Guide]] = []
    for other in others:
        for mine, theirs in ((rest.left, other.left), (rest.center[0], other.center[0]), (rest.right, other.right)):
            if abs(mine - theirs) < 0.5:
                gap = max(other.top - rest.bottom, rest.top - other.bottom)
                low, high = min(rest.top, other.top), max(rest.bottom, other.bottom)
                found.append((gap, Guide(mine, low, mine, high, gap if gap > 0 else None)))
                break
    return (min(found, key=lambda pair: pair[0])[1],) if found else ()


def _guide_across(rest: Rect, others: Sequence[Rect]) -> tuple[Guide, ...]:
    found: list[tuple[float, Guide]] = []
    for other in others:
        for mine, theirs in ((rest.top, other.top), (rest.bottom, other.bottom)):
            if abs(mine - theirs) < 0.5:
                gap = max(other.left - rest.right, rest.left - other.right)
                low, high = min(rest.left, other.left), max(rest.right, other.right)
                found.append((gap, Guide(low, mine, high, mine, gap if gap > 0 else None)))
                break
    return (min(found, key=lambda pair: pair[0])[1],) if found else ()
