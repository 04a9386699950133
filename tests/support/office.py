"""Workspaces on a database, a worker in this process for their runs, and waiting for what becomes of these."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from core.engine.journal import RunRecord
from core.service.worker import Worker
from core.steps import discover
from core.workspace import Workspace
from tests.support.engine_steps import Stage, engine_step_types


@asynccontextmanager
async def staged_workspace(database_url: str, home: Path, stage: Stage) -> AsyncIterator[Workspace]:
    """A workspace with the steps of tests beside the real ones, and nobody who executes its runs."""
    types = engine_step_types(stage, discover())
    async with Workspace.open(home, database_url=database_url, types=types) as opened:
        yield opened


@asynccontextmanager
async def at_work(workspace: Workspace, concurrency: int | None = None) -> AsyncIterator[None]:
    """While inside, a worker executes the workspace's runs, so many at a time."""
    worker = Worker(workspace, grace_s=0, concurrency=concurrency)
    working = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await working


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds that a worker or the database brings about."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.02)


async def stands(workspace: Workspace, run_id: str, *statuses: str) -> RunRecord:
    """The run when it stands so; when it has ended, if nothing is named."""
    async with asyncio.timeout(60):
        while True:
            run = await workspace.journal.run(run_id)
            if run.status in (statuses or ("completed", "failed", "cancelled")):
                return run
            await asyncio.sleep(0.02)
