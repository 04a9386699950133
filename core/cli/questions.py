"""What the steps of a run ask a person, and with what that is answered on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.engine.errors import Question


def answers_to(question: Question) -> str:
    """What may be answered: `yes or no`, or what a form has to hold."""
    if question.schema is not None:
        fields = question.schema.get("properties")
        named = f" of {', '.join(fields)}" if isinstance(fields, dict) and fields else ""
        return f"a JSON object{named}"
    shown = [repr(choice) if " " in choice else choice for choice in question.choices]
    return " or ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
