"""A statement of the journal's writer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from core.store.held_lease import HeldLease


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a transaction.

    leases: those whose runs it writes; it returns run and epoch of what is ours. again: the statement to repeat it
    with, if it fails where any of it is written already; '' if it may be repeated as it is.
    """

    sql: str
    parameters: tuple[Any, ...]
    leases: tuple[HeldLease, ...] = ()
    again: str = ""

    @property
    def repeated(self) -> Statement:
        """The same for what may be written already."""
        return replace(self, sql=self.again, again="") if self.again else self
