"""The durable journal: runs and step results in Postgres, written by group commit, guarded by leases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Text, cast, func, select, update
from sqlalchemy import text as sql_text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import EngineError, JournalUnavailable, RunBusy, RunNotFound
from core.engine.events import Event, RunStatus
from core.engine.journal import Lease, RunRecord, StepRecord
from core.store.database import Database
from core.store.documents import Documents
from core.store.errors import StoreError
from core.store.pending import HeldLease, Opening
from core.store.process import ProcessId, lease_clock, this_process
from core.store.records import AnyRow, large_values, run_record, step_records
from core.store.tables import BlobRow, DocumentRow, ExecutionRow, StepResultRow
from core.store.values import encode, escape
from core.store.writer import GroupWriter
from core.workflow.model import Json

P = ParamSpec("P")
T = TypeVar("T")

_runs = ExecutionRow.__table__.c
_steps = StepResultRow.__table__.c
_documents = DocumentRow.__table__.c
_blobs = BlobRow.__table__.c

_RUN = select(
    *_runs,
    _documents.body,
    (func.coalesce(_runs.lease_expires, func.clock_timestamp()) > func.clock_timestamp()).label("leased"),
).join(DocumentRow.__table__, _documents.hash == _runs.document_hash)


class PostgresJournal:
    """The Journal protocol over a database. May be used from any loop, or from several at once.

    patience: seconds for which a run waits for a server that is away. lease_s: seconds after which the run of an
    owner that was not heard of is free; a dead process of this machine is recognised at once. beat_s: seconds between
    two signs of life. owner: who this process is.
    """

    def __init__(
        self,
        database: Database,
        documents: Documents,
        *,
        patience: float = 60.0,
        lease_s: float = 30.0,
        beat_s: float = 10.0,
        owner: ProcessId | None = None,
    ) -> None:
        self._database = database
        self._documents = documents
        self._owner = str(owner or this_process())
        self._writer = GroupWriter(
            database.thread, database.connect, self._owner, lease_s=lease_s, beat_s=beat_s, patience=patience
        )

    async def start(self) -> None:
        """Begin writing. On the store's loop."""
        await self._writer.start()

    async def stop(self) -> None:
        """Write everything and let go of all runs. On the store's loop."""
        await self._writer.stop()

    async def open_run(self, run: RunRecord) -> Lease:
        """Record a new run and own it. Durable on return. Raises EngineError if a run has that id."""
        lease = HeldLease(run.id, 1, run=run)
        await self._writer.open(Opening(lease, self._documents.encode(run.workflow), self._owner))
        return lease

    async def take_run(self, run_id: str) -> tuple[RunRecord, Sequence[StepRecord], Lease]:
        """Own an existing run whose owner is gone or has let go. Raises RunNotFound or RunBusy."""
        return await self._call(self._take, run_id)

    def put(self, lease: Lease, event: Event) -> None:
        """Queue an event for writing. Returns at once. With a lost or failed lease it is passed over."""
        self._writer.put(_held(lease), event)

    async def flush(self, lease: Lease) -> None:
        """Wait until all that was put is durable. Raises LeaseLost or JournalUnavailable."""
        await self._writer.flush(_held(lease))

    async def close_run(self, lease: Lease) -> None:
        """Write what is queued and let go of the run. Raises JournalUnavailable if something could not be written."""
        await self._writer.release(_held(lease))

    async def run(self, run_id: str) -> RunRecord:
        """One run. Raises RunNotFound."""

        async def work(connection: AsyncConnection) -> RunRecord:
            rows = (await connection.execute(_RUN.where(_runs.id == run_id))).all()
            return (await self._run_records(connection, _found(rows, run_id)))[0]

        return await self._read(work)

    async def runs(
        self, *, status: RunStatus | None = None, workflow: str | None = None, limit: int = 50
    ) -> Sequence[RunRecord]:
        """The newest runs first."""
        query = _RUN.order_by(_runs.created.desc(), _runs.id.desc()).limit(limit)
        if status is not None:
            query = query.where(_runs.status == status)
        if workflow is not None:
            query = query.where(_runs.workflow_name == escape(workflow))

        async def work(connection: AsyncConnection) -> Sequence[RunRecord]:
            return await self._run_records(connection, (await connection.execute(query)).all())

        return await self._read(work)

    async def interrupted(self, limit: int = 50) -> Sequence[RunRecord]:
        """The newest runs that say they run and that nobody alive executes."""
        query = _RUN.where(_runs.status == "running").order_by(_runs.created.desc(), _runs.id.desc())

        async def work(connection: AsyncConnection) -> Sequence[RunRecord]:
            rows = [row for row in (await connection.execute(query)).all() if _is_free(row)]
            return await self._run_records(connection, rows[:limit])

        return await self._read(work)

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """All records of a run. Raises RunNotFound."""

        async def work(connection: AsyncConnection) -> Sequence[StepRecord]:
            _found((await connection.execute(select(_runs.id).where(_runs.id == run_id))).all(), run_id)
            return [record for _, record in await _step_records(connection, run_id)]

        return await self._read(work)

    async def answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> None:
        """Keep a person's answer; the first one stands. Raises RunNotFound or EngineError."""
        kept = encode(answer)
        tried = False  # a second try after a lost connection may meet the answer of the first

        async def work(connection: AsyncConnection) -> None:
            nonlocal tried
            _found((await connection.execute(select(_runs.id).where(_runs.id == run_id))).all(), run_id)
            newest = (
                select(_steps.attempt, _steps.status, _steps.question, cast(_steps.answer, Text).label("answer"))
                .where(_steps.run_id == run_id, _steps.path == escape(path))
                .order_by(_steps.seq.desc())
                .limit(1)
                .with_for_update()
            )
            row = (await connection.execute(newest)).one_or_none()
            if row is None or row.status != "suspended" or row.question is None:
                raise EngineError(f"Nothing at {path!r} in run {run_id} waits for an answer.")
            if row.answer is not None and not (tried and row.answer == kept):
                raise EngineError(
                    f"The question at {path!r} in run {run_id} was answered already; the first answer stands."
                )
            tried = True
            await connection.execute(
                sql_text(
                    "UPDATE step_results SET answer = CAST(:answer AS json) "
                    "WHERE run_id = :run_id AND path = :path AND attempt = :attempt"
                ),
                {"answer": kept, "run_id": run_id, "path": escape(path), "attempt": row.attempt},
            )

        await self._read(work)

    async def cancel(self, run_id: str) -> None:
        """Cancel a run that nobody executes. Raises RunNotFound, RunBusy or EngineError."""
        await self._read(lambda connection: self._cancel(connection, run_id))

    async def _cancel(self, connection: AsyncConnection, run_id: str) -> None:
        row = await self._free_run(connection, run_id)
        if row.status in ("completed", "failed") or (row.status == "cancelled" and not row.resumable):
            raise EngineError(f"Run {run_id} has ended already ({row.status}); there is nothing to cancel.")
        await connection.execute(
            update(ExecutionRow)
            .where(_runs.id == run_id)
            .values(
                status="cancelled",
                resumable=False,
                ended=func.coalesce(_runs.ended, func.now()),
                wake_at=None,
                lease_epoch=_runs.lease_epoch + 1,
                lease_owner=None,
                lease_expires=None,
            )
        )
        await connection.execute(
            update(StepResultRow)
            .where(_steps.run_id == run_id, _steps.status.in_(("started", "suspended")))
            .values(status="cancelled", ended=func.now())
        )

    async def _take(self, run_id: str) -> tuple[RunRecord, Sequence[StepRecord], Lease]:
        tried: list[int] = []  # epochs that an earlier try, cut off while it committed, may have got

        async def work(connection: AsyncConnection) -> tuple[RunRecord, list[tuple[int, StepRecord]], HeldLease]:
            until = lease_clock() + self._writer.lease_s
            row = await self._free_run(connection, run_id, tried)
            epoch = row.lease_epoch + 1
            tried.append(epoch)
            expires = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, self._writer.lease_s)
            await connection.execute(
                update(ExecutionRow)
                .where(_runs.id == run_id)
                .values(lease_epoch=epoch, lease_owner=self._owner, lease_expires=expires)
            )
            (run,) = await self._run_records(connection, [row])
            numbered = await _step_records(connection, run_id)
            return run, numbered, HeldLease(run_id, epoch, run=run, blobs=frozenset(row.blobs), valid_until=until)

        run, numbered, lease = await self._database.transaction(work)
        lease.taken = {(record.path, record.attempt): (seq, record) for seq, record in numbered}
        lease.next_seq = max((seq for seq, _ in numbered), default=0) + 1
        self._writer.hold(lease)
        return run, [record for _, record in numbered], lease

    async def _free_run(self, connection: AsyncConnection, run_id: str, ours: Sequence[int] = ()) -> AnyRow:
        """The run's row, locked, if nobody alive executes the run. ours: epochs that this call may have got itself."""
        query = _RUN.where(_runs.id == run_id).with_for_update(of=ExecutionRow.__table__)
        (row,) = _found((await connection.execute(query)).all(), run_id)
        if _is_free(row) or (row.lease_owner == self._owner and row.lease_epoch in ours):
            return row
        owner = ProcessId.parse(row.lease_owner)
        who = f"process {owner.pid} on {owner.host}" if owner else row.lease_owner
        if row.lease_owner == self._owner:
            who = "this process"
        raise RunBusy(
            f"Run {run_id} is being executed by {who}. Wait for it, or stop that process first; a process that is "
            f"not heard of any more loses the run within {self._writer.lease_s:.0f} seconds."
        )

    async def _run_records(self, connection: AsyncConnection, rows: Sequence[AnyRow]) -> list[RunRecord]:
        blobs = await _load(connection, large_values(rows))
        return [run_record(row, self._documents.decode(row.document_hash, row.body), blobs) for row in rows]

    async def _read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self._call(self._database.transaction, work)

    async def _call(self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._database.thread.call(function, *args, **kwargs)
        except StoreError as error:
            raise JournalUnavailable(str(error)) from error


def _is_free(row: AnyRow) -> bool:
    """Whether nobody alive executes the run of a row of `_RUN`."""
    if row.lease_owner is None or not row.leased:
        return True
    owner = ProcessId.parse(row.lease_owner)
    return owner is not None and owner.is_dead()


async def _step_records(connection: AsyncConnection, run_id: str) -> list[tuple[int, StepRecord]]:
    query = select(*_steps).where(_steps.run_id == run_id).order_by(_steps.seq, _steps.attempt)
    rows = (await connection.execute(query)).all()
    records = step_records(rows, await _load(connection, large_values(rows)))
    return [(row.seq, record) for row, record in zip(rows, records, strict=True)]


async def _load(connection: AsyncConnection, names: set[str]) -> dict[str, bytes]:
    if not names:
        return {}
    rows = await connection.execute(select(_blobs.hash, _blobs.bytes).where(_blobs.hash.in_(names)))
    return {row.hash: row.bytes for row in rows}


def _found(rows: Sequence[AnyRow], run_id: str) -> Sequence[AnyRow]:
    if not rows:
        raise RunNotFound(f"There is no run {run_id}. `steploom runs list` shows the runs there are.")
    return rows


def _held(lease: Lease) -> HeldLease:
    assert isinstance(lease, HeldLease), "a lease of another journal"
    return lease
