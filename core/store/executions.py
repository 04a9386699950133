"""The kept runs as a whole: how many there are, and which ones have been kept long enough."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.values import escape

_COUNTS = text("""
SELECT status, count(*) AS number FROM executions
WHERE CAST(:workflow AS text) IS NULL OR workflow_name = :workflow
GROUP BY status""")

_BELOW = """
family AS (
    SELECT id FROM chosen
    UNION
    SELECT s.run_id FROM spread_runs AS s JOIN family ON s.parent_id = family.id
),
gone AS (DELETE FROM executions WHERE id IN (SELECT id FROM family) RETURNING id),
steps AS (DELETE FROM step_results WHERE run_id IN (SELECT id FROM family))
SELECT count(*) FROM gone WHERE id IN (SELECT id FROM chosen)"""
"""Removes the chosen runs with all that their steps have asked for."""

_PRUNE = text(f"""
WITH RECURSIVE ranked AS (
    SELECT id, created, status, lease_owner,
        row_number() OVER (PARTITION BY workflow_name ORDER BY created DESC, id DESC) AS rank
    FROM executions WHERE NOT EXISTS (SELECT 1 FROM spread_runs WHERE run_id = executions.id)
),
chosen AS MATERIALIZED (
    SELECT id FROM ranked
    WHERE status NOT IN ('queued', 'running', 'suspended') AND lease_owner IS NULL
        AND (CAST(:runs AS int) IS NULL OR rank > :runs)
        AND (CAST(:age AS float8) IS NULL OR created < now() - make_interval(secs => :age))
    ORDER BY created LIMIT 1000
),{_BELOW}""")  # noqa: S608 - made of constants

_DELETE = text(f"""
WITH RECURSIVE chosen AS MATERIALIZED (
    SELECT id FROM executions
    WHERE id = :run_id AND (lease_owner IS NULL OR lease_expires < now()) AND NOT EXISTS (
        SELECT 1 FROM spread_runs AS s JOIN executions AS parent ON parent.id = s.parent_id
        WHERE s.run_id = :run_id AND parent.status IN ('queued', 'running', 'suspended')) FOR UPDATE
),{_BELOW}""")  # noqa: S608 - made of constants

_SWEEP_DOCUMENTS = text("""
DELETE FROM documents
WHERE used < now() - interval '1 day'
    AND NOT EXISTS (SELECT 1 FROM executions WHERE document_hash = documents.hash)
    AND NOT EXISTS (SELECT 1 FROM workflow_versions WHERE document_hash = documents.hash)""")


class Executions:
    """All runs that are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self, workflow: str | None = None) -> Mapping[str, int]:
        """Number of runs by status, of all workflows or of those with that name."""

        async def work(connection: AsyncConnection) -> dict[str, int]:
            named = None if workflow is None else escape(workflow)
            rows = await connection.execute(_COUNTS, {"workflow": named})
            return {row.status: row.number for row in rows}

        return await self._database.run(work)

    async def delete(self, run_id: str) -> bool:
        """Delete one run with all its records and the runs that its steps asked for.

        False if there is none, if somebody executes it, or if the run that asked for it has not ended.
        """

        async def work(connection: AsyncConnection) -> bool:
            return bool(await connection.scalar(_DELETE, {"run_id": run_id}))

        return await self._database.run(work)

    async def prune(self, *, keep_runs: int | None = None, keep: timedelta | None = None) -> int:
        """Delete runs that have ended and were kept long enough. Returns how many.

        keep_runs: the newest runs of each workflow stay. keep: runs younger than that stay. If both are given, a run
        stays if either says so; if neither, all stay. Runs that are executed or suspended are never touched.
        """
        if keep_runs is None and keep is None:
            return 0
        limits = {"runs": keep_runs, "age": None if keep is None else keep.total_seconds()}

        async def work(connection: AsyncConnection) -> int:
            return int(await connection.scalar(_PRUNE, limits) or 0)

        total = 0
        while deleted := await self._database.run(work):
            total += deleted
        await self._database.run(lambda connection: connection.execute(_SWEEP_DOCUMENTS))
        return total
