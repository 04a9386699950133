"""What the chooser offers on the canvas: step types to add, steps to lead to or to find."""

from __future__ import annotations

from collections.abc import Callable

from core.engine.step_type import StepTypes
from desktop.canvas.chooser import Choice
from desktop.canvas.diagram import Diagram


def type_choices(types: StepTypes, *, wired: bool = False) -> list[Choice]:
    """The step types, those of models first. wired: only those that a wire can lead to."""
    order = ("model", "logic", "loop", "tool", "code", "human", "input", "output")
    known = [kind for kind in types if not (wired and kind.canvas_only)]
    known.sort(key=lambda kind: (order.index(kind.category), kind.title))
    return [Choice(kind.type, kind.title, kind.category, kind.icon, f"kind.{kind.category}") for kind in known]


def step_choices(diagram: Diagram, *, fits: Callable[[str], bool] = lambda _: True) -> list[Choice]:
    """The steps on the canvas by title and id, in document order. fits: which of them."""
    out: list[Choice] = []
    for step_id, step in diagram.steps.items():
        kind = diagram.types.get(step.type)
        if not fits(step_id):
            continue
        colour = f"kind.{kind.category}" if kind else "text.muted"
        detail = step_id if step.title else (kind.title if kind else step.type)
        out.append(Choice(step_id, step.name, detail, kind.icon if kind else "circle-help", colour))
    return out
