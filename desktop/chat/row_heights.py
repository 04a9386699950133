"""Heights of many rows, of which most are only guessed: which row is where, without adding them all up."""

from __future__ import annotations

from collections.abc import Sequence


class RowHeights:
    """Heights in pixels by index; looking up and changing costs the logarithm of their number (a Fenwick tree)."""

    def __init__(self, heights: Sequence[float] = ()) -> None:
        self._heights: list[float] = []
        self._tree: list[float] = [0.0]
        self.reset(heights)

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, index: int) -> float:
        return self._heights[index]

    @property
    def total(self) -> float:
        """The height of all rows."""
        return self.top(len(self._heights))

    def reset(self, heights: Sequence[float]) -> None:
        """Begin anew with these."""
        self._heights = list(heights)
        self._tree = [0.0, *self._heights]
        for at in range(1, len(self._tree)):
            parent = at + (at & -at)
            if parent < len(self._tree):
                self._tree[parent] += self._tree[at]

    def append(self, height: float) -> None:
        """Add a row at the end."""
        at = len(self._tree)
        self._heights.append(height)
        self._tree.append(height + self.top(at - 1) - self.top(at - (at & -at)))

    def change(self, index: int, height: float) -> float:
        """Give a row another height; by how much it differs."""
        by = height - self._heights[index]
        if by:
            self._heights[index] = height
            at = index + 1
            while at < len(self._tree):
                self._tree[at] += by
                at += at & -at
        return by

    def top(self, index: int) -> float:
        """Where a row begins."""
        total, at = 0.0, index
        while at:
            total += self._tree[at]
            at -= at & -at
        return total

    def at(self, y: float) -> int:
        """The row that a height lies in; the last one for what is below. Rows of no height are passed over."""
        at, left = 0, y
        step = 1 << max(len(self._heights).bit_length() - 1, 0)
        while step:
            following = at + step
            if following < len(self._tree) and self._tree[following] <= left:
                at = following
                left -= self._tree[following]
            step >>= 1
        return min(at, max(len(self._heights) - 1, 0))
