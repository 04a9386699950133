"""JSON as editors write it: with comments and commas before closing brackets."""

from __future__ import annotations

import json
import re
from typing import Any

_PIECES = re.compile(
    r"""
    ("(?:[^"\\]|\\.)*")          # a text: kept
    | //[^\n]* | /\*.*?\*/       # a comment
    | ,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])  # a comma before a closing bracket
    """,
    re.VERBOSE | re.DOTALL,
)


def loads(text: str) -> Any:
    """The value. Raises ValueError (json.JSONDecodeError), whose lines are those of the text."""
    return json.loads(_PIECES.sub(_kept, text.removeprefix("\ufeff")))


def _kept(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else "\n" * match[0].count("\n")
