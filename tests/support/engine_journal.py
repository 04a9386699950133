"""Journals for tests of the engine: one that writes down what is asked of it and when, one that dies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.engine.errors import JournalUnavailable
from core.engine.events import Event
from core.engine.journal import Lease, RunPlace, RunRecord, RunStanding, StepRecord
from core.engine.memory_journal import MemoryJournal
from core.workflow.model import Json


@dataclass(slots=True)
class BreakableLease(Lease):
    """A lease whose journal may give up. failed: it did."""

    failed: bool = False

    @property
    def broken(self) -> bool:
        """Whether nothing can be written any more."""
        return self.lost or self.failed


class WatchedJournal:
    """A memory journal behind a slow door.

    log: every event as it was put, "flush 3" when a flush was asked for and "durable 3" when it returned.
    """

    def __init__(self, inner: MemoryJournal) -> None:
        self.inner = inner
        self.log: list[Event | str] = []
        self.flushes = 0
        self.broken = False
        self._leases: list[BreakableLease] = []
        self._closed: set[tuple[str, int]] = set()
        self._open = asyncio.Event()
        self._open.set()

    def break_down(self) -> None:
        """From now on nothing can be written, and the leases know it."""
        self.broken = True
        for lease in self._leases:
            lease.failed = True

    def hold(self) -> None:
        """Let no flush through until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Let flushes through."""
        self._open.set()

    def put(self, lease: Lease, event: Event) -> None:
        """Keep an event."""
        self.log.append(event)
        self.inner.put(lease, event)

    async def flush(self, lease: Lease) -> None:
        """Make durable what was put before the call, after some rounds of the loop."""
        self.flushes += 1
        number = self.flushes
        self.log.append(f"flush {number}")
        await self._open.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        if self.broken:
            raise JournalUnavailable(JournalUnavailable.__doc__)
        await self.inner.flush(lease)
        self.log.append(f"durable {number}")

    async def open_run(self, run: RunRecord) -> Lease:
        """Own a new run."""
        lease = await self.inner.open_run(run)
        self._leases.append(BreakableLease(lease.run_id, lease.epoch))
        return self._leases[-1]

    async def take_run(self, run_id: str) -> tuple[RunRecord, Sequence[StepRecord], Lease]:
        """Own an existing run."""
        return await self.inner.take_run(run_id)

    async def close_run(self, lease: Lease) -> None:
        """Write what was put, as slowly as `flush` does, and let go of the run; once."""
        if (lease.run_id, lease.epoch) in self._closed:
            return
        self._closed.add((lease.run_id, lease.epoch))
        await self._open.wait()
        await self.inner.close_run(lease)
        if self.broken:
            raise JournalUnavailable(JournalUnavailable.__doc__)

    async def run(self, run_id: str) -> RunRecord:
        """One run."""
        return await self.inner.run(run_id)

    async def runs(
        self,
        *,
        status: RunStanding | None = None,
        workflow: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: RunPlace | None = None,
        limit: int = 50,
    ) -> Sequence[RunRecord]:
        """The newest runs."""
        return await self.inner.runs(
            status=status, workflow=workflow, since=since, until=until, after=after, limit=limit
        )

    async def interrupted(self, limit: int = 50) -> Sequence[RunRecord]:
        """The runs whose process died."""
        return await self.inner.interrupted(limit)

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """The records of a run."""
        return await self.inner.steps(run_id)

    async def answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> None:
        """Keep an answer."""
        await self.inner.answer(run_id, path, answer)

    async def cancel(self, run_id: str) -> None:
        """Cancel a run that nobody executes."""
        await self.inner.cancel(run_id)


class Killed(BaseException):
    """The process is gone: nothing is written any more."""


class DyingJournal(WatchedJournal):
    """Dies after a number of events. left: what another process finds then.

    written_behind: whether all that was put had reached the disk, not only what had been waited for.
    """

    def __init__(self, inner: MemoryJournal, after: int, *, written_behind: bool) -> None:
        super().__init__(inner)
        self.left: MemoryJournal | None = None
        self._after = after
        self._written_behind = written_behind

    def put(self, lease: Lease, event: Event) -> None:
        """Keep an event, or die."""
        if self.left is None and self._after == 0:
            entry = self.inner._entries[lease.run_id]
            if self._written_behind:
                entry.flushed = len(entry.events)
            self.left = self.inner.survivor()
        if self.left is not None:
            raise Killed
        self._after -= 1
        super().put(lease, event)

    async def flush(self, lease: Lease) -> None:
        """Make durable, unless dead."""
        await super().flush(lease)
        if self.left is not None:
            raise Killed

    async def close_run(self, lease: Lease) -> None:
        """A dead process lets go of nothing."""
        if self.left is None:
            await super().close_run(lease)
