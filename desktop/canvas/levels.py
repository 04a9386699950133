"""A workflow reduced to what a layout needs: sizes, wires and groups on each level, as plain values.

They go to another process and back as JSON, so nothing here knows of documents or Qt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from desktop.canvas.geometry import FRAME_HEIGHT, FRAME_PAD, FRAME_WIDTH, HEADER
from desktop.canvas.layers import Place, arranged


class Cable(NamedTuple):
    """A wire. out, into: how far below the tops of the two steps it leaves and arrives, in canvas pixels."""

    source: str
    target: str
    out: float = HEADER / 2
    into: float = HEADER / 2


@dataclass(frozen=True, slots=True)
class Level:
    """The steps of one level.

    sizes: of those that hold no others, by id. cables: between steps of the level. bodies: what is inside loops, by
    the loop's id. groups: steps that are to stand together. order: all ids; ties are broken by it.
    """

    order: Sequence[str]
    sizes: Mapping[str, Place]
    cables: Sequence[Cable] = ()
    bodies: Mapping[str, Level] = field(default_factory=dict)
    groups: Sequence[Sequence[str]] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as values that JSON knows."""
        return {
            "order": [*self.order],
            "sizes": {step: [*size] for step, size in self.sizes.items()},
            "cables": [[*cable] for cable in self.cables],
            "bodies": {loop: body.as_json() for loop, body in self.bodies.items()},
            "groups": [[*group] for group in self.groups],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Level:
        """What as_json gave."""
        return cls(
            data["order"],
            {step: (width, height) for step, (width, height) in data["sizes"].items()},
            [Cable(*cable) for cable in data["cables"]],
            {loop: cls.from_json(body) for loop, body in data["bodies"].items()},
            data["groups"],
        )

    def count(self) -> int:
        """How many steps there are, those inside loops included."""
        return len(self.order) + sum(body.count() for body in self.bodies.values())


Arrange: TypeAlias = Callable[[Level, Mapping[str, Place]], dict[str, Place]]
"""Gives top left corners from 0, 0 on to the steps of one level. The sizes given are those of loops too."""


def in_columns(level: Level, sizes: Mapping[str, Place]) -> dict[str, Place]:
    """The arrangement that needs nothing but arithmetic."""
    return arranged(sizes, ((cable.source, cable.target) for cable in level.cables))


def placed(level: Level, arrange: Arrange = in_columns) -> tuple[dict[str, Place], Place]:
    """Positions on a level and in the loops on it, and the level's size; the innermost is arranged first."""
    sizes: dict[str, Place] = {}
    inner: dict[str, dict[str, Place]] = {}
    for step in level.order:
        body = level.bodies.get(step)
        if body is None:
            sizes[step] = level.sizes[step]
            continue
        inner[step], (width, height) = placed(body, arrange)
        sizes[step] = (max(FRAME_WIDTH, width + 2 * FRAME_PAD), max(FRAME_HEIGHT, height + 2 * FRAME_PAD + HEADER))
    places = arrange(level, sizes) if sizes else {}
    right = max((places[step][0] + sizes[step][0] for step in places), default=0.0)
    bottom = max((places[step][1] + sizes[step][1] for step in places), default=0.0)
    for loop, body_places in inner.items():
        x, y = places[loop]
        for step, (dx, dy) in body_places.items():
            places[step] = (x + FRAME_PAD + dx, y + HEADER + FRAME_PAD + dy)
    return places, (right, bottom)
