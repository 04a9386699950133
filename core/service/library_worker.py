"""The worker of the queue's library, with two rough edges taken off.

Imported only by what runs workers: the library takes its time to load.
"""

from __future__ import annotations

import logging
from typing import Any

from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

_log = logging.getLogger(__name__)


class LibraryWorker(Worker):
    """Loses no wake-up, and makes no ado about an entry that it finishes when somebody else has dropped it."""

    _heard = 0

    async def _handle_notification(self, **told: Any) -> None:
        self._heard += 1
        await super()._handle_notification(**told)

    async def _fetch_and_process_jobs(self) -> None:
        """Look for entries; once more if one was announced meanwhile, which the library then forgets until it polls."""
        heard = -1
        while heard != self._heard and not self._stop_event.is_set():
            heard = self._heard
            await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]  # the library's

    async def _persist_job_status(self, **facts: Any) -> None:  # type: ignore[override]  # always called by name
        try:
            await super()._persist_job_status(**facts)
        except ConnectorException as error:
            # Another worker took this one for lost, or the database is away: what becomes of the run is decided by its
            # lease, and the entry is dropped by whoever looks after the queue.
            _log.info("An entry of the queue was not marked as done: %s", error.__cause__ or error)
