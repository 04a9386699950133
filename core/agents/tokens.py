"""How many tokens a text will be, before a server has counted them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final

CHARACTERS_PER_TOKEN: Final = 3.5
"""An estimate that errs on the side of more tokens for English; servers' own counts replace it as they come."""

TOKENS_PER_PICTURE: Final = 1_200
"""What a picture costs with the usual models, about."""

_PER_MESSAGE: Final = 4
"""Tokens around each message: its role and separators."""


def estimate(text: str) -> int:
    """Tokens of a text."""
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def estimate_message(message: Mapping[str, Any]) -> int:
    """Tokens of a chat message in wire form: texts, calls, pictures and files."""
    total = _PER_MESSAGE
    content = message.get("content")
    if isinstance(content, str):
        total += estimate(content)
    for part in content if isinstance(content, list) else ():
        total += _estimate_part(part)
    total += TOKENS_PER_PICTURE * len(message.get("images") or ())
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        total += _PER_MESSAGE + estimate(str(function.get("name", ""))) + estimate(str(function.get("arguments", "")))
    return total


def estimate_functions(tools: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of function definitions."""
    return sum(estimate(json.dumps(tool, ensure_ascii=False)) for tool in tools)


def _estimate_part(part: Mapping[str, Any]) -> int:
    match part.get("type"):
        case "text":
            return estimate(str(part.get("text", "")))
        case "image_url":
            return TOKENS_PER_PICTURE
        case _:
            # Documents, sound and video: their size in base64 says little; a page of text is about 500 tokens.
            data = json.dumps(part)
            return min(20_000, max(500, len(data) // 40))
