"""Ids of runs, conversations and messages: time-ordered, so that new rows of the database lie beside each other."""

from __future__ import annotations

import secrets
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562, section 5.7): milliseconds since 1970, then 74 random bits."""
    stamp = time.time_ns() // 1_000_000
    number = stamp << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return uuid.UUID(int=number)


def new_run_id() -> str:
    """The id of a new run, as text."""
    return str(new_id())
