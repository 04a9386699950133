"""Events of runs as texts that fit into a notice of the database, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from core.engine.errors import Question
from core.engine.events import (
    ErrorInfo,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
    Usage,
    event_json,
)
from core.store.run_news import LONGEST_TEXT

_KINDS: Final[Mapping[str, type[Event]]] = {
    "run_started": RunStarted,
    "run_resumed": RunResumed,
    "run_suspended": RunSuspended,
    "run_completed": RunCompleted,
    "run_failed": RunFailed,
    "run_cancelled": RunCancelled,
    "step_started": StepStarted,
    "step_delta": StepDelta,
    "step_retrying": StepRetrying,
    "step_completed": StepCompleted,
    "step_failed": StepFailed,
    "step_skipped": StepSkipped,
    "step_suspended": StepSuspended,
    "step_cancelled": StepCancelled,
}

_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "at": datetime.fromisoformat,
    "wake_at": datetime.fromisoformat,
    "until": datetime.fromisoformat,
    "usage": lambda value: Usage(**value),
    "error": lambda value: ErrorInfo(**value),
    "handled": lambda value: ErrorInfo(**value),
    "question": lambda value: Question(value["message"], tuple(value["choices"]), value["schema"]),
    "ports": tuple,
    "waiting": tuple,
}


@dataclass(frozen=True, slots=True)
class RunMessage:
    """What is told of a run. sender: who executes it. event: what happened, None for nothing but that it is told of.

    look: something happened that does not fit in here; the journal will know it.
    """

    sender: str
    run_id: str
    event: Event | None = None
    look: bool = False


def texts_of(message: RunMessage, number: int) -> Iterator[str]:
    """The message as texts for the database, one or several. number: makes equal messages different."""
    event = message.event
    said: dict[str, Any] = {"from": message.sender, "run": message.run_id, "n": number}
    if event is None:
        yield json.dumps({**said, "look": message.look})
        return
    try:
        text = json.dumps({**said, "event": event_json(event)}, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        text = ""
    if text and len(text) <= LONGEST_TEXT:
        yield text
    elif isinstance(event, StepDelta) and len(event.text) > 1:
        half = len(event.text) // 2
        for part, piece in enumerate((event.text[:half], event.text[half:])):
            yield from texts_of(replace(message, event=replace(event, text=piece)), number * 2 + part)
    else:
        yield json.dumps({**said, "look": True})


def message_of(text: str) -> RunMessage | None:
    """The message in a text; None for a text of somebody else."""
    try:
        said = json.loads(text)
        event = said.get("event")
        told = _event_of(event) if event is not None else None
        return RunMessage(str(said["from"]), str(said["run"]), told, said.get("look", False) is True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _event_of(said: Mapping[str, Any]) -> Event:
    kind = _KINDS[said["event"]]
    values = {}
    for entry in fields(kind):
        value = said[entry.name]
        read = _READERS.get(entry.name)
        values[entry.name] = read(value) if read is not None and value is not None else value
    return kind(**values)
