"""Publishing the shown workflow and switching its trigger on and off: the library as the inspector needs it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import SignalInstance

from core.workflow.model import Json, Workflow
from core.workflow.samples import sample_inputs
from core.workflow.triggers import Schedule, read_trigger
from desktop.panels.trigger_past import SHOWN
from desktop.panels.trigger_standing import Standing

if TYPE_CHECKING:
    from core.store.schedules import PastTime
    from core.store.store import Store
    from core.workspace import Workspace
    from desktop.session import Session

TRIGGER: Final = "trigger"
TEST: Final = "test"
"""Labels of a run that a trigger started, and of one that was started to try it."""

LOOKED_AT: Final = 20
"""Runs among which those are looked for that a trigger started."""


class ServiceAddress(Protocol):
    """The background service, as far as whoever tells where a workflow is called needs it; ServiceDesk is one."""

    @property
    def address(self) -> str:
        """Where it listens, '' if it does not."""

    @property
    def usual_address(self) -> str:
        """Where it listens or will listen; '' if nobody can know."""

    @property
    def changed(self) -> SignalInstance:
        """Emitted when it stands otherwise."""

    def start(self) -> None:
        """Start it."""


class Publishing(Protocol):
    """What can be done with a workflow of the library, by its name. None: the library has none of that name."""

    async def stands(self, name: str) -> Standing | None:
        """Which version is published, whether it is active, when it came and comes."""

    async def publish(self, name: str) -> Standing | None:
        """Let the trigger run the newest saved version. Raises DocumentError or StoreError."""

    async def switch(self, name: str, on: bool) -> Standing | None:
        """Switch the trigger on or off. Raises DocumentError or StoreError."""

    async def pause(self, name: str, on: bool) -> Standing | None:
        """Let the times of its schedule pass, or go on with the next. Raises StoreError."""

    async def sample(self, name: str) -> tuple[Workflow, Mapping[str, Json]]:
        """The newest saved version, and inputs to try it with: the schedule's, or made up. Raises StoreError."""

    async def test(self, name: str, inputs: Mapping[str, Json]) -> str:
        """Start a run of the newest saved version as its trigger would; its id. Raises DocumentError or InputError."""

    async def make_token(self, name: str) -> str:
        """A new token that may start workflows. It is shown here and never again. name: what it is for."""


@dataclass(frozen=True, slots=True)
class SessionPublishing:
    """Publishing in whatever workspace is open."""

    session: Session

    async def stands(self, name: str) -> Standing | None:
        """As the protocol says."""
        from core.store.errors import WorkflowNotFound

        found = self._open
        if found is None:
            return None
        try:
            return await self._standing(*found, name)
        except WorkflowNotFound:
            return None

    async def publish(self, name: str) -> Standing | None:
        """As the protocol says."""
        if (found := self._open) is None:
            return None
        workspace, store = found
        await workspace.switches.publish(name)
        return await self._standing(workspace, store, name)

    async def switch(self, name: str, on: bool) -> Standing | None:
        """As the protocol says."""
        if (found := self._open) is None:
            return None
        workspace, store = found
        await (workspace.switches.activate(name) if on else workspace.switches.deactivate(name))
        return await self._standing(workspace, store, name)

    async def pause(self, name: str, on: bool) -> Standing | None:
        """As the protocol says."""
        if (found := self._open) is None:
            return None
        workspace, store = found
        await (workspace.switches.pause(name) if on else workspace.switches.resume(name))
        return await self._standing(workspace, store, name)

    async def sample(self, name: str) -> tuple[Workflow, Mapping[str, Json]]:
        """As the protocol says."""
        _, store = self._needed
        workflow = (await store.workflows.get(name)).workflow
        options, _ = read_trigger(workflow.trigger)
        given = options.inputs if isinstance(options, Schedule) else {}
        return workflow, sample_inputs(workflow, given)

    async def test(self, name: str, inputs: Mapping[str, Json]) -> str:
        """As the protocol says."""
        workspace, store = self._needed
        workflow = (await store.workflows.get(name)).workflow
        return workspace.start(workflow, inputs, labels={TRIGGER: workflow.trigger.type, TEST: "yes"}).id

    async def make_token(self, name: str) -> str:
        """As the protocol says."""
        from core.store.tokens import Tokens

        workspace, store = self._needed
        _, text = await Tokens(store.database, now=workspace.clock.now).create(name[:100], ["run"])
        return text

    @property
    def _open(self) -> tuple[Workspace, Store] | None:
        workspace = self.session.workspace
        return (workspace, workspace.store) if workspace is not None and workspace.store is not None else None

    @property
    def _needed(self) -> tuple[Workspace, Store]:
        from core.store.errors import StoreError

        found = self._open
        if found is None:
            raise StoreError("There is no library now: the database is not open.")
        return found

    async def _standing(self, workspace: Workspace, store: Store, name: str) -> Standing:
        from core.store.errors import NotScheduled

        publication = await store.workflows.publication(name)
        schedule = None
        if publication.is_active:
            with suppress(NotScheduled):  # its trigger is of another type
                schedule = await store.schedules.get(name)
        past = tuple(await store.schedules.past(name, SHOWN)) or await _begun(workspace, name)
        return Standing(publication, schedule, past, starts_here=not workspace.demo)


async def _begun(workspace: Workspace, name: str) -> tuple[PastTime, ...]:
    """The runs that a trigger without times started last."""
    from core.store.schedules import PastTime

    runs = await workspace.journal.runs(workflow=name, limit=LOOKED_AT)
    found = [run for run in runs if TRIGGER in run.labels and TEST not in run.labels]
    return tuple(PastTime(run.created, run.created, "", run.id, run.status, run.ended) for run in found[:SHOWN])
