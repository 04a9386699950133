"""The durable journal: runs and step results in Postgres, written by group commit, guarded by leases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ParamSpec, TypeAlias, TypeVar

from sqlalchemy import ARRAY, Text, any_, bindparam, cast, exists, func, select, tuple_, update
from sqlalchemy import text as sql_text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import EngineError, JournalUnavailable, RunBusy, RunNotFound
from core.engine.events import Event
from core.engine.journal import Lease, RunPlace, RunRecord, RunStanding, StepRecord
from core.store.database import Database
from core.store.documents import Documents
from core.store.errors import StoreError
from core.store.gathering import Gathering
from core.store.held_lease import HeldLease, Opening
from core.store.process import ProcessId, lease_clock, this_process
from core.store.queue_tables import SpreadRunRow
from core.store.records import AnyRow, large_values, run_record, step_records
from core.store.spread_family import asking, family, merged
from core.store.tables import BlobRow, DocumentRow, ExecutionRow, StepResultRow
from core.store.values import encode, escape
from core.store.writer import GroupWriter
from core.workflow.model import Json
from core.workflow.problems import WorkflowError

P = ParamSpec("P")
T = TypeVar("T")

_Taken: TypeAlias = tuple[RunRecord, Sequence[StepRecord], HeldLease]
_Numbered: TypeAlias = tuple[RunRecord, list[tuple[int, StepRecord]], HeldLease]
"""What it takes to execute a run; its records with their numbers."""

_runs = ExecutionRow.__table__.c
_steps = StepResultRow.__table__.c
_spread = SpreadRunRow.__table__.c
_documents = DocumentRow.__table__.c
_blobs = BlobRow.__table__.c

_RUN = select(
    *_runs,
    _documents.body,
    (func.coalesce(_runs.lease_expires, func.clock_timestamp()) > func.clock_timestamp()).label("leased"),
).join(DocumentRow.__table__, _documents.hash == _runs.document_hash)

_WANTED = any_(bindparam("ids", type_=ARRAY(Text)))
"""An array instead of a list of parameters: one statement, made and planned once, for any number of runs."""

_RUNS = _RUN.where(_runs.id == _WANTED)
_LOCKED_RUNS = _RUNS.order_by(_runs.id).with_for_update(of=ExecutionRow.__table__)
_STEPS = select(*_steps).where(_steps.run_id == _WANTED).order_by(_steps.run_id, _steps.seq, _steps.attempt)
_LEASE = (
    update(ExecutionRow)
    .where(_runs.id == _WANTED)
    .values(
        lease_epoch=_runs.lease_epoch + 1,
        lease_owner=bindparam("owner"),
        lease_expires=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("lease_s")),
    )
)


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
        # Workers begin many runs at once.
        self._takes = Gathering(self._take_many, dropped=self._let_go)
        self._reads = Gathering(self._read_many)
        self._letting_go: set[asyncio.Task[None]] = set()

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
        return await self._call(self._takes.ask, run_id)

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
        return await self._call(self._reads.ask, run_id)

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
        """The newest runs first."""
        # A run that a step of another one asked for is told of with that one.
        query = _RUN.where(~exists().where(_spread.run_id == _runs.id))
        query = query.order_by(_runs.created.desc(), _runs.id.desc())
        if status is not None:
            query = query.where(_runs.status == ("running" if status == "interrupted" else status))
        if workflow is not None:
            query = query.where(_runs.workflow_name == escape(workflow))
        if since is not None:
            query = query.where(_runs.created >= since)
        if until is not None:
            query = query.where(_runs.created < until)
        if after is not None:
            # The first condition is what the index knows.
            query = query.where(_runs.created <= after.created)
            query = query.where(tuple_(_runs.created, _runs.id) < tuple_(after.created, after.id))
        if status not in ("running", "interrupted"):  # whose owner lives is not known to the database
            query = query.limit(limit)

        async def work(connection: AsyncConnection) -> Sequence[RunRecord]:
            rows = [
                row
                for row in (await connection.execute(query)).all()
                if status not in ("running", "interrupted") or _is_interrupted(row) == (status == "interrupted")
            ]
            return await self._run_records(connection, rows[:limit])

        return await self._read(work)

    async def interrupted(self, limit: int = 50) -> Sequence[RunRecord]:
        """The newest runs that say they run and that nobody alive executes."""
        return await self.runs(status="interrupted", limit=limit)

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """All records of a run, those of runs that its steps have asked for among them. Raises RunNotFound."""

        async def work(connection: AsyncConnection) -> Sequence[StepRecord]:
            _found((await connection.execute(select(_runs.id).where(_runs.id == run_id))).all(), run_id)
            members = await family(connection, run_id)
            numbered = await _step_records(connection, [run_id, *(member.run_id for member in members)])
            records = {each: [record for _, record in known] for each, known in numbered.items()}
            return list(merged(run_id, members, records))

        return await self._read(work)

    async def answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> None:
        """Keep a person's answer; the first one stands. Raises RunNotFound or EngineError."""
        kept = encode(answer)
        tried = False  # a second try after a lost connection may meet the answer of the first

        async def work(connection: AsyncConnection) -> None:
            nonlocal tried
            _found((await connection.execute(select(_runs.id).where(_runs.id == run_id))).all(), run_id)
            asked, place = await asking(connection, run_id, path)
            newest = (
                select(_steps.attempt, _steps.status, _steps.question, cast(_steps.answer, Text).label("answer"))
                .where(_steps.run_id == asked, _steps.path == escape(place))
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
                {"answer": kept, "run_id": asked, "path": escape(place), "attempt": row.attempt},
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

    async def _take_many(self, run_ids: list[str]) -> Mapping[str, _Taken | Exception]:
        """Own runs, all in one transaction; for each what `take_run` gives or raises."""
        tried: dict[str, list[int]] = {}  # epochs that an earlier try, cut off while it committed, may have got

        async def work(connection: AsyncConnection) -> dict[str, _Numbered | Exception]:
            until = lease_clock() + self._writer.lease_s
            rows = {row.id: row for row in (await connection.execute(_LOCKED_RUNS, {"ids": run_ids})).all()}
            found = await self._records(connection, run_ids, rows)
            for run_id, row in rows.items():
                try:
                    self._check_free(row, tried.get(run_id, ()))
                except RunBusy as error:
                    found[run_id] = error
            taken = {
                run_id: replace(run, interrupted=False) for run_id, run in found.items() if isinstance(run, RunRecord)
            }
            found.update(taken)
            for run_id in taken:
                tried.setdefault(run_id, []).append(rows[run_id].lease_epoch + 1)
            await self._lease(connection, list(taken))
            begun = [run_id for run_id in taken if rows[run_id].lease_epoch]  # of a new run nothing is recorded
            steps = await _step_records(connection, begun)
            return {
                run_id: run
                if isinstance(run, Exception)
                else (run, steps.get(run_id, []), _new_lease(rows[run_id], run, until))
                for run_id, run in found.items()
            }

        taken = await self._database.transaction(work)
        return {run_id: one if isinstance(one, Exception) else self._held(*one) for run_id, one in taken.items()}

    def _held(self, run: RunRecord, numbered: list[tuple[int, StepRecord]], lease: HeldLease) -> _Taken:
        lease.taken = {(record.path, record.attempt): (seq, record) for seq, record in numbered}
        lease.next_seq = max((seq for seq, _ in numbered), default=0) + 1
        self._writer.hold(lease)
        return run, [record for _, record in numbered], lease

    def _let_go(self, taken: _Taken) -> None:
        """Whoever wanted that run does not wait for it any more."""
        task = asyncio.get_running_loop().create_task(self._writer.release(taken[2]))
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

    async def _lease(self, connection: AsyncConnection, run_ids: list[str]) -> None:
        if run_ids:
            values = {"ids": run_ids, "owner": self._owner, "lease_s": self._writer.lease_s}
            await connection.execute(_LEASE, values)

    async def _free_run(self, connection: AsyncConnection, run_id: str) -> AnyRow:
        """The run's row, locked, if nobody alive executes the run."""
        query = _RUN.where(_runs.id == run_id).with_for_update(of=ExecutionRow.__table__)
        (row,) = _found((await connection.execute(query)).all(), run_id)
        self._check_free(row)
        return row

    def _check_free(self, row: AnyRow, ours: Sequence[int] = ()) -> None:
        """Raises RunBusy if somebody alive executes the run. ours: epochs that this call may have got itself."""
        if _is_free(row) or (row.lease_owner == self._owner and row.lease_epoch in ours):
            return
        owner = ProcessId.parse(row.lease_owner)
        who = f"process {owner.pid} on {owner.host}" if owner else row.lease_owner
        if row.lease_owner == self._owner:
            who = "this process"
        raise RunBusy(
            f"Run {row.id} is being executed by {who}. Wait for it, or stop that process first; a process that is "
            f"not heard of any more loses the run within {self._writer.lease_s:.0f} seconds."
        )

    async def _read_many(self, run_ids: list[str]) -> Mapping[str, RunRecord | Exception]:
        """Runs, all in one transaction; for each what `run` gives or raises."""

        async def work(connection: AsyncConnection) -> dict[str, RunRecord | Exception]:
            rows = (await connection.execute(_RUNS, {"ids": run_ids})).all()
            return await self._records(connection, run_ids, {row.id: row for row in rows})

        return await self._database.transaction(work)

    async def _records(
        self, connection: AsyncConnection, run_ids: Sequence[str], rows: Mapping[str, AnyRow]
    ) -> dict[str, RunRecord | Exception]:
        """The records of these runs, or why one cannot be had."""
        blobs = await _load(connection, large_values(list(rows.values())))
        found: dict[str, RunRecord | Exception] = {}
        for run_id in run_ids:
            if (row := rows.get(run_id)) is None:
                found[run_id] = _no_run(run_id)
                continue
            try:
                found[run_id] = self._run_record(row, blobs)
            except WorkflowError as error:
                found[run_id] = error
        return found

    async def _run_records(self, connection: AsyncConnection, rows: Sequence[AnyRow]) -> list[RunRecord]:
        blobs = await _load(connection, large_values(rows))
        return [self._run_record(row, blobs) for row in rows]

    def _run_record(self, row: AnyRow, blobs: Mapping[str, bytes]) -> RunRecord:
        workflow = self._documents.decode(row.document_hash, row.body)
        return run_record(row, workflow, blobs, interrupted=_is_interrupted(row))

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


def _is_interrupted(row: AnyRow) -> bool:
    """Whether the run of a row of `_RUN` says that it runs, and nobody alive executes it."""
    return row.status == "running" and _is_free(row)


def _new_lease(row: AnyRow, run: RunRecord, until: float) -> HeldLease:
    return HeldLease(row.id, row.lease_epoch + 1, run=run, blobs=frozenset(row.blobs), valid_until=until)


async def _step_records(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[str, list[tuple[int, StepRecord]]]:
    """The records of runs with their numbers, in order of their making."""
    found: dict[str, list[tuple[int, StepRecord]]] = {}
    if run_ids:
        rows = (await connection.execute(_STEPS, {"ids": list(run_ids)})).all()
        records = step_records(rows, await _load(connection, large_values(rows)))
        for row, record in zip(rows, records, strict=True):
            found.setdefault(row.run_id, []).append((row.seq, record))
    return found


async def _load(connection: AsyncConnection, names: set[str]) -> dict[str, bytes]:
    if not names:
        return {}
    rows = await connection.execute(select(_blobs.hash, _blobs.bytes).where(_blobs.hash.in_(names)))
    return {row.hash: row.bytes for row in rows}


def _found(rows: Sequence[AnyRow], run_id: str) -> Sequence[AnyRow]:
    if not rows:
        raise _no_run(run_id)
    return rows


def _no_run(run_id: str) -> RunNotFound:
    return RunNotFound(f"There is no run {run_id}. `steploom runs list` shows the runs there are.")


def _held(lease: Lease) -> HeldLease:
    assert isinstance(lease, HeldLease), "a lease of another journal"
    return lease
