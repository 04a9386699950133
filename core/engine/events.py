"""Everything that happens in a run, as one typed stream.

The journal, the canvas, the command line, metrics and traces are all fed by these; there is no second way to
learn what a run did. Secrets are masked before an event is made.

`path` is the scope path of a step: `classify`, `summarise_all[3]/draft`, `triage/classify`. Times are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, Literal, TypeAlias

from core.engine.errors import Question
from core.workflow.model import Json

Cause: TypeAlias = Literal[
    "first",
    "retry",
    "resumed",
    "answered",
    "input_changed",
    "definition_changed",
    "forced",
    "reused",
    "pinned",
    "edited",
]
"""Why an attempt was made. The last three are of steps that did not run: their output is that of an earlier run, was
pinned by a person, or was written by a person for this run."""

NOT_EXECUTED: Final[frozenset[Cause]] = frozenset({"reused", "pinned", "edited"})
"""Causes of records whose step did not run."""

RunStatus: TypeAlias = Literal["queued", "running", "suspended", "completed", "failed", "cancelled"]
"""How a run stands. `queued`: it waits for a worker and nothing of it has happened yet."""

StepStatus: TypeAlias = Literal["started", "completed", "failed", "skipped", "suspended", "cancelled"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a step spent. tokens: as the provider counted them. cost_usd: as billed, 0 for local servers."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out, self.cost_usd + other.cost_usd
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.tokens_in - other.tokens_in, self.tokens_out - other.tokens_out, self.cost_usd - other.cost_usd
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A failure as data. type: the stable kind. message: for the person. attempt: which try failed, from 1."""

    type: str
    message: str
    attempt: int = 1
    detail: Mapping[str, Json] | None = None

    def as_json(self) -> dict[str, Json]:
        """The object that a step on the `error` port reads."""
        return {"type": self.type, "message": self.message, "attempt": self.attempt}


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a run."""

    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """A run began. part_of: the run whose step asked for it, '' for none."""

    workflow: str
    inputs: Mapping[str, Json]
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class RunResumed(Event):
    """A run that was suspended or interrupted goes on; completed steps are not run again. part_of: as in RunStarted."""

    workflow: str
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class RunSuspended(Event):
    """A run waits and holds no task. wake_at: when a waiting step's time comes, if it has one.

    usage, duration_s: of the run so far.
    """

    waiting: tuple[str, ...]
    wake_at: datetime | None
    usage: Usage
    duration_s: float


@dataclass(frozen=True, slots=True)
class RunCompleted(Event):
    """A run ended well. duration_s: seconds of work, suspensions left out."""

    outputs: Mapping[str, Json]
    usage: Usage
    duration_s: float


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """A run ended with an error. path: the step that failed, '' if no single step did."""

    path: str
    error: ErrorInfo
    usage: Usage
    duration_s: float


@dataclass(frozen=True, slots=True)
class RunCancelled(Event):
    """A person or program ended the run. resumable: whether `resume` may go on with it."""

    usage: Usage
    duration_s: float
    resumable: bool


@dataclass(frozen=True, slots=True)
class StepEvent(Event):
    """Something happened to one attempt of a step. attempt: from 1.

    usage, duration_s, where an event has them: what the attempt spent since it began, or since it began to wait; so
    that all events of a run together, replays apart, tell each cost once.
    """

    path: str
    step_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class StepStarted(StepEvent):
    """An attempt began. inputs: the config with its templates filled in. definition: hash of the step as drawn."""

    type: str
    title: str
    cause: Cause
    definition: str
    inputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class StepDelta(StepEvent):
    """A piece of a step's result came in. Not journalled. channel: `text` or `reasoning`."""

    text: str
    channel: Literal["text", "reasoning"] = "text"


@dataclass(frozen=True, slots=True)
class StepRetrying(StepEvent):
    """An attempt failed and another will follow after `wait` seconds. The failed attempt keeps its record."""

    error: ErrorInfo
    wait: float
    request: Mapping[str, Json] | None
    usage: Usage
    duration_s: float


@dataclass(frozen=True, slots=True)
class StepCompleted(StepEvent):
    """An attempt gave its output. ports: the live output ports. variables: workflow variables it set.

    request: what was sent to the outside, for the inspector. handled: the error that `on_error` turned into this
    output, if any. replayed: the record was there already (a resumed run), nothing ran.
    """

    output: Mapping[str, Json]
    ports: tuple[str, ...]
    variables: Mapping[str, Json]
    request: Mapping[str, Json] | None
    usage: Usage
    duration_s: float
    handled: ErrorInfo | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class StepFailed(StepEvent):
    """The last attempt failed and the failure was not handled."""

    error: ErrorInfo
    request: Mapping[str, Json] | None
    usage: Usage
    duration_s: float


@dataclass(frozen=True, slots=True)
class StepSkipped(StepEvent):
    """All incoming wires were dead (or the step is disabled). reason: for the person. title: the step's, for lists."""

    reason: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class StepSuspended(StepEvent):
    """A step waits for a person or a time. state: what it gets back when it goes on."""

    question: Question | None
    until: datetime | None
    state: Mapping[str, Json]
    usage: Usage
    duration_s: float


@dataclass(frozen=True, slots=True)
class StepCancelled(StepEvent):
    """An attempt was cut short: the run was cancelled, a sibling failed, or a faster branch won."""

    reason: str
    request: Mapping[str, Json] | None
    usage: Usage
    duration_s: float


RunEnd: TypeAlias = RunCompleted | RunFailed | RunCancelled | RunSuspended
"""With these a process stops executing a run, for good or until it is taken up again."""

END_STATUS: Final[Mapping[type[Event], RunStatus]] = {
    RunCompleted: "completed",
    RunFailed: "failed",
    RunCancelled: "cancelled",
    RunSuspended: "suspended",
}
"""How the run stands after each of them."""


def event_json(event: Event) -> dict[str, Json]:
    """An event as a JSON object whose `event` is its class name in snake case (`step_completed`)."""
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(event).__name__).lstrip("_")
    out: dict[str, Json] = {"event": name}
    for entry in fields(event):
        out[entry.name] = _plain(getattr(event, entry.name))
    return out


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case Usage():
            return {"tokens_in": value.tokens_in, "tokens_out": value.tokens_out, "cost_usd": value.cost_usd}
        case Question() | ErrorInfo():
            return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)
