"""Publishing the shown workflow and switching its trigger on and off: the library as the inspector needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.workflow.problems import DocumentError
from core.workflow.triggers import Schedule, read_trigger

if TYPE_CHECKING:
    from core.store.publications import Publication
    from core.workspace import Workspace
    from desktop.session import Session


class Publishing(Protocol):
    """What can be done with a workflow of the library, by its name. None: the library has none of that name."""

    async def stands(self, name: str) -> Publication | None:
        """Which version is published, and whether it is active."""

    async def publish(self, name: str) -> Publication | None:
        """Let the trigger run the newest saved version. Raises DocumentError or StoreError."""

    async def switch(self, name: str, on: bool) -> Publication | None:
        """Switch the trigger on or off. Raises DocumentError or StoreError."""

    async def test(self, name: str) -> str:
        """Start a run of the newest saved version with the trigger's inputs; its id.

        Raises DocumentError or InputError.
        """


@dataclass(frozen=True, slots=True)
class SessionPublishing:
    """Publishing in whatever workspace is open."""

    session: Session

    async def stands(self, name: str) -> Publication | None:
        """As the protocol says."""
        from core.store.errors import WorkflowNotFound

        workspace = self.session.workspace
        if workspace is None or workspace.store is None:
            return None
        try:
            return await workspace.store.workflows.publication(name)
        except WorkflowNotFound:
            return None

    async def publish(self, name: str) -> Publication | None:
        """As the protocol says."""
        workspace = self.session.workspace
        if workspace is None or workspace.store is None:
            return None
        await _refuse_problems(workspace, name, None)
        return await workspace.store.workflows.publish(name, now=workspace.clock.now())

    async def switch(self, name: str, on: bool) -> Publication | None:
        """As the protocol says."""
        workspace = self.session.workspace
        if workspace is None or workspace.store is None:
            return None
        workflows = workspace.store.workflows
        if not on:
            return await workflows.deactivate(name)
        await _refuse_problems(workspace, name, (await workflows.publication(name)).published or None)
        return await workflows.activate(name, now=workspace.clock.now())

    async def test(self, name: str) -> str:
        """As the protocol says."""
        workspace = self.session.workspace
        if workspace is None or workspace.store is None:
            return ""
        workflow = (await workspace.store.workflows.get(name)).workflow
        options, _ = read_trigger(workflow.trigger)
        inputs = options.inputs if isinstance(options, Schedule) else {}
        return workspace.start(workflow, inputs, labels={"trigger": workflow.trigger.type, "test": "yes"}).id


async def _refuse_problems(workspace: Workspace, name: str, version: int | None) -> None:
    assert workspace.store is not None
    workflow = (await workspace.store.workflows.get(name, version)).workflow
    if errors := [problem for problem in workspace.validate(workflow) if problem.severity == "error"]:
        raise DocumentError(errors, name)
