"""Tells those who watch a run elsewhere of the runs that a program executes beside a worker's: those of a window, of a
command, of conversations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from core.engine.clock import Clock
from core.engine.events import Event
from core.service.run_relay import RunRelay
from core.store.notices import Notices
from core.store.run_news import WATCH_CHANNEL, RunNews

if TYPE_CHECKING:
    from core.monitoring.watch import Watch
    from core.store.store import Store

SHORT_S: Final = 1.0
"""Seconds in which most commands have ended, so that nobody need be asked whether he watches them."""


class Host(Protocol):
    """What is needed of a workspace. running: the runs that it executes now."""

    store: Store | None
    clock: Clock
    watch: Watch

    @property
    def running(self) -> Collection[str]:
        """Their ids."""


class RunTeller:
    """A BackgroundTask. others: runs of which somebody else tells. sender: who tells, '' for a name of its own."""

    def __init__(self, host: Host, *, others: Callable[[], Collection[str]] = tuple, sender: str = "") -> None:
        assert host.store is not None, "nobody elsewhere can watch what is not kept"
        database = host.store.database
        self._host = host
        self._others = others
        self._notices = Notices(database.address)
        self._relay = RunRelay(
            RunNews(database), sender=sender or str(uuid4()), running=self._running, clock=host.clock
        )

    async def run(self) -> None:
        """Tell until cancelled."""
        listeners = self._host.watch.listeners
        listeners.append(self._heard)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._relay.run())
                group.create_task(self._notices.listen([WATCH_CHANNEL], lambda _, run_id: self._relay.watch(run_id)))
        finally:
            listeners.remove(self._heard)

    def _running(self) -> Collection[str]:
        return set(self._host.running) - set(self._others())

    def _heard(self, event: Event) -> None:
        if self._relay.watches(event.run_id) and event.run_id not in self._others():
            self._relay.heard(event)


@asynccontextmanager
async def told_to_watchers(host: Host) -> AsyncIterator[None]:
    """While inside, those who watch the runs of a command are told of them, if it takes longer than most."""

    async def tell() -> None:
        await asyncio.sleep(SHORT_S)
        await RunTeller(host).run()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
