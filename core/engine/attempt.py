"""One attempt of a step: what it begins with, what it spends, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from core.engine.errors import EndRun, StepError, Suspend, TemplateError
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
    Usage,
)
from core.engine.execution import Waiting
from core.engine.mask import MaskedStream
from core.engine.place import PLACE, Place
from core.engine.plan import StepPlan
from core.engine.step_type import StepContext
from core.engine.templates import evaluate
from core.workflow.model import ERROR_PORT, Json

if TYPE_CHECKING:
    from core.engine.scope import Scope

Channel: TypeAlias = Literal["text", "reasoning"]
"""Which of its two texts a step shows a piece of."""

ENDS_RUN: Final = "end of run"
"""Stands among the live ports of a step that ended the run, so that its replay ends the run again."""


@dataclass(frozen=True, slots=True)
class Begin:
    """How an attempt begins. number: from 1."""

    number: int = 1
    cause: Cause = "first"
    answer: Mapping[str, Json] | None = None
    state: Mapping[str, Json] | None = None

    def again(self) -> Begin:
        """The attempt after this one has failed; what a person answered still holds."""
        return Begin(self.number + 1, "retry", self.answer, self.state)


FIRST: Final = Begin()


class Attempt:
    """Tells what becomes of an attempt: `started` once, then one of the ways to end.

    changes: workflow variables that the step has set. context: what the step works with, None until it runs.
    """

    __slots__ = ("_run", "_since", "_streams", "begin", "changes", "context", "path", "plan", "scope")

    def __init__(self, scope: Scope, plan: StepPlan, path: str, begin: Begin) -> None:
        self.scope = scope
        self.plan = plan
        self.path = path
        self.begin = begin
        self.changes: dict[str, Json] = {}
        self.context: StepContext | None = None
        self._run = scope.run
        self._since = scope.run.clock.monotonic()
        self._streams: dict[Channel, MaskedStream] | None = None

    def started(self, inputs: Mapping[str, Json]) -> None:
        """It begins. inputs: the config with its templates filled in."""
        run, step, begin = self._run, self.plan.step, self.begin
        self.scope.replayed = False
        if self.scope.prefix:
            run.attempts[self.path] = begin.number
        if run.waiting:
            run.waiting.pop(self.path, None)
        PLACE.set(Place(run.run_id, self.path, begin.number))
        run.emit(
            StepStarted(
                run.run_id, run.clock.now(), self.path, step.id, begin.number,
                step.type, step.title, begin.cause, self.plan.definition, run.masked(inputs),
            )
        )  # fmt: skip

    def show(self, text: str, channel: Channel) -> None:
        """A piece of the result came in. What may be the beginning of a secret is held back."""
        if self._streams is None:
            self._streams = {}
        stream = self._streams.get(channel)
        if stream is None:
            stream = self._streams[channel] = self._run.masked_stream()
        self._publish(stream.shown(text), channel)

    def complete(
        self, value: dict[str, Json], ports: tuple[str, ...] | None = None, handled: ErrorInfo | None = None
    ) -> tuple[str, ...]:
        """It gave its output; the live ports. ports: None for all of its type's. Raises StepError for no object."""
        run, step = self._run, self.plan.step
        if not isinstance(value, dict):
            raise StepError(f"The step type {step.type!r} gave a {type(value).__name__} instead of an object.")
        output = run.masked(value)
        live = self._main_ports() if ports is None else ports
        changes = self._lasting_changes()
        settle(self.scope, self.plan, output, changes)
        if run.waiting:
            run.stop_waiting("what it was part of went on without it", inside=self.path)
        self._show_rest()
        request = self._request()
        run.emit(
            StepCompleted(
                run.run_id, run.clock.now(), self.path, step.id, self.begin.number,
                output, live, changes, request, *self._spent(), handled,
            )
        )  # fmt: skip
        return live

    def fail(self, error: StepError) -> tuple[str, ...]:
        """It failed and no other attempt follows: the live ports if `on_error` handles that, else raises the error."""
        run, step = self._run, self.plan.step
        self.changes = {}
        default: Json = None
        if step.on_error == "default":
            try:
                default = evaluate(dict(step.default or {}), self.scope.names, tolerant=True)
            except TemplateError as fault:
                error = StepError(f"{error.message} Its default does not work either: {fault.message}", kind=error.kind)
        info = run.error_info(error, self.begin.number)
        if isinstance(default, dict):
            return self.complete(default, None, info)
        if step.on_error == "branch":
            return self.complete({"error": info.as_json()}, (ERROR_PORT,), info)
        request = self._request()
        run.emit(
            StepFailed(
                run.run_id, run.clock.now(), self.path, step.id, self.begin.number, info, request, *self._spent()
            )
        )
        if not error.path:
            error.path, error.attempt = self.path, self.begin.number
        raise error

    def fail_for_now(self, error: StepError, wait: float) -> None:
        """It failed and another attempt follows after so many seconds."""
        run = self._run
        request = self._request()
        run.emit(
            StepRetrying(
                run.run_id, run.clock.now(), self.path, self.plan.step.id, self.begin.number,
                run.error_info(error, self.begin.number), wait, request, *self._spent(),
            )
        )  # fmt: skip

    def suspend(self, wish: Suspend | None) -> None:
        """It waits. wish: None for a container whose inner steps wait."""
        run, step_id, number = self._run, self.plan.step.id, self.begin.number
        asked = wish or Suspend()
        run.waiting[self.path] = Waiting(step_id, number, asked.until, inside=wish is None)
        question = asked.question
        if question is not None:
            schema = None if question.schema is None else run.masked(question.schema)
            question = replace(question, message=run.masked_text(question.message), schema=schema)
        self._show_rest()
        run.emit(
            StepSuspended(
                run.run_id, run.clock.now(), self.path, step_id, number,
                question, asked.until, run.masked(asked.state), *self._spent(),
            )
        )  # fmt: skip

    def cancel(self, reason: str = "") -> None:
        """It was cut short. reason: '' for that of its scope."""
        run = self._run
        request = self._request()
        run.emit(
            StepCancelled(
                run.run_id, run.clock.now(), self.path, self.plan.step.id, self.begin.number,
                reason or self.scope.stop_reason(), request, *self._spent(),
            )
        )  # fmt: skip

    def end_run(self, end: EndRun) -> None:
        """It, or a step inside it, ended the run."""
        if end.raised_at:
            self.cancel("a step inside ended the run")
            return
        end.raised_at = self.path
        output: dict[str, Json] = {"status": end.status, "message": end.message, "outputs": end.outputs}
        self.complete(output, (*self._main_ports(), ENDS_RUN))

    def _main_ports(self) -> tuple[str, ...]:
        ports = self.plan.ports
        return ports[:-1] if self.plan.step.on_error == "branch" else ports

    def _lasting_changes(self) -> Mapping[str, Json]:
        """What the step set, without secrets; with others inside also what stands from those, for its replay."""
        changes: Mapping[str, Json] = self.changes
        if self.plan.body is not None or self.plan.kind.has_children:
            changes = {**changes, **self.scope.variables.set_within((*self.scope.rank, self.plan.rank))}
        return self._run.masked(changes) if changes else changes

    def _request(self) -> Mapping[str, Json] | None:
        context = self.context
        return self._run.masked(context.request) if context is not None and context.request is not None else None

    def _spent(self) -> tuple[Usage, float]:
        """Usage and seconds of this attempt, which is over: the run's account is charged."""
        run, context = self._run, self.context
        seconds = round(run.clock.monotonic() - self._since, 6)
        if context is None:
            return NO_USAGE, seconds
        # The context leads back here by its host; let go, both are freed at once and not by the garbage collector.
        self.context = None
        usage = context.usage
        run.spending.discard(context)
        if usage is not NO_USAGE:
            run.usage = run.usage + usage
        return usage, seconds

    def _show_rest(self) -> None:
        """Show what was held back. Of an attempt that is cut short nothing is: it may be most of a secret."""
        if self._streams is not None:
            for channel, stream in self._streams.items():
                self._publish(stream.rest(), channel)

    def _publish(self, text: str, channel: Channel) -> None:
        if text:
            run, begin = self._run, self.begin
            run.publish(
                StepDelta(run.run_id, run.clock.now(), self.path, self.plan.step.id, begin.number, text, channel)
            )


def settle(scope: Scope, plan: StepPlan, output: Mapping[str, Json], changes: Mapping[str, Json]) -> None:
    """Let the steps that follow read what a step gave."""
    scope.names.outputs[plan.step.id] = output
    if changes:
        scope.variables.set(changes, (*scope.rank, plan.rank))
