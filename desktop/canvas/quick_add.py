"""What the chooser offers on the canvas: step types to add, steps to lead to or to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.engine.step_type import Category, StepTypes
from desktop.canvas.chooser import Choice
from desktop.canvas.diagram import Diagram

CATEGORIES: Final[dict[Category, str]] = {
    "model": "Model", "tool": "Service", "logic": "Logic", "loop": "Loop", "code": "Code", "input": "Input",
    "output": "Output", "human": "People",
}  # fmt: skip
"""What a list says beside a step type."""


def type_choices(types: StepTypes, *, wired: bool = False) -> list[Choice]:
    """The step types, those of models first. wired: only those that a wire can lead to."""
    order = ("model", "logic", "loop", "tool", "code", "human", "input", "output")
    known = [kind for kind in types if not (wired and kind.canvas_only)]
    known.sort(key=lambda kind: (order.index(kind.category), kind.title))
    return [
        Choice(
            kind.type, kind.title, CATEGORIES[kind.category], kind.icon, f"kind.{kind.category}",
            kind.also_called,
        )
        for kind in known
    ]  # fmt: skip


def step_choices(diagram: Diagram, *, fits: Callable[[str], bool] = lambda _: True) -> list[Choice]:
    """The steps on the canvas by title, with their ids, in document order. fits: which of them."""
    out: list[Choice] = []
    for step_id, step in diagram.steps.items():
        kind = diagram.types.get(step.type)
        if not fits(step_id):
            continue
        colour = f"kind.{kind.category}" if kind else "text.muted"
        icon = kind.icon if kind else "circle-help"
        out.append(Choice(step_id, diagram.title(step_id), step_id, icon, colour, kind.title if kind else step.type))
    return out
