"""A run from its first record to its last: owned by a lease, ended in one of five ways."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from core.engine.clock import Clock, Deadline
from core.engine.errors import EndRun, EngineError, RunNotFound, StepError, Suspended
from core.engine.events import (
    NO_USAGE,
    ErrorInfo,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunStatus,
    RunSuspended,
    Usage,
)
from core.engine.execution import Execution, Listener, Planner
from core.engine.journal import Journal, Lease, RunRecord, StepRecord
from core.engine.names import ScopeNames
from core.engine.part import WHOLE, path_of
from core.engine.plan import Plan
from core.engine.reuse import Reuse
from core.engine.scope import Scope
from core.engine.services import Services
from core.engine.spread import ENDS, PARENT_LABEL, RESULT, VARIABLES
from core.engine.templates import NOT_RUN, SKIPPED, evaluate
from core.engine.variables import Variables
from core.workflow.model import Json


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands when nothing of it runs any more.

    status: completed, failed, cancelled or suspended. waiting: scope paths of steps that wait. wake_at: when
    the first of them goes on by itself, if any does. duration_s: seconds of work, waiting for people left out.
    """

    run_id: str
    workflow: str
    status: RunStatus
    outputs: Mapping[str, Json] | None = None
    error: ErrorInfo | None = None
    error_path: str = ""
    usage: Usage = NO_USAGE
    duration_s: float = 0.0
    waiting: tuple[str, ...] = ()
    wake_at: datetime | None = None
    resumable: bool = False


class Lifecycle:
    """Executes one run once: opens or takes it in the journal, runs the graph, records the end, lets go of it."""

    def __init__(
        self,
        *,
        planner: Planner,
        plan: Plan,
        record: RunRecord,
        fresh: bool,
        journal: Journal,
        services: Services,
        clock: Clock,
        random: Random,
        listener: Listener,
        timeout: float | None,
    ) -> None:
        self._planner = planner
        self._plan = plan
        self._record = record
        self._fresh = fresh
        self._journal = journal
        self._services = services
        self._clock = clock
        self._random = random
        self._listener = listener
        self._timeout = timeout
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False
        self._cancel_reason = ""
        self._resumable = False
        self._run: Execution | None = None

    def cancel(self, reason: str, *, resumable: bool) -> None:
        """End the run promptly. Only the first call counts."""
        if self._cancelled:
            return
        self._cancelled = True
        self._cancel_reason = reason
        self._resumable = resumable
        if self._run is not None:
            self._run.cancel_reason = reason
        if self._task is not None:
            self._task.cancel()

    async def execute(self) -> RunResult:
        """Run the graph to its end. Raises EngineError if the journal does not let it."""
        history: tuple[StepRecord, ...] = ()
        reuse = await self._reuse()
        if self._fresh:
            lease = await self._journal.open_run(self._record)
        else:
            self._record, records, lease = await self._journal.take_run(self._record.id)
            history = tuple(records)
        try:
            return await self._own(lease, history, reuse)
        finally:
            await self._journal.close_run(lease)

    async def _reuse(self) -> Reuse | None:
        """What is known before the steps begin. Raises RunNotFound if a new run is based on one that is gone."""
        part = self._record.part
        if part == WHOLE or part.one_pass is not None:
            return None
        earlier: Sequence[StepRecord] = ()
        if part.base:
            try:
                earlier = await self._journal.steps(part.base)
            except RunNotFound:
                if self._fresh:
                    raise
        return Reuse(self._record.workflow, part, earlier)

    async def _own(self, lease: Lease, history: tuple[StepRecord, ...], reuse: Reuse | None) -> RunResult:
        record = self._record
        run = self._run = Execution(
            run_id=record.id,
            workflow=record.workflow.name,
            origin=record.origin,
            planner=self._planner,
            journal=self._journal,
            lease=lease,
            services=self._services,
            clock=self._clock,
            random=self._random,
            listeners=(self._listener,),
            history=history,
            reuse=reuse,
            document=record.workflow,
        )
        run.cancel_reason = self._cancel_reason
        now, name = self._clock.now(), record.workflow.name
        begins = self._fresh or record.status == "queued"
        around = record.labels.get(PARENT_LABEL, "")
        began_with = RunStarted(run.run_id, now, name, record.inputs, around)
        run.emit(began_with if begins else RunResumed(run.run_id, now, name, around))
        began = self._clock.monotonic()
        graph = asyncio.get_running_loop().create_task(self._graph(run))
        self._task = graph
        if self._cancelled:
            graph.cancel()
        try:
            await asyncio.wait([graph])
        except asyncio.CancelledError:
            # The program is closing: nobody asked for the end of this run, so it may go on another time.
            self.cancel("the program was closing", resumable=True)
            await asyncio.wait([graph])
        spent = record.duration_s + self._clock.monotonic() - began
        return await self._end(run, graph, round(spent, 6))

    async def _graph(self, run: Execution) -> dict[str, Json]:
        """Run the top scope; the workflow's outputs."""
        record, plan = self._record, self._plan
        variables = Variables(plan.defaults)
        facts: dict[str, Json] = {
            "id": record.id,
            "workflow": record.workflow.name,
            "started": record.created.isoformat(),
        }
        names = ScopeNames({"input": dict(record.inputs), "vars": variables.values, "run": facts})
        scope = self._top(run, names, variables)
        try:
            run.deadline = Deadline(self._clock, self._timeout)
            if not self._fresh:
                await run.know_secrets_of_history()
                await run.count_spread()
            async with run.deadline:
                await scope.execute()
        except TimeoutError:
            raise StepError(f"The run took longer than its timeout of {self._timeout:g} s.", kind="timeout") from None
        except EndRun as end:
            if record.part.one_pass is not None:
                wish: Json = {"status": end.status, "message": end.message, "outputs": end.outputs, "at": end.raised_at}
                return {ENDS: wish}
            if end.status == "failed":
                failure = StepError(end.message or "A step ended the run as failed.", kind="stopped")
                failure.path = end.raised_at
                raise failure from None
            if end.outputs:
                return end.outputs
        if (one := record.part.one_pass) is not None:
            return {
                RESULT: evaluate(one.gives, scope.names, tolerant=True),
                VARIABLES: scope.variables.set_within(()),
            }
        if record.part.end:
            output = scope.names.outputs.get(record.part.end)
            return dict(output) if isinstance(output, dict) else {}
        outputs = evaluate(dict(record.workflow.outputs), names, tolerant=True)
        assert isinstance(outputs, dict)
        return outputs

    def _top(self, run: Execution, names: ScopeNames, variables: Variables) -> Scope:
        """The scope that the run begins in: the workflow's own, or that of the one step that runs alone."""
        record, part = self._record, self._record.part
        own = dict(part.names)
        if isinstance(given := own.pop("vars", None), dict):
            variables.values.update(given)
        place: dict[str, Any] = {"document": record.workflow, "variables": variables, "origin": record.origin}
        if part.is_whole or part.until:
            return Scope(run, self._plan.scope, names=names, **place)
        around: dict[str, Any] = {step.id: NOT_RUN for _, step in record.workflow.walk()}
        if (one := part.one_pass) is not None:
            prefix = f"{one.place}[{record.inputs['index']}]/"
            own |= record.inputs
            around.update(dict.fromkeys(one.skipped, SKIPPED))
        else:
            prefix = path_of(record.workflow, part.only).removesuffix(part.only)
            around.update({step_id: dict(given.output) for step_id, given in part.given.items()})
        scope = Scope(run, self._plan.scope, prefix=prefix, names=ScopeNames(own, names), **place)
        names.outputs.update(around)
        return scope

    async def _end(self, run: Execution, graph: asyncio.Task[dict[str, Json]], seconds: float) -> RunResult:
        """Record how the graph ended, and cancel what nobody waits for any more. Raises as `_record_end`."""
        result = await self._record_end(run, graph, seconds)
        if not result.resumable:
            await run.drop_spread("the run that it was part of ended", keep=result.waiting)
        return result

    async def _record_end(self, run: Execution, graph: asyncio.Task[dict[str, Json]], seconds: float) -> RunResult:
        """Record how the graph ended. Raises what is no way for a run to end: a lost lease, a lost journal."""
        now, usage = self._clock.now(), run.usage
        if graph.cancelled():
            if not self._resumable:
                run.stop_waiting(run.stop_reason())
            await run.conclude(RunCancelled(run.run_id, now, usage, seconds, self._resumable))
            return self._result("cancelled", usage, seconds, resumable=self._resumable)
        match graph.exception():
            case None:
                outputs = run.masked(graph.result())
                run.stop_waiting("another step ended the run")
                await run.conclude(RunCompleted(run.run_id, now, outputs, usage, seconds))
                return self._result("completed", usage, seconds, outputs=outputs)
            case Suspended():
                waiting = tuple(path for path, step in run.waiting.items() if not step.inside)
                wake_at = min((step.until for step in run.waiting.values() if step.until is not None), default=None)
                await run.conclude(RunSuspended(run.run_id, now, waiting, wake_at, usage, seconds))
                return self._result("suspended", usage, seconds, waiting=waiting, wake_at=wake_at)
            case StepError() as error:
                info = run.error_info(error, error.attempt)
                await run.conclude(RunFailed(run.run_id, now, error.path, info, usage, seconds))
                return self._result("failed", usage, seconds, error=info, error_path=error.path)
            case EngineError() as error:
                raise error
            case error:
                raise EngineError(f"The run stopped by a fault in the engine: {error!r}. It can be resumed.") from error

    def _result(self, status: RunStatus, usage: Usage, seconds: float, **facts: Any) -> RunResult:
        record = self._record
        return RunResult(record.id, record.workflow.name, status, usage=usage, duration_s=seconds, **facts)
