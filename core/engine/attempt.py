"""One step of a running graph: its attempts, from the templates of its config to its final record."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from core.engine.clock import Deadline
from core.engine.errors import (
    EndRun,
    InputError,
    JournalUnavailable,
    LeaseLost,
    Question,
    StepError,
    Suspend,
    Suspended,
    TemplateError,
)
from core.engine.events import (
    NO_USAGE,
    Cause,
    ErrorInfo,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepFailed,
    StepRetrying,
    StepStarted,
    StepSuspended,
)
from core.engine.execution import MAX_DEPTH, Execution, Waiting
from core.engine.journal import StepRecord
from core.engine.names import MoreNames, ScopeNames
from core.engine.plan import LASTING, StepPlan
from core.engine.step_type import Pass, StepContext, StepOutput
from core.engine.templates import evaluate
from core.engine.variables import Variables
from core.workflow.model import ERROR_PORT, Json, Workflow
from core.workflow.problems import DocumentError

if TYPE_CHECKING:
    from core.engine.scope import Scope

log = logging.getLogger(__name__)

LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds; a server that asks for a longer wait is not obeyed beyond this."""

RUN_AGAIN, TREAT_AS_DONE, FAIL = "run_again", "treat_as_done", "fail"
"""What a person may answer about a step that was interrupted while it changed the world."""

ENDS_RUN: Final = "end of run"
"""Stands among the live ports of a step that ended the run, so that its replay ends the run again."""


@dataclass(frozen=True, slots=True)
class Begin:
    """How an attempt begins. number: from 1."""

    number: int = 1
    cause: Cause = "first"
    answer: Mapping[str, Json] | None = None
    state: Mapping[str, Json] | None = None


FIRST: Final = Begin()


class StepExecution:
    """Carries one step to its end: replays its record, or makes attempts until one counts. Also the step's Host."""

    __slots__ = ("_begin", "_changes", "_context", "_since", "path", "plan", "run_state", "scope")

    def __init__(self, scope: Scope, plan: StepPlan) -> None:
        self.scope = scope
        self.plan = plan
        self.run_state: Execution = scope.run
        self.path = scope.prefix + plan.step.id
        self._begin = FIRST
        self._changes: dict[str, Json] = {}
        self._context: StepContext | None = None
        self._since = 0.0

    async def run(self) -> tuple[str, ...] | None:
        """The live output ports, or None while the step waits for a person or a time. Raises StepError or EndRun."""
        run = self.run_state
        past = run.history(self.path)
        if (made := run.attempts.get(self.path)) is not None:
            self._begin = Begin(made + 1, "retry")  # the loop or workflow around it is being retried
        elif past:
            await run.know_secrets(self.plan.secrets)
            taken = self._take_up(past)
            if not isinstance(taken, Begin):
                return taken
            self._begin = taken
        tries = 1
        while True:
            try:
                return await self._attempt()
            except StepError as error:
                wait = self._wait_before_retry(error, tries)
                if wait is None:
                    return self._fail(error)
                self._retry(error, wait)
                await run.clock.sleep(wait)
                self._begin = Begin(self._begin.number + 1, "retry", self._begin.answer, self._begin.state)
                tries += 1

    # -- what an earlier process left --------------------------------------------------------------------------------

    def _take_up(self, past: Sequence[StepRecord]) -> tuple[str, ...] | Begin | None:
        """What follows from the records: the ports, None to go on waiting, or a new attempt. Raises EndRun."""
        last = past[-1]
        again = _again(past, "resumed")
        match last.status:
            case "completed":
                return self._replay(last)
            case "started" | "cancelled":
                if self._repeatable():
                    if last.status == "started":
                        self._close(last)
                    return again
                self._ask_about_interruption(last)
                return None
            case "suspended" if last.state.get("interrupted") is True:
                return self._after_interruption(past)
            case "suspended" if last.answer is not None:
                return _again(past, "answered")
            case "suspended" if last.question is not None or last.until is not None:
                if last.until is not None and self.run_state.clock.now() >= last.until:
                    return again
                self._wait(last.attempt, last.until)
                return None
            case _:
                return again

    def _replay(self, last: StepRecord) -> tuple[str, ...]:
        output = dict(last.output or {})
        self._settle(output, last.variables)
        self.run_state.publish(
            StepCompleted(
                self.run_state.run_id, last.ended or self.run_state.clock.now(), self.path, last.step_id, last.attempt,
                output, last.ports, last.variables, last.request, last.usage, last.duration_s, last.error, True,
            )
        )  # fmt: skip
        if ENDS_RUN in last.ports:
            outputs = output.get("outputs")
            end = EndRun(
                "failed" if output.get("status") == "failed" else "completed",
                str(output.get("message", "")),
                outputs if isinstance(outputs, dict) else None,
            )
            end.raised_at = self.path
            raise end
        return last.ports

    def _close(self, last: StepRecord) -> None:
        """Give an attempt whose process died its final record."""
        run, reason = self.run_state, "the process that ran it ended"
        run.emit(
            StepCancelled(
                run.run_id, run.clock.now(), self.path, last.step_id, last.attempt,
                reason, last.request, last.usage, last.duration_s,
            )
        )  # fmt: skip

    def _repeatable(self) -> bool:
        return self.plan.effect != "writes" or self.plan.idempotency is not None

    def _ask_about_interruption(self, last: StepRecord) -> None:
        name = self.plan.step.name
        question = Question(
            f"The step “{name}” was interrupted while it was changing something outside. Nobody knows whether it got "
            f"through. Look there, then answer: run it again, treat it as done, or let it fail.",
            choices=(RUN_AGAIN, TREAT_AS_DONE, FAIL),
        )
        self._suspend(Suspend(question=question, state={"interrupted": True}), last.attempt)

    def _after_interruption(self, past: Sequence[StepRecord]) -> tuple[str, ...] | Begin | None:
        last = past[-1]
        if last.answer is None:
            self._wait(last.attempt, None)
            return None
        choice = last.answer.get("choice")
        begin = _again(past, "answered")
        if choice == RUN_AGAIN:
            return begin
        if choice not in (TREAT_AS_DONE, FAIL):
            # Anything unforeseen must not repeat what may have happened already.
            self._ask_about_interruption(last)
            return None
        self._begin = begin
        self._since = self.run_state.clock.monotonic()
        self._started(last.inputs)
        if choice == TREAT_AS_DONE:
            output = last.answer.get("output")
            return self._complete(dict(output) if isinstance(output, dict) else {}, None)
        return self._fail(StepError("It was interrupted, and a person chose to let it fail.", kind="interrupted"))

    # -- one attempt ---------------------------------------------------------------------------------------------------

    async def _attempt(self) -> tuple[str, ...] | None:
        run, plan = self.run_state, self.plan
        self._since = run.clock.monotonic()
        self._changes = {}
        self._context = None
        inputs: dict[str, Json] = plan.fixed
        started = False
        try:
            try:
                if plan.templated:
                    inputs = await self._inputs()
            finally:
                self._started(inputs)
                started = True
            if run.lease.lost:
                raise LeaseLost(LeaseLost.__doc__)
            if plan.follows_lasting or plan.effect in LASTING:
                await run.flush()
            self._context = context = self._new_context()
            result = await self._run_kind(inputs, context)
        except asyncio.CancelledError:
            if started:
                self._cancelled()
            raise
        except Suspend as wish:
            self._suspend(wish, self._begin.number)
            return None
        except Suspended:
            self._suspend(None, self._begin.number)
            return None
        except EndRun as end:
            self._end_run(end)
            raise
        if isinstance(result, StepOutput):
            return self._complete(result.value, result.ports)
        return self._complete(result, None)

    async def _inputs(self) -> dict[str, Json]:
        """The config with its templates filled in."""
        names: Mapping[str, Any] = self.scope.names
        values = dict(self.plan.fixed)
        for part in self.plan.templated:
            readable = names
            if part.secrets:
                readable = MoreNames({"secrets": {**await self.run_state.secrets(part.secrets)}}, names)
            values[part.name] = evaluate(part.value, readable, tolerant=part.tolerant)
        return values

    async def _run_kind(self, inputs: Mapping[str, Json], context: StepContext) -> StepOutput | dict[str, Json]:
        seconds = self.plan.step.timeout
        deadline = Deadline(self.run_state.clock, seconds)
        try:
            config = self.plan.ready_config or self.plan.kind.resolve(inputs)
            if seconds is None:
                return await self.plan.kind.run(config, context)
            async with deadline:
                return await self.plan.kind.run(config, context)
        except (StepError, LeaseLost, JournalUnavailable, Suspend, Suspended, EndRun):
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise StepError("Something it waited for was cancelled by somebody else.") from None
        except TimeoutError:
            if deadline.expired:
                raise StepError(
                    f"It took longer than its timeout of {seconds:g} s.", kind="timeout", retryable=True
                ) from None
            raise StepError("Something it waited for timed out.", kind="timeout", retryable=True) from None
        except (InputError, DocumentError) as error:
            raise StepError(str(error), kind="validation") from None
        except Exception as error:  # noqa: BLE001 - a step type may come from anyone; its bugs must not end the program
            trace = self.run_state.masked_text(traceback.format_exc())
            log.error(  # noqa: TRY400 - the traceback is logged with its secrets masked
                "Step type %s failed unexpectedly at %s:\n%s", self.plan.step.type, self.path, trace
            )
            raise StepError(
                f"The step type {self.plan.step.type!r} failed unexpectedly: {type(error).__name__}: {error}. "
                "The log has the details; please report it to whoever made the step type."
            ) from None

    def _new_context(self) -> StepContext:
        run, plan = self.run_state, self.plan
        key = plan.idempotency.evaluate(self.scope.names) if plan.idempotency else ""
        return StepContext(
            run_id=run.run_id,
            path=self.path,
            step_id=plan.step.id,
            attempt=self._begin.number,
            origin=self.scope.origin,
            services=run.services,
            clock=run.clock,
            random=run.random,
            host=self,
            answer=self._begin.answer,
            state=self._begin.state,
            idempotency_key=key if isinstance(key, str) else str(key),
        )

    # -- how attempts end ----------------------------------------------------------------------------------------------

    def _started(self, inputs: Mapping[str, Json]) -> None:
        run, step, begin = self.run_state, self.plan.step, self._begin
        if self.scope.prefix:
            run.attempts[self.path] = begin.number
        if run.waiting:
            run.waiting.pop(self.path, None)
        run.emit(
            StepStarted(
                run.run_id, run.clock.now(), self.path, step.id, begin.number,
                step.type, step.title, begin.cause, self.plan.definition, run.masked(inputs),
            )
        )  # fmt: skip

    def _complete(
        self, value: dict[str, Json], ports: tuple[str, ...] | None, handled: ErrorInfo | None = None
    ) -> tuple[str, ...]:
        run, step = self.run_state, self.plan.step
        if not isinstance(value, dict):
            raise StepError(f"The step type {step.type!r} gave a {type(value).__name__} instead of an object.")
        output = run.masked(value)
        live = self._main_ports() if ports is None else ports
        changes = self._variable_changes()
        self._settle(output, changes)
        context = self._context
        if context is not None:
            run.usage = run.usage + context.usage
        run.emit(
            StepCompleted(
                run.run_id, run.clock.now(), self.path, step.id, self._begin.number,
                output, live, changes, self._request(), *self._spent(), handled,
            )
        )  # fmt: skip
        return live

    def _settle(self, output: Mapping[str, Json], changes: Mapping[str, Json]) -> None:
        self.scope.names.outputs[self.plan.step.id] = output
        if changes:
            self.scope.variables.set(changes, (*self.scope.rank, self.plan.rank))

    def _variable_changes(self) -> Mapping[str, Json]:
        """What the step set, without secrets; of a loop also what stands from the steps inside, for its replay."""
        changes: Mapping[str, Json] = self._changes
        if self.plan.body is not None:
            changes = {**changes, **self.scope.variables.set_within((*self.scope.rank, self.plan.rank))}
        return self.run_state.masked(changes) if changes else changes

    def _main_ports(self) -> tuple[str, ...]:
        ports = self.plan.ports
        return ports[:-1] if self.plan.step.on_error == "branch" else ports

    def _fail(self, error: StepError) -> tuple[str, ...]:
        """Handle a failure as the step's `on_error` says, or end the step with it."""
        run, step = self.run_state, self.plan.step
        self._changes = {}
        default: Json = None
        if step.on_error == "default":
            try:
                default = evaluate(dict(step.default or {}), self.scope.names, tolerant=True)
            except TemplateError as fault:
                error = StepError(f"{error.message} Its default does not work either: {fault.message}", kind=error.kind)
        info = run.error_info(error, self._begin.number)
        if isinstance(default, dict):
            return self._complete(default, None, info)
        if step.on_error == "branch":
            return self._complete({"error": info.as_json()}, (ERROR_PORT,), info)
        if self._context is not None:
            run.usage = run.usage + self._context.usage
        run.emit(
            StepFailed(
                run.run_id, run.clock.now(), self.path, step.id, self._begin.number,
                info, self._request(), *self._spent(),
            )
        )  # fmt: skip
        if not error.path:
            error.path, error.attempt = self.path, self._begin.number
        raise error

    def _wait_before_retry(self, error: StepError, tries: int) -> float | None:
        """Seconds to wait before another attempt, None for no more: full jitter, or what the other side asked for.

        A failure inside a loop or sub-workflow is retried there, not by running the whole again.
        """
        retry = self.plan.retry
        if not error.retryable or error.path or tries >= retry.attempts:
            return None
        try:
            longest = min(retry.max_wait, retry.wait * retry.factor ** (tries - 1))
        except OverflowError:
            longest = retry.max_wait
        jittered = self.run_state.random.uniform(0, longest)
        return max(jittered, min(error.retry_after or 0.0, LONGEST_RETRY_AFTER))

    def _retry(self, error: StepError, wait: float) -> None:
        run = self.run_state
        if self._context is not None:
            run.usage = run.usage + self._context.usage
        run.emit(
            StepRetrying(
                run.run_id, run.clock.now(), self.path, self.plan.step.id, self._begin.number,
                run.error_info(error, self._begin.number), wait, self._request(), *self._spent(),
            )
        )  # fmt: skip

    def _suspend(self, wish: Suspend | None, attempt: int) -> None:
        """Record that the step waits. wish: None for a container whose inner steps wait."""
        run = self.run_state
        wish_or_none = wish or Suspend()
        self._wait(attempt, wish_or_none.until, inside=wish is None)
        if self._context is not None:
            run.usage = run.usage + self._context.usage
        question = wish_or_none.question
        if question is not None:
            schema = None if question.schema is None else run.masked(question.schema)
            question = replace(question, message=run.masked_text(question.message), schema=schema)
        run.emit(
            StepSuspended(
                run.run_id, run.clock.now(), self.path, self.plan.step.id, attempt,
                question, wish_or_none.until, run.masked(wish_or_none.state),
            )
        )  # fmt: skip

    def _wait(self, attempt: int, until: datetime | None, *, inside: bool = False) -> None:
        self.run_state.waiting[self.path] = Waiting(self.plan.step.id, attempt, until, inside)

    def _cancelled(self, reason: str = "") -> None:
        run = self.run_state
        if self._context is not None:
            run.usage = run.usage + self._context.usage
        run.emit(
            StepCancelled(
                run.run_id, run.clock.now(), self.path, self.plan.step.id, self._begin.number,
                reason or self.scope.stop_reason(), self._request(), *self._spent(),
            )
        )  # fmt: skip

    def _end_run(self, end: EndRun) -> None:
        if end.raised_at:
            self._cancelled("a step inside ended the run")
        else:
            end.raised_at = self.path
            self._complete(
                {"status": end.status, "message": end.message, "outputs": end.outputs},
                (*self._main_ports(), ENDS_RUN),
            )

    def _request(self) -> Mapping[str, Json] | None:
        context = self._context
        return self.run_state.masked(context.request) if context is not None and context.request is not None else None

    def _spent(self) -> tuple[Any, float]:
        """Usage and seconds of this attempt."""
        context = self._context
        seconds = self.run_state.clock.monotonic() - self._since
        return (context.usage if context is not None else NO_USAGE), round(seconds, 6)

    # -- what the step asks for (Host) ---------------------------------------------------------------------------------

    def delta(self, text: str, channel: Literal["text", "reasoning"]) -> None:
        """Show a piece of the result."""
        run = self.run_state
        run.publish(
            StepDelta(
                run.run_id, run.clock.now(), self.path, self.plan.step.id, self._begin.number,
                run.masked_text(text), channel,
            )
        )  # fmt: skip

    def set_variable(self, name: str, value: Json) -> None:
        """Set a workflow variable; it takes effect when the step completes."""
        self._changes[name] = value

    def evaluate(self, template: Json, names: Mapping[str, Json]) -> Json:
        """A template (or JSON value holding templates) with the names around the step and some more."""
        return evaluate(template, MoreNames(names, self.scope.names) if names else self.scope.names)

    async def run_body(self, index: int, names: Mapping[str, Json]) -> Pass:
        """Run the step's body once, with more names inside. Raises StepError or Suspended."""
        body = self.plan.body
        if body is None:
            raise StepError(
                f"The step type {self.plan.step.type!r} needs a body and this step has none.", kind="config"
            )
        inner = self.scope.inner(
            body,
            prefix=f"{self.path}[{index}]/",
            names=ScopeNames(names, self.scope.names),
            variables=self.scope.variables,
            rank=(*self.scope.rank, self.plan.rank, index),
            origin=self.scope.origin,
        )
        await inner.execute()
        return FinishedPass(inner.names)

    async def run_workflow(self, workflow: Workflow, inputs: Mapping[str, Json], origin: str) -> dict[str, Json]:
        """Run another workflow inside this run; its outputs. Raises StepError or Suspended."""
        run = self.run_state
        if self.scope.depth >= MAX_DEPTH:
            raise StepError(
                f"Workflows call each other more than {MAX_DEPTH} deep. Look for one that calls itself without an end.",
                kind="limit",
            )
        plan = run.planner.plan(workflow)
        variables = Variables(plan.defaults)
        own = {
            "input": run.planner.bind_inputs(workflow, inputs),
            "vars": variables.values,
            "run": self.scope.names["run"],
        }
        inner = self.scope.inner(
            plan.scope,
            prefix=f"{self.path}/",
            names=ScopeNames(own),
            variables=variables,
            rank=(*self.scope.rank, self.plan.rank),
            origin=origin or self.scope.origin,
            deeper=True,
        )
        try:
            await inner.execute()
        except EndRun as end:
            if end.status == "failed":
                raise StepError(end.message or f"The workflow “{workflow.name}” ended as failed.") from None
            if end.outputs:
                return end.outputs
        outputs = evaluate(dict(workflow.outputs), inner.names, tolerant=True)
        assert isinstance(outputs, dict)
        return outputs


def _again(past: Sequence[StepRecord], cause: Cause) -> Begin:
    """Another attempt. What a person answered, and what the step kept when it asked, outlives later interruptions."""
    for record in reversed(past):
        if record.status == "suspended" and record.state.get("interrupted") is not True:
            return Begin(past[-1].attempt + 1, cause, record.answer, record.state)
    return Begin(past[-1].attempt + 1, cause)


class FinishedPass:
    """A finished pass through a body, for templates that read what happened inside."""

    __slots__ = ("_names",)

    def __init__(self, names: ScopeNames) -> None:
        self._names = names

    def evaluate(self, template: Json) -> Json:
        """A template (or JSON value holding templates) with the names inside that pass."""
        return evaluate(template, self._names, tolerant=True)
