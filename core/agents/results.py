"""What a model reads of a function's result: JSON or text, of a bounded length, failures as data."""

from __future__ import annotations

import json
from typing import Final

from core.agents.errors import FunctionError
from core.engine.errors import StepError
from core.workflow.model import Json

MOST_CHARACTERS: Final = 28_000
"""The longest result that a model is given, about 8,000 tokens; of longer ones it gets head and tail."""

_HINTS = {
    "timeout": "It may work with less to do, or later.",
    "rate_limit": "Wait before you try it again, or go on without it.",
    "connection": "The other side cannot be reached now; go on without it or say so.",
    "not_found": "Check the name; do not guess another.",
    "credentials": "A person has to set the key; say so.",
    "refused": "It is not allowed. Do not try another way around; say so.",
    "validation": "Mend the arguments and call it again.",
}


def as_text(value: Json) -> str:
    """A result as the model reads it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def result_name(call_id: str) -> str:
    """How `read_result` names the whole result of a call."""
    return f"result_{call_id.replace('-', '')[-12:]}"


def capped(text: str, call_id: str, most: int = MOST_CHARACTERS) -> tuple[str, bool]:
    """The text, or its head and tail with a note of how to read the rest; and whether something was left out."""
    if len(text) <= most:
        return text, False
    head, tail = most * 3 // 4, most // 4
    left_out = len(text) - head - tail
    note = (
        f"\n[… {left_out} of {len(text)} characters left out here. "
        f'Read them with read_result(name="{result_name(call_id)}", offset={head}) …]\n'
    )
    return text[:head] + note + text[-tail:], True


def failure(kind: str, message: str, hint: str = "") -> str:
    """A failure as the data that the model reads."""
    error: dict[str, Json] = {"type": kind, "message": message[:4000]}
    hint = hint or _HINTS.get(kind, "")
    if hint:
        error["hint"] = hint
    return json.dumps({"error": error}, ensure_ascii=False)


def failure_of(error: Exception) -> tuple[str, str]:
    """What went wrong, as the model reads it, and in words for the person."""
    match error:
        case FunctionError():
            return failure(error.kind, error.message, error.hint), error.message
        case StepError():
            return failure(error.kind, error.message), error.message
        case TimeoutError():
            message = "The function took longer than it may."
            return failure("timeout", message), message
        case _:
            message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return failure("failed", message[:1000]), message[:1000]
