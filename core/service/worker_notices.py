"""What workers are told by the database: that a run is to be stopped, or that somebody watches it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from core.store.errors import StoreError
from core.store.queued_runs import CANCEL_CHANNEL
from core.store.run_news import WATCH_CHANNEL

if TYPE_CHECKING:
    from core.store.notices import Notices
    from core.store.queued_runs import QueuedRuns

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
"""Seconds between two looks at what is to be stopped, should a notice have been lost."""


class StopNotices:
    """Tells which runs somebody wants stopped: at once by a notice, and by looking, for notices may be lost.

    running: the runs that are executed here. stop: stops one of them, with the reason. watched: hears of every run that
    somebody watches.
    """

    def __init__(
        self,
        queued: QueuedRuns,
        notices: Notices,
        *,
        running: Callable[[], Sequence[str]],
        stop: Callable[[str, str], None],
        watched: Callable[[str], None] = lambda _run_id: None,
    ) -> None:
        self._queued = queued
        self._notices = notices
        self._running = running
        self._stop = stop
        self._watched = watched
        self._look = asyncio.Event()

    async def run(self) -> None:
        """Listen and look until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._notices.listen([CANCEL_CHANNEL, WATCH_CHANNEL], self._heard))
            group.create_task(self._keep_looking())

    def _heard(self, channel: str, run_id: str) -> None:
        if channel == WATCH_CHANNEL:
            self._watched(run_id)
        elif run_id in self._running():
            self._look.set()

    async def _keep_looking(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY_S)
            self._look.clear()
            for run_id, reason in (await self._wanted()).items():
                _log.info("Run %s is stopped: %s", run_id, reason)
                self._stop(run_id, reason)

    async def _wanted(self) -> Mapping[str, str]:
        running = self._running()
        if not running:
            return {}
        try:
            return await self._queued.to_cancel(running)
        except StoreError as error:
            _log.warning("What is to be stopped could not be read: %s", error)
            return {}
