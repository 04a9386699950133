"""The worker of the queue's library, made to take and to drop several entries with one statement.

Imported only by what runs workers: the library takes its time to load.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.worker import Worker

from core.store.entry_sql import DROP_ENTRIES, TAKE_ENTRIES
from core.store.gathering import Gathering

_log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 10
"""Entries that one statement takes; more of them would hardly be cheaper."""


class LibraryWorker(Worker):
    """Takes several entries at once and drops those together that end while others are being dropped, which costs a
    third of one after the other. Loses no wake-up, and makes no ado about an entry that somebody else has dropped.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._heard = 0
        self._place_freed = asyncio.Event()
        self._drops: Gathering[None] = Gathering(self._drop)
        self._not_dropped: set[int] = set()

    async def run(self) -> None:
        """Take entries and execute them, until `stop` is called."""
        await super().run()  # type: ignore[no-untyped-call] # procrastinate leaves it without types

    def stop(self) -> None:
        """Take no more entries."""
        super().stop()  # type: ignore[no-untyped-call] # procrastinate leaves it without types
        self._place_freed.set()

    async def _handle_notification(self, **told: Any) -> None:
        self._heard += 1
        await super()._handle_notification(**told)

    async def _fetch_and_process_jobs(self) -> None:
        """Begin what waits; look once more if something was announced meanwhile, which the library then forgets until
        it polls.
        """
        heard = -1
        while heard != self._heard and not self._stop_event.is_set():
            heard = self._heard
            while await self._begin_some():
                pass
            self._new_job_event.clear()

    async def _begin_some(self) -> bool:
        """Wait for a free place, and begin as much as there are places for; whether more may wait."""
        while (free := self.concurrency - len(self._running_jobs)) <= 0 and not self._stop_event.is_set():
            self._place_freed.clear()
            await self._place_freed.wait()
        if self._stop_event.is_set():
            return False
        # No more than it executes already: what comes to idle workers is shared by them.
        places = min(free, MOST_AT_ONCE, max(1, len(self._running_jobs)))
        rows = await self.app.connector.execute_query_all_async(
            query=TAKE_ENTRIES, queues=self.queues, places=places, worker_id=self.worker_id
        )
        for row in rows:
            self._begin(Job.from_row(row))
        return len(rows) == places

    def _begin(self, entry: Job) -> None:
        context = JobContext(
            app=self.app, worker_name=self.worker_name, worker_queues=self.queues, job=entry,
            abort_reason=partial(self._job_ids_to_abort.get, entry.id), start_timestamp=time.time(),
        )  # fmt: skip
        task = asyncio.get_running_loop().create_task(self._process_job(context), name=f"entry {entry.id}")
        self._running_jobs[task] = context
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        del self._running_jobs[task]
        self._place_freed.set()

    async def _persist_job_status(self, **facts: Any) -> None:  # type: ignore[override]  # always called by name
        job: Job = facts["job"]
        try:
            await self._drops.ask(str(job.id))
        except ConnectorException as error:
            # What becomes of the run is decided by its lease. The entry is dropped with the next one that ends, or by
            # whoever looks after the queue when this worker is gone.
            _log.info("An entry of the queue was not marked as done: %s", error.__cause__ or error)

    async def _drop(self, ids: list[str]) -> Mapping[str, None]:
        self._not_dropped.update(int(each) for each in ids)
        dropped = list(self._not_dropped)
        await self.app.connector.execute_query_async(query=DROP_ENTRIES, ids=dropped)
        self._not_dropped.difference_update(dropped)
        return dict.fromkeys(ids)

    # The library puts the facts of an entry together for each of its log lines, a tenth of what a run costs, also if
    # nobody keeps them, as here.

    def _log_extra(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def _log_job_outcome(self, *_: Any, **__: Any) -> None:
        pass
