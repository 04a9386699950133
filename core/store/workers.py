"""The processes that execute queued runs: who is there, and which runs were left behind by one that is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.process import ProcessId
from core.store.queue_sql import HOLDS_SLOT, NO_ENTRY
from core.store.queued_runs import TASK, QueuedRuns
from core.store.spread_runs import SpreadRuns
from core.store.values import escape

_BEAT = text("""
INSERT INTO workers (id, host, pid, version, queues, concurrency, owner, running, queue_worker)
VALUES (:id, :host, :pid, :version, CAST(:queues AS text[]), :concurrency, :owner, :running, :queue_worker)
ON CONFLICT (id) DO UPDATE SET heartbeat = clock_timestamp(), running = excluded.running,
    queue_worker = excluded.queue_worker""")

_LEAVE = text("DELETE FROM workers WHERE id = :id")

_SCHEMA = text("SELECT version_num FROM alembic_version")

_LIST = text("""
SELECT *, extract(epoch FROM clock_timestamp() - heartbeat) AS silent FROM workers ORDER BY started, id""")

_MY_TURN = text("""
INSERT INTO rates AS r (name, tokens, updated) VALUES ('upkeep of the queue', 0, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET updated = clock_timestamp()
    WHERE r.updated < clock_timestamp() - make_interval(secs => :every)
RETURNING name""")

_FORGET_DEAD = text("""
WITH dead AS (DELETE FROM workers WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING queue_worker)
DELETE FROM procrastinate_workers WHERE id IN (SELECT queue_worker FROM dead)""")

_FORGET_SILENT = text("DELETE FROM workers WHERE heartbeat < clock_timestamp() - interval '1 hour'")

_DROP_STALLED = text("""
DELETE FROM procrastinate_jobs AS entry
WHERE status = 'doing' AND task_name = :task AND NOT EXISTS (
    SELECT 1 FROM procrastinate_workers AS w
    WHERE w.id = entry.worker_id AND w.last_heartbeat > clock_timestamp() - make_interval(secs => :lost_after))
RETURNING args ->> 'run_id' AS run_id, worker_id""")
"""Entries whose worker is gone. What becomes of their runs is decided by leases."""

_LEFT_BEHIND = text(f"""
SELECT q.run_id, e.lease_owner, coalesce(e.lease_expires > clock_timestamp(), false) AS leased
FROM executions AS e JOIN queued_runs AS q ON q.run_id = e.id
WHERE (e.status = 'running' OR (e.status = 'queued' AND (CAST(:thorough AS bool) OR e.lease_owner IS NOT NULL)
        AND q.held_back IS NULL) OR (e.status = 'suspended' AND e.lease_owner IS NOT NULL))
    AND e.status IN ('queued', 'running', 'suspended') AND {NO_ENTRY}
UNION ALL
SELECT q.run_id, e.lease_owner, coalesce(e.lease_expires > clock_timestamp(), false)
FROM queued_runs AS q JOIN executions AS e ON q.run_id = e.id
WHERE q.handed_over AND e.status = 'cancelled' AND e.resumable AND {NO_ENTRY}
LIMIT 1000""")  # noqa: S608 - made of constants

_UNLOCKED = text("""
SELECT id FROM executions WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED""")
"""Whoever holds such a row may be asleep, and the others are not to wait until the server ends his transaction."""

_DUE = text("""
SELECT e.id AS run_id FROM executions AS e LEFT JOIN queued_runs AS q ON q.run_id = e.id
WHERE e.wake_at <= clock_timestamp() - make_interval(secs => CASE WHEN q.run_id IS NULL THEN :others ELSE 0 END)
    AND e.status = 'suspended' AND (e.lease_owner IS NULL OR e.lease_expires < clock_timestamp())
    AND coalesce(q.parked, '') = '' AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS t WHERE t.queueing_lock = 'run:' || e.id
            AND (t.status = 'todo' OR (t.status = 'doing' AND t.worker_id IS NOT NULL)))
LIMIT 1000""")
"""Also runs that no worker ever had: whoever began them may be gone. If not, he is given some time to go on himself."""

OTHERS_S: Final = 3.0
"""Seconds that a program has to go on with a run of its own whose time has come, before workers do."""

_ANSWERED = text(f"""
SELECT q.run_id FROM executions AS e JOIN queued_runs AS q ON q.run_id = e.id
WHERE e.status = 'suspended' AND e.lease_owner IS NULL AND {NO_ENTRY} AND EXISTS (
    SELECT 1 FROM (
        SELECT DISTINCT ON (path) status, answer FROM step_results WHERE run_id = e.id ORDER BY path, attempt DESC
    ) AS newest WHERE status = 'suspended' AND answer IS NOT NULL)
LIMIT 1000""")  # noqa: S608 - made of constants

_HAS_ROOM = text(f"""
WITH near AS MATERIALIZED (
    SELECT * FROM (
        SELECT q.run_id, q.limit_key, q.key_limit, q.workflow_limit, e.workflow_name,
            row_number() OVER (PARTITION BY q.limit_key, q.key_limit = 0 ORDER BY q.priority DESC, q.enqueued, q.run_id)
                AS key_rank,
            row_number() OVER (PARTITION BY e.workflow_name, q.workflow_limit = 0
                ORDER BY q.priority DESC, q.enqueued, q.run_id) AS workflow_rank
        FROM queued_runs AS q JOIN executions AS e ON e.id = q.run_id
        WHERE q.held_back IS NOT NULL AND q.parked = ''
    ) AS waiting
    WHERE (key_limit = 0 OR key_rank <= key_limit) AND (workflow_limit = 0 OR workflow_rank <= workflow_limit)
),
holders AS MATERIALIZED (
    SELECT run.id, other.limit_key, run.workflow_name, run.part IS NULL AS is_whole
    FROM queued_runs AS other JOIN executions AS run ON run.id = other.run_id
    WHERE {HOLDS_SLOT}
    UNION
    SELECT run.id, other.limit_key, run.workflow_name, run.part IS NULL
    FROM procrastinate_jobs AS entry JOIN queued_runs AS other ON other.run_id = entry.args ->> 'run_id'
    JOIN executions AS run ON run.id = other.run_id
    WHERE entry.status = 'todo' AND entry.task_name = :task AND other.key_limit + other.workflow_limit > 0
),
keys AS (SELECT limit_key, count(*) AS held FROM holders WHERE limit_key <> '' GROUP BY 1),
workflows AS (SELECT workflow_name, count(*) AS held FROM holders WHERE is_whole GROUP BY 1)
SELECT q.run_id FROM near AS n JOIN queued_runs AS q USING (run_id)
LEFT JOIN keys ON keys.limit_key = n.limit_key LEFT JOIN workflows ON workflows.workflow_name = n.workflow_name
WHERE (n.key_limit = 0 OR n.key_rank <= n.key_limit - coalesce(keys.held, 0))
    AND (n.workflow_limit = 0 OR n.workflow_rank <= n.workflow_limit - coalesce(workflows.held, 0)) AND {NO_ENTRY}
LIMIT 1000""")  # noqa: S608 - made of constants
"""What is held back although its limits have room, as happens when a worker was lost. What is handed out and not taken
yet counts as if it was executed.
"""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A process that executes queued runs. queues: empty for all. silent_s: seconds since it was last heard of."""

    id: UUID
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    concurrency: int
    owner: str = field(repr=False)
    running: int = 0
    started: datetime | None = None
    silent_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a look at the queue came to: ids of runs.

    again: workers may take them again. lost: their worker was lost. parked: too many were.
    """

    again: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()


class Workers:
    """The workers, and the upkeep of the queue that any of them does. lost_after: seconds of silence."""

    def __init__(self, database: Database, queued: QueuedRuns, spread: SpreadRuns) -> None:
        self._database = database
        self._queued = queued
        self._spread = spread

    async def beat(self, worker: WorkerFacts, *, running: int, queue_worker: int | None) -> str:
        """Say that a worker lives; the newest change of the tables, which tells whether it still understands them."""
        values = {
            "id": worker.id, "host": escape(worker.host), "pid": worker.pid, "version": worker.version,
            "queues": [escape(name) for name in worker.queues], "concurrency": worker.concurrency,
            "owner": worker.owner, "running": running, "queue_worker": queue_worker,
        }  # fmt: skip

        async def work(connection: AsyncConnection) -> str:
            await connection.execute(_BEAT, values)
            return str(await connection.scalar(_SCHEMA))

        return await self._database.run(work)

    async def leave(self, worker: UUID) -> None:
        """Say that a worker is gone."""
        await self._database.run(lambda connection: connection.execute(_LEAVE, {"id": worker}))

    async def list(self) -> Sequence[WorkerFacts]:
        """All workers that were heard of within the last hour."""

        async def work(connection: AsyncConnection) -> list[WorkerFacts]:
            return [_facts(row) for row in await connection.execute(_LIST)]

        return await self._database.run(work)

    async def look_after(self, *, lost_after: float, every: float, thorough: bool) -> Upkeep | None:
        """Bring back what was left behind, what was answered and what is due. None if another worker just did.

        every: seconds between two such looks, by whomever. thorough: also look for what is rarely there. Raises
        ConnectError at once if the server is away: whoever looks as soon as it is back finds everybody silent.
        """

        async def work(connection: AsyncConnection) -> Upkeep | None:
            if await connection.scalar(_MY_TURN, {"every": every}) is None:
                return None
            alive = await self._alive(connection, lost_after)
            numbers = {row.queue_worker for row in alive}
            dropped = (await connection.execute(_DROP_STALLED, {"task": TASK, "lost_after": lost_after})).all()
            left = {row.run_id for row in dropped if row.worker_id not in numbers}
            owners = {row.owner for row in alive}
            return await self._bring_back(connection, owners, left, thorough=thorough or bool(dropped))

        return await self._database.run_at_once(work)

    async def _alive(self, connection: AsyncConnection, lost_after: float) -> Sequence[Any]:
        """The rows of workers that live. Workers of this machine whose process has ended are forgotten."""
        rows = (await connection.execute(_LIST)).all()
        dead = [row.id for row in rows if _is_dead(row.owner)]
        if dead:
            await connection.execute(_FORGET_DEAD, {"ids": dead})
        await connection.execute(_FORGET_SILENT)
        return [row for row in rows if row.id not in dead and row.silent <= lost_after]

    async def _bring_back(
        self, connection: AsyncConnection, alive: set[str], dropped: set[str], *, thorough: bool
    ) -> Upkeep:
        """alive: owners of leases that live. dropped: runs that a lost worker had in hand."""
        again: list[str] = []
        lost: list[str] = []
        parked: list[str] = []
        rows = [
            row
            for row in await connection.execute(_LEFT_BEHIND, {"thorough": thorough})
            if row.lease_owner is None or not row.leased or _is_dead(row.lease_owner)
        ]
        ids = [row.run_id for row in rows]
        unlocked = set((await connection.execute(_UNLOCKED, {"ids": ids})).scalars()) if ids else set()
        for row in rows:
            if row.run_id not in unlocked:
                continue
            if (row.lease_owner is None and row.run_id in dropped) or (row.lease_owner or "") not in {*alive, ""}:
                lost.append(row.run_id)
                if await self._queued.count_loss(connection, row.run_id):
                    parked.append(row.run_id)
                    continue
            again.append(row.run_id)
        again += [row.run_id for row in await connection.execute(_DUE, {"others": OTHERS_S})]
        if thorough:
            again += [row.run_id for row in await connection.execute(_ANSWERED)]
            again += await self._spread.look_after(connection)
            again += [row.run_id for row in await connection.execute(_HAS_ROOM, {"task": TASK})]
        for run_id in again:
            await self._queued.again(run_id, connection=connection)
        return Upkeep(tuple(again), tuple(lost), tuple(parked))


def _is_dead(owner: str) -> bool:
    process = ProcessId.parse(owner)
    return process is not None and process.is_dead()


def _facts(row: Any) -> WorkerFacts:
    return WorkerFacts(
        row.id, row.host, row.pid, row.version, tuple(row.queues), row.concurrency, row.owner, row.running,
        row.started, float(row.silent),
    )  # fmt: skip
