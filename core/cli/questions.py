"""What the steps of a run ask a person, and with what that is answered on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.engine.errors import Question
    from core.engine.journal import StepRecord


def asking(steps: Sequence[StepRecord]) -> list[StepRecord]:
    """Of the records of a run those that wait for an answer, in the order of their making."""
    newest = {step.path: step for step in steps}
    return [step for step in newest.values() if step.status == "suspended" and step.question and step.answer is None]


def answers_to(question: Question) -> str:
    """What may be answered: `yes or no`, or what a form has to hold."""
    if question.schema is not None:
        fields = question.schema.get("properties")
        named = f" of {', '.join(fields)}" if isinstance(fields, dict) and fields else ""
        return f"a JSON object{named}"
    *others, last = (repr(choice) if " " in choice else choice for choice in question.choices)
    return f"{', '.join(others)} or {last}" if others else last
