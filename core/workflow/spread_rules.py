"""What cannot work in a loop whose passes know nothing of each other, because workers make them apart."""

from __future__ import annotations

from collections.abc import Iterator

from core.workflow.catalogue import StepKind
from core.workflow.model import Step
from core.workflow.outline import Outline
from core.workflow.problems import Problem
from core.workflow.template_texts import references_in
from core.workflow.templates import TemplateSyntax


def spread_problems(outline: Outline) -> Iterator[Problem]:
    """Steps that add to a variable what the passes before have made of it."""
    for level in outline.levels:
        apart = next((loop for loop in outline.loops_around(level) if _is_apart(outline, loop)), None)
        if apart is None:
            continue
        for step in level.steps.values():
            kind = outline.kind(step)
            if kind is None or step.disabled:
                continue
            if names := set(kind.variables_set(step.config)) & _read(step, kind):
                yield _apart(step, apart, min(names))


def _is_apart(outline: Outline, loop: Step) -> bool:
    kind = outline.kind(loop)
    return kind is not None and kind.passes_apart(loop.config)


def _read(step: Step, kind: StepKind) -> set[str]:
    """The variables that a step's own templates read."""
    found: set[str] = set()
    for field in kind.template_fields(step.config):
        try:
            found |= {str(each.path[0]) for each in references_in(field.text) if each.root == "vars" and each.path}
        except TemplateSyntax:
            continue  # another rule says what is wrong with it
    return found


def _apart(step: Step, loop: Step, name: str) -> Problem:
    message = (
        f"{step.id!r} adds to the variable {name!r}, but the passes of {loop.id!r} are spread: each begins with the "
        "value from before the loop, and that of the last item stays."
    )
    fix = f"Collect what each pass gives and put it together after the loop, or do not spread {loop.id!r}."
    return Problem("spread_variable", message, fix, step.id, "config", "warning")
