"""Ids for new steps, groups and names: readable, and free in the whole document."""

from __future__ import annotations

import re
from collections.abc import Collection

from core.workflow.model import RESERVED_NAMES
from core.workflow.names import MAX_NAME

_UNFIT = re.compile(r"[^A-Za-z0-9_]+")
_NUMBERED = re.compile(r"(.*?)_\d+", re.DOTALL)


def fresh_id(wanted: str, taken: Collection[str]) -> str:
    """A step's id from a text (a type's name, another id): `chat`, then `chat_2`, `chat_3`."""
    base = _UNFIT.sub("_", wanted).strip("_") or "step"
    if base[0].isdigit():
        base = f"step_{base}"
    if base in RESERVED_NAMES:
        base = f"{base}_step"
    return fresh_name(base[:MAX_NAME], taken)


def fresh_copy_id(old: str, taken: Collection[str]) -> str:
    """The id of a copy of a step: its own if it is free, else the next number of `chat`, `chat_2`, `chat_3`."""
    if old not in taken:
        return fresh_id(old, taken)
    numbered = _NUMBERED.fullmatch(old)
    return fresh_id(numbered[1] if numbered and numbered[1] else old, taken)


def fresh_name(base: str, taken: Collection[str]) -> str:
    """The text itself, or with the lowest number from 2 that makes it free."""
    if base not in taken:
        return base
    number = 2
    while (name := f"{base[: MAX_NAME - 1 - len(str(number))]}_{number}") in taken:
        number += 1
    return name
