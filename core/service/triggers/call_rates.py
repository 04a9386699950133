"""How often a workflow may be called: counted by all processes together, or by this one if there is no database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.engine.clock import Clock


class CallRates(Protocol):
    """Buckets of calls, each by its name."""

    async def take(self, name: str, number: int, seconds: float) -> float:
        """Take one call out of `number` in so many seconds: 0.0, or, with nothing taken, seconds until there is one."""


@dataclass(slots=True)
class _Bucket:
    """Calls that may still be made at once, as of a moment of the monotonic clock."""

    calls: float
    at: float


class ProcessRates:
    """The CallRates of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    async def take(self, name: str, number: int, seconds: float) -> float:
        """As the protocol says."""
        now = self._clock.monotonic()
        bucket = self._buckets.setdefault(name, _Bucket(number, now))
        bucket.calls = min(number, bucket.calls + (now - bucket.at) * number / seconds)
        bucket.at = now
        if bucket.calls < 1:
            return (1 - bucket.calls) * seconds / number
        bucket.calls -= 1
        return 0.0
