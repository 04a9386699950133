"""The picture of the graph at rest, kept as a pixmap and painted anew only where something changed.

What moves or is lit up (dragged steps, rings, the pointer's traces) is painted over it, see `desktop.canvas.live`:
so a drag step or a ring's turn costs a blit and a few strokes, however dense the graph is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, cast

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QPainter, QPixmap, QRegion

from core.workflow.model import Wire
from desktop.canvas.batches import Batches
from desktop.canvas.detail import Detail, detail_at
from desktop.canvas.diagram import Damage, Diagram
from desktop.canvas.faces import MARGIN, Faces
from desktop.canvas.geometry import NodeBox, Rect
from desktop.canvas.ground import paint_dots, paint_frame, paint_group
from desktop.canvas.ink import Ink
from desktop.canvas.look import Look
from desktop.canvas.sprites import Sprite, Sprites
from desktop.canvas.strands import Flow, Strands
from desktop.canvas.viewport import Viewport
from desktop.icons import Icons

BUDGET: Final = 0.005
"""Seconds that a frame may spend on painting faces; the rest comes in the next frames."""

_MOST_AREAS: Final = 24
"""More separate stale parts than this are painted as one."""

_SPARE: Final = 16.0
"""Canvas pixels around a step that its face and rings may reach."""


@dataclass(slots=True)
class Stats:
    """What was painted since the start. faces: steps put into the picture. full: whole pictures. frames: paintings of
    the window."""

    faces: int = 0
    full: int = 0
    frames: int = 0


class Painter:
    """Keeps the picture of a diagram for one window.

    look: of a step by its id. flow: of a wire. moving: whether the zoom is changing now, so that less is painted.
    """

    def __init__(
        self, diagram: Diagram, ink: Ink, icons: Icons, look: Callable[[str], Look], flow: Callable[[Wire], Flow]
    ) -> None:
        self.stats = Stats()
        self.moving = False
        self.detail: Detail = "near"
        self.strands = Strands(diagram, flow)
        self._diagram = diagram
        self._look = look
        self._icons = icons
        self._lifted: frozenset[str] = frozenset()
        self._picture: QPixmap | None = None
        self._stale = QRegion()
        self._blurred: set[str] = set()
        self._afar: dict[Look, Look] = {}
        self._batches = Batches(diagram, self._far_colour)
        self._batches.refresh(diagram.boxes, diagram.wires)
        self.recolour(ink)

    def recolour(self, ink: Ink) -> None:
        """Paint in another theme from now on."""
        self.ink = ink
        self.faces = Faces(ink, self._icons)
        self.sprites = Sprites(self.faces)
        self._batches.refresh(self._diagram.boxes, ())
        self._picture = None

    def spoil(self) -> None:
        """The whole picture has to be painted anew."""
        self._picture = None

    def zoomed(self, viewport: Viewport) -> None:
        """The scale has changed."""
        self.detail = detail_at(viewport.scale, self.detail)
        self._stale = QRegion(0, 0, round(viewport.width), round(viewport.height))

    def scrolled(self, dx: float, dy: float, viewport: Viewport) -> None:
        """The view has moved right and down by window pixels; what is still in view is not painted again."""
        window = QRect(0, 0, round(viewport.width), round(viewport.height))
        if self._picture is None:
            return
        dpr = self._picture.devicePixelRatio()
        if not (float(dx * dpr).is_integer() and float(dy * dpr).is_integer()):
            self._stale = QRegion(window)
            return
        bared = QRegion()
        # The stub wants a region that Qt would fill; PySide fills the one that it is given.
        self._picture.scroll(int(-dx * dpr), int(-dy * dpr), self._picture.rect(), bared)
        self._stale.translate(int(-dx), int(-dy))
        for part in parts_of(bared):
            self._stale += QRect(
                int(part.left() / dpr) - 1, int(part.top() / dpr) - 1,
                int(part.width() / dpr) + 3, int(part.height() / dpr) + 3,
            )  # fmt: skip
        self._stale &= window

    def damaged(self, damage: Damage, viewport: Viewport) -> None:
        """The diagram has changed."""
        self.strands.forget(damage.wires)
        self._batches.refresh(damage.steps, damage.wires)
        for area in damage.areas:
            self.stale_area(area, viewport)

    def refaced(self, step: str, viewport: Viewport) -> QRect:
        """A step looks different; the part of the window that has to be painted anew."""
        self._batches.refresh((step,), ())
        return self.stale_area(self._diagram.boxes[step].rect, viewport)

    def stale_area(self, area: Rect, viewport: Viewport) -> QRect:
        """Paint a part of the canvas anew; the same part in the window."""
        part = window_rect(area.grown(_SPARE), viewport)
        if part.intersects(QRect(0, 0, round(viewport.width), round(viewport.height))):
            self._stale += part
            return part
        return QRect()

    def lift(self, steps: frozenset[str], viewport: Viewport) -> None:
        """Leave steps and their wires out of the picture, because they are dragged; an empty set puts them back."""
        for step in steps ^ self._lifted:
            if step in self._diagram.boxes:
                self.stale_area(self._diagram.extent(step), viewport)
        self._lifted = steps
        self._batches.hide(steps)

    @property
    def lifted(self) -> frozenset[str]:
        """The steps that are left out."""
        return self._lifted

    def picture(self, viewport: Viewport, dpr: float) -> QPixmap:
        """The picture of what is in view, up to date. dpr: device pixels per pixel of the window."""
        density = 1.0 if self.moving else dpr
        window = QRect(0, 0, round(viewport.width), round(viewport.height))
        if self._picture is None or self._picture.devicePixelRatio() != density or self._size_differs(window, density):
            self._picture = QPixmap(round(window.width() * density), round(window.height() * density))
            self._picture.setDevicePixelRatio(density)
            self._stale = QRegion(window)
        self.sprites.begin(BUDGET)
        stale, self._stale = self._stale, QRegion()
        if not stale.isEmpty():
            painter = QPainter(self._picture)
            parts = parts_of(stale) if stale.rectCount() <= _MOST_AREAS else [stale.boundingRect()]
            for part in parts:
                self.stats.full += part == window
                self._paint(painter, part, viewport, density)
            painter.end()
        return self._picture

    @property
    def is_blurred(self) -> bool:
        """Whether faces are still missing or stretched, and `sharpen` should be called soon."""
        return bool(self._blurred)

    def sharpen(self, viewport: Viewport) -> None:
        """Paint the faces that there was no time for in the last frame."""
        blurred, self._blurred = self._blurred, set()
        for step in blurred & self._diagram.boxes.keys():
            self.stale_area(self._diagram.boxes[step].rect, viewport)

    def sprite(self, step: str, scale: float, dpr: float) -> Sprite | None:
        """A step's face for painting it over the picture."""
        look = self._look(step) if self.detail == "near" else self._bare(step)
        return self.sprites.take(look, scale, dpr, exact=not self.moving)

    def look(self, step: str) -> Look:
        """How a step looks now."""
        return self._look(step)

    def paint_loop(self, painter: QPainter, box: NodeBox, viewport: Viewport, dpr: float) -> None:
        """Paint a loop's frame; the painter is in canvas pixels."""
        density = (viewport.scale, dpr)
        paint_frame(painter, box, self._look(box.id), self.ink, self.faces, self.detail, density)

    def paint_area(self, painter: QPainter, part: QRect, viewport: Viewport, dpr: float) -> None:
        """Paint a part of the window straight to a painter in window pixels."""
        self._paint(painter, part, viewport, dpr)

    def _size_differs(self, window: QRect, density: float) -> bool:
        picture = self._picture
        return picture is None or (picture.width(), picture.height()) != (
            round(window.width() * density), round(window.height() * density),
        )  # fmt: skip

    def _paint(self, painter: QPainter, part: QRect, viewport: Viewport, dpr: float) -> None:
        scale = viewport.scale
        painter.resetTransform()
        painter.setClipRect(part)
        painter.fillRect(part, self.ink.back)
        if self.detail != "far":
            paint_dots(painter, part, viewport, self.ink.dot, dpr)
        area = Rect(
            *viewport.to_canvas(part.left(), part.top()), *viewport.to_canvas(part.right() + 1, part.bottom() + 1)
        )
        painter.scale(scale, scale)
        painter.translate(-viewport.x, -viewport.y)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for group in self._diagram.groups:
            if group.rect.intersects(area):
                paint_group(painter, group, self.ink, scale)
        if self.detail == "far":
            self._paint_far(painter, area, viewport)
            return
        boxes = self._diagram.in_area(area.grown(_SPARE))
        for box in boxes:
            if box.is_frame and box.id not in self._lifted:
                paint_frame(painter, box, self._look(box.id), self.ink, self.faces, self.detail, (scale, dpr))
                self.stats.faces += 1
        self.strands.paint(
            painter, self._wires(area), self.ink, quick=self.moving, arrows=self.detail == "near" and not self.moving
        )
        for box in boxes:
            if not box.is_frame and box.id not in self._lifted:
                self._paint_step(painter, box, viewport, dpr)

    def _paint_far(self, painter: QPainter, area: Rect, viewport: Viewport) -> None:
        for box in self._diagram.frames_in(area):
            if box.id not in self._lifted:
                look = self._look(box.id)
                paint_frame(painter, box, look, self.ink, self.faces, "far", (viewport.scale, 1.0))
        self._batches.paint(painter, area, self.ink.far_wire)

    def _wires(self, area: Rect) -> Iterable[Wire]:
        lifted = self._lifted
        wires = self._diagram.paths.within(area)
        return [w for w in wires if w.source not in lifted and w.target not in lifted] if lifted else wires

    def _paint_step(self, painter: QPainter, box: NodeBox, viewport: Viewport, dpr: float) -> None:
        self.stats.faces += 1
        near = self.detail == "near"
        look = self._look(box.id) if near else self._bare(box.id)
        sprite = self.sprites.take(look, viewport.scale, dpr, exact=not self.moving)
        if sprite is None:
            self._blurred.add(box.id)
            sprite = self.sprites.take(self._bare(box.id), viewport.scale, dpr, exact=False)
        elif not self.moving and (sprite.scale != viewport.scale or sprite.dpr != dpr):
            self._blurred.add(box.id)
        if sprite is None:
            painter.fillRect(QRectF(box.x, box.y, box.width, box.height), self.ink.body)
        else:
            blit(painter, box, sprite, viewport, dpr)

    def _bare(self, step: str) -> Look:
        look = self._look(step)
        found = self._afar.get(look)
        if found is None:
            if len(self._afar) > 4 * max(1_000, len(self._diagram.boxes)):
                self._afar.clear()
            found = self._afar[look] = look.from_afar()
        return found

    def _far_colour(self, step: str) -> int | None:
        box = self._diagram.boxes[step]
        if box.is_frame:
            return None
        look = self._look(step)
        if look.tint:
            return self.ink.note(look.tint).rgba()
        return self.ink.far(look.kind, look.state).rgba()


def parts_of(region: QRegion) -> list[QRect]:
    """The rectangles of a region; it can be gone through, which the stubs do not say."""
    return list(cast("Iterable[QRect]", region))


def window_rect(area: Rect, viewport: Viewport) -> QRect:
    """The part of the window over a part of the canvas, with a pixel or two to spare."""
    left, top = viewport.to_window(area.left, area.top)
    right, bottom = viewport.to_window(area.right, area.bottom)
    limit = 1 << 20
    left, top = max(left, -limit), max(top, -limit)
    return QRect(int(left) - 2, int(top) - 2, int(min(right, limit) - left) + 5, int(min(bottom, limit) - top) + 5)


def blit(painter: QPainter, box: NodeBox, sprite: Sprite, viewport: Viewport, dpr: float) -> None:
    """Put a face where its step stands; a face of another scale is stretched."""
    left, top, right, bottom = MARGIN
    if sprite.scale == viewport.scale and sprite.dpr == dpr:
        x, y = viewport.to_window(box.x - left, box.y - top)
        painter.save()
        painter.resetTransform()
        painter.drawPixmap(QPointF(round(x * dpr) / dpr, round(y * dpr) / dpr), sprite.pixmap)
        painter.restore()
        return
    target = QRectF(box.x - left, box.y - top, box.width + left + right, box.height + top + bottom)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawPixmap(target, sprite.pixmap, QRectF(sprite.pixmap.rect()))
