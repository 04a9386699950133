"""What a recall gives: memories in their order, each with the reasons for its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from core.engine.events import NO_USAGE, Usage
from core.store.memory_records import Memory

RecallMode: TypeAlias = Literal["vector", "keyword"]
"""vector: by meaning and by words. keyword: by words alone."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a memory was recalled.

    similarity: cosine to the question, -1 to 1; None if it was found by words only. vector_rank, word_rank: places in
    the two searches, from 1. words: which words of the question it has. relevance, importance, recency: 0 to 1, the
    three parts of the score.
    """

    similarity: float | None
    vector_rank: int | None
    word_rank: int | None
    words: tuple[str, ...]
    relevance: float
    importance: float
    recency: float
    pinned: bool = False

    def in_words(self) -> str:
        """The reasons as a person reads them."""
        reasons = ["pinned"] if self.pinned else []
        if self.similarity is not None:
            reasons.append(f"{self.similarity:.2f} alike in meaning")
        if self.words:
            reasons.append("has " + ", ".join(self.words))
        if self.importance >= 0.7:
            reasons.append("important")
        if self.recency >= 0.9:
            reasons.append("used lately")
        return "; ".join(reasons)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory that was recalled. score: 0 to 1, higher is better. tokens: what it takes in a prompt, roughly.

    relevant: False for one that is merely the least far away: worth showing to a person, not worth telling a model.
    """

    memory: Memory
    score: float
    why: Why
    tokens: int
    relevant: bool = True


@dataclass(frozen=True, slots=True)
class Recall:
    """The memories for a question, best first: as many as were asked for if there are so many and they have room.

    note: what the search could not do, for the person; '' if nothing was amiss. tokens: of all items together.
    left_out: relevant memories that were beyond the limit or had no room. usage: what the question's embedding cost.
    """

    items: tuple[Recalled, ...]
    mode: RecallMode
    note: str = ""
    tokens: int = 0
    left_out: int = 0
    usage: Usage = NO_USAGE

    @property
    def relevant(self) -> tuple[Recalled, ...]:
        """Those that have to do with the question: what belongs in a prompt. None of them is a good answer too."""
        return tuple(item for item in self.items if item.relevant)

    def as_text(self) -> str:
        """The relevant memories as lines for a prompt, each with its day; '' if there are none."""
        return "\n".join(line(item.memory) for item in self.relevant)


def line(memory: Memory) -> str:
    """A memory as one line of a prompt: what is remembered and since when."""
    until = f", until {memory.valid_to.date()}" if memory.valid_to else ""
    return f"- {' '.join(memory.content.split())} ({memory.type}, {memory.valid_from.date()}{until})"
