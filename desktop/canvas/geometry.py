"""Sizes and places of what is on the canvas, in canvas pixels, without Qt.

A step's shape depends on its type and settings only, never on a run, so that nothing jumps while values flow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from core.workflow.model import Wire

WIDTH = 240.0
"""A step's width unless its layout says another."""

HEADER = 36.0
"""Height of the line with icon, title and state."""

ROW = 24.0
"""Height of the second line, and of a named port's line."""

LINE = 16.0
"""Height of a preview line."""

PAD = 12.0
"""Space between a step's edge and its text."""

PORT_RADIUS = 5.0
PLUS = 18.0
"""How far right of an open output port the sign stands that adds a step there."""

GRID = 8.0
"""Positions snap to multiples of it."""

DOTS = 24.0
"""Distance of the background's dots."""

FRAME_PAD = 24.0
"""Space between a loop's frame and the steps inside it."""

FRAME_WIDTH, FRAME_HEIGHT = 320.0, 160.0
"""The least size of a loop's frame."""

GROUP_PAD, GROUP_TITLE = 16.0, 28.0
"""Space between a group's frame and its steps, and the height of its title."""

NOTE_WIDTH, NOTE_HEIGHT = 208.0, 128.0

Form: TypeAlias = Literal["step", "loop", "note", "unknown"]
"""How a step is drawn; `unknown` is a step whose type is not installed."""

PortKind: TypeAlias = Literal["text", "json", "message", "image", "file", "number", "bool", "any", "flow"]
"""What leaves a port (`type.*` of the tokens); `flow` is a port that decides which way the run goes."""

Side: TypeAlias = Literal["in", "out"]


class Rect(NamedTuple):
    """A rectangle by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Its width."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Its height."""
        return self.bottom - self.top

    @property
    def center(self) -> tuple[float, float]:
        """Its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies in it, edges included."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def encloses(self, other: Rect) -> bool:
        """Whether the other lies wholly in it."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def intersects(self, other: Rect) -> bool:
        """Whether they share a point."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )

    def grown(self, by: float) -> Rect:
        """With every edge moved outward."""
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def moved(self, dx: float, dy: float) -> Rect:
        """Elsewhere."""
        return Rect(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def united(self, other: Rect) -> Rect:
        """The least rectangle around both."""
        return Rect(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


def around(rects: Iterable[Rect]) -> Rect | None:
    """The least rectangle around all, None if there are none."""
    left, top, right, bottom = zip(*rects, strict=True) if (rects := list(rects)) else ((), (), (), ())
    return Rect(min(left), min(top), max(right), max(bottom)) if left else None


def spanned(x1: float, y1: float, x2: float, y2: float) -> Rect:
    """The rectangle with these two corners, in whatever order."""
    return Rect(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


@dataclass(frozen=True, slots=True)
class PortSpot:
    """A port of a shape. x, y: from the box's top left corner. label: empty if the port needs no name."""

    name: str
    side: Side
    x: float
    y: float
    kind: PortKind
    label: str = ""


@dataclass(frozen=True)
class Shape:
    """What steps of one look have in common: size, ports, and which lines they show.

    previews: number of preview lines below the summary.
    """

    form: Form
    width: float
    height: float
    ports: tuple[PortSpot, ...]
    summary: bool = False
    previews: int = 0

    @cached_property
    def by_name(self) -> dict[tuple[Side, str], PortSpot]:
        """The ports by side and name."""
        return {(port.side, port.name): port for port in self.ports}

    def entry(self) -> PortSpot | None:
        """The port that wires lead to, None where none may."""
        return self.by_name.get(("in", ""))

    def exit(self, name: str) -> PortSpot | None:
        """The output port of that name."""
        return self.by_name.get(("out", name))

    def exits(self) -> tuple[PortSpot, ...]:
        """The output ports, the main one first."""
        return tuple(port for port in self.ports if port.side == "out")


@dataclass(frozen=True, slots=True)
class NodeBox:
    """A step on the canvas. parent: the loop around it. depth: how many loops are around it. width, height: a loop
    takes the size of what is inside it, so they may differ from the shape's."""

    id: str
    x: float
    y: float
    width: float
    height: float
    shape: Shape
    parent: str | None = None
    depth: int = 0

    @property
    def rect(self) -> Rect:
        """Its body's rectangle."""
        return Rect(self.x, self.y, self.x + self.width, self.y + self.height)

    @property
    def is_frame(self) -> bool:
        """Whether it holds other steps."""
        return self.shape.form == "loop"

    def spot(self, port: PortSpot) -> tuple[float, float]:
        """Where a port of its shape stands on the canvas."""
        x = self.width if port.side == "out" else port.x
        return self.x + x, self.y + port.y


@dataclass(frozen=True, slots=True)
class WirePath:
    """A wire on the canvas, from port to port. missing: the source has no port of that name any more."""

    wire: Wire
    x1: float
    y1: float
    x2: float
    y2: float
    kind: PortKind
    missing: bool = False
