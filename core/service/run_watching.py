"""Watches runs, whichever process executes them, for as long as somebody wants to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

from core.engine.clock import Clock
from core.engine.journal import Journal
from core.service.live_runs import LiveRuns
from core.service.run_events import RunWatch

if TYPE_CHECKING:
    from core.monitoring.watch import Watch
    from core.store.database import Database
    from core.store.store import Store

POLL_S: Final = 0.5
"""Seconds between two looks at a run of which nobody tells."""


class Host(Protocol):
    """What is needed of a workspace. watch: hears the events of the runs that it executes itself."""

    store: Store | None
    clock: Clock
    journal: Journal
    watch: Watch


@asynccontextmanager
async def watching(host: Host) -> AsyncIterator[RunWatch]:
    """Watches runs, and while inside hears what is told of them, here and by other processes."""
    live = LiveRuns(host.clock)
    async with AsyncExitStack() as stack:
        if host.store is not None:  # else there is no other process that could tell
            await stack.enter_async_context(_hearing(live, host.store.database))
        host.watch.listeners.append(live.heard)
        stack.callback(host.watch.listeners.remove, live.heard)
        yield RunWatch(host.journal, live, poll_s=POLL_S, slow_poll_s=10 * POLL_S)


@asynccontextmanager
async def _hearing(live: LiveRuns, database: Database) -> AsyncIterator[None]:
    from core.service.far_runs import FarRuns
    from core.store.notices import Notices
    from core.store.run_news import RunNews

    hearing = asyncio.create_task(FarRuns(live, RunNews(database), Notices(database.address)).run())
    try:
        yield
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
