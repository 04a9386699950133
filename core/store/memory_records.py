"""What is kept of a memory, as values: the memory itself, what was changed in it, and what a search found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

MemoryType: TypeAlias = Literal["conversation", "fact", "learned"]
"""What was talked about, what is so, and what an agent learned about how to do its work."""

MemoryState: TypeAlias = Literal["live", "quarantined", "replaced", "forgotten"]
"""live: may be recalled. quarantined: came from outside and waits for a person. replaced: a newer one holds instead.
forgotten: taken out by a person or by a limit; it can be brought back."""

SourceKind: TypeAlias = Literal["user", "assistant", "run", "tool", "web", "mcp", "file"]
"""Who said it: a person, a model, a workflow's step; or what came from outside (a tool's result, the web, an MCP
server, a file)."""

ChangeKind: TypeAlias = Literal[
    "made", "repeated", "edited", "replaced", "forgotten", "restored", "confirmed", "pinned", "unpinned", "erased"
]
"""What happened to a memory. repeated: it was said again. erased: nothing of it is left but this line."""

FOREIGN: frozenset[SourceKind] = frozenset(("tool", "web", "mcp", "file"))
"""Sources that a person has not vouched for."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose memories. agent_id: None for those shared by all agents. shared: an agent also recalls the shared ones."""

    agent_id: UUID | None = None
    shared: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """Where a memory comes from. who: a name. conversation, message, run: ids, '' if it comes from none."""

    kind: SourceKind = "user"
    who: str = ""
    conversation: str = ""
    message: str = ""
    run: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether it came from outside, so that a person must confirm it."""
        return self.kind in FOREIGN


@dataclass(frozen=True, slots=True)
class Memory:
    """Something that is remembered.

    agent_id: None for a shared one. importance: 0 to 1. fact_key: what the fact is about if it can have one value
    only (such as `user/lives in`), '' if several may hold. valid_from, valid_to: when it holds; None for no end.
    superseded_by: what replaced it. embedding_model: '' until a vector was made.
    """

    id: UUID
    agent_id: UUID | None
    type: MemoryType
    content: str
    importance: float
    source: Source
    state: MemoryState
    pinned: bool
    valid_from: datetime
    valid_to: datetime | None
    created: datetime
    last_accessed: datetime
    access_count: int = 0
    superseded_by: UUID | None = None
    fact_key: str = ""
    embedding_model: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether all agents may recall it."""
        return self.agent_id is None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a memory. number: grows with time. cause: why. who: a person's or an agent's name.

    content, type, importance, state, pinned: as they were after it; content is '' of one that was erased.
    """

    number: int
    memory_id: UUID
    at: datetime
    kind: ChangeKind
    cause: str
    who: str
    content: str
    type: MemoryType
    importance: float
    state: MemoryState
    pinned: bool


@dataclass(frozen=True, slots=True)
class Vector:
    """The embedding of a text. values: up to 1,536 numbers. model: which one made it."""

    values: tuple[float, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory that a search found. similarity: cosine to the question, None without vectors of one model.

    vector_rank, word_rank: from 1, None where that search did not find it. word_score: the sum of how rare each of the
    found words is. words: which of the question's words it has.
    """

    memory: Memory
    similarity: float | None = None
    vector_rank: int | None = None
    word_rank: int | None = None
    word_score: float = 0.0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MemoryFilter:
    """Which memories a list shows. agents: None for all; a None among them stands for the shared ones.

    text: words that all occur. Empty tuples do not filter.
    """

    agents: tuple[UUID | None, ...] | None = None
    types: tuple[MemoryType, ...] = ()
    states: tuple[MemoryState, ...] = ("live", "quarantined")
    sources: tuple[SourceKind, ...] = ()
    pinned: bool | None = None
    text: str = ""
    order: Literal["newest", "important", "used", "content"] = "newest"


@dataclass(frozen=True, slots=True)
class MemoryPage:
    """A part of a list. total: how many memories the filter lets through."""

    items: tuple[Memory, ...]
    total: int
