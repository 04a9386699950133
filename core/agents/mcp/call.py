"""One call under way: its time limit, which stands still while a person is asked, and whom it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.agents.mcp.exchange import Elicit
from core.engine.clock import Clock, Timer


class CallUnderWay:
    """A call. tool: what is called. elicit: asks the person of this call, None if nobody can be asked."""

    def __init__(
        self, tool: str, elicit: Elicit | None, clock: Clock, seconds: float, expire: Callable[[], None]
    ) -> None:
        self.tool = tool
        self.elicit = elicit
        self.expired = False
        self._clock = clock
        self._left = seconds
        self._expire = expire
        self._since = 0.0
        self._timer: Timer | None = None
        self._pauses = 0

    def begin(self) -> None:
        """The time runs."""
        self._since = self._clock.monotonic()
        self._timer = self._clock.call_later(self._left, self._out_of_time)

    def end(self) -> None:
        """The time no longer runs."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While inside, the time stands still."""
        self._pauses += 1
        if self._pauses == 1 and self._timer is not None:
            self.end()
            self._left = max(0.0, self._left - (self._clock.monotonic() - self._since))
        try:
            yield
        finally:
            self._pauses -= 1
            if self._pauses == 0 and not self.expired:
                self.begin()

    def _out_of_time(self) -> None:
        self.expired = True
        self._expire()


CURRENT: ContextVar[CallUnderWay | None] = ContextVar("mcp_call", default=None)
"""The call that the running task belongs to, where the protocol lets that be known."""
