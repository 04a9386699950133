"""Conversations that live as long as the process: for work that nobody keeps, and for tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

from core.engine.events import NO_USAGE, Usage
from core.ids import new_id
from core.store.conversation_records import (
    CompactionNote,
    Conversation,
    FunctionCall,
    SentRequest,
    StoredMessage,
    checked_call,
    complete_times,
    more_spent,
)
from core.store.conversations import Fork, Found, OpenCall, Page, Spending, Tree, Twig, WaitingRun, has_words
from core.store.errors import (
    CallNotFound,
    ConversationBusy,
    ConversationLost,
    ConversationNotFound,
    MessageNotFound,
)
from core.store.values import encode
from core.workflow.model import NOTHING, Json

T = TypeVar("T")

_SNIPPET = 300
"""Characters of a message that a list shows."""


@dataclass(slots=True)
class _Entry:
    """One conversation. Messages by number, in order of their making; epoch: of its newest writer."""

    conversation: Conversation
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    requests: dict[int, SentRequest] = field(default_factory=dict)
    notes: list[CompactionNote] = field(default_factory=list)
    epoch: int = 0
    owned: bool = False

    def branch(self, leaf: int | None) -> list[StoredMessage]:
        found: list[StoredMessage] = []
        while leaf is not None:
            found.append(self.messages[leaf])
            leaf = found[-1].parent
        return found[::-1]

    def children(self, parent: int | None) -> list[int]:
        return [number for number, message in self.messages.items() if message.parent == parent]


class MemoryConversations:
    """The Conversations protocol without any storage.

    now: the time in UTC. make_id: ids of new conversations. agent_named: the id of the agent of that name, for what
    agents spend.
    """

    def __init__(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        make_id: Callable[[], UUID] = new_id,
        agent_named: Callable[[str], UUID | None] = lambda _: None,
    ) -> None:
        self.now = now
        self._make_id = make_id
        self._agent_named = agent_named
        self._entries: dict[UUID, _Entry] = {}
        self._spent: dict[str, Spending] = {}
        self._last_number = 0

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
        for entry in self._entries.values():
            if key and entry.conversation.key == key:
                return entry.conversation
        now = self.now()
        kept = kept_value(dict(variables)), kept_value(dict(labels or {}))
        made = Conversation(
            self._make_id(), agent_id, workflow, title, kept[0], key=key, labels=kept[1], created=now, updated=now
        )
        self._entries[made.id] = _Entry(made)
        return made

    async def get(self, conversation_id: UUID) -> Conversation:
        """One conversation. Raises ConversationNotFound."""
        return self.entry(conversation_id).conversation

    async def write(self, conversation_id: UUID) -> MemoryLog:
        """Become its writer. Raises ConversationNotFound, or ConversationBusy while another one is."""
        entry = self._free(conversation_id)
        entry.epoch += 1
        entry.owned = True
        return MemoryLog(self, conversation_id, entry.epoch)

    async def of_call(self, call_id: str) -> UUID:
        """The conversation that holds a function call. Raises ConversationNotFound."""
        for conversation_id, entry in self._entries.items():
            if any(call.id == call_id for call in _calls(entry)):
                return conversation_id
        raise CallNotFound(f"There is no function call {call_id}; its conversation may have been deleted.")

    async def spent(self, agent_id: UUID, since: datetime) -> Usage:
        """What an agent's messages and calls have cost since then, over all conversations."""
        found = (one for one in self._spent.values() if one.agent_id == agent_id and one.at >= since)
        return sum((one.usage for one in found), NO_USAGE)

    async def spend(self, spending: Spending) -> None:
        """Add to what an agent has spent."""
        at = self._spent[spending.key].at if spending.key in self._spent else spending.at
        self._spent[spending.key] = replace(spending, at=at)

    async def list(
        self,
        *,
        search: str = "",
        agent_id: UUID | None = None,
        workflow: str | None = None,
        archived: bool = False,
        own: bool = True,
        limit: int = 50,
        after: Conversation | None = None,
    ) -> Sequence[Found]:
        """Conversations, last used first."""
        entries = [
            entry
            for entry in self._entries.values()
            if agent_id in (None, entry.conversation.agent_id)
            and workflow in (None, entry.conversation.workflow)
            and (entry.conversation.archived is not None) == archived
            and not (own and entry.conversation.key)
            and (after is None or _used(entry.conversation) < _used(after))
        ]
        found = [hit for entry in entries if (hit := _found(entry, search.strip())) is not None]
        return sorted(found, key=lambda hit: _used(hit.conversation), reverse=True)[:limit]

    async def rename(self, conversation_id: UUID, title: str) -> None:
        """Give a title."""
        self.change(conversation_id, title=title)

    async def archive(self, conversation_id: UUID, archived: bool = True) -> None:
        """Put away, or take out again."""
        self.change(conversation_id, archived=self.now() if archived else None)

    async def delete(self, conversation_id: UUID) -> None:
        """Forget for good, with all messages. Raises ConversationBusy."""
        self._free(conversation_id)
        del self._entries[conversation_id]

    async def page(
        self, conversation_id: UUID, *, leaf: int | None = None, start: int | None = None, count: int = 100
    ) -> Page:
        """A window on the branch that ends at `leaf` (the head if None)."""
        entry = self.entry(conversation_id)
        if leaf is not None:
            _message(entry, leaf)
        branch = entry.branch(entry.conversation.head if leaf is None else leaf)
        if not branch:
            return Page()
        first = max(0, len(branch) - count) if start is None else max(0, start)
        shown = tuple(branch[first : first + count])
        siblings = {message.id: tuple(entry.children(message.parent)) for message in shown}
        several = {number: known for number, known in siblings.items() if len(known) > 1}
        return Page(shown, first, len(branch), several)

    async def message(self, message_id: int) -> StoredMessage:
        """One message with its calls."""
        for entry in self._entries.values():
            if message_id in entry.messages:
                return entry.messages[message_id]
        raise MessageNotFound(f"There is no message {message_id}; the conversation may have been deleted.")

    async def busy(self, conversation_id: UUID) -> bool:
        """Whether somebody writes to the conversation now: it is being answered."""
        return self.entry(conversation_id).owned

    async def with_file(self, conversation_id: UUID, blob_hash: str) -> StoredMessage | None:
        """The first message of the conversation that names a file, or whose calls do; None if there is none."""
        messages = self._entries[conversation_id].messages if conversation_id in self._entries else {}
        for _, message in sorted(messages.items()):
            if blob_hash in message.blobs or any(blob_hash in call.made_files for call in message.calls):
                return message
        return None

    async def request(self, message_id: int) -> SentRequest | None:
        """What a model was sent for that message, or None if no model made it."""
        return next((e.requests[message_id] for e in self._entries.values() if message_id in e.requests), None)

    async def switch(self, conversation_id: UUID, message_id: int) -> int:
        """Show the newest branch through that message. Its head. Raises ConversationBusy."""
        entry = self._free(conversation_id)
        leaf = _message(entry, message_id).id
        while children := entry.children(leaf):
            leaf = children[-1]
        self.change(conversation_id, head=leaf)
        return leaf

    async def fork(self, conversation_id: UUID, message_id: int, *, title: str = "") -> Conversation:
        """A new conversation that begins with a copy of the branch up to that message."""
        entry = self.entry(conversation_id)
        _message(entry, message_id)
        now = self.now()
        made = replace(
            entry.conversation, id=self._make_id(), title=title or entry.conversation.title, key="", usage=NO_USAGE,
            forked_from=message_id, created=now, updated=now, archived=None,
        )  # fmt: skip
        numbers: dict[int | None, int | None] = {None: None}
        copy = _Entry(made)
        for message in entry.branch(message_id):
            number = numbers[message.id] = self.next_number()
            calls = tuple(_copied(call, number) for call in message.calls)
            copy.messages[number] = replace(message, id=number, parent=numbers[message.parent], calls=calls)
            if message.id in entry.requests:
                copy.requests[number] = entry.requests[message.id]
        for note in entry.notes:
            first, last = numbers.get(note.first), numbers.get(note.last)
            if first is not None and last is not None:
                copy.notes.append(replace(note, first=first, last=last))
        copy.conversation = replace(made, head=numbers[message_id])
        self._entries[made.id] = copy
        return copy.conversation

    async def open_calls(self, conversation_id: UUID | None = None) -> Sequence[OpenCall]:
        """Calls without an outcome, of one conversation or of all, oldest first."""
        found = [
            OpenCall(known, entry.conversation.title, call)
            for known, entry in self._entries.items()
            if conversation_id in (None, known)
            for call in _calls(entry)
            if not call.settled
        ]
        return sorted(found, key=lambda one: (one.call.message, one.call.position))

    async def tree(self, conversation_id: UUID) -> Tree:
        """All branches of a conversation."""
        messages = self.entry(conversation_id).messages
        twigs = [
            Twig(number, message.parent, message.role, message.text[:200], message.agent, message.created)
            for number, message in sorted(messages.items())
        ]
        forks = [
            Fork(known, entry.conversation.title, entry.conversation.forked_from)
            for known, entry in self._entries.items()
            if entry.conversation.forked_from in messages
            and known != conversation_id
            and entry.conversation.forked_from is not None
        ]
        return Tree(tuple(twigs), tuple(forks))

    async def waiting_runs(self) -> Sequence[WaitingRun]:
        """The runs whose results conversations have not got yet."""
        found = [
            WaitingRun(known, call.run_id)
            for known, entry in self._entries.items()
            for call in _calls(entry)
            if call.status == "waiting" and call.run_id
        ]
        for known, entry in self._entries.items():
            head = entry.messages.get(entry.conversation.head) if entry.conversation.head is not None else None
            if entry.conversation.workflow and head is not None and head.role == "tool" and head.run_id:
                found.append(WaitingRun(known, head.run_id))
        return found

    def abandon(self, conversation_id: UUID) -> None:
        """Make the conversation look as if its writer had died: anybody may take it, and the writer has lost it."""
        self.entry(conversation_id).owned = False

    # For the writer.

    def entry(self, conversation_id: UUID) -> _Entry:
        """What is kept of a conversation. Raises ConversationNotFound."""
        try:
            return self._entries[conversation_id]
        except KeyError:
            raise ConversationNotFound(
                f"There is no conversation {conversation_id}; it may have been deleted."
            ) from None

    def change(self, conversation_id: UUID, **values: object) -> None:
        """Replace fields of a conversation."""
        entry = self.entry(conversation_id)
        entry.conversation = replace(entry.conversation, **values)  # type: ignore[arg-type] # fields by their names

    def next_number(self) -> int:
        """The number of a new message; larger than all before."""
        self._last_number += 1
        return self._last_number

    async def count(self, entry: _Entry, key: str, agent: str, cause: str, usage: Usage, at: datetime | None) -> None:
        """Add to the ledger of the agent of that name, or else of the one that the conversation was begun with."""
        agent_id = self._agent_named(agent) or entry.conversation.agent_id
        if agent_id is not None and usage != NO_USAGE:
            await self.spend(Spending(key, agent_id, at or self.now(), usage, cause))

    def _free(self, conversation_id: UUID) -> _Entry:
        entry = self.entry(conversation_id)
        if entry.owned:
            raise ConversationBusy(
                f"The conversation {conversation_id} is being answered by this program. Wait until the answer is "
                "there, or stop it."
            )
        return entry


class MemoryLog:
    """The ConversationLog protocol without any storage. Made by `MemoryConversations.write`."""

    def __init__(self, conversations: MemoryConversations, conversation_id: UUID, epoch: int) -> None:
        self._conversations = conversations
        self._id = conversation_id
        self._epoch = epoch
        self._closed = False

    @property
    def conversation(self) -> Conversation:
        """The conversation as this writer left it."""
        return self._conversations.entry(self._id).conversation

    async def path(self) -> Sequence[StoredMessage]:
        """The messages from the first to the head, with their calls."""
        entry = self._conversations.entry(self._id)
        return entry.branch(entry.conversation.head)

    async def notes(self) -> Sequence[CompactionNote]:
        """The notes that stand for parts of that path, oldest first."""
        entry = self._conversations.entry(self._id)
        places = {message.id: place for place, message in enumerate(entry.branch(entry.conversation.head))}
        return sorted((note for note in entry.notes if note.last in places), key=lambda note: places[note.last])

    async def add(
        self, message: StoredMessage, *, calls: Sequence[FunctionCall] = (), request: SentRequest | None = None
    ) -> StoredMessage:
        """Add a message after the head, with its calls and with what was sent for it; it becomes the head."""
        entry = self._held()
        kept = kept_value(dict(message.body)), kept_value(dict(message.detail))
        sent = None if request is None else replace(request, body=kept_value(dict(request.body)))
        number, created = self._conversations.next_number(), message.created or self._conversations.now()
        asked = [replace(_kept_call(call), message=number) for call in sorted(calls, key=lambda call: call.position)]
        placed = replace(
            message, id=number, parent=entry.conversation.head, created=created, calls=tuple(asked), body=kept[0],
            detail=kept[1],
        )  # fmt: skip
        entry.messages[number] = placed
        if sent is not None:
            entry.requests[number] = sent
        spent = sum((call.usage for call in asked), message.usage)
        updated = max(entry.conversation.updated or created, created)
        usage = entry.conversation.usage + spent
        self._conversations.change(self._id, head=number, updated=updated, usage=usage)
        await self._count(entry, f"message:{number}", message.agent, "answer", message.usage, created)
        for call in asked:
            await self._count(entry, f"call:{call.id}", message.agent, "function", call.usage, call.ended)
        return placed

    async def update_call(self, call: FunctionCall) -> None:
        """Write down how a call stands now. Raises CallNotFound, or CallSettled if it may not become that."""
        entry = self._held()
        before = next((known for known in _calls(entry) if known.id == call.id), None)
        if before is None:
            raise CallNotFound(f"There is no function call {call.id} in the conversation {self._id}.")
        timed = replace(_kept_call(call), message=before.message)
        if not checked_call(before, timed):
            return
        message = entry.messages[before.message]
        calls = tuple(timed if known.id == call.id else known for known in message.calls)
        entry.messages[before.message] = replace(message, calls=calls)
        more = more_spent(timed.usage, before.usage)
        self._conversations.change(self._id, usage=entry.conversation.usage + more)
        await self._count(entry, f"call:{call.id}", message.agent, "function", timed.usage, timed.ended)

    async def add_note(self, note: CompactionNote) -> None:
        """Keep a note."""
        entry = self._held()
        for number in (note.first, note.last):
            _message(entry, number)
        entry.notes.append(replace(note, body=kept_value(dict(note.body))))
        self._conversations.change(self._id, usage=entry.conversation.usage + note.usage)
        await self._count(entry, f"note:{uuid4()}", "", "note", note.usage, None)

    async def move_head(self, message_id: int | None) -> None:
        """Show another branch, ending there. None: the empty one. Raises MessageNotFound."""
        entry = self._held()
        if message_id is not None:
            _message(entry, message_id)
        self._conversations.change(self._id, head=message_id)

    async def set_variables(self, variables: Mapping[str, Json]) -> None:
        """Replace the conversation's variables."""
        self._held()
        self._conversations.change(self._id, variables=kept_value(dict(variables)))

    async def allow(self, functions: Sequence[str]) -> None:
        """Let these functions be called without asking from now on, besides those that may already."""
        allowed = self._held().conversation.allowed | set(functions)
        self._conversations.change(self._id, allowed=allowed)

    async def set_title(self, title: str) -> None:
        """Give it a title."""
        self._held()
        self._conversations.change(self._id, title=title)

    async def close(self) -> None:
        """Let go of the conversation, so that others may answer it. Idempotent."""
        entry = self._conversations.entry(self._id)
        if not self._closed and entry.epoch == self._epoch:
            entry.owned = False
        self._closed = True

    def _held(self) -> _Entry:
        entry = self._conversations.entry(self._id)
        if self._closed or not entry.owned or entry.epoch != self._epoch:
            raise ConversationLost
        return entry

    async def _count(self, entry: _Entry, key: str, agent: str, cause: str, usage: Usage, at: datetime | None) -> None:
        await self._conversations.count(entry, key, agent, cause, usage, at)


def kept_value(value: T) -> T:
    """The value as a database would give it back: a copy. Raises what `encode` raises if it is no JSON value."""
    return json.loads(encode(value))  # type: ignore[no-any-return] # JSON keeps its type


def _kept_call(call: FunctionCall) -> FunctionCall:
    arguments = None if call.arguments is None else kept_value(dict(call.arguments))
    return replace(complete_times(call), arguments=arguments, state=kept_value(dict(call.state)))


def _calls(entry: _Entry) -> Iterator[FunctionCall]:
    for message in entry.messages.values():
        yield from message.calls


def _message(entry: _Entry, number: int) -> StoredMessage:
    try:
        return entry.messages[number]
    except KeyError:
        raise MessageNotFound(
            f"There is no message {number} in the conversation {entry.conversation.id}; it may have been deleted."
        ) from None


def _copied(call: FunctionCall, number: int) -> FunctionCall:
    copy = replace(call, id=str(uuid4()), message=number)
    if copy.settled:
        return copy
    reason = "The conversation was forked before this call had a result."
    return complete_times(replace(copy, status="cancelled", reason=reason, state={}))


def _used(conversation: Conversation) -> tuple[datetime, UUID]:
    assert conversation.updated is not None
    return conversation.updated, conversation.id


def _found(entry: _Entry, search: str) -> Found | None:
    conversation = entry.conversation
    number = conversation.head
    if search:
        spoken = (message for message in reversed(entry.messages.values()) if message.role != "tool")
        number = next((message.id for message in spoken if has_words(message.text, search)), None)
        if number is None and not has_words(conversation.title, search):
            return None
    snippet = entry.messages[number].text[:_SNIPPET] if number is not None else ""
    waiting = sum(call.status == "waiting" for call in _calls(entry))
    return Found(conversation, number, snippet, len(entry.messages), waiting)
