"""One step of a running graph: its attempts, from the templates of its config to its final record."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from core.engine.attempt import FIRST, Attempt, Begin
from core.engine.clock import Deadline
from core.engine.errors import (
    EndRun,
    InputError,
    JournalUnavailable,
    LeaseLost,
    StepError,
    Suspend,
    Suspended,
)
from core.engine.host import StepHost
from core.engine.names import MoreNames
from core.engine.plan import LASTING, StepPlan
from core.engine.resumption import Resumption
from core.engine.step_type import StepContext, StepOutput
from core.engine.templates import evaluate
from core.workflow.model import Json
from core.workflow.problems import DocumentError

if TYPE_CHECKING:
    from core.engine.scope import Scope

log = logging.getLogger(__name__)

LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds; a server that asks for a longer wait is not obeyed beyond this."""


class StepExecution:
    """Carries one step to its end: replays its record, or makes attempts until one counts."""

    __slots__ = ("_run", "path", "plan", "scope")

    def __init__(self, scope: Scope, plan: StepPlan) -> None:
        self.scope = scope
        self.plan = plan
        self.path = scope.prefix + plan.step.id
        self._run = scope.run

    async def run(self) -> tuple[str, ...] | None:
        """The live output ports, or None while the step waits for a person or a time. Raises StepError or EndRun."""
        run = self._run
        begin = FIRST
        if (made := run.attempts.get(self.path)) is not None:
            begin = Begin(made + 1, "retry")  # the loop or workflow around it is being retried
        elif past := run.history(self.path):
            await run.know_secrets(self.plan.secrets)
            taken = Resumption(self.scope, self.plan, self.path, past).take_up()
            if not isinstance(taken, Begin):
                return taken
            begin = taken
        elif run.reuse is not None:
            known = await run.reuse.take_up(self)
            if not isinstance(known, Begin):
                return known
            begin = known
        tries = 1
        while True:
            attempt = Attempt(self.scope, self.plan, self.path, begin)
            try:
                return await self._make(attempt)
            except StepError as error:
                wait = self._wait_before_retry(error, tries)
                if wait is None:
                    return attempt.fail(error)
                attempt.fail_for_now(error, wait)
            await run.clock.sleep(wait)
            begin = begin.again()
            tries += 1

    async def _make(self, attempt: Attempt) -> tuple[str, ...] | None:
        """One attempt; every way out but a StepError leaves its final record."""
        run, plan = self._run, self.plan
        inputs: dict[str, Json] = plan.fixed
        started = False
        try:
            try:
                if plan.templated:
                    inputs = await self.inputs()
            finally:
                attempt.started(inputs)
                started = True
            while run.lease.broken:
                # Also steps that need not wait for their records begin only while these can still be written.
                await run.flush()
                if run.lease.lost:
                    raise LeaseLost(LeaseLost.__doc__)
            if plan.follows_lasting or plan.effect in LASTING:
                await run.flush()
            if plan.effect == "spends":
                await run.may_spend()
            context = attempt.context = self._new_context(attempt)
            if plan.effect == "spends":
                run.spending.add(context)
            result = await self._run_kind(inputs, context)
        except asyncio.CancelledError:
            if started:
                attempt.cancel()
            raise
        except Suspend as wish:
            attempt.suspend(wish)
            return None
        except Suspended:
            attempt.suspend(None)
            return None
        except EndRun as end:
            attempt.end_run(end)
            raise
        if isinstance(result, StepOutput):
            return attempt.complete(result.value, result.ports)
        return attempt.complete(result)

    async def inputs(self) -> dict[str, Json]:
        """The config with its templates filled in. Raises StepError."""
        names: Mapping[str, Any] = self.scope.names
        values = dict(self.plan.fixed)
        for part in self.plan.templated:
            readable = names
            if part.secrets:
                readable = MoreNames({"secrets": {**await self._run.secrets(part.secrets)}}, names)
            values[part.name] = evaluate(part.value, readable, tolerant=part.tolerant)
        return values

    def _new_context(self, attempt: Attempt) -> StepContext:
        run, plan, begin = self._run, self.plan, attempt.begin
        key = plan.idempotency.evaluate(self.scope.names) if plan.idempotency else ""
        return StepContext(
            run_id=run.run_id,
            path=self.path,
            step_id=plan.step.id,
            attempt=begin.number,
            origin=self.scope.origin,
            services=run.services,
            clock=run.clock,
            random=run.random,
            host=StepHost(attempt),
            answer=begin.answer,
            state=begin.state,
            idempotency_key=key if isinstance(key, str) else str(key),
        )

    async def _run_kind(self, inputs: Mapping[str, Json], context: StepContext) -> StepOutput | dict[str, Json]:
        """What the step type gives within the step's timeout. Whatever else it raises becomes a StepError."""
        plan = self.plan
        seconds = plan.step.timeout
        deadline = None
        try:
            config = plan.ready_config or plan.kind.resolve(inputs)
            if seconds is None:
                return await plan.kind.run(config, context)
            deadline = Deadline(self._run.clock, seconds)
            async with deadline:
                return await plan.kind.run(config, context)
        except (StepError, LeaseLost, JournalUnavailable, Suspend, Suspended, EndRun):
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise StepError("Something it waited for was cancelled by somebody else.") from None
        except TimeoutError:
            if deadline is not None and deadline.expired:
                raise StepError(
                    f"It took longer than its timeout of {seconds:g} s.", kind="timeout", retryable=True
                ) from None
            raise StepError("Something it waited for timed out.", kind="timeout", retryable=True) from None
        except (InputError, DocumentError) as error:
            raise StepError(str(error), kind="validation") from None
        except Exception as error:  # noqa: BLE001 - a step type may come from anyone; its bugs must not end the program
            trace = self._run.masked_text(traceback.format_exc())
            log.error(  # noqa: TRY400 - the traceback is logged with its secrets masked
                "Step type %s failed unexpectedly at %s:\n%s", plan.step.type, self.path, trace
            )
            raise StepError(
                f"The step type {plan.step.type!r} failed unexpectedly: {type(error).__name__}: {error}. "
                "The log has the details; please report it to whoever made the step type."
            ) from None

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
        jittered = self._run.random.uniform(0, longest)
        return max(jittered, min(error.retry_after or 0.0, LONGEST_RETRY_AFTER))
