"""Runs that no worker began, and that workers go on with when their time has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.engine.testing import ManualClock
from core.steps import discover
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.killed_workers import off_loop
from tests.support.odd_steps import DeadlyStep, OddStep, install_into
from tests.support.worker_fleet import ROOT, Fleet, fleet_of

WAIT = """\
steploom: 1
name: Wait
steps:
  before:
    type: template
    config: {{text: begun}}
    then: wait
  wait:
    type: wait
    config: {{duration: 1h}}
    then: after
  after:
    type: {kind}
    {config}
outputs: {{text: '{{{{ before.text }}}}'}}
"""

TEMPLATE = "config: {text: went on}"


@pytest.fixture
def fleet(database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with fleet_of(database_url, tmp_path / "fleet") as made:
        yield made


@pytest.fixture
async def yesterday(database_url: str, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A program of a day ago, whose waits have ended by now."""
    types = discover()
    types.add(OddStep())
    types.add(DeadlyStep())
    clock = ManualClock(datetime.now(UTC) - timedelta(days=1))
    async with Workspace.open(tmp_path / "office", database_url=database_url, types=types, clock=clock) as opened:
        yield opened


async def suspended(office: Workspace, kind: str, config: str = "") -> str:
    """A run that this program began and that waits."""
    result = await office.run(loads(WAIT.format(kind=kind, config=config)), {})
    assert result.status == "suspended"
    return result.run_id


async def test_a_run_that_a_command_began_goes_on_in_a_worker_when_its_wait_has_ended(
    yesterday: Workspace, fleet: Fleet
) -> None:
    run_id = await suspended(yesterday, "template", TEMPLATE)
    await asyncio.to_thread(fleet.start)
    await off_loop(fleet.until_status, run_id, "completed")
    attempts = fleet.query("SELECT path, attempt, status FROM step_results ORDER BY seq")
    assert attempts == [
        ("before", 1, "completed"), ("wait", 1, "suspended"), ("wait", 2, "completed"), ("after", 1, "completed"),
    ]  # fmt: skip


async def test_a_run_whose_wait_has_not_ended_is_left_alone(yesterday: Workspace, fleet: Fleet) -> None:
    later = await suspended(yesterday, "template", TEMPLATE)
    fleet.execute("UPDATE executions SET wake_at = now() + interval '1 day'")
    run_id = await suspended(yesterday, "template", TEMPLATE)
    await asyncio.to_thread(fleet.start)
    await off_loop(fleet.until_status, run_id, "completed")
    assert fleet.status(later) == "suspended"
    assert fleet.query("SELECT run_id FROM queued_runs") == [(run_id,)]


async def test_a_woken_run_that_workers_cannot_execute_waits_for_one_that_can(
    yesterday: Workspace, fleet: Fleet, tmp_path: Path
) -> None:
    run_id = await suspended(yesterday, "odd")
    worker = await asyncio.to_thread(fleet.start)
    await off_loop(fleet.until, lambda: fleet.query("SELECT 1 FROM queued_runs WHERE waits_for <> ''"), "the refusal")
    assert fleet.status(run_id) == "suspended"
    worker.kill()
    worker.wait()
    fleet.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
    await asyncio.to_thread(fleet.start, PYTHONPATH=f"{ROOT}:{install_into(tmp_path / 'plug-in')}")
    await off_loop(fleet.until_status, run_id, "completed")


async def test_a_woken_run_that_kills_its_workers_is_parked_after_three(
    yesterday: Workspace, fleet: Fleet, tmp_path: Path
) -> None:
    run_id = await suspended(yesterday, "deadly")
    path = f"{ROOT}:{install_into(tmp_path / 'plug-in')}"
    for _ in range(3):
        process = await asyncio.to_thread(fleet.start, wait=False, PYTHONPATH=path)
        assert await asyncio.to_thread(process.wait, 60) == 77
    survivor = await asyncio.to_thread(fleet.start, PYTHONPATH=path)
    await off_loop(fleet.until, lambda: fleet.query("SELECT 1 FROM queued_runs WHERE parked <> ''"), "it to be parked")
    run = await yesterday.journal.run(run_id)
    assert run.error is not None
    assert (run.status, run.error.type, survivor.poll()) == ("suspended", "parked", None)
