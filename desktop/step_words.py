"""What steps are called on their faces, and which steps a scope path leads along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.engine.step_type import StepTypes
    from core.workflow.model import Step, Workflow


def face_title(step: Step, types: StepTypes | None) -> str:
    """What a step is called on its face: its title, or else its type's, or else its id."""
    kind = types.get(step.type) if types is not None else None
    return step.title or (kind.title if kind is not None else step.id)


def steps_on(path: str, workflow: Workflow) -> Iterator[tuple[str, Step | None]]:
    """The parts of a scope path, each with its step; None for steps of another workflow that a step runs."""
    level: Mapping[str, Step] = workflow.steps
    for part in path.split("/"):
        step = level.get(part.partition("[")[0])
        yield part, step
        level = (step.body if step is not None else None) or {}
