"""An engine with everything around it made for tests: time by hand, ids by counting, a journal in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, TypeVar

from core.engine.engine import BindInputs, Engine, Run, fill_defaults
from core.engine.errors import StepError
from core.engine.events import Event, StepEvent
from core.engine.journal import Journal
from core.engine.lifecycle import RunResult
from core.engine.memory_journal import MemoryJournal
from core.engine.services import Services
from core.engine.step_type import StepTypes
from core.engine.testing import ManualClock, settle
from core.workflow.model import DEFAULT_PORT, Json, Step, Workflow
from tests.support.engine_steps import Stage, engine_step_types
from tests.support.small_steps import small_step_types

E = TypeVar("E", bound=Event)

Then = str | list[str] | Mapping[str, str | list[str]]


def step(
    step_id: str, kind: str = "work", *, then: Then = "", config: Mapping[str, Any] | None = None, **more: Any
) -> Step:
    """A step. then: as in a document. body: a list of steps."""
    ports = then if isinstance(then, Mapping) else {DEFAULT_PORT: then}
    wires = {port: (to,) if isinstance(to, str) else tuple(to) for port, to in ports.items() if to}
    if "body" in more:
        more["body"] = {inner.id: inner for inner in more["body"]}
    return Step(step_id, kind, config=dict(config or {}), then=wires, **more)


def workflow(*steps: Step, name: str = "Test", variables: Mapping[str, Json] | None = None, **more: Any) -> Workflow:
    """A workflow of those steps. variables: the initial values."""
    schemas: dict[str, dict[str, Json]] = {key: {"default": value} for key, value in (variables or {}).items()}
    return Workflow(name, steps={each.id: each for each in steps}, variables=schemas, **more)


class KeptWorkflows:
    """Workflows by name, from a dict."""

    def __init__(self, *workflows: Workflow) -> None:
        self.by_name = {each.name: each for each in workflows}

    async def get(self, name: str, origin: str) -> Workflow:
        """The workflow of that name."""
        if name not in self.by_name:
            raise StepError(f"There is no workflow {name!r}.", kind="not_found")
        return self.by_name[name]


class KeptSecrets:
    """Secrets by name, from a dict."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    async def get(self, name: str) -> str | None:
        """The secret, or None."""
        return self.values.get(name)


class Rig:
    """One engine and what a test wants to know of it. events: everything that any of its runs told."""

    def __init__(
        self,
        *workflows: Workflow,
        journal: Journal | None = None,
        secrets: Mapping[str, str] | None = None,
        random: Random | None = None,
        types: StepTypes | None = None,
        clock: ManualClock | None = None,
        bind_inputs: BindInputs = fill_defaults,
    ) -> None:
        self.stage = Stage()
        self.clock = clock or ManualClock()
        self.journal: Journal = journal if journal is not None else MemoryJournal(self.clock.now)
        self.events: list[Event] = []
        kinds = engine_step_types(self.stage, types or small_step_types())
        numbers = itertools.count(1)
        self.engine = Engine(
            kinds,
            self.journal,
            services=Services(workflows=KeptWorkflows(*workflows), secrets=KeptSecrets(secrets or {})),
            clock=self.clock,
            new_id=lambda: f"run-{next(numbers)}",
            random=random or Random(1),
            bind_inputs=bind_inputs,
            listeners=[self.events.append],
        )

    async def run(self, document: Workflow, inputs: Mapping[str, Json] | None = None) -> RunResult:
        """Run a workflow that nothing holds, to its end."""
        return await self.engine.start(document, inputs).result()

    async def begin(self, document: Workflow, inputs: Mapping[str, Json] | None = None) -> Run:
        """Start a run and let it come as far as it can without time passing."""
        run = self.engine.start(document, inputs)
        await settle()
        return run

    async def resume(self, run_id: str = "run-1") -> RunResult:
        """Resume a run that nothing holds, to its end."""
        return await (await self.engine.resume(run_id)).result()

    def told(self, kind: type[E], path: str | None = None) -> list[E]:
        """The events of a kind, in order; of one step, if a path is given."""
        return [
            event
            for event in self.events
            if type(event) is kind and (path is None or (isinstance(event, StepEvent) and event.path == path))
        ]

    def paths(self, kind: type[StepEvent], where: Callable[[Any], bool] = lambda _: True) -> list[str]:
        """The scope paths that events of a kind tell of, in order."""
        return [event.path for event in self.events if type(event) is kind and where(event)]

    async def statuses(self, run_id: str = "run-1") -> dict[str, str]:
        """The status of the newest record of each path."""
        return {record.path: record.status for record in await self.journal.steps(run_id)}
