"""Where steps stand on the canvas, and which are drawn by their header alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from core.workflow.editing.tree import step_ids, unknown_step, with_inner
from core.workflow.model import Workflow
from core.workflow.problems import EditRefused

_FARTHEST = 1e9
"""Canvas pixels; beyond it floats are too coarse to draw by."""


def move_steps(workflow: Workflow, places: Mapping[str, Sequence[float]]) -> Workflow:
    """The workflow with steps standing elsewhere. places: x and y in canvas pixels by step id; a set size stays.

    Raises EditRefused for unknown steps and for what is no place.
    """
    _check_known(workflow, places)
    layout = dict(workflow.layout)
    for step_id, place in places.items():
        layout[step_id] = checked_place(place[:2]) + layout.get(step_id, ())[2:]
    return _with_layout(workflow, layout)


def shift_steps(workflow: Workflow, ids: Collection[str], right: float, down: float) -> Workflow:
    """The workflow with steps and what is inside them moved by canvas pixels; those without a place have none."""
    _check_known(workflow, ids)
    moved = with_inner(workflow, ids) & workflow.layout.keys()
    places = {one: (workflow.layout[one][0] + right, workflow.layout[one][1] + down) for one in moved}
    return move_steps(workflow, {step_id: places[step_id] for step_id in workflow.layout if step_id in places})


def resize(workflow: Workflow, step_id: str, frame: Sequence[float]) -> Workflow:
    """The workflow with a step's frame set. frame: x, y, width, height in canvas pixels. Raises EditRefused."""
    _check_known(workflow, [step_id])
    if len(frame) != 4 or frame[2] <= 0 or frame[3] <= 0:
        raise EditRefused("A frame needs x, y and a width and height above 0.")
    return _with_layout(workflow, {**workflow.layout, step_id: checked_place(frame)})


def set_collapsed(workflow: Workflow, ids: Iterable[str], collapsed: bool) -> Workflow:
    """The workflow with steps shown by their header alone, or wholly again. Raises EditRefused for unknown steps."""
    wanted = frozenset(ids)
    _check_known(workflow, wanted)
    now = workflow.collapsed | wanted if collapsed else workflow.collapsed - wanted
    return workflow if now == workflow.collapsed else replace(workflow, collapsed=now)


def checked_place(place: Sequence[float]) -> tuple[float, ...]:
    """Numbers as a document keeps them, to a hundredth of a pixel. Raises EditRefused for what cannot be drawn."""
    if len(place) not in (2, 4) or not all(abs(number) <= _FARTHEST for number in place):
        raise EditRefused("A place is x and y in canvas pixels, at most a thousand million from the middle.")
    return tuple(round(float(number), 2) + 0.0 for number in place)


def _with_layout(workflow: Workflow, layout: Mapping[str, tuple[float, ...]]) -> Workflow:
    return workflow if layout == workflow.layout else replace(workflow, layout=layout)


def _check_known(workflow: Workflow, ids: Iterable[str]) -> None:
    known = set(step_ids(workflow))
    for step_id in ids:
        if step_id not in known:
            raise unknown_step(workflow, step_id)
