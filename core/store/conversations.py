"""All conversations, as a protocol. `PostgresConversations` keeps them for good, `MemoryConversations` as long as the
process lives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from core.engine.events import NO_USAGE, Usage
from core.store.conversation_records import (
    Conversation,
    ConversationSource,
    FunctionCall,
    MessageRole,
    SentRequest,
    StoredMessage,
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages of a branch, first to last, with their calls.

    start: index of the first one on the branch, from 0. total: messages on the branch. siblings: for messages that
    have some, the ids of all of them in order of their making, the message's own included.
    """

    messages: tuple[StoredMessage, ...] = ()
    start: int = 0
    total: int = 0
    siblings: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation in a list. message: where the searched words stand best, None if only the title has them; without
    a search the head. snippet: the words around them, or the beginning of the head. messages: on all branches.
    waiting: calls that wait for a person."""

    conversation: Conversation
    message: int | None = None
    snippet: str = ""
    messages: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call without an outcome, and where it stands."""

    conversation_id: UUID
    title: str
    call: FunctionCall


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that a conversation waits for: of a workflow that an agent called, or that answers by itself."""

    conversation_id: UUID
    run_id: str


@dataclass(frozen=True, slots=True)
class Twig:
    """A message in the tree of a conversation. start: the first 200 characters of its text."""

    id: int
    parent: int | None
    role: MessageRole
    start: str = ""
    agent: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """A conversation that goes on from a message of another one."""

    conversation_id: UUID
    title: str
    message: int


@dataclass(frozen=True, slots=True)
class Tree:
    """All branches of a conversation: every message, oldest first, and what was forked from them."""

    twigs: tuple[Twig, ...]
    forks: tuple[Fork, ...] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """What was spent for an agent besides messages, calls and notes. key: told twice under one key, it counts once.
    cause: title, memory ..."""

    key: str
    agent_id: UUID
    at: datetime
    usage: Usage = NO_USAGE
    cause: str = ""


def search_words(search: str) -> tuple[str, str | None]:
    """A tsquery for the words of a search, and an ILIKE pattern if its script does not part words by spaces."""
    words = _WORD.findall(search)
    query = " & ".join(f"{word}:*" for word in words)
    return query, f"%{_PATTERN_SIGN.sub(_ESCAPED, search.strip())}%" if _is_unparted(words) else None


def has_words(text: str, search: str) -> bool:
    """Whether a text is found by a search, without a database."""
    words = _WORD.findall(search.lower())
    if _is_unparted(words) and search.strip().lower() in text.lower():
        return True
    known = _WORD.findall(text.lower())
    return bool(words) and all(any(one.startswith(word) for one in known) for word in words)


def _is_unparted(words: Sequence[str]) -> bool:
    return not words or any(ord(character) >= _FIRST_UNPARTED for word in words for character in word)


_WORD = re.compile(r"[^\W_]+")
_PATTERN_SIGN = re.compile(r"[\\%_]")
_ESCAPED = r"\\\g<0>"
_FIRST_UNPARTED = 0x0E00
"""Thai, and the scripts of East Asia beyond it."""


class Conversations(ConversationSource, Protocol):
    """All conversations. May be used from any loop. Everything is durable when a method returns.

    Methods that take an id raise ConversationNotFound or MessageNotFound. Those that change what the one writer of a
    conversation relies on raise ConversationBusy while there is one.
    """

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
        """Conversations, last used first.

        search: beginnings of words that all stand in the title or in one message. own: only a
        person's own, without those of steps and other agents. after: the last one of the page before.
        """

    async def rename(self, conversation_id: UUID, title: str) -> None:
        """Give a title."""

    async def archive(self, conversation_id: UUID, archived: bool = True) -> None:
        """Put away, or take out again."""

    async def delete(self, conversation_id: UUID) -> None:
        """Forget for good, with all messages. Raises ConversationBusy."""

    async def page(
        self, conversation_id: UUID, *, leaf: int | None = None, start: int | None = None, count: int = 100
    ) -> Page:
        """A window on the branch that ends at `leaf` (the head if None). start: index of its first message; None for
        the last `count`."""

    async def message(self, message_id: int) -> StoredMessage:
        """One message with its calls."""

    async def busy(self, conversation_id: UUID) -> bool:
        """Whether somebody writes to the conversation now, in whatever process: it is being answered."""

    async def with_file(self, conversation_id: UUID, blob_hash: str) -> StoredMessage | None:
        """The first message of the conversation that names a file, or whose calls do; None if there is none."""

    async def request(self, message_id: int) -> SentRequest | None:
        """What a model was sent for that message, or None if no model made it."""

    async def switch(self, conversation_id: UUID, message_id: int) -> int:
        """Show the newest branch through that message. Its head. Raises ConversationBusy."""

    async def fork(self, conversation_id: UUID, message_id: int, *, title: str = "") -> Conversation:
        """A new conversation that begins with a copy of the branch up to that message, notes and variables included.

        Calls without an outcome are cancelled in the copy. What was spent stays with the source.
        """

    async def open_calls(self, conversation_id: UUID | None = None) -> Sequence[OpenCall]:
        """Calls without an outcome, of one conversation or of all, oldest first."""

    async def tree(self, conversation_id: UUID) -> Tree:
        """All branches of a conversation."""

    async def waiting_runs(self) -> Sequence[WaitingRun]:
        """The runs that conversations have begun and whose results they have not got yet, be they under way or not."""

    async def spend(self, spending: Spending) -> None:
        """Add to what an agent has spent."""
