"""A worker: a process, or a part of one, that executes queued runs and looks after the queue with the others."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from core.engine.clock import Clock
from core.engine.engine import Run
from core.engine.journal import Journal
from core.service.run_relay import RunRelay
from core.service.worker_entries import Entries
from core.service.worker_notices import StopNotices
from core.service.worker_runs import WorkerRuns
from core.store.errors import SchemaTooNew, StoreError
from core.store.migrations import REVISIONS
from core.store.notices import Notices
from core.store.process import this_process
from core.store.run_news import RunNews
from core.store.workers import Upkeep, WorkerFacts

if TYPE_CHECKING:
    from core.settings import Settings
    from core.store.store import Store

_log = logging.getLogger(__name__)

UPKEEP_S: Final = 1.0
"""Seconds between two looks at the queue, by whichever worker does it."""

THOROUGH_EVERY: Final = 5
"""Every so manieth look also searches for what somebody should have announced."""


class Host(Protocol):
    """What a worker needs of a workspace."""

    store: Store | None
    journal: Journal
    clock: Clock
    settings: Settings

    async def resume(self, run_id: str, *, queued: bool = False) -> Run:
        """Go on with a run, or begin a queued one. queued: other workers may share its parts."""


class Worker:
    """Executes queued runs until it is stopped. `run` does it; `stop` ends that.

    concurrency: runs at the same time. queues: those it takes from, none for all. grace_s: seconds that runs have left
    when it is stopped; then they are handed over.
    """

    def __init__(
        self,
        host: Host,
        *,
        concurrency: int | None = None,
        queues: Sequence[str] | None = None,
        grace_s: float | None = None,
    ) -> None:
        assert host.store is not None, "a queue that lasts needs a store"
        settings = host.settings.workers
        store = self._store = host.store
        self.grace_s = settings.grace_s if grace_s is None else grace_s
        self._lost_after = settings.lost_after_s
        self._beat_s = settings.lost_after_s / 3
        self.facts = WorkerFacts(
            uuid4(), platform.node(), os.getpid(), version("steploom"),
            tuple(settings.queues if queues is None else queues), concurrency or settings.concurrency,
            str(this_process()),
        )  # fmt: skip
        self._relay = RunRelay(
            RunNews(store.database), sender=str(self.facts.id), running=lambda: self._runs.ids, clock=host.clock
        )
        self._runs = WorkerRuns(
            store.queued_runs, store.spread_runs, host.journal, partial(host.resume, queued=True), clock=host.clock,
            concurrency=self.facts.concurrency, told=self._relay.heard,
        )  # fmt: skip
        self._entries = Entries(
            store.database.address.dsn, self._runs.execute, concurrency=self.facts.concurrency,
            queues=self.facts.queues, beat_s=self._beat_s, lost_after=self._lost_after,
        )  # fmt: skip
        self._stop_notices = StopNotices(
            store.queued_runs, Notices(store.database.address), running=lambda: self._runs.ids,
            stop=self._runs.cancel, watched=self._relay.watch,
        )  # fmt: skip
        self._stopping = asyncio.Event()
        self._failure: SchemaTooNew | None = None

    @property
    def running(self) -> Sequence[str]:
        """The runs that it executes."""
        return self._runs.ids

    @property
    def is_stopping(self) -> bool:
        """Whether it takes no more runs."""
        return self._stopping.is_set()

    def hurry(self) -> None:
        """Stop, and hand what it executes over at once, without a time of grace. From its own loop."""
        self._runs.hurry()
        self.stop()

    def stop(self, reason: str = "") -> None:
        """Take no more runs; `run` returns when those at hand have ended or were handed over. From its own loop."""
        if not self._stopping.is_set():
            _log.info("Stopping%s", f": {reason}" if reason else "")
            self._stopping.set()
            self._entries.stop()

    async def run(self) -> None:
        """Execute runs until `stop` is called. Raises SchemaTooNew if the tables have become those of a newer program.

        Cancelled, it hands its runs over without a time of grace.
        """
        helpers = [
            asyncio.create_task(self._entries.run(), name="entries of the queue"),
            asyncio.create_task(self._stop_notices.run(), name="notices to stop"),
            asyncio.create_task(self._relay.run(), name="what is told of watched runs"),
            asyncio.create_task(self._keep_beating(), name="signs of life"),
            asyncio.create_task(self._look_after(), name="upkeep of the queue"),
        ]
        grace_s = self.grace_s
        try:
            await self._stopping.wait()
        except asyncio.CancelledError:
            grace_s = 0.0
            self.stop("cancelled")
            raise
        finally:
            await self._end(helpers, grace_s)
        if self._failure is not None:
            raise self._failure

    async def _end(self, helpers: list[asyncio.Task[None]], grace_s: float) -> None:
        await asyncio.wait(helpers[:1], timeout=10)
        await self._runs.stop(grace_s)
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        with suppress(StoreError):
            await self._store.workers.leave(self.facts.id)

    async def _keep_beating(self) -> None:
        """Say from time to time that it lives, and at once under which number it reads the queue."""
        loop = asyncio.get_running_loop()
        while True:
            told = self._entries.identity
            try:
                newest = await self._store.workers.beat(self.facts, running=len(self._runs.ids), queue_worker=told)
            except StoreError as error:
                _log.warning("The database was not told that this worker lives: %s", error)
            else:
                if newest not in REVISIONS:
                    self._failure = SchemaTooNew(
                        f"The database's tables were changed by a newer Steploom (to {newest!r}); this worker "
                        f"understands them up to {REVISIONS[-1]!r}, so it takes no more runs. Update it."
                    )
                    self.stop("the tables were changed by a newer Steploom")
            due = loop.time() + min(self._beat_s, 5.0)
            while loop.time() < due and self._entries.identity == told:  # noqa: ASYNC110 - the library tells nobody
                await asyncio.sleep(0.2)

    async def _look_after(self) -> None:
        """Do the upkeep of the queue, in turns with the other workers."""
        looks = 0
        away = False
        while True:
            pause = UPKEEP_S
            try:
                if away:
                    await self._store.database.ping()
                    # It has heard of nobody meanwhile: before anybody counts as lost, everybody says that he lives.
                    away, pause = False, self._beat_s * 2
                else:
                    looks += await self._look(thorough=looks % THOROUGH_EVERY == 0)
            except StoreError as error:
                if not away:
                    _log.warning("The queue could not be looked after: %s", error)
                away = True
            except Exception:  # noqa: BLE001 - whatever it is, the worker's runs go on and the next look may do better
                _log.exception("The upkeep of the queue met an error that was not expected")
                pause = self._beat_s
            await asyncio.sleep(pause)

    async def _look(self, *, thorough: bool) -> bool:
        """Look after the queue; False if another worker just did."""
        done = await self._store.workers.look_after(
            lost_after=self._lost_after, every=UPKEEP_S * 0.8, thorough=thorough
        )
        if done is not None:
            _tell(done)
        return done is not None


def _tell(done: Upkeep) -> None:
    for run_id in done.lost:
        _log.warning("The worker that executed run %s is lost", run_id)
    for run_id in done.parked:
        _log.error("Run %s is parked: too many workers were lost over it. See: steploom runs show %s", run_id, run_id)
