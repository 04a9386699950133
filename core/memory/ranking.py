"""The order of what was found: both searches joined by rank, then recency and importance.

Score: 0.6 relevance + 0.2 importance + 0.2 recency, the three parts of the memory stream of Park et al., "Generative
Agents" (2023), section 4.1. Relevance is half the place and half the likeness. The place joins the searches by
reciprocal rank fusion (Cormack et al., 2009, k = 60), in which words count less than meaning: at equal weight the right
memory came first in 18 % fewer cases. The likeness is the cosine, as places alone make the nearest of all and the
nearest of a bad lot look the same; without vectors it is how many and how rare the words in common are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.memory.recall import Recalled, Why, line
from core.memory.tokens import tokens_of
from core.memory.words import telling_words
from core.store.memory_records import Hit, Memory

_FUSION = 60
_HOURLY = 0.995
"""What is left of the recency after each hour since a memory was last used."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each part counts. words: the word search beside the search by meaning.

    floor: cosine below which a memory is not relevant unless it has telling words of the question.
    """

    relevance: float = 0.6
    importance: float = 0.2
    recency: float = 0.2
    words: float = 0.4
    floor: float = 0.25


def rank(hits: Iterable[Hit], now: datetime, weights: Weights) -> list[Recalled]:
    """All that was found, best first: pinned ones, relevant ones, then the rest; of those that say the same the best.

    now: the time by which recency is judged.
    """
    hits = list(hits)
    by_meaning = any(hit.similarity is not None for hit in hits)
    places = _shares([_fused(hit, weights, by_meaning) for hit in hits])
    likeness = _shares([(hit.similarity or 0.0) if by_meaning else hit.word_score for hit in hits])
    ranked = [
        _scored(hit, (place + like) / 2, now, weights, relevant=_is_relevant(hit, weights, by_meaning))
        for hit, place, like in zip(hits, places, likeness, strict=True)
    ]
    ranked.sort(key=_place)
    return list(_distinct(ranked))


def fit(ranked: Sequence[Recalled], *, limit: int, tokens: int) -> tuple[Recalled, ...]:
    """The best of them that have room. What does not fit is passed over for what does."""
    chosen: list[Recalled] = []
    left = tokens
    for item in ranked:
        if len(chosen) >= limit:
            break
        if item.tokens <= left:
            chosen.append(item)
            left -= item.tokens
    return tuple(chosen)


def _place(item: Recalled) -> tuple[bool, bool, float, datetime, str]:
    memory = item.memory
    return not memory.pinned, not item.relevant, -item.score, memory.created, str(memory.id)


def _is_relevant(hit: Hit, weights: Weights, by_meaning: bool) -> bool:
    if hit.memory.pinned:
        return True
    if hit.similarity is not None and hit.similarity >= weights.floor:
        return True
    if by_meaning:
        # A single common word is no reason when the meaning is far away; two telling ones are.
        return len(hit.words) >= 2
    return bool(hit.words)


def _fused(hit: Hit, weights: Weights, by_meaning: bool) -> float:
    meaning = 1 / (_FUSION + hit.vector_rank) if hit.vector_rank is not None else 0.0
    words = 1 / (_FUSION + hit.word_rank) if hit.word_rank is not None else 0.0
    return meaning + (weights.words if by_meaning else 1.0) * words


def _shares(values: Sequence[float]) -> list[float]:
    """Each value as a share of the highest, 0 to 1."""
    high = max(values, default=0.0)
    return [max(0.0, value) / high if high > 0 else 0.0 for value in values]


def _scored(hit: Hit, relevance: float, now: datetime, weights: Weights, *, relevant: bool) -> Recalled:
    memory = hit.memory
    hours = max(0.0, (now - memory.last_accessed).total_seconds() / 3600)
    recency = _HOURLY**hours
    score = weights.relevance * relevance + weights.importance * memory.importance + weights.recency * recency
    why = Why(
        similarity=hit.similarity,
        vector_rank=hit.vector_rank,
        word_rank=hit.word_rank,
        words=hit.words,
        relevance=relevance,
        importance=memory.importance,
        recency=recency,
        pinned=memory.pinned,
    )
    return Recalled(memory, score, why, tokens_of(line(memory)) + 1, relevant)


def _distinct(ranked: Iterable[Recalled]) -> Iterable[Recalled]:
    """Without those that say what a better one says: the same words, or the same single-valued fact of one agent."""
    said: set[object] = set()
    for item in ranked:
        marks = _marks(item.memory)
        if said.isdisjoint(marks):
            yield item
        said |= marks


def _marks(memory: Memory) -> set[object]:
    return {(" ".join(memory.content.casefold().split()).rstrip("."))} | (
        {(memory.agent_id, memory.fact_key, "key", telling_words(memory.content))} if memory.fact_key else set()
    )
