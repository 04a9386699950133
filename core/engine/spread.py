"""Runs of their own for parts of a run, so that workers share them: what the engine asks of whoever queues them.

A step that is spread asks for its runs, is suspended, and goes on when they have ended. Which runs those are is fixed
by the step's run, path and round, so that whoever asks again, after a crash, gets the same ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.engine.errors import StepError
from core.engine.events import ErrorInfo, RunStatus, Usage
from core.engine.part import WHOLE, Part
from core.workflow.model import Json, Workflow

SPREAD: Final = "spread"
"""Marks the state of an attempt that waits for runs of its own: how many they are."""

PARENT_LABEL, STEP_LABEL = "parent", "step"
"""Labels of such runs: the run that asked for it, and the scope path of the step."""

RESULT, VARIABLES, ENDS = "result", "vars", "ends"
"""The outputs of a run that makes one pass of a loop: what the pass gives and the variables that it set, or how it ends
the run that the loop is part of."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The step that asks. round: number of the attempt that began it; a retry begins another one. epoch: of the lease
    of its run.
    """

    run_id: str
    path: str
    round: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is asked for. number: its place among those of the step, from 0."""

    number: int
    workflow: Workflow
    inputs: Mapping[str, Json]
    origin: str = ""
    part: Part = WHOLE


@dataclass(frozen=True, slots=True)
class Order:
    """All runs that a step asks for. prefix: stands before the paths of their steps, seen from the step's own run.

    at_once: runs at the same time. stops: whether one that fails makes the others needless. depth: how many workflows
    are around the step in its own run.
    """

    runs: Sequence[Wanted]
    prefix: str
    at_once: int
    stops: bool = False
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How the runs of a step stand. made: how many there are. left: have not ended. failed: ended otherwise than
    completed. ending: end the run that they are part of. dropped: nobody waited for them any more.
    """

    made: int = 0
    left: int = 0
    failed: int = 0
    ending: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that was asked for and has ended. error_path: of the step that failed, in that run."""

    number: int
    run_id: str
    status: RunStatus
    outputs: Mapping[str, Json] = field(default_factory=dict)
    error: ErrorInfo | None = None
    error_path: str = ""

    def failure(self, prefix: str) -> StepError:
        """What its failure means for the step that asked. prefix: as in Order."""
        if self.error is None:
            return StepError(f"Its run {self.run_id} was cancelled.", kind="stopped")
        error = StepError(self.error.message, kind=self.error.type, detail=self.error.detail)
        if self.error_path:
            error.path, error.attempt = prefix + self.error_path, self.error.attempt
        return error


class Spread(Protocol):
    """Has runs executed by whoever takes them. Raises JournalUnavailable where the queue cannot be reached."""

    @property
    def is_worker(self) -> bool:
        """Whether the run that asks is executed by a worker; otherwise only what was begun by one goes on."""

    async def begin(self, spot: Spot, order: Order) -> None:
        """Queue the runs, once however often this is called. Durable on return.

        Raises LeaseLost if the step's run has another owner by now, StepError(kind='limit') if runs ask for runs
        without an end.
        """

    async def again(self, spot: Spot, *, failed: bool) -> None:
        """Go on with runs that were dropped; failed: also with those that have failed. Raises LeaseLost."""

    async def standing(self, spot: Spot) -> Standing:
        """How the runs of a step stand; all zero if it has asked for none."""

    async def ended(self, spot: Spot) -> Sequence[Ended]:
        """Those that have ended and were not dropped, in order of their numbers."""

    async def usage(self, run_id: str) -> Usage:
        """What all runs that steps of a run asked for have spent so far; the run counts it as its own."""

    async def drop(self, run_id: str, *, spot: Spot | None = None, keep: Collection[str] = (), reason: str) -> None:
        """Cancel the runs that a run's steps asked for and that have not ended.

        spot: the only step that is meant, whose run must still have this owner. keep: paths of steps that go on
        waiting. Raises LeaseLost.
        """
