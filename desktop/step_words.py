"""What steps are called: on their faces, in paths, and what other programs call what our step types do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.engine.step_type import StepTypes
    from core.workflow.model import Step, Workflow

WORDS: Final[Mapping[str, str]] = {
    "agent": "assistant react tools",
    "api": "http request rest webhook fetch url curl",
    "approval": "human ask person review confirm form",
    "chat": "llm prompt completion gpt ask model",
    "code": "python script function",
    "condition": "if else branch compare filter router",
    "for_each": "loop map iterate list batch",
    "image": "picture draw paint vision",
    "note": "sticky comment remark annotation",
    "read_file": "load open document import",
    "recall": "memory search retrieve rag vector knowledge",
    "remember": "memory store knowledge",
    "repeat": "loop while until iterate",
    "set": "variable assign edit fields",
    "stop": "end abort fail exit error",
    "switch": "case route router branch",
    "template": "string format concat join jinja prompt",
    "wait": "delay sleep pause timer",
    "workflow": "subworkflow sub-workflow call execute",
    "write_file": "save export store",
}
"""By step type; words parted by spaces. Who comes from another program finds the types by those."""


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
