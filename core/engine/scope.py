"""One level of a running graph: which step is ready, which is skipped, when all is done.

A scope is the workflow's top level, one pass through a loop's body, or a workflow inside a workflow.
"""

from __future__ import annotations

import asyncio
from typing import Final

from core.engine.errors import EndRun, EngineError, Suspended
from core.engine.events import StepSkipped
from core.engine.execution import Execution
from core.engine.names import ScopeNames
from core.engine.plan import ScopePlan, StepPlan
from core.engine.step_execution import StepExecution
from core.engine.templates import SKIPPED
from core.engine.variables import Rank, Variables
from core.workflow.model import Workflow

YIELD_AFTER: Final = 0.005
"""Seconds of uninterrupted work after which a chain of quick steps lets the loop breathe."""


class Scope:
    """Runs the steps of one scope as their wires settle.

    document: the workflow that the steps are part of. prefix: what stands before a step's id in its scope path; base:
    before those of the document. rank: the scope's place in the order of the run.
    caller: id of the step of the run's own workflow that runs the workflow of this scope, '' for that workflow itself.
    replayed: whether all that has happened in it was read from records of an earlier process.
    """

    def __init__(
        self,
        run: Execution,
        plan: ScopePlan,
        *,
        document: Workflow,
        prefix: str = "",
        names: ScopeNames,
        variables: Variables,
        rank: Rank = (),
        origin: str = "",
        base: str = "",
        depth: int = 0,
        caller: str = "",
        parent: Scope | None = None,
    ) -> None:
        self.run = run
        self.plan = plan
        self.document = document
        self.base = base
        self.prefix = prefix
        self.names = names
        self.variables = variables
        self.rank = rank
        self.origin = origin
        self.depth = depth
        self.caller = caller
        self.replayed = bool(plan.steps)
        self._parent = parent
        self._pending = [step.incoming for step in plan.steps]
        self._live = bytearray(len(plan.steps))
        self._begun = bytearray(len(plan.steps))
        self._tasks: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._waiting = False
        self._stop_reason = ""
        self._stopping = False
        names.outputs.update(plan.blank)

    async def execute(self) -> None:
        """Run until every step is settled.

        Raises StepError (a step failed and its siblings were stopped), Suspended (the rest waits for a person or a
        time), EndRun (a step ended the run), or CancelledError; in each case no step of the scope runs any more.
        """
        self._finished = asyncio.get_running_loop().create_future()
        try:
            self._begin(list(self.plan.starts))
            if self._tasks:
                await self._finished
        except BaseException:
            await self._stop("")
            raise
        if self._failure is not None:
            await self._stop(_stop_reason(self._failure))
            raise self._failure
        if self._parent is not None and self.plan.lasting:
            await self.run.flush()
        if self._waiting:
            raise Suspended

    def stop_reason(self) -> str:
        """Why the steps of this scope are being cancelled."""
        if self._stop_reason or self._parent is None:
            return self._stop_reason or self.run.stop_reason()
        return self._parent.stop_reason()

    def inner(
        self,
        plan: ScopePlan,
        *,
        prefix: str,
        names: ScopeNames,
        variables: Variables,
        rank: Rank,
        origin: str,
        document: Workflow | None = None,
    ) -> Scope:
        """A scope inside this one. document: of another workflow, which counts against the depth limit."""
        deeper = document is not None
        return Scope(
            self.run,
            plan,
            document=document or self.document,
            base=prefix if deeper else self.base,
            prefix=prefix,
            names=names,
            variables=variables,
            rank=rank,
            origin=origin,
            depth=self.depth + deeper,
            caller=self.caller or (prefix[:-1].rpartition("/")[2] if deeper else ""),
            parent=self,
        )

    def _begin(self, ready: list[StepPlan]) -> None:
        """Start steps, each in a task of its own; pass over disabled ones, with what follows from that."""
        while ready:
            step = ready.pop(0)
            self._begun[step.rank] = 1
            if step.step.disabled:
                self._skip(step, "the step is disabled")
                ready += self._settle(step, ())
            else:
                self._spawn(step)

    def _spawn(self, step: StepPlan) -> None:
        task = asyncio.get_running_loop().create_task(self._chain(step))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            if not self._stopping and self._failure is None:
                self._failure = EngineError("A step was cut off from outside the engine. Resume the run.")
        elif (error := task.exception()) is not None and self._failure is None:
            self._failure = error
        if self._finished is not None and not self._finished.done() and (self._failure or not self._tasks):
            self._finished.set_result(None)

    async def _chain(self, step: StepPlan) -> None:
        """Run a step and, in the same task, whatever single thread of steps follows from it."""
        clock = self.run.clock
        began = clock.monotonic()
        current: StepPlan | None = step
        while current is not None:
            ports = await StepExecution(self, current).run()
            if ports is None:
                self._waiting = True
                return
            if self._stopping:
                return
            ready = self._settle(current, ports)
            current = None
            if ready:
                while ready and ready[0].step.disabled:
                    self._begin([ready.pop(0)])
                if ready:
                    current = ready.pop(0)
                    self._begun[current.rank] = 1
                    self._begin(ready)
            if current is not None and clock.monotonic() - began > YIELD_AFTER:
                await asyncio.sleep(0)
                began = clock.monotonic()

    def _settle(self, step: StepPlan, live: tuple[str, ...]) -> list[StepPlan]:
        """Make a step's ports live or dead; gives the steps that are ready now, in document order."""
        ready: list[StepPlan] = []
        settled = [(step, live)]
        while settled:
            done, ports = settled.pop()
            for port, targets in done.targets.items():
                alive = port in ports
                for target in targets:
                    rank = target.rank
                    self._pending[rank] -= 1
                    if alive:
                        self._live[rank] = 1
                    if self._begun[rank]:
                        continue
                    if (self._live[rank] and not self._pending[rank]) or (alive and target.step.join == "any"):
                        self._begun[rank] = 1
                        ready.append(target)
                    elif not self._pending[rank]:
                        self._begun[rank] = 1
                        self._skip(target, "no wire that leads to it is live")
                        settled.append((target, ()))
        return ready

    def _skip(self, step: StepPlan, reason: str) -> None:
        self.names.outputs[step.step.id] = SKIPPED
        run, path = self.run, self.prefix + step.step.id
        past = run.history(path)
        known = bool(past) and past[-1].status == "skipped" and path not in run.attempts
        last = run.attempts.get(path) or (past[-1].attempt if past else 0)
        attempt = last if known else last + 1
        event = StepSkipped(run.run_id, run.clock.now(), path, step.step.id, attempt, reason, step.step.title)
        if known:
            run.publish(event)
            return
        self.replayed = False
        if self.prefix:
            run.attempts[path] = event.attempt
        run.emit(event)

    async def _stop(self, reason: str) -> None:
        """Cancel what still runs and wait until each has left its final record."""
        self._stop_reason = reason
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        cancelled = False
        while self._tasks:
            try:
                await asyncio.wait(self._tasks)
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                cancelled = True
        if cancelled:
            raise asyncio.CancelledError


def _stop_reason(failure: BaseException) -> str:
    """Why the other steps of a scope are cancelled when one of them ended it."""
    match failure:
        case EndRun():
            return "another step ended the run"
        case Exception():
            return "another step failed"
        case _:
            return ""
