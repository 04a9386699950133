"""Painted faces kept as pixmaps, so that a step that did not change costs one blit."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from desktop.canvas.faces import MARGIN, Faces
from desktop.canvas.look import Look

MOST_BYTES: Final = 24 * 2**20
"""What is kept at 100 %; at 200 % four times as much."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """A face at one scale. whole: the pixmap's rectangle. scale, dpr: what it was painted for."""

    pixmap: QPixmap
    whole: QRectF
    scale: float
    dpr: float
    bytes: int


class Sprites:
    """One sprite per look, at the scale it was last wanted in.

    painted: how many were painted since the start. Time for painting is rationed per frame: `begin` gives a budget,
    and `take` with `exact=False` gives what there is, or None, when it is spent.
    """

    def __init__(self, faces: Faces) -> None:
        self._faces = faces
        self._kept: OrderedDict[Look, Sprite] = OrderedDict()
        self._bytes = 0
        self._left = 0.0
        self.painted = 0

    def begin(self, seconds: float) -> None:
        """Begin a frame that may spend that long on painting faces."""
        self._left = seconds

    def take(self, look: Look, scale: float, dpr: float, *, exact: bool, must: bool = False) -> Sprite | None:
        """The look's sprite. exact: at this very scale if the budget allows; else whatever scale there is.

        must: paint it, whatever the budget, if there is none at all.
        """
        found = self._kept.get(look)
        if found is not None:
            self._kept.move_to_end(look)
            if not exact or (found.scale == scale and found.dpr == dpr):
                return found
        if self._left <= 0.0 and not (must and found is None):
            return found
        return self._paint(look, scale, dpr)

    def _paint(self, look: Look, scale: float, dpr: float) -> Sprite:
        start = perf_counter()
        left, top, right, bottom = MARGIN
        width = math.ceil((look.shape.width + left + right) * scale * dpr) + 1
        height = math.ceil((look.shape.height + top + bottom) * scale * dpr) + 1
        pixmap = QPixmap(width, height)
        pixmap.fill(Qt.GlobalColor.transparent)
        pixmap.setDevicePixelRatio(dpr)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(scale, scale)
        painter.translate(left, top)
        self._faces.paint(painter, look, scale, dpr)
        painter.end()
        sprite = Sprite(pixmap, QRectF(pixmap.rect()), scale, dpr, width * height * 4)
        self._keep(look, sprite)
        self.painted += 1
        self._left -= perf_counter() - start
        return sprite

    def _keep(self, look: Look, sprite: Sprite) -> None:
        old = self._kept.pop(look, None)
        self._bytes += sprite.bytes - (old.bytes if old else 0)
        self._kept[look] = sprite
        while self._bytes > MOST_BYTES * sprite.dpr * sprite.dpr and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.bytes
