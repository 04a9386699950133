"""Which parts of the picture are out of date, in window pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

from PySide6.QtCore import QRect
from PySide6.QtGui import QRegion

from desktop.canvas.geometry import Rect
from desktop.canvas.viewport import Viewport

_CORNER = 12.0
_CHIP = 14.0


class Stale:
    """A region that has to be painted anew, and the part of it in which no wire can be seen.

    A step's body hides the wires behind it, so painting only that part anew needs none of them: that is what makes
    hundreds of changes of state a second cheap.
    """

    def __init__(self) -> None:
        self._region = QRegion()
        self._hidden = QRegion()

    def __bool__(self) -> bool:
        return not self._region.isEmpty()

    def all(self, viewport: Viewport) -> None:
        """Everything."""
        self._region, self._hidden = QRegion(window_of(viewport)), QRegion()

    def add(self, part: QRect | QRegion, viewport: Viewport) -> None:
        """A part with all that is in it."""
        self._region += QRegion(part) & window_of(viewport)
        self._hidden -= QRegion(part)

    def add_body(self, body: Rect, viewport: Viewport) -> QRegion:
        """An opaque body and the chip below it; the region that this is."""
        left, top = viewport.to_window(body.left, body.top)
        right, bottom = viewport.to_window(body.right, body.bottom)
        x, y = math.floor(left), math.floor(top)
        rect = QRect(x, y, math.ceil(right) - x, math.ceil(bottom) - y)
        corner, chip = math.ceil(_CORNER * viewport.scale), math.ceil(_CHIP * viewport.scale)
        hidden = QRegion(rect.adjusted(corner, 0, -corner, 0)) + rect.adjusted(0, corner, 0, -corner)
        region = QRegion(rect) + QRect(rect.left() + 2, rect.bottom(), rect.width() - 4, chip)
        fresh = (region & window_of(viewport)) - self._region
        self._region += fresh
        self._hidden += hidden & fresh
        return region

    def scroll(self, dx: int, dy: int, bared: Iterable[QRect], viewport: Viewport) -> None:
        """The picture was moved right and down; these parts of it came into view."""
        self._region.translate(dx, dy)
        self._hidden = QRegion()
        for part in bared:
            self._region += part
        self._region &= window_of(viewport)

    def take(self) -> tuple[QRegion, QRegion]:
        """The region, and the part of it in which wires can be seen; nothing is out of date afterwards."""
        region, hidden = self._region, self._hidden
        self._region, self._hidden = QRegion(), QRegion()
        return region, region - hidden


def window_of(viewport: Viewport) -> QRect:
    """The whole window."""
    return QRect(0, 0, round(viewport.width), round(viewport.height))


def window_rect(area: Rect, viewport: Viewport) -> QRect:
    """The part of the window over a part of the canvas, with a pixel or two to spare."""
    left, top = viewport.to_window(area.left, area.top)
    right, bottom = viewport.to_window(area.right, area.bottom)
    limit = 1 << 20
    left, top = max(left, -limit), max(top, -limit)
    return QRect(int(left) - 2, int(top) - 2, int(min(right, limit) - left) + 5, int(min(bottom, limit) - top) + 5)


def canvas_rect(part: QRect, viewport: Viewport) -> Rect:
    """The part of the canvas under a part of the window."""
    return Rect(*viewport.to_canvas(part.left(), part.top()), *viewport.to_canvas(part.right() + 1, part.bottom() + 1))


def parts_of(region: QRegion) -> list[QRect]:
    """The rectangles of a region; it can be gone through, which the stubs do not say."""
    return list(cast("Iterable[QRect]", region))
