"""Whether a value is JSON as documents and the database can hold it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from core.workflow.yaml_scalars import MAX_DIGITS

MAX_DEPTH = 64
"""How deep objects and lists may be nested."""

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


def flaws(value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each place (keys and indexes) where a value is no such JSON, with a sentence; iterative, as data may be deep."""
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        match item:
            case dict() | list() if len(path) >= MAX_DEPTH:
                yield path, f"Values may be nested {MAX_DEPTH} deep, not more."
            case dict():
                for key, below in item.items():
                    if not isinstance(key, str):
                        yield path, f"The key {key!r} is not text."
                    elif sentence := text_flaw(key):
                        yield path, f"In a key: {sentence}"
                    else:
                        waiting.append(((*path, key), below))
            case list():
                waiting += [((*path, index), below) for index, below in enumerate(item)]
            case _:
                if sentence := scalar_flaw(item):
                    yield path, sentence


def scalar_flaw(value: object) -> str:
    """What is wrong with a single value, or ''."""
    match value:
        case None | bool():
            return ""
        case int():
            # 2**3318 has 999 digits; spelling a longer one to count may be refused by Python itself.
            long = value.bit_length() > 4000 or len(str(abs(value))) > MAX_DIGITS
            return f"This number has more than {MAX_DIGITS} digits." if long else ""
        case float():
            return "" if math.isfinite(value) else f"{value} is not a finite number."
        case str():
            return text_flaw(value)
        case _:
            return f"A {type(value).__name__} is no JSON value."


def text_flaw(text: str) -> str:
    """What is wrong with a text, or ''."""
    found = _NO_TEXT.search(text)
    if found is None:
        return ""
    what = "a NUL character" if found[0] == "\0" else f"half a character (surrogate U+{ord(found[0]):04X})"
    return f"The text holds {what}, which cannot be stored."
