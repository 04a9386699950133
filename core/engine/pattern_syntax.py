"""The structure of a regular expression, for `core.engine.pattern`: what is repeated, chosen and required where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "u": re.NOFLAG}
_REFUSED = {
    "(?=": "looking ahead (?=…)",
    "(?!": "looking ahead (?!…)",
    "(?<=": "looking behind (?<=…)",
    "(?<!": "looking behind (?<!…)",
    "(?>": "atomic groups (?>…)",
    "(?(": "conditional groups (?(…)",
    "(?P=": "backreferences (?P=…)",
}
_COUNT = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|0[0-7]{0,2}|.)", re.DOTALL)
_GLOBAL_FLAGS = re.compile(r"\(\?([A-Za-z]+)\)")

Boundary: TypeAlias = Literal["^", "$", "\\A", "\\Z", "\\b", "\\B"]
"""A kind of place between two characters."""


class PatternError(ValueError):
    """The pattern is broken, too large, or uses something that could take unlimited time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """All, one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times. most: None for any number."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Character:
    """One character, as a pattern that `re` understands."""

    source: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place between characters that must be of a certain kind."""

    boundary: Boundary


Node: TypeAlias = "Choice | Sequence | Repeat | Character | Assertion"
"""A part of a pattern."""


class Parser:
    """Reads the structure of a pattern that `re` has found well formed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parse(self) -> Node:
        """The whole pattern."""
        return self._choice()

    def _choice(self) -> Node:
        options = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts = []
        while self._peek() not in {"", "|", ")"}:
            parts.append(self._repeated(self._atom()))
        return Sequence(tuple(parts))

    def _repeated(self, part: Node) -> Node:
        while (bounds := self._count()) is not None:
            part = Repeat(part, *bounds)
            if self._peek() == "?":
                self._at += 1
            elif self._peek() == "+":
                raise PatternError("Possessive repetition (*+, ++, ?+) is not supported here. Leave the + out.")
        return part

    def _count(self) -> tuple[int, int | None] | None:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self._peek())
        if simple is not None:
            self._at += 1
            return simple
        counted = _COUNT.match(self._text, self._at)
        if counted is None or counted[0] == "{}":
            return None
        self._at = counted.end()
        least = int(counted[1] or 0)
        if counted[2] is None:
            return least, least
        return least, int(counted[3]) if counted[3] else None

    def _atom(self) -> Node:
        char = self._peek()
        if char == "(":
            return self._group()
        if char in {"^", "$"}:
            self._at += 1
            return Assertion("^" if char == "^" else "$")
        if char == "[":
            return self._char(self._class_end())
        if char != "\\":
            return self._char(self._at + 1)
        escape = _ESCAPE.match(self._text, self._at)
        assert escape is not None
        if escape[0][1].isdigit() and escape[0][1] != "0":
            raise PatternError(f"Backreferences ({escape[0]}) are not supported here. Write the repeated part out.")
        match escape[0]:
            case "\\A" | "\\Z" | "\\b" | "\\B" as boundary:
                self._at = escape.end()
                return Assertion(boundary)
            case _:
                return self._char(escape.end())

    def _char(self, end: int) -> Node:
        source = self._text[self._at : end]
        self._at = end
        return Character(source if source[0] in "[\\." else re.escape(source))

    def _group(self) -> Node:
        rest = self._text[self._at :]
        for opening, name in _REFUSED.items():
            if rest.startswith(opening):
                raise PatternError(f"The pattern uses {name}, which is not supported here. Use several rules instead.")
        if rest.startswith("(?#"):
            self._at = self._text.index(")", self._at) + 1
            return Sequence(())
        if rest.startswith("(?P<"):
            self._at = self._text.index(">", self._at) + 1
        elif rest.startswith("(?:"):
            self._at += 3
        elif rest.startswith("(?"):
            raise PatternError("Flags inside a pattern are not supported here. Put (?i), (?m) or (?s) at its start.")
        else:
            self._at += 1
        inside = self._choice()
        self._at += 1
        return inside

    def _class_end(self) -> int:
        at = self._at + (2 if self._text.startswith("[^", self._at) else 1)
        first = at
        while self._text[at] != "]" or at == first:
            at += 2 if self._text[at] == "\\" else 1
        return at + 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]


def leading_flags(text: str) -> tuple[re.RegexFlag, str]:
    """The flags at a pattern's start (`(?i)`), and the rest. Raises PatternError for a flag other than i, m, s."""
    flags = re.NOFLAG
    while found := _GLOBAL_FLAGS.match(text):
        for letter in found[1]:
            if letter not in _FLAGS:
                raise PatternError(f"The flag {letter!r} is not supported here; i, m and s are.")
            flags |= _FLAGS[letter]
        text = text[found.end() :]
    return flags, text
