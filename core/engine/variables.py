"""Workflow variables during a run: shared by all steps, deterministic although steps run in parallel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from core.workflow.model import Json

Rank: TypeAlias = tuple[int, ...]
"""A place in the order of a run: ranks and pass numbers from the outermost scope inward."""


class Variables:
    """The current values.

    When steps on parallel branches set the same variable, the one that stands last in the stable topological
    order of the document wins, whichever finishes last; a step always wins over those before it.
    """

    __slots__ = ("_ranks", "values")

    def __init__(self, values: Mapping[str, Json]) -> None:
        self.values: dict[str, Json] = dict(values)
        self._ranks: dict[str, Rank] = {}

    def set(self, changes: Mapping[str, Json], rank: Rank) -> None:
        """Set variables on behalf of the step at that place."""
        for name, value in changes.items():
            if rank >= self._ranks.get(name, ()):
                self._ranks[name] = rank
                self.values[name] = value

    def set_within(self, place: Rank) -> dict[str, Json]:
        """The variables whose current value comes from a step inside the step at that place."""
        depth = len(place)
        return {name: self.values[name] for name, rank in self._ranks.items() if rank[:depth] == place != rank}
