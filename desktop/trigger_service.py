"""Schedules and notices at work while the window is open, together with any other program on the database; and what
those elsewhere are told who watch its runs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from core.store.errors import StoreError

if TYPE_CHECKING:
    from core.service.triggers.message_listener import MessageListener
    from core.service.triggers.scheduler import Fired, Scheduler
    from core.service.worker import Worker
    from core.store.store import Store
    from core.workspace import Workspace

_log = logging.getLogger(__name__)

CONCURRENCY = 2
"""Runs at a time that the window executes beside those that a person starts."""


class TriggerService:
    """Starts what triggers ask for, and executes it. The worker begins with the first run that was started here, or
    was left behind with nobody else there for it: where other programs start runs, they execute them.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._scheduler: Scheduler | None = None
        self._listener: MessageListener | None = None
        self._worker: Worker | None = None
        self._work: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._taking_up: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop. Does nothing where nothing is kept; with the demonstration model, nothing is
        started by itself."""
        workspace = self._workspace
        if workspace.store is None or self._telling is not None:
            return
        from core.service.run_teller import RunTeller

        teller = RunTeller(workspace, others=lambda: self._worker.running if self._worker is not None else ())
        self._telling = asyncio.get_running_loop().create_task(teller.run(), name="what is told of watched runs")
        if workspace.demo:
            return
        from core.service.triggers.message_listener import MessageListener
        from core.service.triggers.scheduler import Scheduler
        from core.store.message_notices import MessageNotices

        store = workspace.store
        self._scheduler = Scheduler(
            store.schedules, workspace.queue, clock=workspace.clock, told=self._fired, held=self._begin_work
        )
        notices = MessageNotices(store.database.address)
        self._listener = MessageListener(store.workflows, notices, workspace.queue, told=self._begin_work)
        self._scheduler.start()
        self._listener.start()
        self._taking_up = asyncio.get_running_loop().create_task(self._take_up(store), name="what triggers left behind")

    async def stop(self) -> None:
        """End it; runs that are executed are handed over to whoever works next."""
        if self._scheduler is not None and self._listener is not None:
            await self._scheduler.stop()
            await self._listener.stop()
        tasks = [task for task in (self._taking_up, self._work, self._telling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_up(self, store: Store) -> None:
        """Execute what a program left behind that was closed, or fell over, while runs of triggers were under way: a
        schedule would wait for such a run for ever."""
        lost_after_s = self._workspace.settings.workers.lost_after_s
        while self._work is None:
            with suppress(StoreError):
                workers = await store.workers.list()
                if not any(each.silent_s <= lost_after_s for each in workers) and (left := await _left_behind(store)):
                    await asyncio.to_thread(import_module, "core.service.worker")
                    self._begin_work(left)
            await self._workspace.clock.sleep(lost_after_s)

    def _fired(self, fired: Fired) -> None:
        self._begin_work(fired.run_id)

    def _begin_work(self, run_id: str) -> None:
        if self._work is not None and not self._work.done():
            return
        from core.service.worker import Worker

        _log.info("The window begins to execute queued runs, with %s", run_id)
        self._worker = Worker(self._workspace, concurrency=CONCURRENCY, grace_s=0.0)
        self._work = asyncio.get_running_loop().create_task(self._worker.run(), name="worker of the window")


async def _left_behind(store: Store) -> str:
    """A run that waits to be executed, or whose process may have fallen over, in a word for the log; '' for none."""
    schedules = await store.schedules.list()
    left = [each.last_run_id for each in schedules if each.last_status in ("queued", "running")]
    return left[0] if left else "others" if "default" in await store.queued_runs.depth() else ""
