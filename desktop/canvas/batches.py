"""Thousands of steps and wires painted with a handful of calls, for when they are too small for anything else.

Rectangles by colour and straight lines lie in arrays of doubles that Qt reads in place: a call per step costs five
times as much as all the painting.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, cast

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from shiboken6 import Shiboken

from core.workflow.model import Wire
from desktop.canvas.diagram import Diagram
from desktop.canvas.geometry import Rect

CELL: Final = 4096.0


class _Cell:
    """What belongs to one square of the canvas, by the middle of it."""

    __slots__ = ("box", "lines", "rects", "stale", "steps", "wires")

    def __init__(self) -> None:
        self.steps: set[str] = set()
        self.wires: set[Wire] = set()
        self.rects: dict[int, array[float]] = {}
        self.lines: array[float] = array("d")
        self.box = Rect(0, 0, 0, 0)
        self.stale = True


class Batches:
    """The steps and wires of a diagram as batches. colour: of a step, as 0xAARRGGBB; None for one that is a frame."""

    def __init__(self, diagram: Diagram, colour: Callable[[str], int | None]) -> None:
        self._diagram = diagram
        self._colour = colour
        self._cells: dict[tuple[int, int], _Cell] = {}
        self._home: dict[str, _Cell] = {}
        self._wire_home: dict[Wire, _Cell] = {}
        self._hidden: frozenset[str] = frozenset()

    def refresh(self, steps: Iterable[str], wires: Iterable[Wire]) -> None:
        """Steps and wires that came, went, moved or changed colour."""
        boxes, paths = self._diagram.boxes, self._diagram.wires
        for step in steps:
            cell = self._home.pop(step, None)
            if cell is not None:
                cell.steps.discard(step)
                cell.stale = True
            box = boxes.get(step)
            if box is not None:
                cell = self._home[step] = self._cell(*box.rect.center)
                cell.steps.add(step)
                cell.stale = True
        for wire in wires:
            cell = self._wire_home.pop(wire, None)
            if cell is not None:
                cell.wires.discard(wire)
                cell.stale = True
            path = paths.get(wire)
            if path is not None:
                cell = self._wire_home[wire] = self._cell((path.x1 + path.x2) / 2, (path.y1 + path.y2) / 2)
                cell.wires.add(wire)
                cell.stale = True

    def hide(self, steps: frozenset[str]) -> None:
        """Leave steps and their wires out (they are being dragged); an empty set brings all back."""
        changed = steps ^ self._hidden
        self._hidden = steps
        for step in changed:
            for cell in (self._home.get(step), *(self._wire_home.get(w) for w in self._diagram.wires_of(step))):
                if cell is not None:
                    cell.stale = True

    def paint(self, painter: QPainter, areas: Sequence[Rect], wire: QPen) -> None:
        """Paint what meets the areas; the painter is in canvas pixels."""
        boxes = ((cell, self._fresh(cell).box) for cell in self._cells.values())
        cells = [cell for cell, box in boxes if any(box.intersects(area) for area in areas)]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(wire)
        for cell in cells:
            if cell.lines:
                draw_lines(painter, cell.lines)
        painter.setPen(Qt.PenStyle.NoPen)
        for colour in dict.fromkeys(colour for cell in cells for colour in cell.rects):
            painter.setBrush(QColor.fromRgba(colour))
            for cell in cells:
                rects = cell.rects.get(colour)
                if rects:
                    draw_rects(painter, rects)

    def _cell(self, x: float, y: float) -> _Cell:
        return self._cells.setdefault((int(x // CELL), int(y // CELL)), _Cell())

    def _fresh(self, cell: _Cell) -> _Cell:
        if not cell.stale:
            return cell
        boxes, paths, hidden = self._diagram.boxes, self._diagram.wires, self._hidden
        cell.rects, cell.lines = {}, array("d")
        left = top = float("inf")
        right = bottom = float("-inf")
        for step in cell.steps:
            if step in hidden:
                continue
            colour = self._colour(step)
            if colour is None:
                continue
            box = boxes[step]
            cell.rects.setdefault(colour, array("d")).extend((box.x, box.y, box.width, box.height))
            left, top = min(left, box.x), min(top, box.y)
            right, bottom = max(right, box.x + box.width), max(bottom, box.y + box.height)
        for wire in cell.wires:
            if wire.source in hidden or wire.target in hidden:
                continue
            path = paths[wire]
            cell.lines.extend((path.x1, path.y1, path.x2, path.y2))
            left, top = min(left, path.x1, path.x2), min(top, path.y1, path.y2)
            right, bottom = max(right, path.x1, path.x2), max(bottom, path.y1, path.y2)
        cell.box = Rect(left, top, right, bottom)
        cell.stale = False
        return cell


def draw_rects(painter: QPainter, numbers: array[float]) -> None:
    """Paint rectangles out of x, y, width, height after each other."""
    if not numbers:
        return  # an empty array has no address
    painter.drawRects(cast("QRectF", Shiboken.wrapInstance(numbers.buffer_info()[0], QRectF)), len(numbers) // 4)


def draw_lines(painter: QPainter, numbers: array[float]) -> None:
    """Paint lines out of x1, y1, x2, y2 after each other."""
    if not numbers:
        return
    painter.drawLines(cast("QLineF", Shiboken.wrapInstance(numbers.buffer_info()[0], QLineF)), len(numbers) // 4)


def rect_numbers(rects: Collection[Rect]) -> array[float]:
    """The numbers for `draw_rects`."""
    out: array[float] = array("d")
    for left, top, right, bottom in rects:
        out.extend((left, top, right - left, bottom - top))
    return out
