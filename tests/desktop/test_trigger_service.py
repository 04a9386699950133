"""Schedules at work while the window is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.service.triggers.scheduler import Scheduler
from core.workspace import Workspace
from desktop.session import Session
from tests.core.service.triggers.conftest import greeting


@asynccontextmanager
async def opened(home: Path, database_url: str, *, demo: bool = False) -> AsyncIterator[Workspace]:
    """The workspace of a window. database_url: '' keeps everything in memory."""
    session = Session(home, database_url=database_url, memory_only=not database_url, demo=demo)
    await session.load_types()
    await session.open()
    assert session.workspace is not None
    try:
        yield session.workspace
    finally:
        await session.close()


async def switch_on(workspace: Workspace) -> None:
    """Let a schedule have come twice while nothing was there for it, the next time being half an hour away."""
    assert workspace.store is not None
    await workspace.store.workflows.save(greeting(every="1h", missed="once"), 0)
    await workspace.store.workflows.activate("Greeting", now=datetime.now(UTC) - timedelta(hours=2, minutes=30))


def at_work() -> set[str]:
    """What goes on behind a window because of triggers, by the names of the tasks."""
    names = {"scheduler", "what triggers left behind", "what is told of watched runs", "worker of the window"}
    return names & {task.get_name() for task in asyncio.all_tasks()}


async def test_a_schedule_comes_and_its_run_is_executed_while_the_window_is_open(
    database_url: str, tmp_path: Path
) -> None:
    async with Workspace.open(tmp_path / "home", database_url=database_url) as before:
        await switch_on(before)

    async with opened(tmp_path / "home", database_url) as workspace, asyncio.timeout(60):
        while not (runs := await workspace.runs()) or runs[0].status != "completed":  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    assert [run.labels["trigger"] for run in runs] == ["schedule"]


async def test_the_demonstration_starts_nothing_by_itself_and_a_workspace_that_keeps_nothing_nothing_at_all(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(tmp_path / "home", database_url):
        assert {"scheduler", "what triggers left behind", "what is told of watched runs"} <= at_work()
    async with opened(tmp_path / "home", database_url, demo=True):
        assert at_work() == {"what is told of watched runs"}
    async with opened(tmp_path / "home", ""):
        assert at_work() == set()


async def test_runs_that_were_left_queued_by_a_window_that_was_closed_are_executed_by_the_next(
    database_url: str, tmp_path: Path
) -> None:
    async with Workspace.open(tmp_path / "home", database_url=database_url) as before:
        await switch_on(before)
        assert before.store is not None
        (fired,) = await Scheduler(before.store.schedules, before.queue, clock=before.clock).fire_due()

    async with opened(tmp_path / "home", database_url) as workspace, asyncio.timeout(60):
        while (await workspace.journal.run(fired.run_id)).status != "completed":  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
