"""How often a workflow may be called: counted by all processes together, or by this one if there is no database."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

from core.engine.clock import Clock
from core.workflow.rates import Rate

_MOST_CLOSED: Final = 1000


class CallRates(Protocol):
    """Buckets of calls, each by its name."""

    async def take(self, name: str, number: int, seconds: float) -> float:
        """Take one call out of `number` in so many seconds: 0.0, or, with nothing taken, seconds until there is one."""

    async def claim(self, name: str, owner: str, seconds: float) -> bool:
        """Whether a name is its owner's: nobody else's for so many seconds after it was first asked for."""


class CallLimits:
    """Takes calls out of buckets. Until there is a call again in one, nobody is asked: those who call all the time
    cost the database nothing."""

    def __init__(self, rates: CallRates, clock: Clock) -> None:
        self._rates = rates
        self._clock = clock
        self._closed: dict[tuple[str, Rate], float] = {}

    async def wait(self, name: str, rate: Rate) -> int:
        """0 for a call that may be made, and was counted; else whole seconds until there is one."""
        now = self._clock.monotonic()
        seconds = self._closed.get((name, rate), now) - now
        if seconds <= 0:
            seconds = await self._rates.take(name, rate.calls, rate.seconds)
            if len(self._closed) > _MOST_CLOSED:
                self._closed = {which: until for which, until in self._closed.items() if until > now}
            self._closed[name, rate] = self._clock.monotonic() + seconds
        return max(1, math.ceil(seconds)) if seconds > 0 else 0

    async def claim(self, name: str, owner: str, seconds: float) -> bool:
        """Whether a name is its owner's: nobody else's for so many seconds after it was first asked for."""
        return await self._rates.claim(name, owner, seconds)


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
        self._claims: dict[str, tuple[str, float]] = {}

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

    async def claim(self, name: str, owner: str, seconds: float) -> bool:
        """As the protocol says."""
        now = self._clock.monotonic()
        self._claims = {claimed: claim for claimed, claim in self._claims.items() if claim[1] > now}
        return self._claims.setdefault(name, (owner, now + seconds))[0] == owner
