"""The picture of the graph at rest, kept as a pixmap and painted anew only where something changed.

What moves or is lit up (dragged steps, rings, the pointer's traces) is painted over it, see `desktop.canvas.live`:
so a drag step or a ring's turn costs a blit and a few strokes, however dense the graph is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QColor, QPainter, QPixmap, QRegion

from core.workflow.model import Wire
from desktop.canvas.batches import Batches
from desktop.canvas.detail import Detail, detail_at
from desktop.canvas.diagram import Damage, Diagram
from desktop.canvas.faces import MARGIN, Faces
from desktop.canvas.geometry import NodeBox, Rect
from desktop.canvas.ground import FAR_TITLES, paint_dots, paint_frame, paint_group, paint_group_title
from desktop.canvas.ink import Ink
from desktop.canvas.look import Look
from desktop.canvas.routing import strips
from desktop.canvas.sprites import Sprite, Sprites
from desktop.canvas.stale import Stale, canvas_rect, parts_of, window_of, window_rect
from desktop.canvas.strands import LABEL_REACH, Strands, label_room
from desktop.canvas.traffic import Flow
from desktop.canvas.viewport import Viewport
from desktop.icons import Icons
from desktop.overlay import StepState

BUDGET: Final = 0.003
"""Seconds that a frame may spend on painting faces; the rest comes in the next frames."""

ZOOM_BUDGET: Final = 0.002
QUICK: Final = 0.3
"""Below this scale steps are rectangles while the zoom is changing: there may be a thousand of them."""

REST_BUDGET: Final = 0.009
"""The same for frames that are painted only to catch up."""

_MOST_PARTS: Final = 64
"""A region of more parts is looked through as one; only the region itself is painted over."""

_LARGE: Final = 1_000_000.0
"""In a part of so many square canvas pixels nearly all wires nearby are seen: looking closer would not pay."""

_HALF_WIRE: Final = 6.0
"""Canvas pixels that a wire and its arrow reach aside."""

_REACH: Final = 14.0
"""Canvas pixels around a step that its face may reach."""


@dataclass(slots=True)
class Stats:
    """What was painted since the start. faces: steps put into the picture. full: whole pictures. frames: paintings of
    the window."""

    faces: int = 0
    full: int = 0
    frames: int = 0


class Painter:
    """Keeps the picture of a diagram for one window.

    look: of a step by its id. afar: its look without texts. tone: its kind and state, all that is seen from afar. flow:
    of a wire. tally: how much was sent along it, in words. moving: whether the zoom is changing now, so that less is
    painted.
    """

    def __init__(
        self,
        diagram: Diagram,
        ink: Ink,
        icons: Icons,
        *,
        look: Callable[[str], Look],
        afar: Callable[[str], Look],
        tone: Callable[[str], tuple[str, StepState]],
        flow: Callable[[Wire], Flow],
        tally: Callable[[Wire], str],
    ) -> None:
        self.stats = Stats()
        self.moving = False
        self.detail: Detail = "near"
        self.strands = Strands(diagram, flow, tally)
        self._diagram = diagram
        self._look = look
        self._afar = afar
        self._tone = tone
        self._tones: dict[tuple[str, StepState], QColor] = {}
        self._icons = icons
        self._lifted: frozenset[str] = frozenset()
        self._picture: QPixmap | None = None
        self._stale = Stale()
        self._blurred: set[str] = set()
        self._budget = BUDGET
        self._recoloured: set[str] = set()
        self._bares: dict[Look, Look] = {}
        self._bare_of: dict[str, Look] = {}
        self._batches = Batches(diagram, self._batch_colour)
        self._batches.refresh((), diagram.wires)
        self.recolour(ink)

    def recolour(self, ink: Ink) -> None:
        """Paint in another theme from now on."""
        self.ink = ink
        self._tones.clear()
        self.faces = Faces(ink, self._icons)
        self.sprites = Sprites(self.faces)
        self._batches.refresh(self._diagram.boxes, ())
        self._picture = None

    def spoil(self) -> None:
        """Every step may look different: the whole picture has to be painted anew."""
        self._batches.refresh(self._diagram.boxes, ())
        self._bare_of.clear()
        self._picture = None

    def zoomed(self, viewport: Viewport) -> None:
        """The scale has changed."""
        self.detail = detail_at(viewport.scale, self.detail)
        self._stale.all(viewport)

    def scrolled(self, dx: float, dy: float, viewport: Viewport) -> None:
        """The view has moved right and down by window pixels; what is still in view is not painted again."""
        if self._picture is None:
            return
        dpr = self._picture.devicePixelRatio()
        if not (float(dx * dpr).is_integer() and float(dy * dpr).is_integer()):
            self._stale.all(viewport)
            return
        bared = QRegion()
        self._picture.scroll(int(-dx * dpr), int(-dy * dpr), self._picture.rect(), bared)
        parts = (
            QRect(int(p.left() / dpr) - 1, int(p.top() / dpr) - 1, int(p.width() / dpr) + 3, int(p.height() / dpr) + 3)
            for p in parts_of(bared)
        )
        self._stale.scroll(int(-dx), int(-dy), parts, viewport)

    def damaged(self, damage: Damage, viewport: Viewport) -> None:
        """The diagram has changed."""
        self.strands.forget(damage.wires)
        self._batches.refresh(damage.steps, damage.wires)
        for step in damage.steps:
            self._bare_of.pop(step, None)
        for area in damage.areas:
            self.stale_area(area, viewport)

    def refaced(self, step: str, viewport: Viewport, *, was_opaque: bool) -> QRegion:
        """A step looks different; the part of the window that has to be painted anew.

        was_opaque: whether it hid what was behind it before.
        """
        self._batches.refresh((step,), ())
        self._bare_of.pop(step, None)
        box = self._diagram.boxes[step]
        if not box.rect.grown(_REACH).intersects(viewport.visible()):
            return QRegion()
        if box.is_frame:
            return QRegion(self.stale_area(box.rect, viewport))
        if self.detail == "far":
            self._recoloured.add(step)
            return QRegion(window_rect(box.rect, viewport))
        if was_opaque and self._look(step).is_opaque:
            return self._stale.add_body(box.rect, viewport)
        return QRegion(self.stale_area(box.rect, viewport))

    def rewired(self, wire: Wire, viewport: Viewport, *, label_alone: bool = False) -> QRegion:
        """A wire looks different; the part of the window that has to be painted anew. label_alone: all else is as it
        was."""
        region = QRegion()
        if self.detail == "far" or (label_alone and self.detail != "near"):
            return region
        path = self._diagram.wires[wire]
        if self._diagram.paths.rect(wire).grown(LABEL_REACH).intersects(viewport.visible()):
            for area in () if label_alone else strips(path.x1, path.y1, path.x2, path.y2):
                region += window_rect(area.grown(_HALF_WIRE), viewport)
            region += window_rect(label_room(path), viewport)
            self._stale.add(region, viewport)
        return region

    def stale_area(self, area: Rect, viewport: Viewport) -> QRect:
        """Paint a part of the canvas anew; the same part in the window."""
        part = window_rect(area.grown(_REACH), viewport)
        if not part.intersects(window_of(viewport)):
            return QRect()
        self._stale.add(part, viewport)
        return part

    def dim_wires(self, dim: bool, viewport: Viewport) -> None:
        """Paint wires faintly, because another one is being drawn; or as they are again."""
        self.strands.dimmed = dim
        if self.detail != "far":  # there they are faint at all times
            self._stale.all(viewport)

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
        window = window_of(viewport)
        if self._picture is None or self._picture.devicePixelRatio() != density or self._size_differs(window, density):
            self._picture = QPixmap(round(window.width() * density), round(window.height() * density))
            self._picture.setDevicePixelRatio(density)
            self._stale.all(viewport)
        self.sprites.begin(ZOOM_BUDGET if self.moving else self._budget)
        self._budget = BUDGET
        region, open_to_wires = self._stale.take()
        if not region.isEmpty():
            painter = QPainter(self._picture)
            self.stats.full += region.boundingRect() == window and region.rectCount() == 1
            self._paint(painter, region, open_to_wires, viewport, density)
            painter.end()
        if self._recoloured:
            self._recolour_far(viewport)
        return self._picture

    @property
    def is_blurred(self) -> bool:
        """Whether faces are still missing or stretched, and `sharpen` should be called soon."""
        return bool(self._blurred)

    @property
    def is_behind(self) -> bool:
        """Whether the picture is not what it should be: parts are out of date or blurred."""
        return self._picture is None or bool(self._stale or self._blurred or self._recoloured)

    def sharpen(self, viewport: Viewport) -> None:
        """Paint the faces that there was no time for in the last frame."""
        blurred, self._blurred = self._blurred, set()
        self._budget = REST_BUDGET
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

    def _size_differs(self, window: QRect, density: float) -> bool:
        picture = self._picture
        return picture is None or (picture.width(), picture.height()) != (
            round(window.width() * density), round(window.height() * density),
        )  # fmt: skip

    def _paint(self, painter: QPainter, stale: QRegion, open_to_wires: QRegion, viewport: Viewport, dpr: float) -> None:
        """Paint a region of the window in one go: what crosses several of its parts is painted once."""
        scale = viewport.scale
        parts = parts_of(stale) if stale.rectCount() <= _MOST_PARTS else [stale.boundingRect()]
        painter.resetTransform()
        painter.setClipping(False)
        ground = parts_of(stale)
        for part in ground:
            painter.fillRect(part, self.ink.back)
        if self.detail != "far":
            paint_dots(painter, ground, viewport, self.ink.dot, dpr)
        painter.setClipRegion(stale)
        areas = [canvas_rect(part, viewport) for part in parts]
        painter.scale(scale, scale)
        painter.translate(-viewport.x, -viewport.y)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for group in self._diagram.groups:
            if any(group.rect.intersects(area) for area in areas):
                paint_group(painter, group, self.ink, scale)
        if self.detail == "far" or (self.moving and scale < QUICK):
            self._paint_far(painter, areas, viewport)
            self._paint_titles(painter, areas, scale)
            return
        boxes = self._diagram.in_areas(area.grown(_REACH) for area in areas)
        for box in boxes:
            if box.is_frame and box.id not in self._lifted:
                paint_frame(painter, box, self._look(box.id), self.ink, self.faces, self.detail, (scale, dpr))
                self.stats.faces += 1
        arrows = self.detail == "near" and not self.moving
        wires = list(self._wires(open_to_wires, viewport))
        self.strands.paint(painter, wires, self.ink, quick=self.moving, arrows=arrows)
        if arrows:
            self.strands.paint_labels(painter, wires, self.ink)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for box in boxes:
            if not box.is_frame and box.id not in self._lifted:
                self._paint_step(painter, box, viewport, dpr)
        self._paint_titles(painter, areas, scale)

    def _recolour_far(self, viewport: Viewport) -> None:
        """From afar a step's state is its rectangle's colour: no need to paint what is around it."""
        steps, self._recoloured = self._recoloured & self._diagram.boxes.keys() - self._lifted, set()
        if self._picture is None or self.detail != "far":
            return
        painter = QPainter(self._picture)
        painter.scale(viewport.scale, viewport.scale)
        painter.translate(-viewport.x, -viewport.y)
        for step in steps:
            box = self._diagram.boxes[step]
            painter.fillRect(QRectF(box.x, box.y, box.width, box.height), self.far_colour(step))
        painter.end()

    def _paint_titles(self, painter: QPainter, areas: Sequence[Rect], scale: float) -> None:
        """The titles of groups that lie on top of everything."""
        for group in self._diagram.groups if scale < FAR_TITLES else ():
            if any(group.rect.intersects(area) for area in areas):
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)
                paint_group_title(painter, group, self.ink, scale)

    def _paint_far(self, painter: QPainter, areas: Sequence[Rect], viewport: Viewport) -> None:
        for box in self._diagram.frames:
            if box.id not in self._lifted and any(box.rect.intersects(area) for area in areas):
                look = self._look(box.id)
                paint_frame(painter, box, look, self.ink, self.faces, "far", (viewport.scale, 1.0))
        self._batches.paint(painter, areas, self.ink.far_wire)

    def _wires(self, region: QRegion, viewport: Viewport) -> Iterable[Wire]:
        """The wires that come through a region of the window."""
        lifted = self._lifted
        parts = parts_of(region) if region.rectCount() <= _MOST_PARTS else [region.boundingRect()]
        areas = [canvas_rect(part, viewport) for part in parts]
        wires: Iterable[Wire] = set[Wire]().union(
            *(self._diagram.paths.within(area.grown(LABEL_REACH)) for area in areas)
        )
        if lifted:
            wires = [wire for wire in wires if wire.source not in lifted and wire.target not in lifted]
        if any(area.width * area.height > _LARGE for area in areas) and len(areas) == 1:
            return wires
        ground = QRegion()
        for area in (canvas_rect(part, viewport) for part in parts_of(region)):
            ground += QRect(int(area.left) - 1, int(area.top) - 1, int(area.width) + 3, int(area.height) + 3)
        return self.strands.crossing(wires, ground)

    def _paint_step(self, painter: QPainter, box: NodeBox, viewport: Viewport, dpr: float) -> None:
        self.stats.faces += 1
        near = self.detail == "near"
        look = self._look(box.id) if near else self._bare(box.id)
        sprite = self.sprites.take(look, viewport.scale, dpr, exact=not self.moving)
        if sprite is None:
            self._blurred.add(box.id)
            sprite = self.sprites.take(self._bare(box.id), viewport.scale, dpr, exact=False, must=True)
        elif not self.moving and (sprite.scale != viewport.scale or sprite.dpr != dpr):
            self._blurred.add(box.id)
        if sprite is None:
            painter.fillRect(QRectF(box.x, box.y, box.width, box.height), self.ink.body)
        else:
            blit(painter, box, sprite, viewport, dpr)

    def _bare(self, step: str) -> Look:
        found = self._bare_of.get(step)
        if found is None:
            made = self._afar(step)
            found = self._bare_of[step] = self._bares.setdefault(made, made)
        return found

    def far_colour(self, step: str) -> QColor:
        """The colour of a step that is only a rectangle."""
        if self._diagram.boxes[step].shape.form == "note":
            return self.ink.note(self._afar(step).tint)
        tone = self._tone(step)
        found = self._tones.get(tone)
        if found is None:
            found = self._tones[tone] = self.ink.far(*tone)
        return found

    def _batch_colour(self, step: str) -> int | None:
        return None if self._diagram.boxes[step].is_frame else self.far_colour(step).rgba()


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
    painter.drawPixmap(target, sprite.pixmap, sprite.whole)
