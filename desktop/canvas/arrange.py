"""Where steps go when they are aligned, distributed or tidied up. Positions only: the caller makes the edit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from core.workflow.model import Group, Step, Workflow
from desktop.canvas.geometry import NodeBox
from desktop.canvas.layers import ROW_GAP, Place
from desktop.canvas.levels import Cable, Level, placed

Edge: TypeAlias = Literal["left", "center", "right", "top", "middle", "bottom"]
"""What is brought into one line."""

Axis: TypeAlias = Literal["across", "down"]

Size: TypeAlias = Callable[[Step], Place]
"""Width and height of a step that holds no others."""

Ports: TypeAlias = Callable[[Step, str], float]
"""How far below a step's top an output port is; the input port for an empty name."""


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


def tidied(
    workflow: Workflow, level: Level, places: Mapping[str, Place], steps: Collection[str] | None = None
) -> dict[str, Place]:
    """Positions that an arrangement gave, moved so that its top left corner stays where the steps' was.

    level: what was arranged. steps: those whose corner counts; None for all of them.
    """
    chosen = [step for step in level.order if steps is None or step in steps]
    old = [workflow.layout[step][:2] for step in chosen if step in workflow.layout]
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


def level_of(
    steps: Mapping[str, Step],
    size: Size,
    notes: Callable[[Step], bool],
    *,
    groups: Iterable[Group] = (),
    ports: Ports | None = None,
    folded: Collection[str] = (),
) -> Level:
    """The steps of a level, those inside loops included, as a layout sees them; notes stay where they are.

    ports: how far below its top a port is. groups: those of the whole workflow. folded: loops of which only the header
    is shown.
    """
    real = {step.id: step for step in steps.values() if not notes(step)}
    known = list(groups)
    cables = [
        Cable(step.id, target, *((ports(step, port), ports(steps[target], "")) if ports else ()))
        for step in real.values()
        for port, targets in step.then.items()
        for target in targets
        if target in real
    ]
    return Level(
        [*real],
        {step.id: size(step) for step in real.values() if step.body is None or step.id in folded},
        cables,
        {
            step.id: level_of(step.body, size, notes, groups=known, ports=ports, folded=folded)
            for step in real.values()
            if step.body is not None and step.id not in folded
        },
        [held for group in known if (held := [step for step in group.steps if step in real])],
    )


def level_places(
    steps: Mapping[str, Step], size: Size, notes: Callable[[Step], bool]
) -> tuple[dict[str, Place], Place]:  # fmt: skip
    """Positions in a level and in the loops on it, and the level's size, at once and without Graphviz."""
    return placed(level_of(steps, size, notes))
