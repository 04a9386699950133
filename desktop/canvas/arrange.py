"""Where steps go when they are aligned, distributed or tidied up. Positions only: the caller makes the edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from core.workflow.model import Step, Workflow
from desktop.canvas.geometry import FRAME_HEIGHT, FRAME_PAD, FRAME_WIDTH, HEADER, NodeBox
from desktop.canvas.layers import ROW_GAP, Place, arranged

Edge: TypeAlias = Literal["left", "center", "right", "top", "middle", "bottom"]
"""What is brought into one line."""

Axis: TypeAlias = Literal["across", "down"]

Size: TypeAlias = Callable[[Step], Place]
"""Width and height of a step that holds no others."""


def aligned(boxes: Sequence[NodeBox], edge: Edge) -> dict[str, Place]:
    """Positions that bring the boxes' edges (or middles) into one line."""
    if not boxes:
        return {}
    left, right = min(b.x for b in boxes), max(b.rect.right for b in boxes)
    top, bottom = min(b.y for b in boxes), max(b.rect.bottom for b in boxes)
    match edge:
        case "left":
            return {b.id: (left, b.y) for b in boxes}
        case "right":
            return {b.id: (right - b.width, b.y) for b in boxes}
        case "center":
            return {b.id: (round((left + right - b.width) / 2), b.y) for b in boxes}
        case "top":
            return {b.id: (b.x, top) for b in boxes}
        case "bottom":
            return {b.id: (b.x, bottom - b.height) for b in boxes}
        case "middle":
            return {b.id: (b.x, round((top + bottom - b.height) / 2)) for b in boxes}


def distributed(boxes: Sequence[NodeBox], axis: Axis) -> dict[str, Place]:
    """Positions with equal space between the boxes; the outermost two stay."""
    across = axis == "across"
    row = sorted(boxes, key=lambda b: (b.x, b.id) if across else (b.y, b.id))
    if len(row) < 3:
        return {}
    sizes = [b.width if across else b.height for b in row]
    first, last = row[0], row[-1]
    start = first.x if across else first.y
    end = last.rect.right if across else last.rect.bottom
    space = (end - start - sum(sizes)) / (len(row) - 1)
    out: dict[str, Place] = {}
    at = start
    for box, size in zip(row, sizes, strict=True):
        out[box.id] = (round(at), box.y) if across else (box.x, round(at))
        at += size + space
    return out


def tidied(workflow: Workflow, size: Size, *, notes: Callable[[Step], bool]) -> dict[str, Place]:
    """A readable position for every step but notes; the whole keeps its top left corner. notes: what is one."""
    places, _ = level_places(workflow.steps, size, notes)
    old = [workflow.layout[step][:2] for step in workflow.steps if step in workflow.layout and step in places]
    left, top = (min(p[0] for p in old), min(p[1] for p in old)) if old else (0.0, 0.0)
    return {step: (x + left, y + top) for step, (x, y) in places.items()}


def placed_among(
    missing: Sequence[str],
    boxes: Mapping[str, Place],
    sizes: Mapping[str, Place],
    sources: Mapping[str, Sequence[str]],
) -> dict[str, Place]:
    """Places for steps without one among steps that have theirs: right of what leads to them, below what is there.

    boxes: known positions. sizes: of all. sources: by id, the steps that lead there.
    """
    known = dict(boxes)
    out: dict[str, Place] = {}
    for step in missing:
        before = [(known[s], sizes[s]) for s in sources.get(step, ()) if s in known]
        if before:
            x = max(place[0] + size[0] for place, size in before) + 2 * ROW_GAP
            y = before[0][0][1]
        else:
            x = min((place[0] for place in known.values()), default=0.0)
            y = max((known[s][1] + sizes[s][1] for s in known), default=-ROW_GAP) + ROW_GAP
        out[step] = known[step] = (x, _free(x, y, sizes[step], known, sizes))
    return out


def _free(x: float, y: float, size: Place, known: Mapping[str, Place], sizes: Mapping[str, Place]) -> float:
    """The first height at or below y where nothing is in the way."""
    column = sorted(
        (p[1], p[1] + sizes[s][1]) for s, p in known.items() if p[0] < x + size[0] and x < p[0] + sizes[s][0]
    )
    for top, bottom in column:
        if top < y + size[1] + ROW_GAP and y < bottom + ROW_GAP:
            y = bottom + ROW_GAP
    return y


def level_places(
    steps: Mapping[str, Step], size: Size, notes: Callable[[Step], bool]
) -> tuple[dict[str, Place], Place]:  # fmt: skip
    """Positions in a level and in the loops on it, and the level's size."""
    sizes: dict[str, Place] = {}
    inner: dict[str, dict[str, Place]] = {}
    for step in steps.values():
        if notes(step):
            continue
        if step.body is None:
            sizes[step.id] = size(step)
        else:
            inner[step.id], (width, height) = level_places(step.body, size, notes)
            sizes[step.id] = (
                max(FRAME_WIDTH, width + 2 * FRAME_PAD),
                max(FRAME_HEIGHT, height + 2 * FRAME_PAD + HEADER),
            )
    places = arranged(
        sizes, ((s.id, target) for s in steps.values() for targets in s.then.values() for target in targets)
    )
    right = max((places[s][0] + sizes[s][0] for s in places), default=0.0)
    bottom = max((places[s][1] + sizes[s][1] for s in places), default=0.0)
    for loop, body in inner.items():
        x, y = places[loop]
        for step_id, (dx, dy) in body.items():
            places[step_id] = (x + FRAME_PAD + dx, y + HEADER + FRAME_PAD + dy)
    return places, (right, bottom)
