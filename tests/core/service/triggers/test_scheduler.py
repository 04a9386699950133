from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.testing import ManualClock
from core.resources import root
from core.store.errors import NotScheduled
from core.workflow.model import Workflow
from tests.core.service.triggers.conftest import Party, greeting


async def test_a_schedule_starts_its_published_version_with_its_inputs(party: Party) -> None:
    await party.activate(greeting(cron="0 13 * * *", inputs={"who": "Bob"}))
    await party.store.workflows.save(greeting(cron="0 13 * * *", inputs={"who": "Eve"}), 1)
    assert await party.scheduler.fire_due() == []

    await party.clock.advance(3600)
    (fired,) = await party.scheduler.fire_due()
    (run,) = await party.runs()
    assert (run.id, run.status, run.inputs) == (fired.run_id, "queued", {"who": "Bob"})
    assert run.labels == {"trigger": "schedule", "scheduled_for": "2026-01-01T13:00:00+00:00"}
    assert (party.told, fired.lag_s) == ([fired], 0.0)
    found = await party.store.schedules.get("Greeting")
    assert (found.last_at, found.last_run_id) == (datetime(2026, 1, 1, 13, tzinfo=UTC), run.id)
    assert (found.next_at, found.outcome) == (datetime(2026, 1, 2, 13, tzinfo=UTC), "started")
    assert await party.scheduler.fire_due() == []


async def test_the_loop_wakes_when_a_time_comes_and_tells_how_late(party: Party) -> None:
    await party.activate(greeting(every="10s", overlap="parallel"))
    clock, others = party.clock, party.clock.sleeping
    party.scheduler.start()
    async with asyncio.timeout(60):
        while len(party.told) < 2:
            if clock.sleeping > others:  # it does not look just now: time goes on
                await clock.advance((clock.next_due() or 0.0) + 0.001)
            await asyncio.sleep(0.005)  # the database answers on a thread of its own
    await party.scheduler.stop()
    assert [fired.time.second for fired in party.told[:2]] == [10, 20]
    assert all(fired.lag_s < 0.1 for fired in party.told)


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", []),
        ("once", ["2026-01-01T17:00"]),
        ("all", [f"2026-01-01T{hour}:00" for hour in (13, 14, 15, 16, 17)]),
    ],
)
async def test_times_that_nobody_was_there_for(party: Party, missed: str, expected: list[str]) -> None:
    await party.activate(greeting(cron="0 * * * *", missed=missed))
    await party.clock.advance(5.5 * 3600)
    await party.scheduler.fire_due()
    assert await party.times() == expected
    assert (await party.store.schedules.get("Greeting")).next_at == datetime(2026, 1, 1, 18, tzinfo=UTC)


@pytest.mark.parametrize(("overlap", "count", "limit"), [("skip", 1, 0), ("queue", 3, 1), ("parallel", 3, 0)])
async def test_times_that_come_while_the_run_before_goes_on(party: Party, overlap: str, count: int, limit: int) -> None:
    await party.activate(greeting(cron="0 * * * *", overlap=overlap))
    for _ in range(3):
        await party.clock.advance(3600)
        await party.scheduler.fire_due()
    runs = await party.runs()
    assert len(runs) == count
    places = [await party.store.queued_runs.get(run.id) for run in runs]
    assert {place.place.workflow_limit for place in places if place} == {limit}
    await party.end_runs()
    await party.clock.advance(3600)
    assert len(await party.scheduler.fire_due()) == 1


async def test_a_jittered_schedule_comes_later_by_the_same_luck_and_never_drifts(
    party: Party, open_party: Callable[[ManualClock], Awaitable[Party]]
) -> None:
    await party.activate(greeting(cron="0 * * * *", overlap="parallel", jitter="10m"))
    await party.clock.advance(3600)
    assert await party.scheduler.fire_due() == []
    found = await party.store.schedules.get("Greeting")
    assert found.due_at is not None
    later = (found.due_at - datetime(2026, 1, 1, 13, tzinfo=UTC)).total_seconds()
    assert 0 < later < 600
    await party.clock.advance(later)
    (fired,) = await party.scheduler.fire_due()
    assert fired.lag_s == pytest.approx(0, abs=0.001)
    assert fired.time == datetime(2026, 1, 1, 13, tzinfo=UTC)
    assert (await party.store.schedules.get("Greeting")).next_at == datetime(2026, 1, 1, 14, tzinfo=UTC)


async def test_a_paused_schedule_and_one_switched_off_start_nothing(party: Party) -> None:
    await party.activate(greeting("Paused", cron="0 * * * *", missed="all"))
    await party.activate(greeting("Off", cron="0 * * * *", missed="all"))
    await party.store.schedules.pause("Paused")
    await party.store.workflows.deactivate("Off")
    await party.clock.advance(4 * 3600)
    assert await party.scheduler.fire_due() == []
    await party.store.schedules.resume("Paused", now=party.clock.now())
    assert await party.scheduler.fire_due() == []
    await party.clock.advance(3600)
    assert [fired.time.hour for fired in await party.scheduler.fire_due()] == [17]


async def test_a_workflow_that_cannot_run_does_not_stop_the_others(party: Party) -> None:
    broken = greeting("Broken", cron="0 * * * *")
    broken.steps["hello"].config["text"] = "{{ nobody.text }}"  # type: ignore[index] # a dict in the test
    await party.activate(broken)
    await party.activate(greeting("Whole", cron="0 * * * *"))
    await party.clock.advance(3600)
    assert [fired.workflow for fired in await party.scheduler.fire_due()] == ["Whole"]
    found = await party.store.schedules.get("Broken")
    assert found.outcome.startswith("failed:")
    assert "nobody" in found.outcome
    assert found.next_at == datetime(2026, 1, 1, 14, tzinfo=UTC)


async def test_a_run_that_cannot_be_queued_leaves_its_time_to_be_tried_again(party: Party) -> None:
    await party.activate(greeting(cron="0 * * * *"))
    await party.clock.advance(3600)
    broken = "ALTER TABLE queued_runs RENAME TO hidden"
    await party.store.database.run(lambda connection: connection.execute(text(broken)))
    with pytest.raises(Exception, match="queued_runs"):
        await party.scheduler.fire_due()
    assert (await party.store.schedules.get("Greeting")).next_at == datetime(2026, 1, 1, 13, tzinfo=UTC)
    assert await party.runs() == []
    mended = "ALTER TABLE hidden RENAME TO queued_runs"
    await party.store.database.run(lambda connection: connection.execute(text(mended)))
    assert len(await party.scheduler.fire_due()) == 1


async def test_summer_time_neither_loses_nor_doubles_a_run(
    open_party: Callable[[ManualClock], Awaitable[Party]],
) -> None:
    spring = await open_party(ManualClock(datetime(2026, 3, 28, 12, tzinfo=UTC)))
    await spring.activate(greeting("Spring", cron="30 2 * * *", zone="Europe/Berlin", overlap="parallel"))
    for _ in range(48 * 4):
        await spring.clock.advance(900)
        await spring.scheduler.fire_due()
    assert await spring.times() == ["2026-03-29T01:00", "2026-03-30T00:30"]


async def test_winter_time_neither_loses_nor_doubles_a_run(
    open_party: Callable[[ManualClock], Awaitable[Party]],
) -> None:
    autumn = await open_party(ManualClock(datetime(2026, 10, 24, 12, tzinfo=UTC)))
    await autumn.activate(greeting("Autumn", cron="30 2 * * *", zone="Europe/Berlin", overlap="parallel"))
    for _ in range(48 * 4):
        await autumn.clock.advance(900)
        await autumn.scheduler.fire_due()
    assert await autumn.times() == ["2026-10-25T00:30", "2026-10-26T01:30"]


async def test_two_schedulers_on_one_database_share_the_times(
    open_party: Callable[[ManualClock], Awaitable[Party]],
) -> None:
    clock = ManualClock()
    one, other = await open_party(clock), await open_party(clock)
    for number in range(5):
        await one.activate(greeting(f"Greeting {number}", every="30s", overlap="parallel"))
    for _ in range(10):
        await clock.advance(30)
        await asyncio.gather(one.scheduler.fire_due(), other.scheduler.fire_due())
    fired = [(run.workflow.name, run.labels["scheduled_for"]) for run in await one.runs()]
    assert len(fired) == len(set(fired)) == 50
    assert len(one.told) + len(other.told) == 50


_PROCESS = """
import asyncio, sys
from datetime import datetime
from core.engine.testing import ManualClock
from core.service.triggers.scheduler import Scheduler
from core.workspace import Workspace

async def work():
    async with Workspace.open(clock=ManualClock(datetime.fromisoformat(sys.argv[1]))) as workspace:
        scheduler = Scheduler(workspace.store.schedules, workspace.queue, clock=workspace.clock)
        print("ready", flush=True)
        sys.stdin.readline()
        print(len(await scheduler.fire_due()))

asyncio.run(work())
"""


async def test_two_processes_start_each_missed_run_once(
    open_party: Callable[[ManualClock], Awaitable[Party]], database_url: str, tmp_path: Path
) -> None:
    past = await open_party(ManualClock())
    now = past.clock.now() + timedelta(minutes=20, seconds=5)
    for number in range(4):
        await past.activate(greeting(f"Greeting {number}", every="1m", missed="all", overlap="parallel"))
    environment = {
        **os.environ, "PYTHONPATH": str(root()), "STEPLOOM_HOME": str(tmp_path / "home"),
        "STEPLOOM_DATABASE_URL": database_url,
    }  # fmt: skip
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _PROCESS, now.isoformat(), env=environment, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    counts = [int(out) for out, _ in await asyncio.gather(*(each.communicate(b"go\n") for each in processes))]
    assert [process.returncode for process in processes] == [0, 0]
    runs = [(run.workflow.name, run.labels["scheduled_for"]) for run in await past.runs()]
    assert len(runs) == len(set(runs)) == sum(counts) == 4 * 20


async def test_a_published_document_that_cannot_be_read_keeps_no_other_schedule_from_coming(
    open_party: Callable[[ManualClock], Awaitable[Party]], caplog: pytest.LogCaptureFixture
) -> None:
    before = await open_party(clock := ManualClock())
    for name in ("Broken", "Greeting", "Newer"):
        await before.activate(greeting(name, cron="0 * * * *", overlap="parallel"))
    await spoil(before, "Broken", "'{\"steps\": 5}'::json")
    await spoil(before, "Newer", "jsonb_set(body::jsonb, '{steploom}', '99')::json")
    party = await open_party(clock)  # it remembers no document

    await party.clock.advance(3600)
    assert [fired.workflow for fired in await party.scheduler.fire_due()] == ["Greeting"]
    await party.clock.advance(3600)
    assert [fired.workflow for fired in await party.scheduler.fire_due()] == ["Greeting"]
    found = {one.name: one for one in await party.store.schedules.list()}
    for name in ("Broken", "Newer"):
        assert found[name].next_at is None
        assert found[name].outcome == f"failed: {found[name].problem}"
        assert "Version 1, which is published, cannot be read" in found[name].problem
    assert "newer" in found["Newer"].problem
    assert found["Greeting"].problem == ""
    assert sum("starts nothing any more" in line for line in caplog.messages) == 2

    with pytest.raises(NotScheduled, match="cannot be read"):
        await party.store.schedules.resume("Broken", now=party.clock.now())
    assert [active.workflow.name for active in await party.store.workflows.active("")] == ["Greeting"]
    at_work = {one.name: one for one in await party.store.workflows.at_work()}
    assert (at_work["Broken"].trigger, at_work["Broken"].problem) == ("", found["Broken"].problem)
    assert (at_work["Greeting"].trigger, at_work["Greeting"].next_at) == ("schedule", found["Greeting"].next_at)


async def test_a_readable_version_takes_the_place_of_one_that_cannot_be_read(
    open_party: Callable[[ManualClock], Awaitable[Party]],
) -> None:
    before = await open_party(clock := ManualClock())
    await before.activate(greeting("Broken", cron="0 * * * *"))
    await spoil(before, "Broken", "'[]'::json")
    party = await open_party(clock)
    await party.clock.advance(3600)
    assert await party.scheduler.fire_due() == []
    await party.store.workflows.save(greeting("Broken", cron="30 * * * *"), 1)
    await party.store.workflows.publish("Broken", now=party.clock.now())
    await party.clock.advance(1800)
    assert [fired.workflow for fired in await party.scheduler.fire_due()] == ["Broken"]
    assert (await party.store.schedules.get("Broken")).problem == ""


async def test_an_error_that_nobody_foresaw_costs_one_time_of_one_schedule(
    party: Party, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("Broken", "Greeting"):
        await party.activate(greeting(name, cron="0 * * * *"))
    enqueue = party.workspace.queue.enqueue

    async def fails(workflow: Workflow, *arguments: Any, **more: Any) -> str:
        run_id = await enqueue(workflow, *arguments, **more)
        if workflow.name == "Broken":
            raise ZeroDivisionError
        return run_id

    monkeypatch.setattr(party.workspace.queue, "enqueue", fails)
    await party.clock.advance(3600)
    assert [fired.workflow for fired in await party.scheduler.fire_due()] == ["Greeting"]
    broken = await party.store.schedules.get("Broken")
    assert "made a mistake" in broken.outcome
    assert "ZeroDivisionError" in broken.outcome
    assert broken.next_at == datetime(2026, 1, 1, 14, tzinfo=UTC)
    assert [run.workflow.name for run in await party.runs()] == ["Greeting"]
    assert "Traceback" in caplog.text


async def spoil(party: Party, name: str, body: str) -> None:
    """Make the published document of a workflow what this Steploom cannot read."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(
            text(
                f"UPDATE documents SET body = {body} WHERE hash IN (SELECT document_hash FROM workflow_versions AS v "
                "JOIN workflows AS w ON w.id = v.workflow_id WHERE w.name = :name)"
            ),
            {"name": name},
        )

    await party.store.database.run(work)


async def test_what_became_of_each_time_is_remembered(party: Party) -> None:
    await party.activate(greeting(cron="0 * * * *"))
    await party.clock.advance(3600 + 2)
    (fired,) = await party.scheduler.fire_due()
    await party.clock.advance(3600)
    await party.scheduler.fire_due()
    assert party.held == [fired.run_id]
    await party.end_runs()
    await party.clock.advance(2.5 * 3600)
    await party.scheduler.fire_due()
    missed, skipped, started = await party.store.schedules.past("Greeting")
    assert (started.at, started.run_id, started.outcome) == (fired.time, fired.run_id, "started")
    assert (started.noticed - started.at, started.status) == (timedelta(seconds=2), "cancelled")
    assert (skipped.at.hour, skipped.run_id) == (14, "")
    assert skipped.outcome == "skipped: the run before has not ended"
    assert (missed.at.hour, missed.status, missed.ended) == (15, None, None)
    assert missed.outcome == "missed 2 times: nothing was there to start it"
    assert await party.store.schedules.past("Greeting", limit=1) == [missed]
    assert await party.store.schedules.past("Another") == []


async def test_only_the_latest_times_are_remembered(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.schedules.PAST_KEPT", 3)
    await party.activate(greeting(every="1m", overlap="skip"))
    for _ in range(5):
        await party.clock.advance(60)
        await party.scheduler.fire_due()
    await party.store.workflows.deactivate("Greeting")
    assert [each.at.minute for each in await party.store.schedules.past("Greeting")] == [5, 4, 3]
