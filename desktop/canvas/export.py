"""The graph as a picture for other programs: PNG, SVG or PDF, the whole of it, in the colours of the theme."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QMarginsF, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from desktop.canvas.geometry import Rect, around
from desktop.canvas.ground import paint_frame, paint_group

if TYPE_CHECKING:
    from desktop.canvas.painter import Painter
    from desktop.canvas.view import CanvasView

MARGIN: Final = 48.0
MOST_PIXELS: Final = 64_000_000
"""A PNG of a large graph gets fewer pixels per canvas pixel, so that it can be opened anywhere."""

_DENSITY: Final = 2.0
_POINTS_PER_PIXEL: Final = 0.75
_PDF_DPI: Final = 96
_ICON_DENSITY: Final = 4.0


class ExportFailed(Exception):
    """The picture could not be written; the text says why and what to do."""

    code = "export"


def export(canvas: CanvasView, path: Path) -> None:
    """Write the graph to a file; its suffix (.png, .svg, .pdf) says how. Raises ExportFailed."""
    area = whole(canvas)
    writers = {".png": _png, ".svg": _svg, ".pdf": _pdf}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise ExportFailed(f"A picture cannot be written as “{path.suffix or path.name}”. Use .png, .svg or .pdf.")
    if not path.parent.is_dir():
        raise ExportFailed(f"There is no folder {path.parent}. Choose another one.")
    write(canvas, area, path)
    if not path.is_file() or not path.stat().st_size:
        raise ExportFailed(f"The picture could not be written to {path}. Is there room, and may you write there?")


def whole(canvas: CanvasView) -> Rect:
    """The part of the canvas that holds the graph with its groups, and a margin."""
    bounds = canvas.diagram.bounds()
    rects = (*(() if bounds is None else (bounds,)), *(group.rect for group in canvas.diagram.groups))
    return (around(rects) or Rect(0.0, 0.0, 400.0, 200.0)).grown(MARGIN)


def picture(canvas: CanvasView, area: Rect, density: float) -> QImage:
    """A part of the canvas as an image. density: image pixels per canvas pixel."""
    image = QImage(
        math.ceil(area.width * density), math.ceil(area.height * density), QImage.Format.Format_ARGB32_Premultiplied
    )
    image.fill(canvas.theme.color("canvas.bg"))
    painter = QPainter(image)
    painter.scale(density, density)
    paint(painter, canvas, area, density)
    painter.end()
    return image


def paint(
    painter: QPainter, canvas: CanvasView, area: Rect, density: float, inks: Painter | None = None
) -> None:  # fmt: skip
    """Paint a part of the canvas with its corner at 0, 0, in full detail.

    inks: what paints it, for other colours than those in the window.
    """
    picture_of, diagram = inks or canvas.picture, canvas.diagram
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(-area.left, -area.top)
    for group in diagram.groups:
        if group.rect.intersects(area):
            paint_group(painter, group, picture_of.ink, 1.0)
    boxes = diagram.in_area(area)
    for box in boxes:
        if box.is_frame:
            paint_frame(painter, box, canvas.look(box.id), picture_of.ink, picture_of.faces, "near", (density, 1.0))
    picture_of.strands.paint(painter, diagram.paths.within(area), picture_of.ink, quick=False, arrows=True)
    for box in boxes:
        if not box.is_frame:
            painter.save()
            painter.translate(box.x, box.y)
            picture_of.faces.paint(painter, canvas.look(box.id), density, 1.0)
            painter.restore()


def _png(canvas: CanvasView, area: Rect, path: Path) -> None:
    density = min(_DENSITY, math.sqrt(MOST_PIXELS / (area.width * area.height)))
    picture(canvas, area, density).save(str(path))


def _svg(canvas: CanvasView, area: Rect, path: Path) -> None:
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(QSize(math.ceil(area.width), math.ceil(area.height)))
    generator.setViewBox(QRect(0, 0, math.ceil(area.width), math.ceil(area.height)))
    generator.setTitle(canvas.document.workflow.name)
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, area.width, area.height), canvas.theme.color("canvas.bg"))
    paint(painter, canvas, area, _ICON_DENSITY)
    painter.end()


def _pdf(canvas: CanvasView, area: Rect, path: Path) -> None:
    writer = QPdfWriter(str(path))
    writer.setTitle(canvas.document.workflow.name)
    writer.setResolution(_PDF_DPI)
    size = QSizeF(area.width * _POINTS_PER_PIXEL, area.height * _POINTS_PER_PIXEL)
    writer.setPageSize(QPageSize(size, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    painter = QPainter(writer)
    painter.fillRect(QRectF(0, 0, area.width, area.height), canvas.theme.color("canvas.bg"))
    painter.setPen(Qt.PenStyle.NoPen)
    paint(painter, canvas, area, _ICON_DENSITY)
    painter.end()
