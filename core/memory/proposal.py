"""What is put up for remembering, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from core.engine.events import NO_USAGE, Usage
from core.store.memory_records import Memory, MemoryType, Source

OutcomeKind: TypeAlias = Literal["new", "same", "updated", "contradiction", "quarantined", "refused"]
"""new: kept beside the others. same: it was known. updated, contradiction: kept instead of what it replaces.
quarantined: kept, but not recalled until a person confirms it. refused: not kept."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """Something to be remembered.

    content: one statement that can be understood by itself. importance: 0 to 1. tainted: it was said where content
    from outside was at hand, so a person must confirm it. explicit: a person asked for it. valid_from, valid_to: when
    it holds; None for now and for no end. fact_key: what it is about if one such fact only can hold (`user/lives in`);
    '' lets the words decide. author: whoever stored it, for the history.
    """

    content: str
    type: MemoryType = "fact"
    importance: float = 0.5
    source: Source = field(default_factory=Source)
    pinned: bool = False
    tainted: bool = False
    explicit: bool = False
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    fact_key: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a proposal. memory: the one that says it now; None if it was refused. replaced: what it replaced.

    reason: why, for the person. usage: what embeddings and decisions cost.
    """

    kind: OutcomeKind
    memory: Memory | None
    replaced: UUID | None = None
    reason: str = ""
    usage: Usage = NO_USAGE
