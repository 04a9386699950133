"""What happens in runs, for those who watch one of them: those of this process, and those that others tell of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from core.engine.clock import Clock, SystemClock
from core.engine.events import Event

Watcher: TypeAlias = Callable[[Event | None], None]
"""Gets every event of a run as it happens, and None if it is time to look at the journal."""

TOLD_S: Final = 25.0
"""Seconds for which a run counts as told of after the last word of whoever executes it."""

CATCH_UP_S: Final = 3.0
"""Seconds after such a word in which the journal may hold what was not told."""


class LiveRuns:
    """Passes every event to those who watch its run. began: hears the id of a run that somebody begins to watch."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.began: Callable[[str], None] = lambda _run_id: None
        self._clock = clock or SystemClock()
        self._watchers: defaultdict[str, list[Watcher]] = defaultdict(list)
        self._asking: Counter[str] = Counter()
        self._told: dict[str, float] = {}
        self._looked: dict[str, float] = {}

    @property
    def watched(self) -> Sequence[str]:
        """The runs that others are to tell of, because somebody watches them."""
        return tuple(run_id for run_id, number in self._asking.items() if number)

    def heard(self, event: Event) -> None:
        """Pass an event on: a listener of the engine."""
        for watcher in tuple(self._watchers.get(event.run_id, ())):
            watcher(event)

    def told_of(self, run_id: str, *, look: bool) -> None:
        """Whoever executes the run tells of it. look: the journal holds more than was told."""
        if run_id not in self._watchers:
            return
        now = self._clock.monotonic()
        if look or not self.is_told(run_id):
            self._looked[run_id] = now
            for watcher in tuple(self._watchers[run_id]):
                watcher(None)
        self._told[run_id] = now

    def forget_tellers(self) -> None:
        """Nobody can be heard for a while."""
        self._told.clear()

    def is_told(self, run_id: str) -> bool:
        """Whether whoever executes the run tells of it, so that the journal need not be looked at all the time."""
        return self._clock.monotonic() - self._told.get(run_id, -TOLD_S) < TOLD_S

    def pause(self, run_id: str, poll_s: float, slow_poll_s: float) -> float:
        """Seconds until the journal is to be looked at again."""
        just_looked = self._clock.monotonic() - self._looked.get(run_id, -CATCH_UP_S) < CATCH_UP_S
        return slow_poll_s if self.is_told(run_id) and not just_looked else poll_s

    @contextmanager
    def watching(self, run_id: str, watcher: Watcher, *, asks: bool = True) -> Iterator[None]:
        """While inside, the watcher gets every event of that run that is known to this process.

        asks: let others tell of the run; for a short wait that would cost more than it gives.
        """
        is_first = asks and not self._asking[run_id]
        self._asking[run_id] += asks
        self._watchers[run_id].append(watcher)
        try:
            if is_first:
                self.began(run_id)
            yield
        finally:
            self._watchers[run_id].remove(watcher)
            self._asking[run_id] -= asks
            if not self._asking[run_id]:
                del self._asking[run_id]
            if not self._watchers[run_id]:
                del self._watchers[run_id]
                self._told.pop(run_id, None)
                self._looked.pop(run_id, None)
