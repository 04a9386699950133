"""Comparing two values as a person means it: numbers as numbers, text as text, never one as the other by guess.

A text that reads as a number (`"4"`, `" 3.5\\n"`) counts as a number when the other side is one or reads as one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from core.engine.errors import StepError
from core.workflow.model import Json

if TYPE_CHECKING:
    import regex

MAX_PATTERN: Final = 500
"""Characters of a regular expression."""

MAX_SEARCHED: Final = 100_000
"""Characters of a text that `matches` searches."""

SEARCH_SECONDS: Final = 1.0
"""How long a search may take: some patterns would take years on forty characters."""

Operator: TypeAlias = Literal[
    "equals", "not_equals", "greater_than", "less_than", "at_least", "at_most", "contains", "not_contains",
    "starts_with", "ends_with", "matches", "is_empty", "is_not_empty", "in", "not_in", "exists", "not_exists",
]  # fmt: skip
"""How two values are compared."""

OPERATOR_LABELS: Final[Mapping[str, str]] = {
    "equals": "equals", "not_equals": "does not equal", "greater_than": "is greater than", "less_than": "is less than",
    "at_least": "is at least", "at_most": "is at most", "contains": "contains", "not_contains": "does not contain",
    "starts_with": "starts with", "ends_with": "ends with", "matches": "matches the pattern", "is_empty": "is empty",
    "is_not_empty": "is not empty", "in": "is one of", "not_in": "is none of", "exists": "exists",
    "not_exists": "does not exist",
}  # fmt: skip
"""The operators as people read them."""

WITHOUT_OPERAND: Final = frozenset({"is_empty", "is_not_empty", "exists", "not_exists"})
"""The operators that look at the value alone."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 1_000


def compare(value: Json, operator: Operator, operand: Json = None) -> bool:
    """Whether the comparison holds. Raises StepError of kind `validation` if the two cannot be compared like that."""
    return _COMPARISONS[operator](value, operand)


def number(value: Json) -> int | float | None:
    """The number that a value is or, as text, reads as. None for all else; true and false are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value.strip()):
        text = value.strip()
        if text.lstrip("+-").isdecimal():
            return int(text)
        found = float(text)
        return found if math.isfinite(found) else None
    return None


def equal(left: Json, right: Json) -> bool:
    """Whether two values are the same: numbers by size, true and false also by their word, the rest exactly.

    Values of different kinds are not equal; that is no error. Inside lists and objects no text counts as a number.
    """
    first, second = number(left), number(right)
    if first is not None and second is not None:
        return first == second
    if isinstance(left, str) and isinstance(right, bool):
        left, right = right, left
    if isinstance(left, bool) and isinstance(right, str):
        return right.strip().lower() == ("true" if left else "false")
    return _same(left, right)


class PatternError(ValueError):
    """A regular expression cannot be used; the text says why."""


def check_pattern(text: str) -> None:
    """Raises PatternError if `matches` could not use that pattern."""
    _pattern(text)


def _same(left: Json, right: Json) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return left == right


def _order(left: Json, right: Json) -> int:
    """-1, 0 or 1 as left is smaller, the same or greater."""
    first, second = number(left), number(right)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    if isinstance(left, str) and isinstance(right, str) and first is None and second is None:
        return (left > right) - (left < right)
    raise StepError(
        f"{_capital(_describe(left))} cannot be ordered against {_describe(right)}. Give two numbers or two "
        "texts; if a model wrote the value, ask it to reply with the number alone.",
        kind="validation",
    )


def _contains(value: Json, operand: Json) -> bool:
    if isinstance(value, list):
        return any(equal(item, operand) for item in value)
    if isinstance(value, dict):
        return _text(operand, "looked up in an object") in value
    return _text(operand, "searched for") in _text(value, "searched in")


def _in(value: Json, operand: Json) -> bool:
    if isinstance(operand, str):
        with suppress(ValueError):
            operand = json.loads(operand)
    if isinstance(operand, dict):
        operand = list(operand)
    if not isinstance(operand, list):
        raise StepError(
            f"“in” needs a list to look in, not {_describe(operand)}. Write the operand as a list; to look for a piece "
            "of a text use “contains”.",
            kind="validation",
        )
    return any(equal(value, item) for item in operand)


def _matches(value: Json, operand: Json) -> bool:
    text = _text(value, "matched")
    if len(text) > MAX_SEARCHED:
        raise StepError(
            f"The text has {len(text)} characters; “matches” searches at most {MAX_SEARCHED}. Match a part of it.",
            kind="limit",
        )
    try:
        return _pattern(_text(operand, "used as a pattern")).search(text, timeout=SEARCH_SECONDS) is not None
    except PatternError as error:
        raise StepError(str(error), kind="validation") from None
    except TimeoutError:
        raise StepError(
            f"The search for the pattern {operand!r} took longer than {SEARCH_SECONDS:g} s and was given up. Make the "
            "pattern simpler: nested repetitions such as (a+)+ are the usual cause.",
            kind="limit",
        ) from None


def _pattern(text: str) -> regex.Pattern[str]:
    """The compiled pattern; the library keeps those of late."""
    import regex

    if len(text) > MAX_PATTERN:
        raise PatternError(f"The pattern has {len(text)} characters; the limit is {MAX_PATTERN}.")
    try:
        return regex.compile(text)
    except regex.error as error:
        raise PatternError(f"The pattern {text!r} is not a regular expression: {error}.") from None


def _is_empty(value: Json) -> bool:
    return not value.strip() if isinstance(value, str) else value is None or value in ([], {})


def _exists(value: Json) -> bool:
    return value is not None and value != ""


def _text(value: Json, role: str) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            raise StepError(
                f"{_capital(_describe(value))} cannot be {role}. Choose a text in it, or test with “exists” first.",
                kind="validation",
            )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _describe(value: Json) -> str:
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return f"the value {'true' if value else 'false'}"
        case int() | float():
            return f"the number {value}"
        case str():
            shown = value if len(value) <= 60 else f"{value[:57]}…"
            return f"the text {json.dumps(shown, ensure_ascii=False)}"
        case list():
            return f"a list of {len(value)}"
        case _:
            return "an object"


_COMPARISONS: Mapping[Operator, Callable[[Json, Json], bool]] = MappingProxyType(
    {
        "equals": equal,
        "not_equals": lambda value, operand: not equal(value, operand),
        "greater_than": lambda value, operand: _order(value, operand) > 0,
        "less_than": lambda value, operand: _order(value, operand) < 0,
        "at_least": lambda value, operand: _order(value, operand) >= 0,
        "at_most": lambda value, operand: _order(value, operand) <= 0,
        "contains": _contains,
        "not_contains": lambda value, operand: not _contains(value, operand),
        "starts_with": lambda value, operand: _text(value, "compared").startswith(_text(operand, "compared with")),
        "ends_with": lambda value, operand: _text(value, "compared").endswith(_text(operand, "compared with")),
        "matches": _matches,
        "is_empty": lambda value, _: _is_empty(value),
        "is_not_empty": lambda value, _: not _is_empty(value),
        "in": _in,
        "not_in": lambda value, operand: not _in(value, operand),
        "exists": lambda value, _: _exists(value),
        "not_exists": lambda value, _: not _exists(value),
    }
)
