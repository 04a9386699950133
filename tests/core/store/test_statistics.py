from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import ErrorInfo, RunCompleted, RunFailed, RunResumed, StepFailed, Usage
from core.store.database import Database
from core.store.executions import Executions
from core.store.journal import PostgresJournal
from core.store.statistics import RunCount, Span, Statistics
from core.workflow.model import Json, Step, Workflow
from tests.support.journals import NOON, at, completed, new_run, started

HOUR = timedelta(hours=1)
DAY = Span(NOON - HOUR, NOON + 23 * HOUR)


@pytest.fixture
def statistics(database: Database) -> Statistics:
    return Statistics(database)


async def keep(journal: PostgresJournal, name: str, *seconds: float, created: datetime = NOON, **more: Any) -> str:
    """A run whose step `a` took that long in each of its attempts."""
    run = new_run(workflow=Workflow(name), created=created)
    lease = await journal.open_run(run)
    for number, duration in enumerate(seconds, 1):
        shift = created - NOON
        begun, done = started(run.id, attempt=number), completed(run.id, attempt=number, duration_s=duration, **more)
        journal.put(lease, replace(begun, at=begun.at + shift))
        journal.put(lease, replace(done, at=done.at + shift))
    journal.put(lease, RunCompleted(run.id, created + timedelta(seconds=60), {}, Usage(10, 20, 0.125), 60))
    await journal.close_run(lease)
    return run.id


async def test_runs_are_told_by_their_hour_and_how_they_stand(
    statistics: Statistics, postgres_journal: PostgresJournal
) -> None:
    await keep(postgres_journal, "A", 1)
    await keep(postgres_journal, "A", 1, created=NOON + timedelta(minutes=59))
    await keep(postgres_journal, "B", 1, created=NOON + timedelta(minutes=61))
    await postgres_journal.open_run(new_run(created=NOON + timedelta(minutes=61)))
    await keep(postgres_journal, "A", 1, created=DAY.until)

    assert await statistics.runs(DAY, HOUR) == [
        RunCount(NOON, "completed", 2, 0.25),
        RunCount(NOON + HOUR, "completed", 1, 0.125),
        RunCount(NOON + HOUR, "running", 1, 0.0),
    ]
    only = await statistics.runs(replace(DAY, workflow="B"), HOUR)
    assert [(count.at, count.number) for count in only] == [(NOON + HOUR, 1)]


async def test_steps_are_told_with_their_titles_in_the_newest_run(
    statistics: Statistics, postgres_journal: PostgresJournal
) -> None:
    like_steps: Json = {"b": {"type": "code", "title": "No step"}, "c": 1}
    post = Step("inner", "api", title="Post it", config={"body": like_steps})
    loop = Step("all", "for_each", title="Each", body={"inner": post})
    workflow = Workflow("A", steps={"a": Step("a", "code", title="Pay it"), "b": Step("b", "code"), "all": loop})
    for document in (Workflow("A", steps={"a": Step("a", "code", title="Old")}), workflow):
        run = new_run(workflow=document, created=NOON + timedelta(seconds=len(document.steps)))
        lease = await postgres_journal.open_run(run)
        for path in ("a", "b", "all[0]/inner"):
            postgres_journal.put(lease, started(run.id, path))
            postgres_journal.put(lease, completed(run.id, path, duration_s=1))
        postgres_journal.put(lease, RunCompleted(run.id, NOON + timedelta(seconds=60), {}, Usage(), 60))
        await postgres_journal.close_run(lease)
    await statistics.count()

    found = {each.step_id: each.title for each in (await statistics.steps(DAY)).steps}
    assert found == {"a": "Pay it", "b": "", "inner": "Post it"}


async def test_percentiles_are_right_within_a_tenth(statistics: Statistics, postgres_journal: PostgresJournal) -> None:
    durations = [0.001 * 1.13**n for n in range(100)]
    await keep(postgres_journal, "A", *durations)
    assert (await statistics.steps(DAY)).types == []
    assert await statistics.uncounted() == 1
    assert await statistics.count() == 1
    assert await statistics.uncounted() == 0

    (times,) = (await statistics.steps(DAY)).types
    assert (times.step_type, times.attempts, times.failures) == ("chat", 100, 0)
    assert times.p50_s == pytest.approx(durations[49], rel=0.1)
    assert times.p95_s == pytest.approx(durations[94], rel=0.1)
    assert durations[-1] <= times.slowest_s <= durations[-1] * 1.2


async def test_no_attempt_is_counted_twice_and_none_is_missed_when_a_run_goes_on(
    statistics: Statistics, postgres_journal: PostgresJournal
) -> None:
    run = new_run(workflow=Workflow("A"))
    lease = await postgres_journal.open_run(run)
    error = ErrorInfo("server", "The server broke.")
    postgres_journal.put(lease, started(run.id))
    postgres_journal.put(lease, StepFailed(run.id, at(2), "a", "a", 1, error, None, Usage(), 1.0))
    postgres_journal.put(lease, RunFailed(run.id, at(3), "a", error, Usage(), 3))
    await postgres_journal.close_run(lease)
    assert [await statistics.count(), await statistics.count()] == [1, 0]

    _, _, lease = await postgres_journal.take_run(run.id)
    postgres_journal.put(lease, RunResumed(run.id, at(9), "A"))
    postgres_journal.put(lease, replace(started(run.id, attempt=2), at=at(10)))
    postgres_journal.put(lease, replace(completed(run.id, attempt=2), at=at(11)))
    postgres_journal.put(lease, RunCompleted(run.id, at(12), {}, Usage(), 6))
    await postgres_journal.close_run(lease)
    assert [await statistics.count(), await statistics.count()] == [1, 0]

    (times,) = (await statistics.steps(DAY)).steps
    assert (times.workflow, times.step_id, times.attempts, times.failures) == ("A", "a", 2, 1)


async def test_spending_is_told_by_model_and_by_workflow_and_outlives_the_runs(
    statistics: Statistics, postgres_journal: PostgresJournal, database: Database
) -> None:
    await keep(postgres_journal, "A", 1, output={"model": "openai/dear"}, usage=Usage(100, 10, 2.0))
    await keep(postgres_journal, "A", 1, 1, usage=Usage(5, 1, 0.5))
    await keep(postgres_journal, "B", 1, request=None, usage=Usage(0, 0, 0.0))
    while await statistics.count(batch=1):
        pass
    assert await Executions(database).prune(keep_runs=0) == 3

    told = await statistics.steps(DAY)
    by_model = told.models
    assert [(spent.name, spent.attempts, spent.tokens_in, spent.cost_usd) for spent in by_model] == [
        ("openai/dear", 1, 100, 2.0), ("m", 2, 10, 1.0),
    ]  # fmt: skip
    by_workflow = told.workflows
    assert [(spent.name, spent.tokens_out, spent.cost_usd) for spent in by_workflow] == [("A", 12, 3.0)]
    await statistics.forget(NOON + HOUR)
    assert (await statistics.steps(DAY)).models == []


async def test_steps_are_told_slowest_first_and_of_one_workflow_if_asked(
    statistics: Statistics, postgres_journal: PostgresJournal
) -> None:
    await keep(postgres_journal, "Quick", 0.1)
    await keep(postgres_journal, "Slow", 9)
    await statistics.count()
    assert [times.workflow for times in (await statistics.steps(DAY)).steps] == ["Slow", "Quick"]
    assert [times.workflow for times in (await statistics.steps(replace(DAY, workflow="Quick"))).steps] == ["Quick"]
    assert (await statistics.steps(Span(NOON + HOUR, NOON + 2 * HOUR))).steps == []


async def test_workflows_of_which_runs_are_kept_are_named_once(
    statistics: Statistics, postgres_journal: PostgresJournal
) -> None:
    for name in ("B", "A", "B"):
        await keep(postgres_journal, name, 1)
    assert await statistics.workflows() == ["A", "B"]


async def test_of_no_runs_there_are_no_names(statistics: Statistics) -> None:
    assert await statistics.workflows() == []


async def test_runs_that_steps_of_others_asked_for_are_no_runs_of_their_own(
    statistics: Statistics, postgres_journal: PostgresJournal, database: Database
) -> None:
    parent = await keep(postgres_journal, "A", 1, created=NOON)
    for minute in range(3):
        child = await keep(postgres_journal, "A", 1, created=NOON + timedelta(minutes=minute))
        values = {"run": child, "parent": parent, "number": minute}

        async def ask(connection: AsyncConnection, values: dict[str, object] = values) -> None:
            await connection.execute(text(SPREAD), values)

        await database.run(ask)
    assert [(count.status, count.number) for count in await statistics.runs(DAY, HOUR)] == [("completed", 1)]


SPREAD = """
INSERT INTO spread_runs (run_id, parent_id, path, round, number, prefix, depth, stops)
VALUES (:run, :parent, 'each', 1, :number, 'each[0]/', 1, false)"""
