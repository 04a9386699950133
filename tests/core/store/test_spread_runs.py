from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.budget import BUDGET, CONTINUE, STOP
from core.engine.errors import LeaseLost, Question, StepError
from core.engine.events import (
    NO_USAGE,
    ErrorInfo,
    RunCompleted,
    RunFailed,
    RunSuspended,
    StepFailed,
    StepSuspended,
    Usage,
)
from core.engine.execution import MAX_DEPTH
from core.engine.journal import Lease
from core.engine.part import OnePass, Part
from core.engine.spread import SPREAD, Order, Spot, Standing, Wanted
from core.store import spread_sql
from core.store.database import Database
from core.store.executions import Executions
from core.store.journal import PostgresJournal
from core.store.queued_runs import QueuedRuns, QueuePlace
from core.store.spending import Family, Spending
from core.store.spread_runs import SpreadRuns, spread_id
from core.workflow.model import Json
from tests.support.journals import NOON, WORKFLOW, completed, new_run, started

NOW = NOON + timedelta(days=120)


async def parent(queued: QueuedRuns, journal: PostgresJournal, place: QueuePlace | None = None) -> tuple[Spot, Lease]:
    """A run of a worker whose step `all` asks for runs."""
    run = new_run(created=NOON)
    await queued.add(run, place)
    lease = (await journal.take_run(run.id))[2]
    return Spot(run.id, "all", 1, lease.epoch), lease


def order(number: int, *, at_once: int = 10, stops: bool = False, item: Json = "x") -> Order:
    part = Part(one_pass=OnePass("all", "all"))
    runs = [Wanted(index, WORKFLOW, {"item": item, "index": index}, part=part) for index in range(number)]
    return Order(runs, "", at_once, stops)


async def begin(spread: SpreadRuns, spot: Spot, wanted: Order) -> None:
    limits = QueuePlace(limit_key=f"spread {spot.run_id}", key_limit=wanted.at_once)
    await spread.add(spot, wanted, NOW, ("demo",), limits)


async def suspend(journal: PostgresJournal, lease: Lease, usage: Usage = NO_USAGE) -> None:
    """The step that asked waits, and its run is let go."""
    run_id = lease.run_id
    journal.put(lease, started(run_id, "all"))
    state: dict[str, Json] = {SPREAD: {}}
    journal.put(lease, StepSuspended(run_id, NOW, "all", "all", 1, None, None, state, NO_USAGE, 0.0))
    journal.put(lease, RunSuspended(run_id, NOW, ("all",), None, usage, 0.0))
    await journal.close_run(lease)


async def waiting(spread: SpreadRuns, queued: QueuedRuns, journal: PostgresJournal, wanted: Order) -> Spot:
    """Such a run that waits for what it asked for."""
    spot, lease = await parent(queued, journal)
    await begin(spread, spot, wanted)
    await suspend(journal, lease)
    return spot


async def end(journal: PostgresJournal, run_id: str, *, fails: bool = False, cost: float = 0.0) -> None:
    lease = (await journal.take_run(run_id))[2]
    usage = Usage(1, 0, cost)
    if fails:
        journal.put(lease, RunFailed(run_id, NOW, "a", ErrorInfo("failed", "It broke."), usage, 1.0))
    else:
        journal.put(lease, RunCompleted(run_id, NOW, {"result": 1}, usage, 1.0))
    await journal.close_run(lease)


async def entries(database: Database) -> list[str]:
    """The runs that the queue hands out, in its order."""

    async def work(connection: AsyncConnection) -> list[str]:
        query = "SELECT args ->> 'run_id' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id"
        return list((await connection.execute(text(query))).scalars())

    return await database.run(work)


async def forget_entries(database: Database) -> None:
    await database.run(lambda connection: connection.execute(text("DELETE FROM procrastinate_jobs")))


async def test_whoever_asks_again_gets_the_same_runs_and_only_the_first_are_handed_out(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot, _ = await parent(queued, postgres_journal, QueuePlace("slow", priority=3))
    await forget_entries(database)
    for _ in range(2):
        await begin(spread, spot, order(5, at_once=2))
    assert await spread.standing(spot) == Standing(made=5, left=5)
    ids = [spread_id(spot, number) for number in range(5)]
    assert await entries(database) == ids[:2]
    known = await queued.get(ids[4])
    assert known is not None
    assert (known.place.queue, known.place.priority, known.place.key_limit, known.spread) == ("slow", 4, 2, True)
    run = await postgres_journal.run(ids[4])
    assert (run.status, run.inputs, run.labels) == (
        "queued",
        {"item": "x", "index": 4},
        {"parent": spot.run_id, "step": "all"},
    )


async def test_more_runs_than_fit_into_one_statement_are_recorded_with_their_large_values(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal
) -> None:
    spot, _ = await parent(queued, postgres_journal)
    large: Json = "ü\x00" * 200_000
    wanted = order(520)
    last = replace(wanted.runs[-1], inputs={"item": large, "index": 519})
    await begin(spread, spot, replace(wanted, runs=[*wanted.runs[:-1], last]))
    assert (await spread.standing(spot)).made == 520
    assert (await postgres_journal.run(spread_id(spot, 519))).inputs == {"item": large, "index": 519}


async def test_a_worker_that_lost_the_run_asks_for_nothing(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal
) -> None:
    spot, lease = await parent(queued, postgres_journal)
    await postgres_journal.close_run(lease)
    await postgres_journal.take_run(spot.run_id)
    with pytest.raises(LeaseLost):
        await begin(spread, spot, order(2))
    with pytest.raises(LeaseLost):
        await spread.again(spot, failed=True)
    with pytest.raises(LeaseLost):
        await spread.drop(spot.run_id, spot=spot, reason="it took too long")
    assert await spread.standing(spot) == Standing()


async def test_runs_do_not_ask_for_runs_without_an_end(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal
) -> None:
    spot, _ = await parent(queued, postgres_journal)
    for _ in range(MAX_DEPTH):
        await begin(spread, spot, order(1))
        run_id = spread_id(spot, 0)
        spot = Spot(run_id, "all", 1, (await postgres_journal.take_run(run_id))[2].epoch)
    with pytest.raises(StepError, match="without an end"):
        await begin(spread, spot, order(1))


async def test_of_many_that_end_at_once_the_last_one_lets_the_parent_go_on(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(6))
    await forget_entries(database)
    ids = [spread_id(spot, number) for number in range(6)]
    for run_id in ids:
        await end(postgres_journal, run_id)
    woke = await asyncio.gather(*(spread.has_ended(run_id) for run_id in ids))
    assert any(woke)
    assert await entries(database) == [spot.run_id]
    found = await spread.ended(spot)
    assert [(one.number, one.status, one.outputs) for one in found] == [
        (n, "completed", {"result": 1}) for n in range(6)
    ]


async def test_an_end_that_was_noted_though_the_answer_to_that_was_lost_lets_the_parent_go_on(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(1))
    await forget_entries(database)
    await end(postgres_journal, spread_id(spot, 0))
    await database.run(lambda connection: connection.execute(spread_sql.NOTE_END, {"run_id": spread_id(spot, 0)}))
    assert await spread.has_ended(spread_id(spot, 0)) is True
    assert await entries(database) == [spot.run_id]


async def test_runs_that_ended_before_the_parent_was_suspended_let_it_go_on_then(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot, lease = await parent(queued, postgres_journal)
    await begin(spread, spot, order(1))
    await end(postgres_journal, spread_id(spot, 0))
    assert await spread.has_ended(spread_id(spot, 0)) is False
    await suspend(postgres_journal, lease)
    await forget_entries(database)
    assert await spread.waits(spot.run_id) is True
    assert await entries(database) == [spot.run_id]


async def test_ends_that_nobody_told_of_are_found_when_the_queue_is_looked_after(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(2))
    await forget_entries(database)
    await end(postgres_journal, spread_id(spot, 0))
    assert await database.run(spread.look_after) == []
    await end(postgres_journal, spread_id(spot, 1))
    assert await database.run(spread.look_after) == [spot.run_id]


async def test_a_failure_that_stops_the_loop_lets_the_parent_go_on_and_drops_the_rest(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(4, at_once=2, stops=True))
    await end(postgres_journal, spread_id(spot, 1), fails=True)
    assert await spread.has_ended(spread_id(spot, 1)) is True
    assert await spread.standing(spot) == Standing(made=4, left=0, failed=1, dropped=3)
    assert (await postgres_journal.run(spread_id(spot, 3))).status == "cancelled"
    assert spread_id(spot, 0) not in await entries(database)

    await spread.again(spot, failed=True)
    assert await spread.standing(spot) == Standing(made=4, left=4)
    assert (await postgres_journal.run(spread_id(spot, 1))).status == "suspended"
    assert set(await entries(database)) >= {spread_id(spot, 0), spread_id(spot, 1)}

    await forget_entries(database)  # as a worker does that takes them and is killed
    await queued.take_slot(spread_id(spot, 0))
    assert await database.run(spread.look_after) == [spread_id(spot, 0)]


async def test_what_runs_have_spent_is_counted_once_whoever_says_it(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spending, since = Spending(database), NOON - timedelta(days=1)
    spot = await waiting(spread, queued, postgres_journal, order(2))
    await end(postgres_journal, spread_id(spot, 0), cost=2.0)
    assert await spending.since(since) == 2.0
    assert await spread.usage(spot.run_id) == Usage(1, 0, 2.0)

    lease = (await postgres_journal.take_run(spot.run_id))[2]
    await suspend(postgres_journal, lease, await spread.usage(spot.run_id))
    await end(postgres_journal, spread_id(spot, 1), cost=3.0)
    assert await spending.since(since) == 5.0
    assert await spending.of_workflow(WORKFLOW.name, since) == 5.0
    assert await spread.usage(spot.run_id) == Usage(2, 0, 5.0)
    assert (await postgres_journal.run(spot.run_id)).usage.cost_usd == 2.0


async def test_a_run_and_those_that_it_asked_for_share_what_they_may_spend(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spending = Spending(database)
    spot, lease = await parent(queued, postgres_journal)
    await begin(spread, spot, order(2))
    postgres_journal.put(lease, started(spot.run_id, "first"))
    postgres_journal.put(lease, completed(spot.run_id, "first", usage=Usage(1, 1, 0.25)))
    await suspend(postgres_journal, lease, Usage(1, 1, 0.25))
    one, two = spread_id(spot, 0), spread_id(spot, 1)
    lease = (await postgres_journal.take_run(one))[2]
    postgres_journal.put(lease, started(one, "ask"))
    postgres_journal.put(lease, completed(one, "ask", usage=Usage(1, 1, 0.5)))
    postgres_journal.put(lease, started(one, "again"))
    question = Question("Go on?", (CONTINUE, STOP))
    state: dict[str, Json] = {BUDGET: {"key": "run", "up_to_usd": 1.5}}
    postgres_journal.put(
        lease, StepSuspended(one, NOW, "again", "again", 1, question, None, state, Usage(1, 1, 0.125), 0.0)
    )
    postgres_journal.put(lease, RunSuspended(one, NOW, ("again",), None, Usage(2, 2, 0.625), 0.0))
    await postgres_journal.close_run(lease)
    asking = Family(spot.run_id, 3, 0.875, is_asked=True)
    for run_id in (spot.run_id, one, two):
        assert await spending.of_run(run_id, "run") == asking
    await postgres_journal.answer(one, "again", {"choice": CONTINUE})
    for run_id in (spot.run_id, one, two):
        assert await spending.of_run(run_id, "run") == Family(spot.run_id, 3, 0.875, 1.5, 1)
    assert await spending.of_run(one, "day 2026-05-01") == Family(spot.run_id, 3, 0.875)
    assert await spending.of_run("nobody", "run") == Family("nobody")


@pytest.mark.parametrize(
    ("choice", "up_to", "model", "stops"),
    [
        ("use m/tiny", 1.5, "m/tiny", False),
        ("use m/huge", 0.0, "", False),
        (STOP, 0.0, "", True),
        ("?", 0.0, "", False),
    ],
)
async def test_what_a_person_chose_for_one_run_holds_for_those_that_share_its_work(
    spread: SpreadRuns,
    queued: QueuedRuns,
    postgres_journal: PostgresJournal,
    database: Database,
    choice: str,
    up_to: float,
    model: str,
    stops: bool,
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(2))
    asker, other = spread_id(spot, 0), spread_id(spot, 1)
    await at_limit(postgres_journal, asker, Question("Go on?", (CONTINUE, "use m/tiny", STOP)))
    await postgres_journal.answer(asker, "pay", {"choice": choice})
    known = await Spending(database).of_run(other, "run")
    assert known == Family(spot.run_id, 3, 0.0, up_to, 1, is_stopped=stops, model=model)

    lease = (await postgres_journal.take_run(spot.run_id))[2]
    failure = ErrorInfo("budget", "A person chose to stop.", 1)
    postgres_journal.put(lease, started(spot.run_id, "last"))
    later = NOW + timedelta(seconds=1)
    postgres_journal.put(lease, StepFailed(spot.run_id, later, "last", "last", 1, failure, None, NO_USAGE, 0.0))
    await postgres_journal.close_run(lease)
    assert not (await Spending(database).of_run(other, "run")).is_stopped


async def test_of_runs_that_may_ask_at_the_same_time_one_does(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spending = Spending(database)
    asking = Family("root", 3)
    asked = await asyncio.gather(*(spending.may_ask(asking, "run", each) for each in "abcde"))
    assert sorted(asked) == [False] * 4 + [True]
    first = "abcde"[asked.index(True)]
    assert await spending.may_ask(asking, "run", first), "as when the answer to it was lost"
    assert await spending.may_ask(asking, "day 2026-05-01", "other")
    assert await spending.may_ask(replace(asking, answers=1), "run", "other")
    assert not await spending.may_ask(asking, "run", "other")
    late = text("UPDATE rates SET updated = updated - interval '31 s'")
    await database.run(lambda connection: connection.execute(late))
    assert await spending.may_ask(asking, "run", "other"), "whoever claimed it did not get to ask"
    assert not await spending.may_ask(asking, "run", first)


async def at_limit(journal: PostgresJournal, run_id: str, question: Question | None = None) -> None:
    """The run's step waits because of a limit."""
    lease = (await journal.take_run(run_id))[2]
    limit: Json = {"key": "run", "up_to_usd": 1.5} if question is not None else {}
    journal.put(lease, started(run_id, "pay"))
    journal.put(lease, StepSuspended(run_id, NOW, "pay", "pay", 1, question, None, {BUDGET: limit}, NO_USAGE, 0.0))
    journal.put(lease, RunSuspended(run_id, NOW, ("pay",), None, NO_USAGE, 0.0))
    await journal.close_run(lease)


async def test_an_answer_about_a_limit_lets_all_go_on_that_wait_for_it(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(4))
    asker, *others, untouched = (spread_id(spot, number) for number in range(4))
    await at_limit(postgres_journal, asker, Question("Go on?", (CONTINUE, STOP)))
    for run_id in others:
        await at_limit(postgres_journal, run_id)
    await forget_entries(database)
    assert await spread.answered(spot.run_id) is False
    assert await database.run(spread.look_after) == []

    await postgres_journal.answer(spot.run_id, "pay", {"choice": CONTINUE})
    assert sorted(await database.run(spread.look_after)) == sorted(others), "the asker is found by its answer"
    assert await entries(database) == []
    assert await spread.answered(asker, itself=False) is True
    assert sorted(await entries(database)) == sorted(others)
    assert await spread.answered(others[0]) is True
    assert sorted(await entries(database)) == sorted([asker, *others])
    assert untouched not in await entries(database)


async def test_those_that_wait_for_an_answer_go_on_if_the_one_that_asked_has_ended(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(2))
    asker, other = spread_id(spot, 0), spread_id(spot, 1)
    await at_limit(postgres_journal, asker, Question("Go on?", (CONTINUE, STOP)))
    await at_limit(postgres_journal, other)
    await forget_entries(database)
    await postgres_journal.cancel(asker)
    assert await database.run(spread.look_after) == [other]


async def test_what_a_run_asked_for_is_told_of_and_removed_with_it(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot = await waiting(spread, queued, postgres_journal, order(2))
    for number in range(2):
        run_id = spread_id(spot, number)
        lease = (await postgres_journal.take_run(run_id))[2]
        postgres_journal.put(lease, started(run_id, f"all[{number}]/a"))
        postgres_journal.put(lease, completed(run_id, f"all[{number}]/a"))
        postgres_journal.put(lease, RunCompleted(run_id, NOW, {}, NO_USAGE, 1.0))
        await postgres_journal.close_run(lease)
    assert [step.path for step in await postgres_journal.steps(spot.run_id)] == ["all", "all[0]/a", "all[1]/a"]
    assert [run.id for run in await postgres_journal.runs()] == [spot.run_id]
    assert await Executions(database).delete(spread_id(spot, 0)) is False

    await end(postgres_journal, spot.run_id)
    newer = new_run(created=NOW)
    await queued.add(newer)
    await end(postgres_journal, newer.id)
    assert await Executions(database).prune(keep_runs=1) == 1
    assert [run.id for run in await postgres_journal.runs()] == [newer.id]
    assert await spread.standing(spot) == Standing()


async def test_runs_of_a_run_that_has_ended_are_cancelled_by_whoever_looks_after_the_queue(
    spread: SpreadRuns, queued: QueuedRuns, postgres_journal: PostgresJournal, database: Database
) -> None:
    spot, lease = await parent(queued, postgres_journal)
    await begin(spread, spot, order(2))
    inner = spread_id(spot, 0)
    inner_lease = (await postgres_journal.take_run(inner))[2]
    inner_spot = Spot(inner, "all", 1, inner_lease.epoch)
    await begin(spread, inner_spot, order(1))
    await suspend(postgres_journal, inner_lease)
    postgres_journal.put(lease, RunFailed(spot.run_id, NOW, "b", ErrorInfo("failed", "It broke."), NO_USAGE, 1.0))
    await postgres_journal.close_run(lease)
    await database.run(spread.look_after)
    stand = [(await postgres_journal.run(spread_id(where, 0))).status for where in (spot, inner_spot)]
    assert stand == ["cancelled", "cancelled"]
