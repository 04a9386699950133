"""Which attempt of which step the running code works for, as logs and traces want to know."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class Place(NamedTuple):
    """One attempt of a step. path: its scope path."""

    run_id: str
    path: str
    attempt: int


PLACE: ContextVar[Place | None] = ContextVar("place", default=None)
"""Set in the asyncio task that executes a step, and so in every task that the step starts."""
