"""Passes on workers that reach a limit on spending together: a person is asked once, and the answer holds for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.engine.budget import BUDGET
from core.engine.journal import RunRecord, StepRecord
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.engine_steps import Stage
from tests.support.office import at_work, staged_workspace, stands, until

PASSES = 6

PAYING = """\
steploom: 1
name: Paying
limits: {usd_per_run: 0.01}
steps:
  all:
    type: for_each
    config:
      items: [0, 1, 2, 3, 4, 5]
      spread: true
      concurrency: 6
      on_item_error: MODE
      collect: '{{ more.value }}'
    body:
      pay:
        type: work
        config: {effect: spends, tokens: 10, gate: true}
        then: more
      more:
        type: work
        config: {effect: spends, value: '{{ item }}'}
    then: last
  last:
    type: work
    config: {effect: spends, value: '{{ all.failed }}'}
outputs: {results: '{{ all.results }}', failed: '{{ last.value }}'}
"""


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def office(database_url: str, tmp_path: Path, stage: Stage) -> AsyncIterator[Workspace]:
    """A workspace with the steps of tests, and a worker for its runs."""
    async with staged_workspace(database_url, tmp_path / "home", stage) as opened, at_work(opened, 20):
        yield opened


async def asked(office: Workspace, stage: Stage, mode: str) -> str:
    """A run of which all passes reach the limit at the same time."""
    run_id = await office.queue.enqueue(loads(PAYING.replace("MODE", mode)), {})

    async def all_at_work() -> bool:
        return len(stage.running) == PASSES

    await until(all_at_work)
    for path in tuple(stage.running):
        stage.gate(path).set()
    return run_id


async def all_waiting(office: Workspace, run_id: str) -> StepRecord:
    """The one record with a question, when all passes wait."""
    async with asyncio.timeout(60):
        while True:
            newest = {step.path: step for step in await office.steps(run_id)}
            waiting = [step for step in newest.values() if step.status == "suspended" and BUDGET in step.state]
            if len(waiting) == PASSES:
                (asking,) = [step for step in waiting if step.question is not None and step.answer is None]
                return asking
            await asyncio.sleep(0.02)


async def answered(office: Workspace, run_id: str, choice: str) -> RunRecord:
    """The run when it has ended."""
    asking = await all_waiting(office, run_id)
    await office.journal.answer(run_id, asking.path, {"choice": choice})
    assert await office.queue.wake(run_id)
    return await stands(office, run_id, "completed", "failed")


async def questions(office: Workspace, run_id: str) -> int:
    return len([step for step in await office.steps(run_id) if step.question is not None])


async def test_one_answer_lets_all_passes_go_on(office: Workspace, stage: Stage) -> None:
    run = await answered(office, await asked(office, stage, "stop"), "continue")
    assert run.error is None
    assert run.outputs == {"results": [0, 1, 2, 3, 4, 5], "failed": 0}
    assert await questions(office, run.id) == 1
    assert set(stage.times.values()) == {1}


@pytest.mark.parametrize("mode", ["stop", "collect"])
async def test_stopping_stops_all_passes_and_what_comes_after_them_and_a_resumed_run_asks_once_again(
    office: Workspace, stage: Stage, mode: str
) -> None:
    run = await answered(office, await asked(office, stage, mode), "stop")
    assert run.error is not None
    assert (run.status, run.error.type) == ("failed", "budget")
    assert await questions(office, run.id) == 1
    paid = [f"all[{number}]/pay" for number in range(PASSES)]
    assert sorted(stage.paths) == paid

    await (await office.resume(run.id)).result()
    await stands(office, run.id, "suspended")

    async def asks_again() -> bool:
        return await questions(office, run.id) == 2

    await until(asks_again)
    (asking,) = [step for step in await office.steps(run.id) if step.question is not None and step.answer is None]
    await office.journal.answer(run.id, asking.path, {"choice": "continue"})
    assert await office.queue.wake(run.id)
    run = await stands(office, run.id, "completed")
    assert run.outputs is not None
    assert run.outputs["failed"] == (0 if mode == "stop" else PASSES)
    assert await questions(office, run.id) == 2
