"""What was open when the window was closed: opened again in its order, what was in front first and the rest behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.memory import RecentWork


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tab comes. index: among the tabs, None for the end. behind: whether the tab in front stays there."""

    index: int | None = None
    behind: bool = False


IN_FRONT = Place()
"""Where what a person opens comes."""


class LastWork:
    """works: what was open, from left to right. front: what was in front; None for the last of them."""

    def __init__(self, works: Sequence[RecentWork], front: RecentWork | None) -> None:
        self._works = tuple(works)
        self._front = front if _index(works, front) >= 0 else None
        if self._front is None and works:
            self._front = works[-1]
        self._waiting = list(works)

    @property
    def in_order(self) -> Sequence[Sequence[RecentWork]]:
        """What is opened one after the other: first what was in front, then all others at once."""
        first = [work for work in self._works if work.is_same(self._front)]
        others = [work for work in self._works if not work.is_same(self._front)]
        return [group for group in (first, others) if group]

    def place(self, work: RecentWork | None, tabs: Sequence[RecentWork | None]) -> Place:
        """Where a workflow comes that is opened now. tabs: what is open, from left to right.

        What was open last has its place once: a person who opens it later wants it in front.
        """
        mine = _index(self._works, work)
        waiting = _index(self._waiting, work)
        if mine < 0 or waiting < 0:
            return IN_FRONT
        del self._waiting[waiting]
        before = [n for n, tab in enumerate(tabs) if 0 <= _index(self._works, tab) < mine]
        return Place(before[-1] + 1 if before else 0, behind=work is not None and not work.is_same(self._front))


def _index(works: Sequence[RecentWork], work: RecentWork | None) -> int:
    """Where a workflow is among others, -1 if it is not."""
    return next((n for n, each in enumerate(works) if each.is_same(work)), -1)
