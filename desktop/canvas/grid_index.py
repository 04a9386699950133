"""Finding what lies in a part of the canvas without looking at everything: a uniform grid of cells."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from desktop.canvas.geometry import Rect

K = TypeVar("K", bound=Hashable)

_CELL = 512.0
_MOST_CELLS = 64
"""What covers more cells is kept apart and always looked at: entering it everywhere would cost more than it saves."""


class GridIndex(Generic[K]):
    """Things by their rectangle."""

    def __init__(self) -> None:
        self._rects: dict[K, Rect] = {}
        self._cells: dict[tuple[int, int], set[K]] = {}
        self._large: set[K] = set()

    def __len__(self) -> int:
        return len(self._rects)

    def __contains__(self, key: object) -> bool:
        return key in self._rects

    def rect(self, key: K) -> Rect:
        """Where a thing is."""
        return self._rects[key]

    def put(self, key: K, rect: Rect) -> None:
        """Enter a thing, or move it."""
        if key in self._rects:
            self.remove(key)
        self._rects[key] = rect
        if _count(rect) > _MOST_CELLS:
            self._large.add(key)
            return
        for cell in _covered(rect):
            self._cells.setdefault(cell, set()).add(key)

    def remove(self, key: K) -> None:
        """Take a thing out; nothing happens if it is not in."""
        rect = self._rects.pop(key, None)
        if rect is None:
            return
        if key in self._large:
            self._large.discard(key)
            return
        for cell in _covered(rect):
            keys = self._cells[cell]
            keys.discard(key)
            if not keys:
                del self._cells[cell]

    def within(self, area: Rect) -> set[K]:
        """Everything whose rectangle meets the area."""
        if _count(area) >= len(self._cells):
            return {key for key, rect in self._rects.items() if rect.intersects(area)}
        found = set(self._large)
        for cell in _covered(area):
            found |= self._cells.get(cell, frozenset())
        return {key for key in found if self._rects[key].intersects(area)}


def _covered(rect: Rect) -> Iterator[tuple[int, int]]:
    for column in range(int(rect.left // _CELL), int(rect.right // _CELL) + 1):
        for row in range(int(rect.top // _CELL), int(rect.bottom // _CELL) + 1):
            yield column, row


def _count(rect: Rect) -> int:
    columns = int(rect.right // _CELL) - int(rect.left // _CELL) + 1
    return columns * (int(rect.bottom // _CELL) - int(rect.top // _CELL) + 1)
