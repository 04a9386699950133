from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import RunStatus
from core.store.database import Database
from core.store.executions import Executions
from core.store.journal import PostgresJournal
from core.workflow.model import Workflow
from tests.support.journals import completed, new_run, started


@pytest.fixture
def executions(database: Database) -> Executions:
    return Executions(database)


async def _keep(journal: PostgresJournal, name: str, days_ago: float, status: RunStatus = "completed") -> str:
    created = datetime.now(UTC) - timedelta(days=days_ago)
    run = replace(new_run(workflow=Workflow(name), created=created), status=status)
    lease = await journal.open_run(run)
    journal.put(lease, started(run.id))
    journal.put(lease, completed(run.id))
    await journal.close_run(lease)
    return run.id


async def _left(journal: PostgresJournal) -> set[str]:
    return {run.id for run in await journal.runs(limit=1000)}


async def test_runs_are_counted_by_status(executions: Executions, postgres_journal: PostgresJournal) -> None:
    for status in ("completed", "completed", "failed"):
        await _keep(postgres_journal, "A", 1, status)
    await _keep(postgres_journal, "B", 1, "suspended")
    assert await executions.counts() == {"completed": 2, "failed": 1, "suspended": 1}
    assert await executions.counts("A") == {"completed": 2, "failed": 1}
    assert await executions.counts("None") == {}


async def test_the_newest_runs_of_each_workflow_stay(
    executions: Executions, postgres_journal: PostgresJournal, database: Database
) -> None:
    a = [await _keep(postgres_journal, "A", days) for days in (1, 2, 3, 4)]
    b = [await _keep(postgres_journal, "B", days) for days in (10, 20)]
    assert await executions.prune(keep_runs=2) == 2
    assert await _left(postgres_journal) == {*a[:2], *b}

    async def work(connection: AsyncConnection) -> int:
        return int(await connection.scalar(text("SELECT count(*) FROM step_results")) or 0)

    assert await database.run(work) == 4


async def test_runs_younger_than_the_limit_stay(executions: Executions, postgres_journal: PostgresJournal) -> None:
    young = await _keep(postgres_journal, "A", 1)
    await _keep(postgres_journal, "A", 9)
    assert await executions.prune(keep=timedelta(days=7)) == 1
    assert await _left(postgres_journal) == {young}


async def test_with_both_limits_a_run_stays_if_either_says_so(
    executions: Executions, postgres_journal: PostgresJournal
) -> None:
    a = [await _keep(postgres_journal, "A", days) for days in (1, 2, 30)]
    b = await _keep(postgres_journal, "B", 30)
    assert await executions.prune(keep_runs=1, keep=timedelta(days=7)) == 1
    assert await _left(postgres_journal) == {a[0], a[1], b}


async def test_unfinished_and_executed_runs_are_never_pruned(
    executions: Executions, postgres_journal: PostgresJournal
) -> None:
    suspended = await _keep(postgres_journal, "A", 100, "suspended")
    running = await _keep(postgres_journal, "A", 100, "running")
    held = replace(new_run(created=datetime(2020, 1, 1, tzinfo=UTC)), status="completed")
    await postgres_journal.open_run(held)
    assert await executions.prune(keep_runs=0, keep=timedelta(0)) == 0
    assert await _left(postgres_journal) == {suspended, running, held.id}


async def test_without_limits_everything_stays(executions: Executions, postgres_journal: PostgresJournal) -> None:
    await _keep(postgres_journal, "A", 1000)
    assert await executions.prune() == 0


async def test_one_run_is_deleted_with_its_records_unless_it_is_executed(
    executions: Executions, postgres_journal: PostgresJournal
) -> None:
    gone, stays = [await _keep(postgres_journal, "A", days) for days in (1, 2)]
    run = new_run(workflow=Workflow("A"))
    lease = await postgres_journal.open_run(run)

    assert await executions.delete(gone)
    assert not await executions.delete(gone)
    assert not await executions.delete(run.id)
    assert await _left(postgres_journal) == {stays, run.id}
    await postgres_journal.close_run(lease)
    assert await executions.delete(run.id)
