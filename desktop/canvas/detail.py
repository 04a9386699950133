"""How much of a step is painted at a scale, so that one does not flicker between two levels."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Detail: TypeAlias = Literal["far", "mid", "near"]
"""`far`: rectangles in the state's colour. `mid`: bodies, bars for texts. `near`: everything."""

NEAR: Final = 0.45
MID: Final = 0.22
_STICK: Final = 1.15
"""A level that was left is taken again 15 % later."""


def detail_at(scale: float, before: Detail) -> Detail:
    """The level for a scale (1.0 = 100 %), given the one before."""
    near = NEAR if before == "near" else NEAR * _STICK
    mid = MID if before != "far" else MID * _STICK
    if scale >= near:
        return "near"
    return "mid" if scale >= mid else "far"
