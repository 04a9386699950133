"""Keeps the metrics that are states up to date: the queue, the workers, the pool; and the counts of the statistics."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final, Protocol

from core.engine.clock import Clock
from core.service.queue import RunQueue
from core.store.errors import StoreError
from core.store.store import Store

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
COUNT_EVERY: Final = 12
"""Every so manieth look also adds the new runs to the statistics."""


class GaugeBook(Protocol):
    """Where states are noted."""

    def set_queue(self, waiting: Mapping[str, tuple[int, float]], workers: int) -> None:
        """How the queues stand, and how many workers are alive."""

    def set_pool(self, *, size: int, used: int) -> None:
        """How many connections to the database there are, and how many are in use."""


class Gauges:
    """A background task that looks every few seconds. lost_after_s: a worker that is silent for longer is gone."""

    def __init__(self, store: Store, queue: RunQueue, book: GaugeBook, clock: Clock, *, lost_after_s: float) -> None:
        self._store = store
        self._queue = queue
        self._book = book
        self._clock = clock
        self._lost_after_s = lost_after_s

    async def run(self) -> None:
        """Look until cancelled; a database that is away is looked at again."""
        looks = 0
        while True:
            try:
                await self.look(count=looks % COUNT_EVERY == 0)
            except StoreError as error:
                _log.warning("The queue could not be looked at: %s", error)
            looks += 1
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self, *, count: bool = False) -> None:
        """Note how everything stands now. count: also add the new runs to the statistics. Raises StoreError."""
        workers = await self._store.workers.list()
        alive = sum(1 for worker in workers if worker.silent_s <= self._lost_after_s)
        self._book.set_queue(await self._queue.depth(), alive)
        pool = self._store.database.pool()
        self._book.set_pool(size=pool.size, used=pool.used)
        if count:
            while await self._store.statistics.count():
                pass
