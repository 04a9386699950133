"""Tells those who watch a run from another program what happens in it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from core.engine.clock import Clock
from core.engine.events import Event, StepDelta
from core.service.run_messages import RunMessage, texts_of
from core.store.errors import StoreError

if TYPE_CHECKING:
    from core.store.run_news import RunNews

_log = logging.getLogger(__name__)

WATCHED_S: Final = 30.0
"""Seconds for which a run is told of after somebody said that he watches it."""

_GATHER_S: Final = 0.04
"""Seconds for which what happens is gathered: pieces of an answer come faster than anybody reads."""

_MOST_WATCHED: Final = 10_000


class RunRelay:
    """Of a worker, or of a program that executes runs beside one. sender: who it is. running: ids of its runs."""

    def __init__(self, news: RunNews, *, sender: str, running: Callable[[], Collection[str]], clock: Clock) -> None:
        self._news = news
        self._sender = sender
        self._running = running
        self._clock = clock
        self._watched: dict[str, float] = {}
        self._waiting: list[tuple[str, Event | None]] = []
        self._more = asyncio.Event()
        self._numbers = itertools.count()

    def watch(self, run_id: str) -> None:
        """Somebody watches that run: tell of it for a while, and say at once that it is told of."""
        self._watched.pop(run_id, None)
        self._watched[run_id] = self._clock.monotonic() + WATCHED_S
        while len(self._watched) > _MOST_WATCHED:
            del self._watched[next(iter(self._watched))]
        if run_id in self._running():
            self._put(run_id, None)

    def watches(self, run_id: str) -> bool:
        """Whether somebody watches that run, or did a moment ago."""
        return run_id in self._watched

    def heard(self, event: Event) -> None:
        """Something happened in a run: a listener of the engine."""
        until = self._watched.get(event.run_id)
        if until is None:
            return
        if until < self._clock.monotonic():
            del self._watched[event.run_id]
        else:
            self._put(event.run_id, event)

    async def run(self) -> None:
        """Tell it until cancelled."""
        while True:
            await self._more.wait()
            await asyncio.sleep(_GATHER_S)
            self._more.clear()
            waiting, self._waiting = self._waiting, []
            texts = [
                text
                for run_id, event in waiting
                for text in texts_of(RunMessage(self._sender, run_id, event), next(self._numbers))
            ]
            try:
                await self._news.tell(texts)
            except StoreError as error:
                _log.info("What happens is not told for a while: %s", error)

    def _put(self, run_id: str, event: Event | None) -> None:
        if isinstance(event, StepDelta) and (joined := _joined(self._waiting, event)) is not None:
            self._waiting[-1] = run_id, joined
        else:
            self._waiting.append((run_id, event))
        self._more.set()


def _joined(waiting: list[tuple[str, Event | None]], piece: StepDelta) -> StepDelta | None:
    """The last piece with this one behind it, if they belong together."""
    last = waiting[-1][1] if waiting else None
    if not isinstance(last, StepDelta) or replace(last, at=piece.at, text=piece.text) != piece:
        return None
    return replace(piece, text=last.text + piece.text)
