"""The upkeep of the queue, as far as it is the database's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from core.store.database import Database
from core.store.queued_runs import QueuedRuns
from core.store.spread_runs import SpreadRuns
from core.store.workers import Workers
from tests.support.journals import new_run


@pytest.fixture
def workers(database: Database, queued: QueuedRuns, spread: SpreadRuns) -> Workers:
    return Workers(database, queued, spread)


async def again(workers: Workers) -> tuple[str, ...]:
    """The runs that the upkeep brought back."""
    done = await workers.look_after(lost_after=30, every=0, thorough=True)
    return done.again if done is not None else ()


async def left_behind(database: Database, queued: QueuedRuns) -> str:
    """A run whose worker was lost."""
    run_id = await queued.add(new_run(created=datetime.now(UTC)))
    await database.run(lambda connection: connection.execute(text("DELETE FROM procrastinate_jobs")))
    lost = text("UPDATE executions SET lease_owner = 'somebody', lease_expires = now() - interval '1 s' WHERE id = :id")
    await database.run(lambda connection: connection.execute(lost, {"id": run_id}))
    return run_id


async def test_a_run_that_a_sleeping_process_has_locked_keeps_no_other_from_being_brought_back(
    workers: Workers, queued: QueuedRuns, database: Database
) -> None:
    locked, free = await left_behind(database, queued), await left_behind(database, queued)
    own = database.connect()
    with own, own.transaction():
        own.execute("UPDATE executions SET error_path = '' WHERE id = %s", (locked,))
        assert await again(workers) == (free,)
    assert await again(workers) == (locked,)
