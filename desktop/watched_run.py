"""One run as the window shows it, live or past: its records, its faces on the canvas, how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from core.engine.clock import Clock
from core.engine.events import Event, RunResumed, RunStarted, RunStatus, Usage
from core.engine.journal import RunRecord, StepRecord
from core.engine.lifecycle import RunResult
from core.engine.part import WHOLE, Part, cut
from core.workflow.model import Json, Workflow
from desktop.overlay import RunOverlay, StepView, loops_of
from desktop.run_log import RunLog


class WatchedRun:
    """A run and what it shows. workflow: the document as it was when the run began.

    live: it is executed now, and its events are heard. status: as of the journal. wake_at: when one that waits goes on
    by itself, in UTC, None for never. problem: why it ended, for the person, or ''. part: what of the workflow it
    executes; what a step that runs alone is given shows as the output of the other steps.
    """

    def __init__(
        self, run_id: str, workflow: Workflow, inputs: Mapping[str, Json], created: datetime, part: Part = WHOLE
    ) -> None:
        self.id = run_id
        self.part = part
        self.workflow = workflow
        self.inputs = inputs
        self.created = created
        self.status: RunStatus = "running"
        self.live = False
        self.resumable = False
        self.wake_at: datetime | None = None
        self.outputs: Mapping[str, Json] | None = None
        self.problem = ""
        self.problem_path = ""
        self.duration_s = 0.0
        self.overlay = RunOverlay(loops_of(workflow))
        self.log = RunLog({name: schema.get("default") for name, schema in workflow.variables.items()})
        for step_id, given in part.given.items() if part.only else ():
            self.overlay.by_id[step_id] = StepView("done", output=given.output, cause="edited")

    @classmethod
    def of(
        cls, record: RunRecord, steps: Sequence[StepRecord], *, live: bool = False, clock: Clock | None = None
    ) -> WatchedRun:
        """A run from the journal. live: it is about to go on in this process. clock: tells since when what runs."""
        run = cls.untold(record)
        run.stand(record)
        run.live = live
        run.log.load(steps)
        now, seconds = (clock.now(), clock.monotonic()) if clock is not None else (record.created, 0.0)
        run.overlay.load(
            steps, running=live or is_executed(record), when=lambda at: seconds - (now - at).total_seconds()
        )
        return run

    @classmethod
    def untold(cls, record: RunRecord) -> WatchedRun:
        """A run from the journal of which nothing is known yet: all of its events are to come."""
        run = cls(record.id, record.workflow, record.inputs, record.created, record.part)
        run.status = record.status
        return run

    def anew(self) -> WatchedRun:
        """The same run, of which nothing is known."""
        return WatchedRun(self.id, self.workflow, self.inputs, self.created, self.part)

    def stand(self, record: RunRecord) -> None:
        """Take over how the run stands by the journal. It is not executed any more."""
        self.live = False
        self.status, self.outputs, self.duration_s = record.status, record.outputs, record.duration_s
        self.resumable, self.wake_at = may_resume(record), record.wake_at
        self.problem = record.error.message if record.error else ""
        self.problem_path = record.error_path

    @property
    def usage(self) -> Usage:
        """What the run has spent so far."""
        return self.log.usage

    def take(self, event: Event, now: float) -> None:
        """Take an event in. now: monotonic seconds."""
        self.overlay(event, now)
        self.log(event)
        if type(event) is RunStarted:
            self.inputs = event.inputs
        if type(event) in (RunStarted, RunResumed):
            self.overlay.queue(taking_part(self.workflow, self.part))

    def end(self, result: RunResult) -> None:
        """The run is not executed any more."""
        self.live = False
        self.overlay.settle()
        self.status, self.outputs, self.duration_s = result.status, result.outputs, result.duration_s
        self.resumable = result.resumable or result.status in ("failed", "suspended")
        self.wake_at = result.wake_at
        self.problem = result.error.message if result.error else ""
        self.problem_path = result.error_path


def taking_part(workflow: Workflow, part: Part) -> Iterator[str]:
    """The ids of the steps that a run will come to: those inside loops begin with their loop."""
    return (step.id for step in cut(workflow, part).steps.values() if step.type != "note" and not step.disabled)


def is_executed(record: RunRecord) -> bool:
    """Whether somebody may be at work for a run: itself, or passes of its loops on workers while it waits for them."""
    return record.status in ("running", "suspended") and not record.interrupted


def may_resume(record: RunRecord) -> bool:
    """Whether a run that nobody executes may go on: interrupted, waiting, failed, or stopped so that it may."""
    return record.status in ("running", "suspended", "failed") or record.resumable
