"""The shape of a step: its size and ports, by its type and settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from core.engine.step_type import StepType
from core.workflow.model import DEFAULT_PORT, ERROR_PORT, Step
from desktop.canvas.geometry import (
    FRAME_HEIGHT,
    FRAME_WIDTH,
    GRID,
    HEADER,
    LINE,
    NOTE_HEIGHT,
    NOTE_WIDTH,
    PAD,
    ROW,
    WIDTH,
    Form,
    PortKind,
    PortSpot,
    Shape,
)
from desktop.canvas.wording import preview, summary

_CHARACTER = 7.2
"""Width of a character of the preview's fixed-width font at 12 px."""

_FOOT = 10.0
"""Space below the last line, into which the chip with time and cost reaches."""

_KINDS: dict[str, PortKind] = {
    "text": "text", "choice": "text", "port": "text", "message": "message", "json": "json", "body": "json",
    "results": "json", "items": "json", "image": "image", "images": "image", "path": "file", "file": "file",
    "blob": "file", "sum": "number", "count": "number", "waited_s": "number",
}  # fmt: skip


class _Traits(NamedTuple):
    """All that a shape follows from. height: of a note. names: of the output ports, the main one first."""

    form: Form
    kind: StepType[Any] | None
    names: tuple[str, ...]
    width: float
    height: float = 0.0
    collapsed: bool = False
    has_summary: bool = False
    previews: int = 0


class Shapes:
    """Makes shapes; equal ones are one object, so that thousands of steps share a few."""

    def __init__(self) -> None:
        self._made: dict[_Traits, Shape] = {}
        self._known: dict[Shape, Shape] = {}

    def of(
        self,
        step: Step,
        kind: StepType[Any] | None,
        *,
        width: float = 0.0,
        height: float = 0.0,
        collapsed: bool = False,
    ) -> Shape:
        """The shape of a step. kind: its type, None if it is not installed. width: 0 for the usual one.

        height: of a note, 0 for the usual one; other steps are as high as what they say.
        """
        traits = _traits(step, kind, (width, height), collapsed)
        shape = self._made.get(traits)
        if shape is None:
            fresh = _measured(traits)
            shape = self._made[traits] = self._known.setdefault(fresh, fresh)
        return shape


def preview_characters(width: float) -> int:
    """How many characters fit into a preview line of a step of that width."""
    return max(8, int((width - 2 * PAD) / _CHARACTER))


def output_kind(kind: StepType[Any] | None) -> PortKind:
    """What leaves the only port of steps of a type."""
    return _KINDS.get(kind.main_output, "any") if kind else "any"


def port_names(step: Step, kind: StepType[Any] | None) -> tuple[str, ...]:
    """The output ports of a step, the main one first; for a type that is not installed, those that are wired."""
    names: Sequence[str] = kind.ports(step.config) if kind else tuple(step.then) or (DEFAULT_PORT,)
    if step.on_error == "branch" and (kind is None or not kind.canvas_only) and ERROR_PORT not in names:
        return (*names, ERROR_PORT)
    return tuple(names)


def _traits(step: Step, kind: StepType[Any] | None, wanted: tuple[float, float], collapsed: bool) -> _Traits:
    width, tall = wanted
    if kind is not None and kind.canvas_only:
        return _Traits("note", kind, (), width or NOTE_WIDTH, tall or NOTE_HEIGHT)
    names = port_names(step, kind)
    if kind is not None and kind.is_container and not collapsed:
        return _Traits("loop", kind, names, max(width, FRAME_WIDTH))
    size = width or WIDTH
    form: Form = "unknown" if kind is None else "step"
    if collapsed:
        return _Traits(form, kind, names, size, collapsed=True)
    previews = len(preview(step, kind, characters=preview_characters(size)))
    if not previews and kind is not None and kind.category == "model":
        previews = 1
    return _Traits(form, kind, names, size, has_summary=bool(summary(step, kind)), previews=previews)


def _measured(traits: _Traits) -> Shape:
    form, kind, names, width, tall, collapsed, has_summary, previews = traits
    if form == "note":
        return Shape("note", width, tall, ())
    if form == "loop":
        return Shape("loop", width, FRAME_HEIGHT, _ports(names, kind, width, HEADER if len(names) > 1 else 0.0))
    if collapsed:
        return Shape(form, width, HEADER, _stacked(names, kind, width))
    body = HEADER + (ROW if has_summary else 0.0) + (previews * LINE + 4.0 if previews else 0.0)
    height = body + (len(names) * ROW if len(names) > 1 else 0.0)
    if height > HEADER:
        height = math.ceil((height + _FOOT) / GRID) * GRID
    return Shape(form, width, height, _ports(names, kind, width, body), has_summary, previews)


def _ports(names: Sequence[str], kind: StepType[Any] | None, width: float, rows_from: float) -> tuple[PortSpot, ...]:
    entry = PortSpot("", "in", 0.0, HEADER / 2, "any")
    if len(names) == 1:
        return (entry, PortSpot(names[0], "out", width, HEADER / 2, output_kind(kind)))
    rows = (PortSpot(n, "out", width, rows_from + ROW * (i + 0.5), _way(n, i, kind), n) for i, n in enumerate(names))
    return (entry, *rows)


def _stacked(names: Sequence[str], kind: StepType[Any] | None, width: float) -> tuple[PortSpot, ...]:
    """The ports of a step folded to its header: spread over the edge's height, unnamed."""
    gap = HEADER / (len(names) + 1)
    ways = (PortSpot(n, "out", width, gap * (i + 1), _way(n, i, kind)) for i, n in enumerate(names))
    return (PortSpot("", "in", 0.0, HEADER / 2, "any"), *ways)


def _way(name: str, index: int, kind: StepType[Any] | None) -> PortKind:
    """A step's error port leads elsewhere, and so do the ports of a decision; its data port is the main one."""
    if name == ERROR_PORT or kind is None:
        return "flow"
    return output_kind(kind) if name == DEFAULT_PORT and index == 0 else "flow"
