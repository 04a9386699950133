"""What a service does besides answering: schedules, listeners, workers. Each goes on until the service ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from core.engine.clock import Clock

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0


class BackgroundTask(Protocol):
    """Something that is done all the time."""

    async def run(self) -> None:
        """Do it until cancelled, or until there is nothing more to do."""


class Background:
    """Keeps background tasks going: one that fails is begun again, a little later each time."""

    def __init__(self, tasks: Sequence[BackgroundTask], clock: Clock) -> None:
        self._clock = clock
        self._tasks = tuple(tasks)
        self._working: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin all of them, on the running loop."""
        loop = asyncio.get_running_loop()
        self._working = [loop.create_task(self._keep(task), name=type(task).__name__) for task in self._tasks]

    async def stop(self) -> None:
        """Cancel all of them, and wait until they have ended."""
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _keep(self, task: BackgroundTask) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            began = self._clock.monotonic()
            try:
                await task.run()
            except Exception:  # noqa: BLE001 - whatever it is, the service goes on and this is tried again
                _log.exception("%s met an error that was not expected; it begins again", type(task).__name__)
            else:
                return
            if self._clock.monotonic() - began > _LONGEST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
