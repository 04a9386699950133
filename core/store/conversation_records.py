"""Conversations as values, and what whoever answers one may ask of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, TypeAlias
from uuid import UUID

from core.engine.events import NO_USAGE, Usage
from core.store.errors import CallSettled
from core.workflow.model import NOTHING, Json

MessageRole: TypeAlias = Literal["user", "assistant", "tool"]

MessageStatus: TypeAlias = Literal["complete", "partial", "failed"]
"""`partial`: cut off by a person or a limit; `failed`: the model broke off."""

CallStatus: TypeAlias = Literal[
    "waiting", "approved", "denied", "started", "completed", "failed", "cancelled", "unknown"
]
"""`waiting`: for a person's leave. `started`: durable before the function has any effect. `unknown`: its process died
between the two, and nobody knows whether it got through."""

SETTLED: frozenset[CallStatus] = frozenset({"denied", "completed", "failed", "cancelled"})
"""Calls whose result, good or bad, is known."""

NEXT_STATUSES: Mapping[CallStatus, frozenset[CallStatus]] = {
    "waiting": frozenset({"waiting", "approved", "denied", "started", "failed", "cancelled"}),
    "approved": frozenset({"approved", "denied", "started", "failed", "cancelled"}),
    "started": frozenset({"started", "waiting", "completed", "failed", "cancelled", "unknown"}),
    "unknown": frozenset({"unknown", "waiting", "approved", "denied", "started", "completed", "failed", "cancelled"}),
    "denied": frozenset(),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
"""What a call may become. A settled one stays as it is; nothing completes that was not started."""


FILES = "files"
"""Key in the state of a call under which the files stand that it made: parts `{type: blob, blob: <hash>, ...}`."""


WAITED = "waited_s"
"""Key in the state of a call under which stands for how many seconds it has waited."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat with an agent, or with a workflow if `workflow` names one.

    head: the newest message of the branch that is shown. key: unique name of a conversation that belongs to something
    else (a step of a run, a call of another agent), '' for a person's own. allowed: functions that need not ask here
    any more. forked_from: the message that it was forked at. usage: of all its branches.
    """

    id: UUID
    agent_id: UUID | None = None
    workflow: str = ""
    title: str = ""
    variables: Mapping[str, Json] = field(default_factory=dict)
    head: int | None = None
    key: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    forked_from: int | None = None
    usage: Usage = NO_USAGE
    created: datetime | None = None
    updated: datetime | None = None
    archived: datetime | None = None


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that a model wanted called, and what became of it.

    id: ours, unique. wire_id: the model's. message: id of the message that asked for it, given by the store.
    position: from 0, in the order of the model. arguments: None if the model's JSON was broken; then `raw` holds its
    text. reason: why it was asked for, denied or failed. result: as the model reads it, capped; result_blob: hash of
    the whole text if it was longer. state: what the call needs to go on. run_id: the run that it made. tainted: the
    result came from outside.
    """

    id: str
    wire_id: str
    name: str
    position: int = 0
    arguments: Mapping[str, Json] | None = None
    raw: str = ""
    status: CallStatus = "waiting"
    reason: str = ""
    result: str = ""
    result_blob: str = ""
    run_id: str = ""
    state: Mapping[str, Json] = field(default_factory=dict)
    tainted: bool = False
    usage: Usage = NO_USAGE
    started: datetime | None = None
    ended: datetime | None = None
    message: int = 0

    @property
    def settled(self) -> bool:
        """Whether its result is known."""
        return self.status in SETTLED

    @property
    def files(self) -> list[Mapping[str, Any]]:
        """What stands for the files that it made."""
        files = self.state.get(FILES)
        return [part for part in files if isinstance(part, dict) and "blob" in part] if isinstance(files, list) else []

    @property
    def made_files(self) -> set[str]:
        """Hashes of the files that it made."""
        return {str(part["blob"]) for part in self.files}

    @property
    def worked_s(self) -> float:
        """Seconds that it took, what it waited for a person or a time left out; 0 while it is not over."""
        if self.started is None or self.ended is None:
            return 0.0
        waited = self.state.get(WAITED)
        return max(
            0.0, (self.ended - self.started).total_seconds() - (waited if isinstance(waited, int | float) else 0.0)
        )


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message. body: in the wire form of chat completions, verbatim.

    parent: the message before it; messages with the same parent are edits or regenerations of each other. agent: the
    name of the agent that spoke. tainted: it was written after something from outside was read. blobs: hashes of
    attachments. calls: of an assistant message, in order. detail: what else a screen shows, such as reasoning or
    recalled memories.
    """

    id: int
    parent: int | None
    role: MessageRole
    text: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    status: MessageStatus = "complete"
    reason: str = ""
    agent: str = ""
    model: str = ""
    usage: Usage = NO_USAGE
    duration_s: float = 0.0
    run_id: str = ""
    tainted: bool = False
    blobs: tuple[str, ...] = ()
    calls: tuple[FunctionCall, ...] = ()
    detail: Mapping[str, Json] = field(default_factory=dict)
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A part of what was sent: `system`, `memory`, `summary`, `history`, `functions`. tokens: counted or estimated."""

    name: str
    tokens: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """Exactly what a model was sent for a message. body: wire form, inline data shortened, never a secret."""

    body: Mapping[str, Json]
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class CompactionNote:
    """What stands for the messages from `first` to `last` (ids, both included) when a model is asked. The messages
    themselves stay. body: the same by heading (goals, decisions, facts ...), if the model wrote it so."""

    first: int
    last: int
    text: str
    model: str = ""
    usage: Usage = NO_USAGE
    body: Mapping[str, Json] = field(default_factory=dict)


def more_spent(now: Usage, before: Usage) -> Usage:
    """What was spent since."""
    return Usage(now.tokens_in - before.tokens_in, now.tokens_out - before.tokens_out, now.cost_usd - before.cost_usd)


def complete_times(call: FunctionCall) -> FunctionCall:
    """The call with the times that its status must have; those that are left out are now."""
    started, ended = call.started, call.ended
    if call.status in ("started", "completed", "unknown"):
        started = started or datetime.now(UTC)
    if call.settled:
        ended = ended or datetime.now(UTC)
    return replace(call, started=started, ended=ended if call.settled else None)


def checked_call(before: FunctionCall, after: FunctionCall) -> bool:
    """Whether a call has to be written; a settled one that is told again has not. Raises CallSettled."""
    if after.status in NEXT_STATUSES[before.status]:
        return True
    if before.settled and (after.status, after.result) == (before.status, before.result):
        return False
    raise CallSettled(
        f"The call of {before.name!r} is {before.status}; it cannot become {after.status}. What happened to it stays."
    )


class ConversationLog(Protocol):
    """One conversation in the hands of its one writer. Everything is durable on return.

    Every write raises ConversationLost if another process took the conversation over.
    """

    @property
    def conversation(self) -> Conversation:
        """The conversation as this writer left it."""

    async def path(self) -> Sequence[StoredMessage]:
        """The messages from the first to the head, with their calls."""

    async def notes(self) -> Sequence[CompactionNote]:
        """The notes that stand for parts of that path, oldest first."""

    async def add(
        self,
        message: StoredMessage,
        *,
        calls: Sequence[FunctionCall] = (),
        request: SentRequest | None = None,
    ) -> StoredMessage:
        """Add a message after the head (its id and parent are given here) with its calls; it becomes the head."""

    async def update_call(self, call: FunctionCall) -> None:
        """Write down how a call stands now. Raises CallNotFound, or CallSettled if it may not become that."""

    async def add_note(self, note: CompactionNote) -> None:
        """Keep a note."""

    async def move_head(self, message_id: int | None) -> None:
        """Show another branch, ending there. None: the empty one. Raises MessageNotFound."""

    async def set_variables(self, variables: Mapping[str, Json]) -> None:
        """Replace the conversation's variables."""

    async def allow(self, functions: Sequence[str]) -> None:
        """Let these functions be called without asking from now on, besides those that may already."""

    async def set_title(self, title: str) -> None:
        """Give it a title."""

    async def close(self) -> None:
        """Let go of the conversation, so that others may answer it. Idempotent."""


class ConversationSource(Protocol):
    """Where conversations are made and taken up."""

    async def create(
        self,
        *,
        agent_id: UUID | None = None,
        workflow: str = "",
        title: str = "",
        variables: Mapping[str, Json] = NOTHING,
        key: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Conversation:
        """A new conversation; the one that has that `key` already, if it is not ''."""

    async def get(self, conversation_id: UUID) -> Conversation:
        """One conversation. Raises ConversationNotFound."""

    async def write(self, conversation_id: UUID) -> ConversationLog:
        """Become its writer. Raises ConversationNotFound, or ConversationBusy while another living process is."""

    async def of_call(self, call_id: str) -> UUID:
        """The conversation that holds a function call. Raises ConversationNotFound."""

    async def spent(self, agent_id: UUID, since: datetime) -> Usage:
        """What an agent's messages and calls have cost since then, over all conversations."""
