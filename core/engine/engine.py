"""The engine: starts, resumes and watches runs of workflows."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final, TypeAlias

from core.engine.clock import Clock
from core.engine.errors import EngineError
from core.engine.events import Event
from core.engine.execution import Listener
from core.engine.journal import Journal, RunRecord
from core.engine.lifecycle import Lifecycle, RunResult
from core.engine.part import WHOLE, Part, cut
from core.engine.plan import Plan, make_plan
from core.engine.services import Services
from core.engine.step_type import StepTypes
from core.workflow.model import Json, Workflow

BindInputs: TypeAlias = Callable[[Workflow, Mapping[str, Json]], dict[str, Json]]
"""Checks the inputs of a run against the workflow and fills in defaults. Raises InputError."""

_log = logging.getLogger(__name__)

PLANS_KEPT: Final = 64
"""How many workflows stay ready to run."""


class Run:
    """A run in this process: wait for it, watch it, cancel it."""

    def __init__(self, run_id: str, workflow: Workflow) -> None:
        self.id = run_id
        self.workflow = workflow
        self.listeners: list[Listener] = []
        self._task: asyncio.Task[RunResult] | None = None
        self._lifecycle: Lifecycle | None = None

    def begin(self, lifecycle: Lifecycle) -> None:
        """Start the work; called once, by the engine."""
        self._lifecycle = lifecycle
        self._task = asyncio.get_running_loop().create_task(lifecycle.execute(), name=f"run {self.id}")

    @property
    def done(self) -> bool:
        """Whether nothing of the run is executed any more."""
        return self._task is not None and self._task.done()

    async def result(self) -> RunResult:
        """How the run ended, once it has. Waiting may be given up without harm to the run.

        Raises EngineError if the run could not be executed at all: LeaseLost, JournalUnavailable (resume it later),
        RunBusy, RunNotFound.
        """
        assert self._task is not None
        return await asyncio.shield(self._task)

    def cancel(self, reason: str = "a person cancelled the run", *, resumable: bool = False) -> None:
        """End the run promptly, with a final record for every started step. resumable: it may be resumed later."""
        if self._lifecycle is not None and self._task is not None and not self._task.done():
            self._lifecycle.cancel(reason, resumable=resumable)

    def events(self) -> AsyncIterator[Event]:
        """Everything that happens from this call on, until the run's task ends. Its errors come from `result`.

        Called before anything is awaited after `start` or `resume`, it misses nothing.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.listeners.append(queue.put_nowait)
        assert self._task is not None
        self._task.add_done_callback(lambda _: queue.put_nowait(None))
        return self._drain(queue)

    async def _drain(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self.listeners.remove(queue.put_nowait)


def fill_defaults(workflow: Workflow, inputs: Mapping[str, Json]) -> dict[str, Json]:
    """The inputs with the workflow's defaults filled in and nothing checked."""
    return {name: schema["default"] for name, schema in workflow.inputs.items() if "default" in schema} | dict(inputs)


class Engine:
    """Runs workflows on the running asyncio loop.

    types: the known step types. bind_inputs: how inputs are checked. listeners: get every event of every run.
    new_id: makes the ids of runs. random: what the waits between retries are drawn from.
    """

    def __init__(
        self,
        types: StepTypes,
        journal: Journal,
        *,
        services: Services,
        clock: Clock,
        new_id: Callable[[], str],
        random: Random,
        bind_inputs: BindInputs = fill_defaults,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.types = types
        self.journal = journal
        self.services = services
        self.clock = clock
        self.random = random
        self.listeners: list[Listener] = list(listeners)
        self._new_id = new_id
        self._bind_inputs = bind_inputs
        self._plans: OrderedDict[tuple[int, str, str, str], tuple[Workflow, Plan]] = OrderedDict()

    def plan(self, workflow: Workflow) -> Plan:
        """The workflow, ready to run; kept for the next run of the same object. Raises DocumentError."""
        return self.plan_part(workflow, WHOLE)

    def plan_part(self, workflow: Workflow, part: Part) -> Plan:
        """What of the workflow may run in that part, ready to run and kept. Raises DocumentError or EngineError."""
        key = id(workflow), part.only, part.until, part.one_pass.loop if part.one_pass else ""
        known = self._plans.get(key)
        if known is None:
            known = self._plans[key] = workflow, make_plan(cut(workflow, part), self.types)
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return known[1]

    def bind_inputs(self, workflow: Workflow, inputs: Mapping[str, Json]) -> dict[str, Json]:
        """The inputs, checked and with defaults filled in. Raises InputError."""
        return self._bind_inputs(workflow, inputs)

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Json] | None = None,
        *,
        origin: str = "",
        services: Services | None = None,
        labels: Mapping[str, str] | None = None,
        timeout: float | None = None,
        part: Part = WHOLE,
        run_id: str = "",
        variables: Mapping[str, Json] | None = None,
    ) -> Run:
        """Start a run. Raises DocumentError, InputError, or EngineError for a part that names no step of the workflow,
        at once; everything else comes from `Run.result`.

        origin: folder that relative names start from. timeout: seconds for the run, instead of the workflow's own.
        part: what of the workflow is executed, and what is known before; a step that runs alone may lack inputs.
        run_id: of whoever had to write it down before the run begins; '' for a new one. variables: what those that the
        workflow declares begin with, instead of their defaults.
        """
        begin: dict[str, Json] = {
            name: (variables or {})[name] for name in workflow.variables if name in (variables or {})
        }
        if begin:
            part = replace(part, names={**part.names, "vars": begin})
        plan = self.plan_part(workflow, part)
        bound = fill_defaults(workflow, inputs or {}) if part.only else self.bind_inputs(workflow, inputs or {})
        record = RunRecord(
            id=run_id or self._new_id(),
            workflow=workflow,
            inputs=bound,
            status="running",
            created=self.clock.now(),
            origin=origin,
            labels=dict(labels or {}),
            part=part,
        )
        return self._begin(Run(record.id, workflow), plan, record, services, timeout, fresh=True)

    async def resume(
        self,
        run_id: str,
        *,
        services: Services | None = None,
        timeout: float | None = None,
        record: RunRecord | None = None,
    ) -> Run:
        """Go on with a run that was suspended, interrupted, failed, or cancelled as resumable.

        record: as the journal gave it a moment ago. Completed steps are not run again. Raises RunNotFound, or
        EngineError for a run that has ended; that another process executes the run (RunBusy) comes from `Run.result`.
        """
        record = record or await self.journal.run(run_id)
        if record.status == "completed" or (record.status == "cancelled" and not record.resumable):
            raise EngineError(f"The run {run_id} has ended ({record.status}); nothing is left to resume.")
        plan = self.plan_part(record.workflow, record.part)
        return self._begin(Run(record.id, record.workflow), plan, record, services, timeout, fresh=False)

    def _begin(
        self, run: Run, plan: Plan, record: RunRecord, services: Services | None, timeout: float | None, *, fresh: bool
    ) -> Run:
        def tell(event: Event) -> None:
            for listener in (*self.listeners, *run.listeners):
                try:
                    listener(event)
                except Exception:  # noqa: BLE001 - whatever a watcher does, the run goes on
                    _log.exception("A listener failed at %s of run %s", type(event).__name__, event.run_id)

        run.begin(
            Lifecycle(
                planner=self,
                plan=plan,
                record=record,
                fresh=fresh,
                journal=self.journal,
                services=services or self.services,
                clock=self.clock,
                random=self.random,
                listener=tell,
                timeout=timeout if timeout is not None else record.workflow.timeout,
            )
        )
        return run
