"""Going from step to step with the keyboard: along wires, and to what lies in a direction."""

from __future__ import annotations

from typing import Literal, TypeAlias

from desktop.canvas.diagram import Diagram

Direction: TypeAlias = Literal["left", "right", "up", "down"]


def along_wires(diagram: Diagram, step: str, direction: Direction) -> str | None:
    """The neighbour that a wire leads to (right), comes from (left), or the next one beside it (up, down).

    None if there is none.
    """
    box = diagram.boxes.get(step)
    if box is None:
        return None
    wires = diagram.wires_of(step)
    if direction == "right":
        near = {wire.target for wire in wires if wire.source == step}
    elif direction == "left":
        near = {wire.source for wire in wires if wire.target == step}
    else:
        return _beside(diagram, step, direction) or in_direction(diagram, step, direction)
    return min(near, key=lambda i: (abs(diagram.boxes[i].y - box.y), diagram.boxes[i].y, i), default=None)


def in_direction(diagram: Diagram, step: str, direction: Direction) -> str | None:
    """The step nearest in a direction, sideways distance counting double; None if there is none."""
    box = diagram.boxes.get(step)
    if box is None:
        return None
    x, y = box.rect.center
    best: tuple[float, str] | None = None
    for other in diagram.boxes.values():
        if other.id == step or other.is_frame:
            continue
        ox, oy = other.rect.center
        dx, dy = ox - x, oy - y
        ahead = {"left": -dx, "right": dx, "up": -dy, "down": dy}[direction]
        aside = abs(dy) if direction in ("left", "right") else abs(dx)
        if ahead > 1.0 and (best is None or (ahead + 2 * aside, other.id) < best):
            best = (ahead + 2 * aside, other.id)
    return best[1] if best else None


def upstream(diagram: Diagram, steps: frozenset[str]) -> frozenset[str]:
    """The steps and everything that leads to them."""
    return _reached(diagram, steps, backward=True)


def downstream(diagram: Diagram, steps: frozenset[str]) -> frozenset[str]:
    """The steps and everything that they lead to."""
    return _reached(diagram, steps, backward=False)


def _beside(diagram: Diagram, step: str, direction: Direction) -> str | None:
    """The nearest step above or below with a neighbour in common: another way of the same decision."""
    box = diagram.boxes[step]
    sources = {wire.source for wire in diagram.wires_of(step) if wire.target == step}
    others = {w.target for source in sources for w in diagram.wires_of(source) if w.source == source} - {step}
    up = direction == "up"
    there = [i for i in others if (diagram.boxes[i].y < box.y) == up and diagram.boxes[i].y != box.y]
    return min(there, key=lambda i: (abs(diagram.boxes[i].y - box.y), i), default=None)


def _reached(diagram: Diagram, steps: frozenset[str], *, backward: bool) -> frozenset[str]:
    seen, ahead = set(steps), list(steps)
    while ahead:
        step = ahead.pop()
        for wire in diagram.wires_of(step):
            other = wire.source if backward else wire.target
            if other not in seen:
                seen.add(other)
                ahead.append(other)
    return frozenset(seen)
