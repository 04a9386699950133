"""The entries of the queue, as the library procrastinate hands them to a worker, which is supervised.

Its worker ends when a side task of it fails, when its row is gone (a pause, a sleeping laptop), or when the database is
away. Then another one is made, under a new identity. What is executed goes on meanwhile: an entry only says which run
is to be looked at.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from core.store.queued_runs import TASK

if TYPE_CHECKING:
    import psycopg
    from procrastinate import App
    from psycopg_pool import AsyncConnectionPool

    from core.service.library_worker import LibraryWorker

_log = logging.getLogger(__name__)

POLL_S: Final = 0.5
"""Seconds between two looks at the queue without being told: wake-ups get lost while another look is under way."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries to reach a database that is away."""

Execute = Callable[[str], Awaitable[None]]
"""Executes a run, by its id."""


class Entries:
    """Hands the entries of the queue to `execute`, one call for each, at most `concurrency` at the same time.

    dsn: what libpq connects with. queues: empty for all. beat_s: seconds between two signs of life. lost_after:
    seconds of silence after which its entries are anybody's.
    """

    def __init__(
        self,
        dsn: str,
        execute: Execute,
        *,
        concurrency: int,
        queues: Sequence[str],
        beat_s: float,
        lost_after: float,
    ) -> None:
        self._dsn = dsn
        self._execute = execute
        self._concurrency = concurrency
        self._queues = list(queues)
        self._beat_s = beat_s
        self._lost_after = lost_after
        self._worker: LibraryWorker | None = None
        self._was_read = False
        self._stopping = asyncio.Event()

    @property
    def identity(self) -> int | None:
        """The number of the present worker in the library's tables; None while there is none."""
        return self._worker.worker_id if self._worker is not None else None

    def stop(self) -> None:
        """Take no more entries; `run` then returns."""
        self._stopping.set()
        if self._worker is not None:
            self._worker.stop()

    async def run(self) -> None:
        """Take entries until `stop` is called, whatever happens to the database."""
        _quiet_library()
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await self._take_entries()
            except Exception as error:  # noqa: BLE001 - whatever the library or the driver raises, a worker goes on
                level = logging.WARNING if pause == _FIRST_PAUSE else logging.DEBUG  # an outage is told of once
                _log.log(level, "The queue cannot be read: %s. Trying again until it can.", _first_line(error))
            if self._stopping.is_set():
                return
            if self._was_read and asyncio.get_running_loop().time() - began > _LONGEST_PAUSE:
                pause = _FIRST_PAUSE
            _log.debug("Reading the queue again, under a new identity, in %.1f s", pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _take_entries(self) -> None:
        """Take entries until the library's worker ends."""
        from core.service.library_worker import LibraryWorker

        app = self._app()
        async with app.open_async():
            self._worker = worker = LibraryWorker(
                app,
                queues=self._queues or None,
                concurrency=self._concurrency,
                fetch_job_polling_interval=POLL_S,
                abort_job_polling_interval=3600.0,  # runs are cancelled by our own notice
                shutdown_graceful_timeout=0.0,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=self._beat_s,
                stalled_worker_timeout=self._lost_after,
            )
            if self._stopping.is_set():
                return
            try:
                await worker.run()
            finally:
                self._worker, self._was_read = None, worker.worker_id is not None

    def _app(self) -> App:
        from procrastinate import App, PsycopgConnector

        app = App(
            connector=PsycopgConnector(
                conninfo=self._dsn, pool_factory=_pool, min_size=1, max_size=4, timeout=5.0, configure=configure
            )
        )

        async def execute(run_id: str) -> None:
            # Shielded: the library gives its entries up when it stops, the run does not stop with them.
            await asyncio.shield(asyncio.ensure_future(self._execute(run_id)))

        app.task(name=TASK)(execute)
        return app


def _pool(*, check: object = None, **arguments: Any) -> AsyncConnectionPool[Any]:
    """The library's pool without a question to the server before every use: a broken connection ends the worker, and
    the next one connects anew.
    """
    from psycopg_pool import AsyncConnectionPool

    del check
    return AsyncConnectionPool(**arguments)


async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Settings of the library's connections: each of its statements is a transaction of its own, and none waits for the
    disk. Should the server crash and forget that an entry was taken or done, it comes again, and the run's lease and
    journal know better.
    """
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")
    # The index that the queue is read by has its order. A plan that was made while little waited would sort all that
    # waits later, for every look.
    await connection.execute("SET enable_sort = off")


def _quiet_library() -> None:
    """The library tells of each entry, and it and the driver of every broken connection, with tracebacks."""
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
