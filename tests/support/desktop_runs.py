"""A real workspace in memory and a document, as the window holds them, for tests of running and watching."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.engine.clock import Clock
from core.engine.lifecycle import RunResult
from core.engine.step_type import StepTypes
from core.steps import discover
from core.workflow.model import Workflow
from core.workspace import Workspace
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.run_controller import RunController
from desktop.watched_run import WatchedRun
from tests.support.engine_steps import Stage, engine_step_types
from tests.support.qt_loop import next_signal
from tests.support.small_steps import small_step_types


@dataclass
class RunDesk:
    """One open document with its runs. failures: every text that the bridge has told."""

    workspace: Workspace
    document: OpenDocument
    bridge: Bridge
    controller: RunController
    stage: Stage
    failures: list[str] = field(default_factory=list)

    async def begin(self, inputs: Mapping[str, Any] | None = None) -> WatchedRun:
        """Start a run; it is shown on return."""
        self.controller.start(inputs)
        (shown,) = await next_signal(self.controller.shown_changed)
        assert isinstance(shown, WatchedRun)
        return shown

    async def finish(self, inputs: Mapping[str, Any] | None = None) -> WatchedRun:
        """Start a run and wait until nothing of it is executed any more."""
        self.controller.start(inputs)
        return await self.over()

    async def over(self) -> WatchedRun:
        """The run that ends next."""
        try:
            (result,) = await next_signal(self.controller.ended)
        except TimeoutError:
            raise AssertionError(f"No run has ended. What was told: {self.failures}") from None
        assert isinstance(result, RunResult)
        return next(run for run in self.controller.runs if run.id == result.run_id)

    async def stage_reached(self, path: str) -> None:
        """Wait until the step at that path runs."""
        await self._until(lambda: path in self.stage.running)

    async def idle(self) -> None:
        """Wait until nothing runs in the background."""
        await self._until(lambda: not self.bridge.busy)

    async def answered(self, run_id: str, path: str) -> None:
        """Wait until the journal holds an answer to the question of that path."""
        async with asyncio.timeout(20):
            while not any(  # noqa: ASYNC110 - the journal tells nobody of answers
                r.path == path and r.answer for r in await self.workspace.steps(run_id)
            ):
                await asyncio.sleep(0)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - what is waited for happens inside steps that know no event of ours
                await asyncio.sleep(0)


def all_step_types(stage: Stage) -> StepTypes:
    """The real step types, and those for tests whose names are not taken."""
    kinds = discover()
    for more in (small_step_types(), engine_step_types(stage)):
        for kind in more:
            if kinds.get(kind.type) is None:
                kinds.add(kind)
    return kinds


@asynccontextmanager
async def open_run_desk(
    workflow: Workflow, home: Path, *, clock: Clock | None = None, database_url: str = ""
) -> AsyncIterator[RunDesk]:
    """A workspace that keeps nothing but in that database, with the demo model, and that workflow open in it."""
    stage = Stage()
    kinds = all_step_types(stage)
    async with Workspace.open(
        home, database_url=database_url, memory_only=not database_url, demo=True, types=kinds, clock=clock
    ) as workspace:
        bridge = Bridge(asyncio.get_running_loop())
        document = OpenDocument(workflow)
        controller = RunController(workspace, document, bridge)
        desk = RunDesk(workspace, document, bridge, controller, stage)
        bridge.failed.connect(desk.failures.append)
        try:
            yield desk
        finally:
            controller.close()
            await bridge.close()
            await workspace.stop_runs()
