"""Where steps stand: as the document says, and at sensible places where it says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.workflow.model import Step, Workflow
from desktop.canvas.arrange import Size, level_places, placed_among
from desktop.canvas.geometry import FRAME_PAD, HEADER
from desktop.canvas.layers import Place


def places(workflow: Workflow, size: Size, is_note: Callable[[Step], bool]) -> dict[str, Place]:
    """A position for every step, loop bodies included. size: of a step that holds no others."""
    out: dict[str, Place] = {}
    _place_level(workflow, workflow.steps, (0.0, 0.0), size, is_note, out)
    return out


def _place_level(
    workflow: Workflow,
    steps: Mapping[str, Step],
    origin: Place,
    size: Size,
    is_note: Callable[[Step], bool],
    out: dict[str, Place],
) -> None:
    """Fill in the positions of a level. origin: where it begins if nothing on it has a place."""
    laid = {i: _point(workflow.layout[i]) for i in steps if i in workflow.layout}
    missing = {i: step for i, step in steps.items() if i not in laid}
    if missing and not laid:
        inner, _ = level_places(missing, size, is_note)
        out.update({i: (x + origin[0], y + origin[1]) for i, (x, y) in inner.items()})
        missing = {i: step for i, step in missing.items() if i not in out}
        laid = {i: out[i] for i in steps if i in out}
    if missing:
        sizes = {i: _size(step, size, is_note) for i, step in steps.items()}
        sources: dict[str, list[str]] = {}
        for step in steps.values():
            for wire in step.wires():
                sources.setdefault(wire.target, []).append(step.id)
        laid.update(placed_among(list(missing), laid, sizes, sources))
    out.update(laid)
    for step in steps.values():
        if step.body:
            x, y = out[step.id]
            _place_level(workflow, step.body, (x + FRAME_PAD, y + HEADER + FRAME_PAD), size, is_note, out)


def _size(step: Step, size: Size, is_note: Callable[[Step], bool]) -> Place:
    if not step.body:
        return size(step)
    _, (width, height) = level_places(step.body, size, is_note)
    return width + 2 * FRAME_PAD, height + 2 * FRAME_PAD + HEADER


def _point(layout: tuple[float, ...]) -> Place:
    return (float(layout[0]), float(layout[1])) if len(layout) > 1 else (0.0, 0.0)
