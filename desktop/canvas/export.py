"""The graph as a picture for other programs: PNG, SVG or PDF, the whole of it, in the colours of the theme.

A large graph takes seconds. It is painted in slices between which the window lives on; making room for it and writing
it are done in threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QPainter
from shiboken6 import isValid

from desktop.canvas.geometry import Rect, around
from desktop.canvas.ground import paint_frame, paint_group
from desktop.canvas.sheets import ExportFailed, FileSheet, Sheet, file_sheet

if TYPE_CHECKING:
    from desktop.canvas.painter import Painter
    from desktop.canvas.view import CanvasView

__all__ = ["MARGIN", "ExportFailed", "draw", "export", "paint", "sheet_for", "slices", "whole"]

MARGIN: Final = 48.0
SLICE_S: Final = 0.008
"""Seconds of painting after which the window has its turn."""

_WIRES: Final = 32
"""Wires that are painted between two looks at the clock."""


def sheet_for(canvas: CanvasView, path: Path) -> FileSheet:
    """A sheet for the whole graph that becomes a file. Raises ExportFailed."""
    return file_sheet(path, whole(canvas), canvas.theme.color("canvas.bg"), canvas.document.workflow.name)


async def draw(
    canvas: CanvasView,
    make: Callable[[], Sheet],
    *,
    progressed: Callable[[float], None] = lambda _share: None,
    inks: Painter | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Paint the whole graph on a sheet and finish it, a slice at a time. Cancelled, it leaves nothing behind.

    make: gives the sheet; called again if the graph is changed meanwhile, because it is then painted from the
    beginning. progressed: hears the share that is painted. clock: seconds. Raises ExportFailed.
    """
    changes: list[object] = []

    def changed(change: object) -> None:
        changes.append(change)

    document = canvas.document  # the canvas may be gone before this ends
    document.changed.connect(changed)
    try:
        while True:
            changes.clear()
            sheet = make()
            try:
                await asyncio.to_thread(sheet.prepare)
                if await _painted(canvas, sheet, changes, progressed, inks, clock):
                    await asyncio.to_thread(sheet.close)
                    return
                sheet.drop()
            except BaseException:
                sheet.drop()
                raise
    finally:
        if isValid(document):
            document.changed.disconnect(changed)


async def _painted(
    canvas: CanvasView,
    sheet: Sheet,
    changes: list[object],
    progressed: Callable[[float], None],
    inks: Painter | None,
    clock: Callable[[], float],
) -> bool:
    """Paint slice by slice; whether the graph stayed as it was."""
    began = clock()
    for share in slices(sheet.open(), canvas, whole(canvas), sheet.density, inks):
        if clock() - began >= SLICE_S:
            progressed(share)
            await asyncio.sleep(0)
            if changes:
                return False
            began = clock()
    return True


def export(canvas: CanvasView, path: Path) -> None:
    """Write the graph to a file at once; its suffix (.png, .svg, .pdf) says how. Raises ExportFailed."""
    sheet = sheet_for(canvas, path)
    sheet.prepare()
    paint(sheet.open(), canvas, whole(canvas), sheet.density)
    sheet.close()


def whole(canvas: CanvasView) -> Rect:
    """The part of the canvas that holds the graph with its groups, and a margin."""
    bounds = canvas.diagram.bounds()
    rects = (*(() if bounds is None else (bounds,)), *(group.rect for group in canvas.diagram.groups))
    return (around(rects) or Rect(0.0, 0.0, 400.0, 200.0)).grown(MARGIN)


def paint(
    painter: QPainter, canvas: CanvasView, area: Rect, density: float, inks: Painter | None = None
) -> None:  # fmt: skip
    """Paint a part of the canvas with its corner at 0, 0, in full detail.

    inks: what paints it, for other colours than those in the window.
    """
    for _ in slices(painter, canvas, area, density, inks):
        pass


def slices(
    painter: QPainter, canvas: CanvasView, area: Rect, density: float, inks: Painter | None = None
) -> Iterator[float]:
    """Paint as `paint` does, piece by piece; gives the share that is painted after each."""
    picture_of, diagram = inks or canvas.picture, canvas.diagram
    boxes, wires = diagram.in_area(area), list(diagram.paths.within(area))
    pieces, done = len(boxes) + len(wires) / _WIRES + 1, 0
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(-area.left, -area.top)
    for group in diagram.groups:
        if group.rect.intersects(area):
            paint_group(painter, group, picture_of.ink, 1.0)
    for box in boxes:
        if box.is_frame:
            paint_frame(painter, box, canvas.look(box.id), picture_of.ink, picture_of.faces, "near", (density, 1.0))
            done += 1
            yield done / pieces
    for first in range(0, len(wires), _WIRES):
        some = wires[first : first + _WIRES]
        picture_of.strands.paint(painter, some, picture_of.ink, quick=False, arrows=True)
        picture_of.strands.paint_labels(painter, some, picture_of.ink)
        done += 1
        yield done / pieces
    for box in boxes:
        if not box.is_frame:
            painter.save()
            painter.translate(box.x, box.y)
            picture_of.faces.paint(painter, canvas.look(box.id), density, 1.0)
            painter.restore()
            done += 1
            yield done / pieces
