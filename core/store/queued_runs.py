"""Runs that wait for a worker: recorded whole, in one transaction with the entry of the queue that wakes the worker.

The queue is procrastinate's tables, which hold no more than the id of a run; what is done is decided by the run's lease
and its journal, so that an entry which comes twice does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import RunNotFound
from core.engine.journal import RunRecord
from core.store.database import Database
from core.store.documents import Documents
from core.store.large_values import keep_values
from core.store.records import new_run_row
from core.store.tables import DocumentRow
from core.store.values import Packer, escape, unescape

T = TypeVar("T")

TASK: Final = "steploom.run"
"""The name of the queue's entries; their only argument is `run_id`."""

CANCEL_CHANNEL: Final = "steploom_cancel"
"""Where workers hear the ids of runs that they are to stop."""

_SAME_KEY = text("SELECT run_id FROM queued_runs WHERE key = :key")

_RECORD = text("""
INSERT INTO executions (id, workflow_name, document_hash, inputs, origin, labels, part, status, error_path, created,
    tokens_in, tokens_out, cost_usd, duration_s, resumable, blobs, lease_epoch)
VALUES (:run_id, :workflow_name, :document_hash, CAST(:inputs AS json), :origin, CAST(:labels AS json),
    CAST(:part AS json), 'queued', '', :created, 0, 0, 0, 0, false, CAST(:blobs AS text[]), 0)""")

_QUEUE = text("""
INSERT INTO queued_runs (run_id, queue, priority, key, limit_key)
VALUES (:run_id, :queue, :priority, :key, :limit_key)
ON CONFLICT (run_id) DO NOTHING""")

_LOCK = text("SELECT queue, priority, parked FROM queued_runs WHERE run_id = :run_id FOR UPDATE")

_ENTER = text("""
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, NULL, CAST(:lock AS text),
    jsonb_build_object('run_id', CAST(:run_id AS text)), CAST(:run_at AS timestamptz))::procrastinate_job_to_defer_v1])
WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :lock AND status = 'todo')""")

_ASK_TO_STOP = text("""
WITH asked AS (UPDATE queued_runs SET cancel = :reason WHERE run_id = :run_id RETURNING run_id)
SELECT pg_notify(:channel, run_id) FROM asked""")

_STOP_QUEUED = text("""
UPDATE executions SET status = 'cancelled', ended = now(), lease_epoch = lease_epoch + 1
WHERE id = :run_id AND status = 'queued' AND lease_owner IS NULL RETURNING id""")

_LOST = text("UPDATE queued_runs SET losses = losses + 1 WHERE run_id = :run_id RETURNING losses")

_PARK = text("UPDATE queued_runs SET parked = :reason WHERE run_id = :run_id")

_UNPARK = text("UPDATE queued_runs SET parked = '', losses = 0, cancel = '' WHERE run_id = :run_id")

_DEPTH = text("""
SELECT queue_name AS queue, count(*) AS number,
    coalesce(extract(epoch FROM now() - min(coalesce(scheduled_at, q.enqueued))), 0) AS oldest
FROM procrastinate_jobs JOIN queued_runs AS q ON q.run_id = args ->> 'run_id'
WHERE status = 'todo' AND task_name = :task AND (scheduled_at IS NULL OR scheduled_at <= now())
GROUP BY 1""")

_FACTS = text("SELECT * FROM queued_runs WHERE run_id = :run_id")


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where in the queue a run waits.

    priority: the higher, the sooner. key: whoever asks with the same key gets the same run. limit_key: runs of one key
    share a limit. run_at: not before that time.
    """

    queue: str = "default"
    priority: int = 0
    key: str = ""
    limit_key: str = ""
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """What the queue knows of a run. losses: workers that were lost over it. parked, cancel: why, '' for not."""

    run_id: str
    place: QueuePlace
    enqueued: datetime
    losses: int = 0
    parked: str = ""
    cancel: str = ""


class QueuedRuns:
    """The runs that workers execute."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents

    async def add(
        self, run: RunRecord, place: QueuePlace | None = None, *, connection: AsyncConnection | None = None
    ) -> str:
        """Record a run as queued and wake a worker; the id of the run, an earlier one's if the key is known.

        connection: do it in that transaction (on the store's loop).
        """
        queued, where = replace(run, status="queued"), place or QueuePlace()
        return await self._do(lambda inside: self._add(inside, queued, where), connection)

    async def again(
        self, run_id: str, place: QueuePlace | None = None, *, connection: AsyncConnection | None = None
    ) -> bool:
        """Let a worker take a run that is recorded: it was answered, its time came, its worker was lost.

        place: for a run that no worker had before. False for one that is parked. Raises RunNotFound.
        """
        return await self._do(lambda inside: self._again(inside, run_id, place or QueuePlace()), connection)

    async def cancel(self, run_id: str, reason: str) -> bool:
        """Stop a run: at once if it still waits (True), else by telling its worker (False)."""

        async def work(connection: AsyncConnection) -> bool:
            if await connection.scalar(_STOP_QUEUED, {"run_id": run_id}) is not None:
                return True
            values = {"run_id": run_id, "reason": escape(reason), "channel": CANCEL_CHANNEL}
            await connection.execute(_ASK_TO_STOP, values)
            return False

        return await self._database.run(work)

    async def get(self, run_id: str) -> QueuedRun | None:
        """What the queue knows of a run; None for one that never was in it."""

        async def work(connection: AsyncConnection) -> QueuedRun | None:
            row = (await connection.execute(_FACTS, {"run_id": run_id})).one_or_none()
            return None if row is None else _queued(row)

        return await self._database.run(work)

    async def lost(self, run_id: str) -> int:
        """A worker was lost while it executed the run; how many were by now."""

        async def work(connection: AsyncConnection) -> int:
            return int(await connection.scalar(_LOST, {"run_id": run_id}) or 0)

        return await self._database.run(work)

    async def park(self, run_id: str, reason: str) -> None:
        """Let no worker take the run any more."""
        values = {"run_id": run_id, "reason": escape(reason)}
        await self._database.run(lambda connection: connection.execute(_PARK, values))

    async def unpark(self, run_id: str) -> bool:
        """Forget what happened to the run and let workers take it again. Raises RunNotFound."""

        async def work(connection: AsyncConnection) -> bool:
            await connection.execute(_UNPARK, {"run_id": run_id})
            return await self._again(connection, run_id, QueuePlace())

        return await self._database.run(work)

    async def depth(self) -> Mapping[str, tuple[int, float]]:
        """How many runs wait in each queue, and for how many seconds the oldest of them."""

        async def work(connection: AsyncConnection) -> dict[str, tuple[int, float]]:
            rows = await connection.execute(_DEPTH, {"task": TASK})
            return {row.queue: (row.number, float(row.oldest)) for row in rows}

        return await self._database.run(work)

    async def _do(self, work: Callable[[AsyncConnection], Awaitable[T]], connection: AsyncConnection | None) -> T:
        return await (self._database.run(work) if connection is None else work(connection))

    async def _add(self, connection: AsyncConnection, run: RunRecord, place: QueuePlace) -> str:
        if place.key:
            # Two who ask with one key at once: the second waits and then sees the first one's run.
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": escape(place.key)}
            )
            known = await connection.scalar(_SAME_KEY, {"key": escape(place.key)})
            if known is not None:
                return str(known)
        document = self._documents.encode(run.workflow)
        blobs: dict[str, bytes] = {}
        packer = Packer(blobs)
        row = {"part": None, **new_run_row(run, document.hash, packer), "blobs": list(packer.names)}
        await keep_values(connection, blobs)
        body = insert(DocumentRow).values(hash=document.hash, body=json.loads(document.text))
        await connection.execute(body.on_conflict_do_update(index_elements=["hash"], set_={"used": func.now()}))
        await connection.execute(_RECORD, row)
        await self._queue(connection, run.id, place)
        return run.id

    async def _again(self, connection: AsyncConnection, run_id: str, place: QueuePlace) -> bool:
        if await connection.scalar(text("SELECT 1 FROM executions WHERE id = :id"), {"id": run_id}) is None:
            raise RunNotFound(f"There is no run {run_id}. `steploom runs list` shows the runs there are.")
        return await self._queue(connection, run_id, place)

    async def _queue(self, connection: AsyncConnection, run_id: str, place: QueuePlace) -> bool:
        values = {
            "run_id": run_id, "queue": escape(place.queue), "priority": place.priority, "key": escape(place.key),
            "limit_key": escape(place.limit_key),
        }  # fmt: skip
        await connection.execute(_QUEUE, values)
        row = (await connection.execute(_LOCK, {"run_id": run_id})).one()
        if row.parked:
            return False
        entry = {
            "queue": row.queue, "priority": row.priority, "task": TASK, "lock": f"run:{run_id}", "run_id": run_id,
            "run_at": place.run_at,
        }  # fmt: skip
        await connection.execute(_ENTER, entry)
        return True


def _queued(row: Any) -> QueuedRun:
    place = QueuePlace(unescape(row.queue), row.priority, unescape(row.key), unescape(row.limit_key))
    return QueuedRun(row.run_id, place, row.enqueued, row.losses, unescape(row.parked), unescape(row.cancel))
