from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from core.engine.journal import RunRecord
from core.engine.testing import ManualClock
from core.service.triggers.scheduler import Fired, Scheduler
from core.store.store import Store
from core.workflow.model import Json, Step, Trigger, Workflow
from core.workspace import Workspace


def greeting(name: str = "Greeting", type_: str = "schedule", **options: Json) -> Workflow:
    """A workflow that needs no model. It takes a text `who`, `Ada` by default."""
    one = Step("hello", "template", config={"text": "Hello {{ input.who }}"})
    inputs: dict[str, dict[str, Json]] = {"who": {"type": "string", "default": "Ada"}}
    return Workflow(name, trigger=Trigger(type_, options), inputs=inputs, steps={"hello": one})


@dataclass
class Party:
    """A workspace on a database with a scheduler of its own, its clock moved by hand."""

    workspace: Workspace
    clock: ManualClock
    scheduler: Scheduler
    told: list[Fired] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        assert self.workspace.store is not None
        return self.workspace.store

    async def activate(self, workflow: Workflow) -> None:
        """Save, publish and switch on."""
        known = {entry.name: entry.version for entry in await self.store.workflows.list()}
        await self.store.workflows.save(workflow, known.get(workflow.name, 0))
        await self.store.workflows.publish(workflow.name, now=self.clock.now())
        await self.store.workflows.activate(workflow.name, now=self.clock.now())

    async def runs(self) -> list[RunRecord]:
        """All runs, oldest first."""
        return list(await self.store.journal.runs(limit=1000))[::-1]

    async def times(self) -> list[str]:
        """The times that runs were started for."""
        return sorted(run.labels["scheduled_for"][:16] for run in await self.runs())

    async def end_runs(self) -> None:
        """Let every queued run be over."""
        for run in await self.runs():
            if run.status == "queued":
                await self.store.queued_runs.cancel(run.id, "it is over")


@pytest.fixture
async def open_party(database_url: str, tmp_path: Path) -> AsyncIterator[Callable[[ManualClock], Awaitable[Party]]]:
    async with AsyncExitStack() as stack:

        async def make(clock: ManualClock) -> Party:
            opened = await stack.enter_async_context(
                Workspace.open(tmp_path / "home", database_url=database_url, clock=clock)
            )
            assert opened.store is not None
            told, held = list[Fired](), list[str]()
            scheduler = Scheduler(
                opened.store.schedules, opened.queue, clock=clock, random=Random(7), told=told.append, held=held.append
            )
            return Party(opened, clock, scheduler, told, held)

        yield make


@pytest.fixture
async def party(open_party: Callable[[ManualClock], Awaitable[Party]]) -> Party:
    return await open_party(ManualClock())
