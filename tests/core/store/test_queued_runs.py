from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.clock import SystemClock
from core.engine.engine import Engine
from core.engine.errors import RunNotFound
from core.engine.events import Event, RunStarted
from core.engine.services import Services
from core.ids import new_run_id
from core.store.database import Database
from core.store.executions import Executions
from core.store.journal import PostgresJournal
from core.store.queued_runs import QueuedRuns, QueuePlace
from tests.support.engine_rig import step, workflow
from tests.support.journals import WORKFLOW, new_run
from tests.support.small_steps import small_step_types


async def entries(database: Database) -> list[dict[str, Any]]:
    """What a worker of the queue's library finds to do, in its order."""

    async def work(connection: AsyncConnection) -> list[dict[str, Any]]:
        rows = await connection.execute(
            text(
                "SELECT queue_name, task_name, priority, args, scheduled_at FROM procrastinate_jobs "
                "WHERE status = 'todo' ORDER BY priority DESC, id"
            )
        )
        return [dict(row) for row in rows.mappings()]

    return await database.run(work)


async def test_a_queued_run_is_recorded_whole_and_waits_for_a_worker(
    queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    run = new_run(inputs={"ticket": "x" * 300_000, "odd": "\x00\ud800"})
    assert await queued.add(run, QueuePlace("slow", priority=5)) == run.id

    kept = await postgres_journal.run(run.id)
    assert (kept.status, kept.inputs, kept.workflow, kept.labels) == ("queued", run.inputs, run.workflow, run.labels)
    (entry,) = await entries(database)
    assert (entry["queue_name"], entry["priority"], entry["args"]) == ("slow", 5, {"run_id": run.id})
    ((queue, (count, seconds)),) = (await queued.depth()).items()
    assert (queue, count) == ("slow", 1)
    assert 0 <= seconds < 30


async def test_a_worker_that_resumes_it_starts_it(queued: QueuedRuns, postgres_journal: PostgresJournal) -> None:
    document = workflow(step("a", "value", config={"value": "{{ input.ticket }}"}), name="Q")
    document = replace(document, inputs={"ticket": {"type": "string"}}, outputs={"answer": "{{ a.value }}"})
    run = new_run(workflow=document)
    await queued.add(run)
    events: list[Event] = []
    engine = Engine(
        small_step_types(), postgres_journal, services=Services(), clock=SystemClock(), new_id=new_run_id,
        random=Random(1), listeners=[events.append],
    )  # fmt: skip
    result = await (await engine.resume(run.id)).result()

    assert (result.status, result.outputs) == ("completed", {"answer": "It burns"})
    assert isinstance(events[0], RunStarted)
    assert (await postgres_journal.run(run.id)).status == "completed"


async def test_a_run_that_is_added_again_as_its_commit_was_not_heard_of_waits_once(
    queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    run = new_run()
    assert await queued.add(run) == run.id
    await database.run(lambda connection: connection.execute(text("UPDATE procrastinate_jobs SET status = 'doing'")))
    assert await queued.add(run) == run.id
    assert await entries(database) == []
    assert [kept.id for kept in await postgres_journal.runs()] == [run.id]


async def test_the_document_of_a_run_counts_as_used_but_is_not_written_anew_each_time(
    queued: QueuedRuns, database: Database
) -> None:
    async def written() -> tuple[str, float]:
        query = text("SELECT CAST(ctid AS text), extract(epoch FROM now() - used) FROM documents")
        place, seconds = (await database.run(lambda connection: connection.execute(query))).one()
        return place, float(seconds)

    run = new_run()
    await queued.add(run)
    first, _ = await written()
    await queued.add(replace(new_run(), workflow=run.workflow))
    assert (await written())[0] == first
    long_ago = text("UPDATE documents SET used = now() - interval '2 hours'")
    await database.run(lambda connection: connection.execute(long_ago))
    await queued.add(replace(new_run(), workflow=run.workflow))
    assert (await written())[1] < 600


async def test_the_same_key_gives_the_same_run_also_when_asked_at_once(queued: QueuedRuns, database: Database) -> None:
    place = QueuePlace(key="order-7\x00")
    runs = [new_run() for _ in range(8)]
    found = await asyncio.gather(*(queued.add(run, place) for run in runs))
    assert len(set(found)) == 1
    assert len(await entries(database)) == 1
    assert await queued.add(new_run(), QueuePlace(key="order-8")) not in found


async def test_a_key_holds_for_as_long_as_was_said(queued: QueuedRuns, database: Database) -> None:
    hour = QueuePlace(key="order-7", key_s=3600.0)
    first = await queued.add(new_run(), hour)
    half = text("UPDATE queued_runs SET enqueued = enqueued - interval '31 minutes'")
    for holds in (True, False):
        await database.run(lambda connection: connection.execute(half))
        assert (await queued.add(new_run(), hour) == first) == holds
    assert await queued.add(new_run(), QueuePlace(key="order-7")) != first


async def test_a_run_has_one_entry_however_often_it_is_to_go_on(queued: QueuedRuns, database: Database) -> None:
    run = await queued.add(new_run())
    assert [await queued.again(run), await queued.again(run)] == [True, True]
    assert len(await entries(database)) == 1
    with pytest.raises(RunNotFound):
        await queued.again("nobody")


async def test_a_run_that_the_window_began_can_be_given_to_workers(
    queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    run, tomorrow = new_run(), datetime.now(UTC) + timedelta(days=1)
    await postgres_journal.close_run(await postgres_journal.open_run(run))
    assert await queued.again(run.id, QueuePlace("night", run_at=tomorrow))
    (entry,) = await entries(database)
    assert entry["scheduled_at"] == tomorrow
    assert await queued.depth() == {}


async def test_a_run_that_still_waits_is_stopped_at_once_and_another_by_its_worker(
    queued: QueuedRuns, postgres_journal: PostgresJournal
) -> None:
    waiting, taken = await queued.add(new_run()), await queued.add(new_run())
    lease = (await postgres_journal.take_run(taken))[2]
    assert await queued.cancel(waiting, "nobody needs it") is True
    assert (await postgres_journal.run(waiting)).status == "cancelled"
    assert await queued.cancel(taken, "nobody needs it") is False
    known = await queued.get(taken)
    assert known is not None
    assert known.cancel == "nobody needs it"
    await postgres_journal.close_run(lease)


async def test_a_parked_run_is_taken_by_no_worker_until_somebody_says_so(
    queued: QueuedRuns, database: Database
) -> None:
    run = new_run()
    await queued.add(run)
    assert [await queued.lost(run.id) for _ in range(3)] == [1, 2, 3]
    await queued.park(run.id, "Three workers were lost over it.")
    await database.run(lambda connection: connection.execute(text("DELETE FROM procrastinate_jobs")))
    assert await queued.again(run.id) is False
    assert await entries(database) == []
    assert await queued.unpark(run.id) is True
    known = await queued.get(run.id)
    assert known is not None
    assert (known.losses, known.parked) == (0, "")
    assert len(await entries(database)) == 1


async def test_a_run_and_its_entry_come_together_or_not_at_all(
    queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    run = new_run()

    async def work(connection: AsyncConnection) -> None:
        await queued.add(run, connection=connection)
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(work)
    with pytest.raises(RunNotFound):
        await postgres_journal.run(run.id)
    assert await entries(database) == []


async def test_queued_runs_are_never_pruned(queued: QueuedRuns, database: Database) -> None:
    old = new_run(created=datetime.now(UTC) - timedelta(days=100))
    await queued.add(old)
    assert await Executions(database).prune(keep_runs=0) == 0


async def test_a_run_is_let_in_by_all_of_its_limits_when_one_of_them_has_room_again(
    queued: QueuedRuns, database: Database
) -> None:
    places = {
        "k": QueuePlace(limit_key="k", key_limit=1),
        "w": QueuePlace(workflow_limit=1),
        "both": QueuePlace(limit_key="k", key_limit=1, workflow_limit=1),
    }
    ids = {
        name: await queued.add(new_run(workflow=replace(WORKFLOW, name="k" if name == "k" else "w")), place)
        for name, place in places.items()
    }
    assert [await queued.take_slot(ids[name]) for name in places] == [True, True, False]
    await database.run(lambda connection: connection.execute(text("DELETE FROM procrastinate_jobs")))
    for freed, is_let_in in (("k", False), ("w", True)):
        await queued.free_slot(ids[freed])
        assert [entry["args"]["run_id"] for entry in await entries(database)] == [ids["both"]]
        known = await queued.get(ids["both"])
        assert known is not None
        assert (known.has_slot or await queued.take_slot(ids["both"])) is is_let_in
