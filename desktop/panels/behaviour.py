"""What a step does besides its work: retry, time limit, failure, joining. As fields of a form, and back. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from core.workflow.durations import format_duration, parse_duration
from core.workflow.edits import set_field
from core.workflow.model import Json, Retry, Step, Workflow
from desktop.panels.fields import ABSENT, FormField, Value

BEHAVIOUR: Final = (
    FormField(
        "disabled", "switch", "Disabled", "The step is passed over, as if it was skipped.",
        default=False, template=False,
    ),
    FormField(
        "on_error", "choice", "When it fails", default="stop", template=False,
        choices=("stop", "default", "branch"),
        labels=("Stop the run", "Go on with the output below", "Go on from the port “error”"),
    ),
    FormField("default", "json", "Output instead", "What the step gives when it fails.", template=False),
    FormField("timeout", "duration", "Time limit", "For each try, such as 60s or 5m. Empty for none.", template=False),
    FormField(
        "attempts", "integer", "Tries", "How often it is tried in all; only what may pass is tried again.",
        default=1, low=1, high=100, template=False,
    ),
    FormField("wait", "duration", "Wait before the second try", default="1s", template=False),
    FormField(
        "factor", "number", "Each wait is longer by", default=2, low=1, high=10, unit="times", template=False
    ),
    FormField("max_wait", "duration", "Longest wait", default="30s", template=False),
    FormField(
        "join", "choice", "With several wires coming in", default="all", choices=("all", "any"), template=False,
        labels=("Start when all are settled", "Start at the first live one"),
    ),
    FormField(
        "idempotency_key", "text", "Idempotency key",
        "The same text for the same piece of work: a step that changes the world may then run again after a crash.",
    ),
)  # fmt: skip
"""The fields of the tab."""

_RETRY: Final = ("attempts", "wait", "factor", "max_wait")


def behaviour_of(step: Step) -> dict[str, Json]:
    """The values of the fields; those at their default are left out."""
    values: dict[str, Json] = {}
    if step.disabled:
        values["disabled"] = True
    if step.on_error != "stop":
        values["on_error"] = step.on_error
    if step.default is not None:
        values["default"] = dict(step.default)
    if step.timeout is not None:
        values["timeout"] = format_duration(step.timeout)
    if step.retry is not None:
        values["attempts"] = step.retry.attempts
        values["wait"] = format_duration(step.retry.wait)
        values["factor"] = step.retry.factor
        values["max_wait"] = format_duration(step.retry.max_wait)
    if step.join != "all":
        values["join"] = step.join
    if step.idempotency_key:
        values["idempotency_key"] = step.idempotency_key
    return values


def with_behaviour(workflow: Workflow, step: Step, key: str, value: Value) -> Workflow:
    """The workflow with one of the fields changed. Raises ValueError with a sentence if the text means nothing."""
    if key in _RETRY:
        return set_field(workflow, step.id, "retry", _with_retry(step.retry or Retry(), key, value))
    return set_field(workflow, step.id, key, _meaning(key, value))


def _meaning(key: str, value: Value) -> Any:
    match key:
        case "timeout":
            seconds = None if value is ABSENT else parse_duration(value)
            if seconds is not None and seconds <= 0:
                raise ValueError("The time limit must be longer than 0 seconds.")
            return seconds
        case "default":
            if value is ABSENT:
                return None
            if not isinstance(value, Mapping):
                raise ValueError('An output is a JSON object, such as {"text": ""}.')  # noqa: TRY004 - for the person
            return value
        case _:
            return _DEFAULTS[key] if value is ABSENT else value


def _with_retry(retry: Retry, key: str, value: Value) -> Retry | None:
    plain = Retry()
    if value is ABSENT:
        value = getattr(plain, key)
    if key in ("wait", "max_wait"):
        value = parse_duration(value)
        if value < 0:
            raise ValueError("A wait is at least 0 seconds.")
    elif isinstance(value, bool) or not isinstance(value, int if key == "attempts" else (int, float)):
        raise ValueError("Write a whole number." if key == "attempts" else "Write a number.")
    elif value < 1:
        raise ValueError("Write at least 1.")
    changes: dict[str, Any] = {key: value}
    changed = replace(retry, **changes)
    return None if changed == plain else changed


_DEFAULTS: Final[Mapping[str, Json]] = {"disabled": False, "on_error": "stop", "join": "all", "idempotency_key": ""}
