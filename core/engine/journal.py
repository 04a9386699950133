"""The journal: the durable memory of runs, as a protocol.

One record per step attempt. The engine puts events in and, where a step's effect demands it, waits until they
are durable. Records of many runs share transactions (group commit); that is the implementation's business.

A run has one owner at a time. The owner holds a lease with an epoch (a fencing token); every write carries it,
and a write with an old epoch changes nothing and raises LeaseLost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from core.engine.errors import Question
from core.engine.events import NO_USAGE, Cause, ErrorInfo, Event, RunStatus, StepStatus, Usage
from core.engine.part import WHOLE, Part
from core.workflow.model import Json, Workflow

RunStanding: TypeAlias = RunStatus | Literal["interrupted"]
"""How a run stands: its status, or that it says it runs while nobody alive executes it, because its process died."""


@dataclass(frozen=True, slots=True)
class RunPlace:
    """Where a run stands among all runs, the newest first."""

    created: datetime
    id: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the journal knows it.

    origin: folder that relative names in the document start from, '' if it came from no file. labels: free text
    facts about who asked for the run. resumable: a cancelled run that may go on. part: what of the workflow it
    executes, and what it was given. interrupted: it says it runs, and nobody alive executes it.
    """

    id: str
    workflow: Workflow
    inputs: Mapping[str, Json]
    status: RunStatus
    created: datetime
    origin: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Json] | None = None
    error: ErrorInfo | None = None
    error_path: str = ""
    ended: datetime | None = None
    wake_at: datetime | None = None
    usage: Usage = NO_USAGE
    duration_s: float = 0.0
    resumable: bool = False
    part: Part = WHOLE
    interrupted: bool = False

    @property
    def standing(self) -> RunStanding:
        """Its status, or that it was interrupted."""
        return "interrupted" if self.interrupted else self.status

    @property
    def place(self) -> RunPlace:
        """Where it stands among all runs."""
        return RunPlace(self.created, self.id)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One attempt of one step, as durable as its effect class demands.

    started: None for a record of a step that never began (skipped). answer: what a person answered to
    `question`, None until then.
    """

    run_id: str
    path: str
    step_id: str
    attempt: int
    status: StepStatus
    type: str = ""
    title: str = ""
    cause: Cause = "first"
    definition: str = ""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    request: Mapping[str, Json] | None = None
    output: Mapping[str, Json] | None = None
    ports: tuple[str, ...] = ()
    variables: Mapping[str, Json] = field(default_factory=dict)
    error: ErrorInfo | None = None
    usage: Usage = NO_USAGE
    duration_s: float = 0.0
    started: datetime | None = None
    ended: datetime | None = None
    question: Question | None = None
    until: datetime | None = None
    state: Mapping[str, Json] = field(default_factory=dict)
    answer: Mapping[str, Json] | None = None

    @property
    def asks(self) -> bool:
        """Whether it waits for a person's answer."""
        return self.status == "suspended" and self.question is not None and self.answer is None


def asking(steps: Iterable[StepRecord]) -> list[StepRecord]:
    """The steps that ask a person something, by their newest attempt. steps: records in order of their making."""
    newest = {step.path: step for step in steps}
    return [step for step in newest.values() if step.asks]


@dataclass(slots=True)
class Lease:
    """The right to execute one run. epoch: the fencing token. lost: set by the journal when a write was refused."""

    run_id: str
    epoch: int
    lost: bool = False

    @property
    def broken(self) -> bool:
        """Whether nothing of the run can be written any more; `flush` says why."""
        return self.lost


class Journal(Protocol):
    """Where runs are remembered. Safe to use from the engine's loop; never blocks it."""

    async def open_run(self, run: RunRecord) -> Lease:
        """Record a new run (status running) and own it. Durable on return."""

    async def take_run(self, run_id: str) -> tuple[RunRecord, Sequence[StepRecord], Lease]:
        """Own an existing run whose owner is gone or has let go, with all its records in order of their making.

        Raises RunNotFound; RunBusy if another living owner executes it.
        """

    def put(self, lease: Lease, event: Event) -> None:
        """Queue an event for writing, in order. Returns at once. Events that are not journalled are passed over."""

    async def flush(self, lease: Lease) -> None:
        """Wait until all that was put under this lease is durable. Raises LeaseLost or JournalUnavailable."""

    async def close_run(self, lease: Lease) -> None:
        """Write what is queued and let go of the run, so that another process may take it. Idempotent.

        Of a run that was taken over nothing is written, and the lease is marked as lost.
        """

    async def run(self, run_id: str) -> RunRecord:
        """One run. Raises RunNotFound."""

    async def runs(
        self,
        *,
        status: RunStanding | None = None,
        workflow: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: RunPlace | None = None,
        limit: int = 50,
    ) -> Sequence[RunRecord]:
        """The newest runs first, optionally only those that stand so, or of workflows with that name.

        since, until: only those that were created then or later, and before. after: only those that come after that
        place, for the next page.
        """

    async def interrupted(self, limit: int = 50) -> Sequence[RunRecord]:
        """The newest runs that say they run and that nobody alive executes: their process died."""

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """All records of a run in order of their making. Raises RunNotFound."""

    async def answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> None:
        """Keep a person's answer on the newest, suspended record of that path. The first answer stands.

        Raises RunNotFound, or EngineError if nothing at that path waits for an answer or it has one already.
        """

    async def cancel(self, run_id: str) -> None:
        """Mark a run that nobody executes (suspended or interrupted) as cancelled for good.

        Raises RunNotFound, RunBusy if a living owner executes it, EngineError if it has ended.
        """
