from __future__ import annotations

import asyncio
import platform
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.engine.errors import EngineError, InputError
from core.engine.journal import Journal
from core.service.queue import PostgresQueue, concurrency_key_of, concurrency_of
from core.store.documents import Documents
from core.store.queued_runs import QueuedRuns
from core.workflow.document import loads
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError
from core.workspace import Workspace
from tests.support.office import at_work, stands

GREET = """\
steploom: 1
name: Greet
inputs: {name: {type: string}}
steps:
  greet:
    type: template
    config: {text: 'Hello {{ input.name }}'}
outputs: {text: '{{ greet.text }}'}
"""

ASK = """\
steploom: 1
name: Ask
steps:
  ask:
    type: approval
    config: {message: 'Shall it?'}
"""

SECRETIVE = """\
steploom: 1
name: Secretive
steps:
  call: {type: api, config: {url: 'http://127.0.0.1:9/', headers: {Authorization: '{{ secrets.NOBODY_SET_THIS }}'}}}
"""


def limited(**options: object) -> Workflow:
    text = GREET + "trigger: {type: api, " + ", ".join(f"{name}: {value}" for name, value in options.items()) + "}\n"
    return loads(text)


@pytest.fixture(params=["in the database", "in the process"])
async def office(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace and somebody who executes its runs."""
    if request.param == "in the process":
        async with Workspace.open(tmp_path / "home", memory_only=True) as opened:
            yield opened
        return
    async with Workspace.open(tmp_path / "home", database_url=database_url) as opened, at_work(opened):
        yield opened


@pytest.fixture
async def idle(database_url: str, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace with a database and nobody who executes its runs."""
    async with Workspace.open(tmp_path / "home", database_url=database_url) as opened:
        yield opened


async def test_a_run_that_was_asked_for_is_executed_once_for_each_key(office: Workspace) -> None:
    first = await office.queue.enqueue(loads(GREET), {"name": "Ada"}, key="order 7", labels={"by": "test"})
    again = await office.queue.enqueue(loads(GREET), {"name": "Bob"}, key="order 7")
    other = await office.queue.enqueue(loads(GREET), {"name": "Cleo"})
    await stands(office, first, "completed")
    await stands(office, other, "completed")

    run = await office.journal.run(first)
    assert (again == first, run.outputs, run.labels) == (True, {"text": "Hello Ada"}, {"by": "test"})
    assert len(await office.journal.runs()) == 2


async def test_what_could_not_run_is_refused_when_it_is_asked_for(office: Workspace) -> None:
    with pytest.raises(InputError, match="name"):
        await office.queue.enqueue(loads(GREET), {})
    with pytest.raises(DocumentError, match="no step type"):
        await office.queue.enqueue(loads(GREET.replace("template", "tenplate")), {"name": "Ada"})
    assert await office.journal.runs() == []


async def test_a_run_that_was_answered_goes_on(office: Workspace) -> None:
    run_id = await office.queue.enqueue(loads(ASK), {})
    await stands(office, run_id, "suspended")
    (asked,) = [step for step in await office.journal.steps(run_id) if step.question]
    assert asked.question is not None
    await office.journal.answer(run_id, asked.path, {"choice": asked.question.choices[0]})
    assert await office.queue.wake(run_id)
    await stands(office, run_id, "completed")


async def test_a_run_that_waits_for_a_person_can_be_cancelled_and_not_twice(office: Workspace) -> None:
    run_id = await office.queue.enqueue(loads(ASK), {})
    await stands(office, run_id, "suspended")
    await office.queue.cancel(run_id)
    await stands(office, run_id, "cancelled")
    with pytest.raises(EngineError, match="nothing to cancel"):
        await office.queue.cancel(run_id)


class QuickWorker(QueuedRuns):
    """Whoever is told to stop a run has done so before the teller goes on."""

    journal: Journal

    async def cancel(self, run_id: str, reason: str) -> bool:
        at_once = await super().cancel(run_id, reason)
        await self.journal.cancel(run_id)
        return at_once


async def test_a_run_that_lacks_a_key_names_the_machine_whose_worker_lacks_it(
    idle: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_work(idle):
        run_id = await idle.queue.enqueue(loads(SECRETIVE), {})
        await stands(idle, run_id, "failed")
    error = (await idle.journal.run(run_id)).error
    assert error is not None
    assert error.message == (
        f"On {platform.node()}, whose worker executed it: The secret 'NOBODY_SET_THIS' is not set. "
        "Set it with: steploom keys set NOBODY_SET_THIS"
    )
    assert f"Run {run_id} of Secretive failed at call: {error.message}" in caplog.messages


async def test_a_run_whose_worker_stops_it_before_the_teller_looks_again_is_cancelled(idle: Workspace) -> None:
    assert idle.store is not None
    async with at_work(idle):
        run_id = await idle.queue.enqueue(loads(ASK), {})
        await stands(idle, run_id, "suspended")
    queued = QuickWorker(idle.store.database, Documents())
    queued.journal = idle.journal
    queue = PostgresQueue(
        queued, idle.store.spread_runs, idle.journal, check=lambda _workflow, inputs: inputs, clock=idle.clock
    )
    await queue.cancel(run_id)
    assert (await idle.journal.run(run_id)).status == "cancelled"
    with pytest.raises(EngineError, match="nothing to cancel"):
        await queue.cancel(run_id)


async def test_an_answer_that_nobody_announced_is_found(idle: Workspace) -> None:
    async with at_work(idle):
        run_id = await idle.queue.enqueue(loads(ASK), {})
        await stands(idle, run_id, "suspended")
        (asked,) = [step for step in await idle.journal.steps(run_id) if step.question]
        assert asked.question is not None
        await idle.journal.answer(run_id, asked.path, {"choice": asked.question.choices[0]})
        await stands(idle, run_id, "completed")


async def test_a_run_waits_in_its_queue_until_it_is_cancelled(idle: Workspace) -> None:
    run_id = await idle.queue.enqueue(loads(GREET), {"name": "Ada"}, queue="slow")
    number, age = (await idle.queue.depth())["slow"]
    assert (number, age >= 0) == (1, True)
    await idle.queue.cancel(run_id)
    assert (await idle.journal.run(run_id)).status == "cancelled"


def test_a_trigger_says_how_many_runs_of_a_key_or_of_the_workflow_may_be_executed_at_once() -> None:
    by_customer = limited(concurrency_key="'{{ input.name }}'", concurrency=2)
    assert concurrency_key_of(by_customer, {"name": "Ada"}) == "Ada"
    assert concurrency_of(by_customer, "Ada") == (2, 0)
    assert concurrency_of(limited(concurrency=3), "") == (0, 3)
    assert concurrency_of(loads(GREET), "a key of the caller's own") == (1, 0)
    assert concurrency_of(loads(GREET), "") == (0, 0)


async def test_runs_of_one_key_are_let_in_one_after_the_other_by_priority(idle: Workspace) -> None:
    assert idle.store is not None
    queued = idle.store.queued_runs
    named = [("Ada", 0), ("Bob", 0), ("Cleo", 5)]
    ids = [
        await idle.queue.enqueue(loads(GREET), {"name": name}, concurrency_key="k", priority=priority)
        for name, priority in named
    ]
    assert await queued.take_slot(ids[0])
    assert [await queued.take_slot(run_id) for run_id in ids[1:]] == [False, False]
    await queued.free_slot(ids[0])
    taken = [await queued.take_slot(run_id) for run_id in (ids[2], ids[1])]
    assert taken == [True, False]


async def test_of_many_who_want_the_last_slot_at_once_one_gets_it(idle: Workspace) -> None:
    assert idle.store is not None
    queued = idle.store.queued_runs
    ids = [await idle.queue.enqueue(limited(concurrency=2), {"name": "Ada"}) for _ in range(12)]
    taken = await asyncio.gather(*(queued.take_slot(run_id) for run_id in ids))
    assert sum(taken) == 2


async def let_in(idle: Workspace, ids: list[str]) -> set[str]:
    """Those of these runs that have a slot."""
    assert idle.store is not None
    facts = await asyncio.gather(*(idle.store.queued_runs.get(run_id) for run_id in ids))
    return {found.run_id for found in facts if found is not None and found.has_slot}


async def test_of_runs_that_end_at_once_each_lets_another_one_in(idle: Workspace) -> None:
    assert idle.store is not None
    queued = idle.store.queued_runs
    ids = [await idle.queue.enqueue(limited(concurrency=4), {"name": "Ada"}) for _ in range(10)]
    assert [await queued.take_slot(run_id) for run_id in ids] == [True] * 4 + [False] * 6
    assert await let_in(idle, ids) == set(ids[:4])
    await asyncio.gather(*(queued.free_slot(run_id) for run_id in ids[:4]))
    assert await let_in(idle, ids) == set(ids[4:8])
    assert [await queued.take_slot(run_id) for run_id in ids[4:]] == [True] * 4 + [False] * 2


async def test_a_slot_is_given_on_once_and_never_while_the_run_is_executed(idle: Workspace) -> None:
    assert idle.store is not None
    queued = idle.store.queued_runs
    ids = [await idle.queue.enqueue(limited(concurrency=1), {"name": "Ada"}) for _ in range(3)]
    assert [await queued.take_slot(run_id) for run_id in ids] == [True, False, False]
    lease = (await idle.journal.take_run(ids[0]))[2]
    await queued.free_slot(ids[0])
    assert await let_in(idle, ids) == {ids[0]}, "whoever asked for it again does not have it"
    await idle.journal.close_run(lease)
    for _ in range(3):
        await queued.free_slot(ids[0])
    assert await let_in(idle, ids) == {ids[1]}


async def test_all_runs_of_a_limited_key_are_executed_in_the_end(office: Workspace) -> None:
    ids = [await office.queue.enqueue(loads(GREET), {"name": str(n)}, concurrency_key="k") for n in range(6)]
    for run_id in ids:
        await stands(office, run_id, "completed")


async def test_calls_beyond_a_rate_are_promised_for_later_each_after_the_one_before(idle: Workspace) -> None:
    assert idle.store is not None
    waits = [await idle.store.rates.draw("openai", 20, 1000) for _ in range(4)]
    assert waits[:2] == [0, 0]
    assert 40 < waits[2] <= 50
    assert 90 < waits[3] <= 100
    assert await idle.store.rates.draw("another", 20, 1000) == 0
