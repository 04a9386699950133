"""What waits to be written: held leases, and batches that become one transaction each."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from core.engine.errors import EngineError, JournalUnavailable
from core.engine.events import Event, StepCompleted, StepEvent, StepStarted
from core.engine.fold import fold_run, fold_step, fold_whole, is_journalled
from core.engine.journal import Lease, RunRecord, StepRecord
from core.store import journal_sql
from core.store.documents import Document
from core.store.process import lease_clock
from core.store.records import new_run_row, run_row, step_row
from core.store.values import VALUE_MEDIA_TYPE, Packer, encode_rows

_FINAL = frozenset({"completed", "failed", "skipped", "cancelled"})
_LONGEST_TEXT = 8 * 1024 * 1024
"""Characters of JSON in one statement; longer batches take several in the same transaction."""

Row: TypeAlias = dict[str, Any]
"""A row by column; values are texts, numbers, and lists of texts."""

Key: TypeAlias = tuple[str, int]
"""Path and attempt: an attempt within its run."""


class Attempt:
    """An attempt that has not ended. written: its start is durable. blobs: those that its inputs need."""

    __slots__ = ("_record", "_start", "blobs", "seq", "written")

    def __init__(self, record: StepRecord | None, seq: int) -> None:
        self.seq = seq
        self.written = False
        self.blobs: frozenset[str] = frozenset()
        self._record = record
        self._start: StepStarted | None = None

    @property
    def record(self) -> StepRecord:
        """What all its events make of it."""
        if self._record is None:
            assert self._start is not None, "an attempt has a record or an event"
            self._record = fold_step(None, self._start)
        return self._record

    def add(self, event: StepEvent) -> None:
        """Take one more event. A first one waits for what follows: most attempts have just two."""
        if self._record is not None:
            self._record = fold_step(self._record, event)
        elif self._start is None:
            if type(event) is StepStarted:
                self._start = event
            else:
                self._record = fold_step(None, event)
        elif type(event) is StepCompleted:
            self._record = fold_whole(self._start, event)
        else:
            self._record = fold_step(self.record, event)


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


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a transaction. leases: those whose runs it writes; it returns run and epoch of what is ours."""

    sql: str
    parameters: tuple[Any, ...]
    leases: tuple[HeldLease, ...] = ()


@dataclass(slots=True)
class Part:
    """What is to be written of one run."""

    lease: HeldLease
    opening: Opening | None = None
    run_changed: bool = False
    release: bool = False
    steps: dict[Key, Attempt] = field(default_factory=dict)
    waiters: list[Waiter] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.opening or self.run_changed or self.release or self.steps)

    def add(self, event: Event) -> None:
        """Fold an event into the run's records."""
        if not is_journalled(event):
            return
        if isinstance(event, StepEvent):
            self._add_step(event)
        elif (run := fold_run(self.lease.run, event)) is not self.lease.run:
            self.lease.run = run
            self.run_changed = True

    def _add_step(self, event: StepEvent) -> None:
        lease = self.lease
        key = event.path, event.attempt
        attempt = lease.attempts.get(key)
        if attempt is None:
            attempt = self._attempt(key)
        attempt.add(event)
        if type(event) is StepStarted:
            attempt.written = False
            lease.attempts[key] = attempt
            if key not in self.steps:
                lease.unwritten.add(key)
            return
        self.steps[key] = attempt
        lease.unwritten.discard(key)
        if attempt.record.status in _FINAL:
            lease.attempts.pop(key, None)
        else:
            lease.attempts[key] = attempt

    def _attempt(self, key: Key) -> Attempt:
        lease = self.lease
        if (known := lease.taken.pop(key, None)) is not None:
            seq, record = known
            return Attempt(record, seq)
        seq = lease.next_seq
        lease.next_seq += 1
        return Attempt(None, seq)

    def add_unwritten(self) -> None:
        """Write the starts that were held back, too."""
        lease = self.lease
        for key in lease.unwritten:
            self.steps[key] = lease.attempts[key]
        lease.unwritten.clear()


class Batch:
    """What one transaction writes, by run. beating: leases that are to be renewed."""

    def __init__(self, beating: Iterable[HeldLease] = ()) -> None:
        self.parts: dict[tuple[str, int], Part] = {}
        self.beating = tuple(beating)

    def part(self, lease: HeldLease) -> Part:
        """The run's part, made if needed."""
        key = lease.run_id, lease.epoch
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = Part(lease)
        return part

    @property
    def waiters(self) -> list[Waiter]:
        """Everybody who waits for this batch."""
        return [waiter for part in self.parts.values() for waiter in part.waiters]

    def renewed(self, until: float) -> None:
        """Note that the leases which were given or renewed hold until then."""
        opened = (part.lease for part in self.parts.values() if part.opening is not None)
        for lease in (*self.beating, *opened):
            lease.valid_until = until

    def split(self) -> Iterator[Batch]:
        """The same as one batch per run: one run's bad value must not keep the others from being written."""
        for key, part in self.parts.items():
            single = Batch()
            single.parts[key] = part
            yield single

    def statements(self, lease_s: float) -> list[Statement]:
        """The transaction. lease_s: seconds for which leases are given. A part whose values are no JSON fails alone."""
        rows = _Rows(lease_s)
        for part in self.parts.values():
            if part.lease.failure is None and not part.lease.lost and not part.is_empty:
                rows.add(part)
        return rows.statements(self.beating)


class _Rows:
    """The rows of a transaction."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._blobs: dict[str, bytes] = {}
        self._documents: dict[str, str] = {}
        self._new: list[Row] = []
        self._runs: list[Row] = []
        self._steps: list[Row] = []
        self._openers: list[HeldLease] = []
        self._changed: list[HeldLease] = []
        self._stepping: dict[tuple[str, int], HeldLease] = {}

    def add(self, part: Part) -> None:
        """Add a run's rows, or set its lease's failure and add none."""
        lease = part.lease
        blobs: dict[str, bytes] = {}
        try:
            new = self._new_run(part.opening, blobs) if part.opening else None
            steps = [self._step(lease, attempt, blobs) for attempt in part.steps.values()]
            run = self._run(part, blobs) if part.run_changed or part.release else None
        except (TypeError, ValueError, RecursionError) as error:
            lease.failure = JournalUnavailable(
                f"Run {lease.run_id} holds a value that cannot be kept: {error}. Only JSON can be kept."
            )
            return
        self._blobs.update(blobs)
        if new is not None and part.opening is not None:
            self._documents[part.opening.document.hash] = part.opening.document.text
            self._new.append(new)
            self._openers.append(lease)
        if steps:
            self._steps.extend(steps)
            self._stepping[lease.run_id, lease.epoch] = lease
        if run is not None:
            self._runs.append(run)
            self._changed.append(lease)

    def statements(self, beating: tuple[HeldLease, ...]) -> list[Statement]:
        """All statements in their order: what is referred to comes first."""
        found: list[Statement] = []
        if self._blobs:
            names = list(self._blobs)
            kinds = [VALUE_MEDIA_TYPE] * len(names)
            found.append(Statement(journal_sql.BLOBS, (names, kinds, list(self._blobs.values()))))
        if self._documents:
            bodies = [{"hash": name, "body": text} for name, text in self._documents.items()]
            found.append(Statement(journal_sql.DOCUMENTS, (encode_rows(bodies),)))
        if self._new:
            found.append(Statement(journal_sql.OPEN, (encode_rows(self._new),), tuple(self._openers)))
        if len(self._stepping) == 1 and len(self._steps) in journal_sql.FEW_STEPS:
            sql = journal_sql.FEW_STEPS[len(self._steps)]
            found.append(Statement(sql, _few(self._steps), tuple(self._stepping.values())))
        else:
            found.extend(
                Statement(journal_sql.STEPS, (text,), tuple(self._stepping[key] for key in keys))
                for text, keys in _chunks(self._steps)
            )
        if self._runs:
            found.append(Statement(journal_sql.RUNS, (encode_rows(self._runs),), tuple(self._changed)))
        if beating:
            beats = [{"run_id": b.run_id, "epoch": b.epoch, "lease_s": self._lease_s} for b in beating]
            found.append(Statement(journal_sql.HEARTBEAT, (encode_rows(beats),), beating))
        return found

    def _new_run(self, opening: Opening, blobs: dict[str, bytes]) -> Row:
        packer = Packer(blobs)
        row = new_run_row(opening.lease.run, opening.document.hash, packer)
        opening.lease.blobs = frozenset(packer.names)
        row.update(epoch=opening.lease.epoch, owner=opening.owner, lease_s=self._lease_s, blobs=list(packer.names))
        return row

    def _run(self, part: Part, blobs: dict[str, bytes]) -> Row:
        packer = Packer(blobs)
        row = run_row(part.lease.run, packer)
        row.update(epoch=part.lease.epoch, released=part.release, blobs=list(packer.names | part.lease.blobs))
        return row

    def _step(self, lease: HeldLease, attempt: Attempt, blobs: dict[str, bytes]) -> Row:
        packer = Packer(blobs)
        row = step_row(attempt.record, packer, with_inputs=not attempt.written)
        if attempt.record.status == "started":
            attempt.blobs = frozenset(packer.names)
        row.update(epoch=lease.epoch, seq=attempt.seq, blobs=list(packer.names | attempt.blobs))
        return row


def _few(rows: list[Row]) -> tuple[object, ...]:
    """The parameters of `few_steps`. All are texts: psycopg prepares a statement anew for other types."""
    parameters: list[str | None] = [rows[0]["run_id"], str(rows[0]["epoch"])]
    for row in rows:
        for column in journal_sql.FEW_STEPS_COLUMNS:
            value = row.get(column)
            parameters.append(value if value is None or isinstance(value, str) else _literal(value))
    return tuple(parameters)


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return "{" + ",".join(map(_quoted, value)) + "}"
    return repr(value)


def _quoted(element: str) -> str:
    escaped = element.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _chunks(rows: list[Row]) -> Iterator[tuple[str, set[tuple[str, int]]]]:
    """The rows as JSON arrays, none of them too long, each with run and epoch of what is in it."""
    texts: list[str] = []
    keys: set[tuple[str, int]] = set()
    size = 0
    for row in rows:
        text = encode_rows(row)
        if texts and size + len(text) > _LONGEST_TEXT:
            yield f"[{','.join(texts)}]", keys
            texts, keys, size = [], set(), 0
        texts.append(text)
        keys.add((row["run_id"], row["epoch"]))
        size += len(text)
    if texts:
        yield f"[{','.join(texts)}]", keys
