"""Everything that happens while an agent, or a workflow, answers: one typed stream for windows, command line and HTTP.

    TurnStarted  MemoryRecalled?  ContextCompacted*
    ( RequestSent  (TextDelta | ReasoningDelta)*  MessageSaved(assistant)  CallProposed*
      ( CallNeedsApproval | CallStarted  CallProgress*  CallFinished )*  MessageSaved(tool)*  HandedOver? )*
    TurnWaiting | TurnEnded

Times are UTC. A call is told of as a whole each time, so that a listener who came late needs nothing from before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from core.engine.events import NO_USAGE, Usage
from core.store.conversation_records import FunctionCall, Section, StoredMessage
from core.workflow.model import Json

PendingKind: TypeAlias = Literal["approval", "unknown", "question", "later", "asker"]
"""What a call waits for: leave to be made; word whether it had got through when its process died; the answer to what
the workflow it runs asks; a time; what the program that asked is to give."""

TurnStatus: TypeAlias = Literal["completed", "waiting", "cancelled", "limited", "failed"]
"""`limited`: a limit of the agent ended the turn. `waiting`: for a person, or a time."""

CANCELLED: Final = "It was cancelled."
"""The reason of an answer that somebody stopped, and of its message; what a limit has ended names that limit."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a turn waits for.

    id: what `Chat.answer` is given. call: None when a workflow that answers a chat by itself waits. message: the
    question, for the person. warnings: what makes the call risky now, as sentences. choices or schema: as in a
    workflow's question. agent: who wants it. until: when it goes on by itself.
    """

    id: str
    kind: PendingKind
    message: str
    call: FunctionCall | None = None
    agent: str = ""
    warnings: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None
    run_id: str = ""
    path: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChatEvent:
    """Something happened in a conversation."""

    conversation_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class TurnStarted(ChatEvent):
    """An answer is being made. agent: its name, or the workflow's. resumed: it goes on after a pause or a crash."""

    agent: str
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class RecalledMemory:
    """A memory that was put before the model. score: 0 to 1. why: how it was found, in words."""

    id: str
    text: str
    score: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class MemoryRecalled(ChatEvent):
    """What memory gave for this turn. note: what kept it from giving more, '' for nothing."""

    memories: tuple[RecalledMemory, ...]
    mode: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ContextCompacted(ChatEvent):
    """The conversation had grown too long for the model. kind: old results left out, or messages summarised.

    first, last: the messages that the note stands for; they stay in the conversation. tokens: of the request before
    and after.
    """

    kind: Literal["pruned", "summarised"]
    tokens_before: int
    tokens_after: int
    first: int | None = None
    last: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RequestSent(ChatEvent):
    """A model was asked. step: from 1 in this turn. context: tokens that fit into the model, None if unknown.

    body: exactly what was sent, inline data shortened. troubles: why functions of the agent are not offered.
    """

    step: int
    model: str
    sections: tuple[Section, ...]
    context: int | None = None
    body: Mapping[str, Json] = field(default_factory=dict, repr=False)
    troubles: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Tokens of the whole request, as estimated before it was sent."""
        return sum(section.tokens for section in self.sections)


@dataclass(frozen=True, slots=True)
class TextDelta(ChatEvent):
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta(ChatEvent):
    """A piece of what the model thinks aloud."""

    text: str


@dataclass(frozen=True, slots=True)
class CallProposed(ChatEvent):
    """The model wants a function called. The call is durable; nothing of it has run."""

    call: FunctionCall
    agent: str = ""


@dataclass(frozen=True, slots=True)
class CallNeedsApproval(ChatEvent):
    """A call waits for a person."""

    pending: Pending


@dataclass(frozen=True, slots=True)
class CallStarted(ChatEvent):
    """A call is being made."""

    call: FunctionCall


@dataclass(frozen=True, slots=True)
class CallProgress(ChatEvent):
    """A call tells how far it is. done, total: None if it does not say."""

    call_id: str
    text: str
    done: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class CallFinished(ChatEvent):
    """A call is settled: completed, failed, denied or cancelled."""

    call: FunctionCall


@dataclass(frozen=True, slots=True)
class HandedOver(ChatEvent):
    """Another agent goes on with the conversation."""

    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessageSaved(ChatEvent):
    """A message is durable."""

    message: StoredMessage


@dataclass(frozen=True, slots=True)
class TurnWaiting(ChatEvent):
    """Nothing more can be done without an answer. The turn holds no task; it outlives the program."""

    pending: tuple[Pending, ...]
    usage: Usage = NO_USAGE
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnEnded(ChatEvent):
    """The turn is over. reason: for the person, if it did not end by an answer. value: of a structured answer.

    usage, duration_s: of the whole turn, pauses left out.
    """

    status: TurnStatus
    text: str = ""
    value: Json = None
    reason: str = ""
    usage: Usage = NO_USAGE
    duration_s: float = 0.0


def chat_event_json(event: ChatEvent) -> dict[str, Json]:
    """An event as a JSON object whose `event` is its class name in snake case (`call_finished`)."""
    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(event).__name__).lstrip("_")
    return {"event": name, **{entry.name: _plain(getattr(event, entry.name)) for entry in fields(event)}}


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
        case _:
            return str(value)
