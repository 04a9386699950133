"""Schedules at work while the window is open."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.service.triggers.scheduler import Scheduler
from core.workspace import Workspace
from desktop.session import Session
from tests.core.service.triggers.conftest import greeting


async def test_a_schedule_comes_and_its_run_is_executed_while_the_window_is_open(
    database_url: str, tmp_path: Path
) -> None:
    async with Workspace.open(tmp_path / "home", database_url=database_url) as before:
        assert before.store is not None
        await before.store.workflows.save(greeting(every="1h", missed="once"), 0)
        await before.store.workflows.activate("Greeting", now=datetime.now(UTC) - timedelta(hours=3))

    session = Session(tmp_path / "home", database_url=database_url)
    await session.load_types()
    await session.open()
    workspace = session.workspace
    assert workspace is not None
    try:
        async with asyncio.timeout(60):
            while not (runs := await workspace.runs()) or runs[0].status != "completed":  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.05)  # the store works on a thread of its own
    finally:
        await session.close()
    assert [run.labels["trigger"] for run in runs] == ["schedule"]


async def test_the_demonstration_and_a_workspace_that_keeps_nothing_start_nothing(tmp_path: Path) -> None:
    session = Session(tmp_path / "home", memory_only=True)
    await session.open()
    assert session.workspace is not None
    await session.close()


async def test_runs_that_were_left_queued_by_a_window_that_was_closed_are_executed_by_the_next(
    database_url: str, tmp_path: Path
) -> None:
    async with Workspace.open(tmp_path / "home", database_url=database_url) as before:
        assert before.store is not None
        await before.store.workflows.save(greeting(every="1h", missed="once"), 0)
        await before.store.workflows.activate("Greeting", now=datetime.now(UTC) - timedelta(hours=3))
        (fired,) = await Scheduler(before.store.schedules, before.queue, clock=before.clock).fire_due()

    session = Session(tmp_path / "home", database_url=database_url)
    await session.load_types()
    await session.open()
    workspace = session.workspace
    assert workspace is not None
    try:
        async with asyncio.timeout(60):
            while (await workspace.journal.run(fired.run_id)).status != "completed":  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.05)  # the store works on a thread of its own
    finally:
        await session.close()
