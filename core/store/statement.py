"""A statement of the journal's writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.store.held_lease import HeldLease


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a transaction. leases: those whose runs it writes; it returns run and epoch of what is ours."""

    sql: str
    parameters: tuple[Any, ...]
    leases: tuple[HeldLease, ...] = ()
