"""Held leases, with what their journal knows of the run, and what may be asked of the writer for them."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TypeAlias

from core.engine.errors import EngineError
from core.engine.events import StepCompleted, StepEvent, StepStarted
from core.engine.fold import fold_step, fold_whole
from core.engine.journal import Lease, RunRecord, StepRecord
from core.store.documents import Document
from core.store.process import lease_clock

Key: TypeAlias = tuple[str, int]
"""Path and attempt: an attempt within its run."""

_FINAL = frozenset({"completed", "failed", "skipped", "cancelled"})


class Attempt:
    """An attempt and what its events make of it.

    written: its start is durable. blobs: those that its inputs need. start, end: its only events, as long as it has
    no others; most attempts never have, and are written without a record being made of them.
    """

    __slots__ = ("_record", "blobs", "end", "seq", "start", "written")

    def __init__(self, record: StepRecord | None, seq: int) -> None:
        self.seq = seq
        self.written = False
        self.blobs: frozenset[str] = frozenset()
        self.start: StepStarted | None = None
        self.end: StepCompleted | None = None
        self._record = record

    @property
    def record(self) -> StepRecord:
        """What all its events make of it."""
        if self._record is not None:
            return self._record
        assert self.start is not None, "an attempt has a record or an event"
        return fold_step(None, self.start) if self.end is None else fold_whole(self.start, self.end)

    @property
    def is_new(self) -> bool:
        """Whether it has no row yet, unless one was written and the answer to that was lost."""
        return self.start is not None and not self.written

    @property
    def is_final(self) -> bool:
        """Whether no more events are to come."""
        return self.end is not None or (self._record is not None and self._record.status in _FINAL)

    def add(self, event: StepEvent) -> None:
        """Take one more event."""
        if self._record is None and self.end is None:
            if self.start is None and type(event) is StepStarted:
                self.start = event
                return
            if self.start is not None and type(event) is StepCompleted:
                self.end = event
                return
        known = self._record if self.start is None else self.record
        self._record = fold_step(known, event)
        self.start = self.end = None


@dataclass(slots=True, eq=False)
class HeldLease(Lease):
    """A lease with what its journal knows of the run. Only `put_count` is touched outside the writer's thread.

    unwritten: attempts whose start is held back, because the end may come before anybody waits for it.
    blobs: those that the run's inputs need. taken: the records that were there when the run was taken over.
    valid_until: by this process's own lease clock; from then on somebody else may have the run.
    put_count, durable_count: events that were put, and how many of them are durable. failure: why nothing more is
    written.
    """

    run: RunRecord = field(kw_only=True)
    blobs: frozenset[str] = frozenset()
    taken: dict[Key, tuple[int, StepRecord]] = field(default_factory=dict)
    attempts: dict[Key, Attempt] = field(default_factory=dict)
    unwritten: set[Key] = field(default_factory=set)
    next_seq: int = 1
    valid_until: float = math.inf
    put_count: int = 0
    durable_count: int = 0
    failure: EngineError | None = None
    closed: bool = False

    @property
    def broken(self) -> bool:
        """Whether the run was taken over, the journal gave up, or the lease has to be renewed first."""
        return self.lost or self.failure is not None or self.expired

    @property
    def expired(self) -> bool:
        """Whether somebody else may have taken the run, as the lease was not renewed in time."""
        return lease_clock() > self.valid_until


@dataclass(frozen=True, slots=True)
class Waiter:
    """Somebody on some loop who waits for a lease's writes. count: of the events that were put until then."""

    lease: HeldLease
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]
    count: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """A new run that is to be recorded."""

    lease: HeldLease
    document: Document
    owner: str


@dataclass(frozen=True, slots=True)
class Releasing:
    """A run that is to be let go of."""

    lease: HeldLease
