"""What a new statement is to those that are known: the same, an update, a contradiction, or something new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from core.engine.events import NO_USAGE, Usage
from core.memory.facts import fact_key
from core.memory.words import is_denial, names_of, numbers_of, telling_sequence
from core.store.memory_records import Memory

DecisionKind: TypeAlias = Literal["same", "updated", "contradiction", "new"]
"""How a statement relates to a known one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The relation to one of the candidates. memory: that one; None for `new`.

    sure: False if a model may know better.
    """

    kind: DecisionKind
    memory: Memory | None = None
    reason: str = ""
    sure: bool = True
    usage: Usage = NO_USAGE


class Decider(Protocol):
    """Decides what a statement is to its candidates."""

    async def decide(self, content: str, key: str, candidates: Sequence[Memory]) -> Decision:
        """The decision. key: the statement's fact key. candidates: known statements, the nearest first."""


class RuleDecider:
    """Decides without a model, and only what words prove.

    The same words are the same; the opposite of the same words contradicts; another value of a fact that can have one
    only updates it. All else is new, and both are kept: what is alike to an embedding may differ in the one number or
    name that matters.
    """

    async def decide(self, content: str, key: str, candidates: Sequence[Memory]) -> Decision:
        """The first candidate that something is certain about."""
        for known in candidates:
            decision = self._relation(content, key, known)
            if decision is not None:
                return decision
        near = bool(candidates)
        return Decision("new", reason="Nothing known says this." if not near else _KEPT_BOTH, sure=not near)

    def _relation(self, content: str, key: str, known: Memory) -> Decision | None:
        same_subject = telling_sequence(content) == telling_sequence(known.content)
        same_values = is_unchanged(content, known.content)
        if same_subject and same_values:
            return Decision("same", known, "It is known in other words.")
        if same_subject and is_denial(content) != is_denial(known.content) and _same_details(content, known.content):
            return Decision("contradiction", known, "It denies what was known.")
        if key and key == (known.fact_key or fact_key(known.content)):
            if is_denial(content) != is_denial(known.content):
                return Decision("contradiction", known, "It denies what was known.")
            return Decision("updated", known, "Only one of the two can hold.")
        return None


_KEPT_BOTH = "It is like something known, but differs in more than words can decide; both are kept."


def says_otherwise(content: str, other: str) -> bool:
    """Whether two statements differ in more than wording: another number, name, denial, or another telling word."""
    return not is_unchanged(content, other) or telling_sequence(content) != telling_sequence(other)


def is_unchanged(content: str, other: str) -> bool:
    """Whether two statements agree in numbers, names and denial: if not, they must never be taken for the same."""
    return _same_details(content, other) and is_denial(content) == is_denial(other)


def _same_details(content: str, other: str) -> bool:
    if numbers_of(content) != numbers_of(other):
        return False
    mine, theirs = names_of(content), names_of(other)
    # A name at the beginning of one sentence and inside the other is found in one of them only.
    return all(name in other.casefold() for name in mine) and all(name in content.casefold() for name in theirs)
