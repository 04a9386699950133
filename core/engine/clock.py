"""Time, passed in: the engine never asks the operating system itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Make sure that the call does not happen."""


class Clock(Protocol):
    """Wall-clock time for records, monotonic time for durations, and calls that are due later."""

    def now(self) -> datetime:
        """The time in UTC, with its zone."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean something."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running loop after that many seconds."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""


class SystemClock:
    """The machine's own time and the running asyncio loop's timers."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running loop after that many seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        await asyncio.sleep(seconds)


def midnight(now: datetime) -> datetime:
    """The beginning of this machine's day, also of one in which its clocks are put forward or back."""
    return datetime.combine(now.astimezone().date(), datetime.min.time()).astimezone()


class Deadline:
    """Cancels the code inside `async with` after some seconds, and says so with TimeoutError.

    As asyncio.timeout, but by a Clock. seconds: None for no limit. A cancellation that comes from elsewhere
    stays a cancellation.
    """

    def __init__(self, clock: Clock, seconds: float | None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.expired = False

    async def __aenter__(self) -> Deadline:
        if self._seconds is not None:
            self._task = asyncio.current_task()
            self._cancelling = self._task.cancelling() if self._task else 0
            self._timer = self._clock.call_later(self._seconds, self._expire)
        return self

    def _expire(self) -> None:
        self.expired = True
        if self._task is not None:
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.expired and self._task is not None:
            ours = self._task.uncancel() <= self._cancelling
            if ours and kind is asyncio.CancelledError:
                raise TimeoutError from error
