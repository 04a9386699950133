"""What an agent would be told about a question, and what it would not for want of room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from core.store.memory_records import Scope

if TYPE_CHECKING:
    from core.memory.memories import Memories
    from core.memory.recall import Recall, Recalled

LIMIT: Final = 10
"""Memories that an agent is told at most in a turn."""

_SHOWN: Final = 20
_NO_LIMIT: Final = 10_000_000

Fate: TypeAlias = Literal["told", "no_room", "beyond", "not_relevant"]
"""told: in the prompt. no_room: relevant, but the room for memories is full. beyond: relevant, but ten better ones are
told. not_relevant: merely the least far away."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A recall that changed nothing. fates: what becomes of each of its items. room: tokens for memories in a
    prompt."""

    question: str
    recall: Recall
    fates: tuple[Fate, ...]
    room: int

    @property
    def tokens(self) -> int:
        """What is told takes so many tokens."""
        return sum(item.tokens for item, fate in zip(self.recall.items, self.fates, strict=True) if fate == "told")

    def number(self, fate: Fate) -> int:
        """How many items have that fate."""
        return self.fates.count(fate)


async def tried(memories: Memories, scope: Scope, question: str, room: int) -> Trial:
    """Recall as an agent does, without counting anything as used. Raises StoreError."""
    from core.memory.ranking import fit

    recall = await memories.recall(scope, question, limit=_SHOWN, tokens=_NO_LIMIT)
    told = {item.memory.id for item in fit(recall.items, limit=LIMIT, tokens=room)}
    fates: list[Fate] = []
    left = room
    for item in recall.items:
        fates.append(_fate(item, item.memory.id in told, left))
        left -= item.tokens if fates[-1] == "told" else 0
    return Trial(question, recall, tuple(fates), room)


def _fate(item: Recalled, chosen: bool, left: int) -> Fate:
    if not item.relevant:
        return "not_relevant"
    if chosen:
        return "told"
    return "no_room" if item.tokens > left else "beyond"
