"""A watcher who comes while a step is at work, and a journal that hears of its start late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.engine.events import NO_USAGE, Event, RunCompleted
from core.engine.journal import Lease
from core.engine.memory_journal import MemoryJournal
from core.engine.testing import ManualClock
from core.service.live_runs import LiveRuns
from core.service.run_events import RunWatch
from tests.support.journals import at, completed, new_run, started

RUN = new_run()
BEFORE = (started(RUN.id, "a"), completed(RUN.id, "a"))
SLOW = started(RUN.id, "b"), completed(RUN.id, "b")
END = RunCompleted(RUN.id, at(9), {}, NO_USAGE, 9.0)


@dataclass
class Scene:
    """A run of two steps that is watched while the second is at work."""

    journal: MemoryJournal
    lease: Lease
    live: LiveRuns
    told: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def kept(self, *events: Event) -> None:
        for event in events:
            self.journal.put(self.lease, event)

    async def heard(self, *events: Event) -> list[str]:
        """What the watcher is told when these events are heard."""
        for event in events:
            self.live.heard(event)
        return await self.until(type(events[-1]).__name__)

    async def until(self, last: str) -> list[str]:
        names: list[str] = []
        async with asyncio.timeout(10):
            while not names or not names[-1].startswith(last):
                names.append(await self.told.get())
        return names


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    journal = MemoryJournal()
    made = Scene(journal, await journal.open_run(RUN), LiveRuns(ManualClock()))
    made.kept(*BEFORE)
    watch = RunWatch(journal, made.live, poll_s=300, slow_poll_s=300)

    async def follow() -> None:
        async for each in watch.events(RUN.id):
            made.told.put_nowait(f"{type(each.event).__name__} {getattr(each.event, 'path', '')}")

    following = asyncio.create_task(follow())
    await made.until("StepCompleted a")
    yield made
    made.kept(END)
    made.live.heard(END)
    await following


async def test_a_step_that_was_at_work_when_somebody_began_to_watch_is_told_from_its_start() -> None:
    async with scene() as seen:
        seen.kept(*SLOW)
        assert await seen.heard(SLOW[1]) == ["StepStarted b", "StepCompleted b"]


async def test_a_start_that_the_journal_hears_of_after_the_end_is_told_no_more() -> None:
    async with scene() as seen:
        assert await seen.heard(SLOW[1]) == ["StepCompleted b"]
        seen.kept(*SLOW)
    assert await seen.until("RunCompleted") == ["RunCompleted "]
