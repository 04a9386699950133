"""Switching triggers: what is published and active, and schedules that are held."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.engine.clock import Clock
from core.store.publications import Publication
from core.store.schedules import PastTime, ScheduledWorkflow, Schedules
from core.store.workflows import Workflows
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError, Problem


class Switches:
    """All methods take a workflow's name and raise WorkflowNotFound. validate: everything that is wrong with one."""

    def __init__(
        self, workflows: Workflows, schedules: Schedules, validate: Callable[[Workflow], list[Problem]], clock: Clock
    ) -> None:
        self._workflows = workflows
        self._schedules = schedules
        self._validate = validate
        self._clock = clock

    async def publish(self, name: str, version: int | None = None) -> Publication:
        """Let its trigger run that version, the newest for None. Raises DocumentError or AddressTaken."""
        await self._refuse_problems(name, version)
        return await self._workflows.publish(name, version, now=self._clock.now())

    async def activate(self, name: str) -> Publication:
        """Let its trigger start it; publishes the newest version if none is. Raises DocumentError or AddressTaken."""
        published = (await self._workflows.publication(name)).published
        await self._refuse_problems(name, published or None)
        return await self._workflows.activate(name, now=self._clock.now())

    async def deactivate(self, name: str) -> Publication:
        """Let its trigger start nothing any more; what runs goes on."""
        return await self._workflows.deactivate(name)

    async def schedules(self) -> Sequence[ScheduledWorkflow]:
        """The schedules of active workflows, the next one first."""
        return await self._schedules.list()

    async def past(self, name: str, limit: int) -> Sequence[PastTime]:
        """The times of its schedule that came last, the latest first."""
        await self._workflows.publication(name)
        return await self._schedules.past(name, limit)

    async def pause(self, name: str) -> ScheduledWorkflow:
        """Let the times of its schedule pass. Raises NotScheduled."""
        await self._schedules.pause(name)
        return await self._schedules.get(name)

    async def resume(self, name: str) -> ScheduledWorkflow:
        """Let its schedule go on with its next time. Raises NotScheduled."""
        await self._schedules.resume(name, now=self._clock.now())
        return await self._schedules.get(name)

    async def _refuse_problems(self, name: str, version: int | None) -> None:
        workflow = (await self._workflows.get(name, version)).workflow
        if errors := [problem for problem in self._validate(workflow) if problem.severity == "error"]:
            raise DocumentError(errors, name)
