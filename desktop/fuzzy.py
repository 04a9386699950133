"""Finding by a few letters: which texts a typed query means, how well, and which letters to show bold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WORD_START: Final = 8
"""For a letter that begins a word."""

RUN: Final = 5
"""For a letter that follows the one matched before it."""

WHOLE: Final = 40
"""For a word of the query that stands in the text in one piece at a word's start; half of it elsewhere."""


@dataclass(frozen=True, slots=True)
class Match:
    """How well a text fits. score: higher is better. positions: indexes of the matched letters, sorted."""

    score: int
    positions: tuple[int, ...]


def match(query: str, text: str) -> Match | None:
    """How the text fits the query, or None. Each word of the query must be found, in any order; case is ignored."""
    low = text.casefold()
    if len(low) != len(text):  # a letter that grows when folded would shift the positions
        low = text.lower() if len(text.lower()) == len(text) else text
    total, found = 0, set[int]()
    for word in query.casefold().split():
        part = _word(word, low, text)
        if part is None:
            return None
        total += part.score
        found.update(part.positions)
    return Match(total - len(text) // 8, tuple(sorted(found)))


def begins_words(query: str, words: str) -> bool:
    """Whether each word of the query begins one of these words; case is ignored."""
    known = words.casefold().split()
    return all(any(word.startswith(asked) for word in known) for asked in query.casefold().split())


def _word(word: str, low: str, text: str) -> Match | None:
    whole = _in_one_piece(word, low, text)
    if whole is not None:
        return whole
    return _scattered(word, low, text)


def _in_one_piece(word: str, low: str, text: str) -> Match | None:
    first = low.find(word)
    if first < 0:
        return None
    at = first
    while at >= 0 and not _starts_word(text, at):
        at = low.find(word, at + 1)
    place = at if at >= 0 else first
    bonus = WHOLE if at >= 0 else WHOLE // 2
    if place == 0:
        bonus += WORD_START
    return Match(bonus + RUN * len(word), tuple(range(place, place + len(word))))


def _scattered(word: str, low: str, text: str) -> Match | None:
    """The letters in order, each at a word's start or next to the last one if there is such a place."""
    positions: list[int] = []
    score, after = 0, 0
    for n, letter in enumerate(word):
        at = _place(letter, word[n:], low, text, after, positions[-1] if positions else -2)
        if at is None:
            return None
        if _starts_word(text, at):
            score += WORD_START
        elif positions and at == positions[-1] + 1:
            score += RUN
        else:
            score -= 1
        positions.append(at)
        after = at + 1
    return Match(score, tuple(positions)) if score > 0 else None


def _place(letter: str, rest: str, low: str, text: str, after: int, last: int) -> int | None:
    spots = [i for i in range(after, len(low)) if low[i] == letter and _in_order(rest[1:], low, i + 1)]
    if not spots:
        return None
    return min(spots, key=lambda i: (0 if _starts_word(text, i) or i == last + 1 else 1, i))


def _in_order(letters: Sequence[str], low: str, start: int) -> bool:
    for letter in letters:
        at = low.find(letter, start)
        if at < 0:
            return False
        start = at + 1
    return True


def _starts_word(text: str, at: int) -> bool:
    if at == 0:
        return True
    before, here = text[at - 1], text[at]
    return not before.isalnum() or (here.isupper() and before.islower())
