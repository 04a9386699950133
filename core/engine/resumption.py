"""What the records of an earlier process mean for a step of a run that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from core.engine.attempt import ENDS_RUN, Attempt, Begin, settle
from core.engine.budget import BUDGET
from core.engine.errors import EndRun, Question, StepError, Suspend
from core.engine.events import NO_USAGE, Cause, StepCancelled, StepCompleted
from core.engine.execution import Waiting
from core.engine.journal import StepRecord
from core.engine.plan import StepPlan
from core.engine.spread import SPREAD

if TYPE_CHECKING:
    from core.engine.scope import Scope

RUN_AGAIN, TREAT_AS_DONE, FAIL = "run_again", "treat_as_done", "fail"
"""What a person may answer about a step that was interrupted while it changed the world."""

_INTERRUPTED: Final = "interrupted"
"""Marks the state of an attempt that waits for such an answer."""


class Resumption:
    """Takes up one step. past: the records of its attempts, oldest first, at least one."""

    __slots__ = ("_last", "_past", "_path", "_plan", "_run", "_scope")

    def __init__(self, scope: Scope, plan: StepPlan, path: str, past: Sequence[StepRecord]) -> None:
        self._scope = scope
        self._run = scope.run
        self._plan = plan
        self._path = path
        self._past = past
        self._last = past[-1]

    def take_up(self) -> tuple[str, ...] | Begin | None:
        """The live ports of a step that is done, None to go on waiting, or a new attempt. Raises EndRun, StepError."""
        last = self._last
        match last.status:
            case "completed":
                return self._replay()
            case "started" | "cancelled":
                return self._after_a_cut()
            case "suspended" if last.state.get(_INTERRUPTED) is True:
                return self._after_asking()
            case "suspended" if last.answer is not None:
                return self._again("answered")
            case "suspended" if SPREAD in last.state:
                return self._again("resumed")  # how its runs stand, it finds out itself
            case "suspended" if last.question is not None or last.until is not None:
                if last.until is not None and self._run.clock.now() >= last.until:
                    return self._again("resumed")
                self._wait(last.until)
                return None
            case _:
                return self._again("resumed")

    def _replay(self) -> tuple[str, ...]:
        """Tell again what the step gave, or end the run again if that is what it did."""
        last, run = self._last, self._run
        output = dict(last.output or {})
        settle(self._scope, self._plan, output, last.variables)
        run.publish(
            StepCompleted(
                run.run_id, last.ended or run.clock.now(), self._path, last.step_id, last.attempt,
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
            end.raised_at = self._path
            raise end
        return last.ports

    def _after_a_cut(self) -> Begin | None:
        """The attempt was cut short: another one, unless that might do something to the world twice."""
        if self._plan.effect == "writes" and self._plan.idempotency is None:
            self._ask()
            return None
        last, run = self._last, self._run
        if last.status == "started":
            # Its process died before it could give the attempt its final record.
            reason = "the process that ran it ended"
            run.emit(
                StepCancelled(
                    run.run_id, run.clock.now(), self._path, last.step_id, last.attempt, reason, None, NO_USAGE, 0.0
                )
            )
        return self._again("resumed")

    def _ask(self) -> None:
        question = Question(
            f"The step “{self._plan.step.name}” was interrupted while it was changing something outside. Nobody knows "
            "whether it got through. Look there, then answer: run it again, treat it as done, or let it fail.",
            choices=(RUN_AGAIN, TREAT_AS_DONE, FAIL),
        )
        cut = Attempt(self._scope, self._plan, self._path, Begin(self._last.attempt))
        cut.suspend(Suspend(question=question, state={_INTERRUPTED: True}))

    def _after_asking(self) -> tuple[str, ...] | Begin | None:
        last = self._last
        if last.answer is None:
            self._wait(None)
            return None
        begin = self._again("answered")
        choice = last.answer.get("choice")
        if choice == RUN_AGAIN:
            return begin
        if choice not in (TREAT_AS_DONE, FAIL):
            # Anything unforeseen must not repeat what may have happened already.
            self._ask()
            return None
        attempt = Attempt(self._scope, self._plan, self._path, begin)
        attempt.started(last.inputs)
        if choice == TREAT_AS_DONE:
            output = last.answer.get("output")
            return attempt.complete(dict(output) if isinstance(output, dict) else {})
        return attempt.fail(StepError("It was interrupted, and a person chose to let it fail.", kind="interrupted"))

    def _wait(self, until: datetime | None) -> None:
        self._run.waiting[self._path] = Waiting(self._plan.step.id, self._last.attempt, until, inside=False)

    def _again(self, cause: Cause) -> Begin:
        """Another attempt. What a person answered, and what the step kept when it asked, outlives interruptions."""
        number = self._last.attempt + 1
        for record in reversed(self._past):
            if record.status == "suspended" and not _asked_by_the_engine(record):
                return Begin(number, cause, record.answer, record.state)
        return Begin(number, cause)


def _asked_by_the_engine(record: StepRecord) -> bool:
    return record.state.get(_INTERRUPTED) is True or BUDGET in record.state
