"""What happens in the runs that this process executes, for those who watch one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from core.engine.events import Event

Watcher: TypeAlias = Callable[[Event], None]


class LiveRuns:
    """Passes every event of the engine to those who watch its run."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, list[Watcher]] = defaultdict(list)

    def heard(self, event: Event) -> None:
        """Pass an event on: a listener of the engine."""
        for watcher in tuple(self._watchers.get(event.run_id, ())):
            watcher(event)

    @contextmanager
    def watching(self, run_id: str, watcher: Watcher) -> Iterator[None]:
        """While inside, the watcher gets every event of that run that this process makes."""
        self._watchers[run_id].append(watcher)
        try:
            yield
        finally:
            self._watchers[run_id].remove(watcher)
            if not self._watchers[run_id]:
                del self._watchers[run_id]
