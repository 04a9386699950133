"""What an unquoted YAML scalar means, and which texts may therefore stand without quotes.

YAML 1.2's core schema without infinities: `true`, `false`, `null`, integers and numbers are themselves; everything
else, `yes`, `on` and dates included, is text.
"""

from __future__ import annotations

import math
import re

MAX_DIGITS = 999
"""The longest integer that a document may hold."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

MEANING_STARTS = frozenset({"", *"0123456789+-.~nNtTfF"})
"""What an unquoted scalar begins with that may mean something else than its text; '' for an empty one."""

# What readers of YAML 1.1 take for booleans, dates, sexagesimals or grouped numbers: quoted for their sake.
_ELSEWHERE = re.compile(
    r"(?i:yes|no|on|off|true|false|null|=|<<)|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"
    r"|[-+]?[0-9][0-9_]*(:[0-9_]+)+(\.[0-9_]*)?|[-+]?[.0-9][0-9_.]*([eE][-+]?[0-9]+)?|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+"
)
_UNSAFE_START = frozenset("-?:,[]{}#&*!|>'\"%@`")
_UNSAFE_INSIDE = re.compile(r": | #|:$|[\t\n]")
_UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}:?]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def read_plain(text: str) -> bool | int | float | str | None:
    """The value of an unquoted scalar. Raises ValueError, with a sentence, for a number no document may hold."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > MAX_DIGITS:
            raise ValueError(f"This number has more than {MAX_DIGITS} digits.")
        return int(text, 8) if text[1:2] == "o" else int(text, 16) if text[1:2] == "x" else int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError(f"The number {text[:40]} is too large.")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number.")
    return text


def is_printable(text: str) -> bool:
    """Whether YAML lets every character stand as it is."""
    return _UNPRINTABLE.search(text) is None


def can_be_plain(text: str, *, in_flow: bool) -> bool:
    """Whether a text can stand without quotes and is text to every reader. in_flow: between braces or brackets."""
    if text.startswith(("---", "...")):  # at the start of a line these end a document
        return False
    return (
        _looks_like_text(text)
        and text[0] not in _UNSAFE_START
        and text == text.strip(" ")
        and not _UNSAFE_INSIDE.search(text)
        and not (in_flow and _UNSAFE_IN_FLOW.search(text))
        and is_printable(text)
    )


def can_be_literal(text: str) -> bool:
    """Whether a text has lines that can be written as they are."""
    return "\n" in text and not text.isspace() and is_printable(text)


def is_plain_key(text: str) -> bool:
    """Whether a key may stand without quotes though it looks like a boolean or a number."""
    return text in ("true", "false") or (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS)


def _looks_like_text(text: str) -> bool:
    try:
        return isinstance(read_plain(text), str) and not _ELSEWHERE.fullmatch(text)
    except ValueError:
        return False
