"""Regular expressions that cannot hang: searched in time that grows with the text's length, whatever the pattern.

Python's `re` tries alternatives one after another, so that a pattern such as `(a+)+$` may take years on forty
characters, and nothing can interrupt it. Here all alternatives are followed at once. The price: no backreferences,
no looking ahead or behind, no atomic groups; a pattern with one is refused in words. The rest means what it means
in `re`, which also judges each single character.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from core.engine.pattern_syntax import (
    Assertion,
    Boundary,
    Character,
    Choice,
    Node,
    Parser,
    PatternError,
    Repeat,
    Sequence,
    leading_flags,
)

MAX_PATTERN = 500
"""The longest pattern, in characters."""

MAX_STATES = 4_000
"""The largest size of a pattern with its repetitions written out (`(ab){100}` has about 200)."""

MAX_SEARCHED = 100_000
"""The longest text that is searched, in characters."""

_CACHE_SIZE = 20_000
_TOO_LARGE = "The pattern is too large once its repetitions are written out. Use smaller counts."

Place: TypeAlias = "tuple[str | None, str | None, bool]"
"""Between two characters: the one before, the one after (None at the ends), whether that one is the last."""


class Pattern:
    """A compiled pattern. Raises PatternError that says what is wrong with the text."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise PatternError(f"The pattern has {len(text)} characters; {MAX_PATTERN} are allowed.")
        try:
            re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise PatternError(f"The pattern {text!r} is no regular expression: {error}.") from None
        flags, body = leading_flags(text)
        self._flags = flags
        self._steps: list[_Step] = [_Step("end")]
        self._built = 0
        try:
            self._start = self._build(Parser(body).parse(), 0)
        except RecursionError:
            raise PatternError("The pattern's groups are nested too deeply.") from None
        self._moves: dict[tuple[frozenset[int], str, str | None, bool], frozenset[int] | None] = {}

    def found_in(self, text: str) -> bool:
        """Whether the pattern occurs anywhere in the text. Raises PatternError for a text over MAX_SEARCHED."""
        if len(text) > MAX_SEARCHED:
            raise PatternError(f"The text has {len(text)} characters; patterns search at most {MAX_SEARCHED}.")
        alive: frozenset[int] = frozenset()
        before: str | None = None
        last = len(text) - 1
        for index, char in enumerate(text):
            after = self._advance(alive, before, char, index == last)
            if after is None:
                return True
            alive, before = after, char
        return self._advance(alive, before, None, False) is None

    def _advance(
        self, alive: frozenset[int], before: str | None, char: str | None, is_last: bool
    ) -> frozenset[int] | None:
        """The places in the pattern after one more character; None when the pattern was found."""
        key = (alive, _kind(before), char, is_last and char == "\n")
        if key in self._moves:
            return self._moves[key]
        reached = self._reach(alive | {self._start}, (before, char, is_last))
        after: frozenset[int] | None = None
        if 0 not in reached:
            steps = (self._steps[place] for place in reached)
            after = frozenset(step.then for step in steps if char is not None and step.accepts and step.accepts(char))
        if len(self._moves) >= _CACHE_SIZE:
            self._moves.clear()
        self._moves[key] = after
        return after

    def _reach(self, places: frozenset[int], here: Place) -> set[int]:
        """All places that can be reached without reading a character."""
        reached: set[int] = set()
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            if place in reached:
                continue
            reached.add(place)
            step = self._steps[place]
            if step.kind == "split":
                waiting += step.ways
            elif step.kind == "at" and _holds(step.boundary, here, bool(self._flags & re.MULTILINE)):
                waiting.append(step.then)
        return reached

    def _build(self, node: Node, then: int) -> int:
        """Write the node's steps so that they lead on to `then`; gives the first one's number."""
        self._built += 1
        if self._built > 4 * MAX_STATES:
            raise PatternError(_TOO_LARGE)
        match node:
            case Character(source):
                return self._add(_Step("char", then, accepts=_judge(source, self._flags)))
            case Assertion(boundary):
                return self._add(_Step("at", then, boundary=boundary))
            case Sequence(parts):
                for part in reversed(parts):
                    then = self._build(part, then)
                return then
            case Choice(options):
                return self._add(_Step("split", ways=tuple(self._build(option, then) for option in options)))
            case Repeat(part, least, most):
                return self._build_times(part, least, most, then)

    def _build_times(self, part: Node, least: int, most: int | None, then: int) -> int:
        if most is None:
            again = self._add(_Step("split"))
            self._steps[again] = _Step("split", ways=(self._build(part, again), then))
            then = again
        else:
            after = then
            for _ in range(most - least):
                then = self._add(_Step("split", ways=(self._build(part, then), after)))
        for _ in range(least):
            then = self._build(part, then)
        return then

    def _add(self, step: _Step) -> int:
        if len(self._steps) >= MAX_STATES:
            raise PatternError(_TOO_LARGE)
        self._steps.append(step)
        return len(self._steps) - 1


@dataclass(frozen=True, slots=True)
class _Step:
    kind: Literal["end", "char", "at", "split"]
    then: int = 0
    ways: tuple[int, ...] = ()
    boundary: Boundary = "^"
    accepts: Callable[[str], object] | None = None


def _judge(source: str, flags: re.RegexFlag) -> Callable[[str], object]:
    return re.compile(source, flags).fullmatch


def _kind(char: str | None) -> str:
    """What a boundary can tell of the character before it."""
    if char is None:
        return "start"
    if char == "\n":
        return "newline"
    return "word" if _is_word(char) else "other"


def _is_word(char: str | None) -> bool:
    return char is not None and (char.isalnum() or char == "_")


def _holds(boundary: Boundary, here: Place, multiline: bool) -> bool:
    before, after, after_is_last = here
    match boundary:
        case "\\A":
            return before is None
        case "\\Z":
            return after is None
        case "^":
            return before is None or (multiline and before == "\n")
        case "$":
            return after is None or (after == "\n" and (multiline or after_is_last))
        case "\\b":
            return _is_word(before) != _is_word(after)
        case "\\B":
            return (before is not None or after is not None) and _is_word(before) == _is_word(after)
