"""What an event changes in the records of a run: pure functions, shared by every journal.

Folding all events of a run over its first record gives what the journal knows of it.
"""

from __future__ import annotations

from dataclasses import replace

from core.engine.events import (
    NO_USAGE,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
)
from core.engine.journal import RunRecord, StepRecord


def is_journalled(event: Event) -> bool:
    """Whether an event changes any record: pieces of a result and replays of old records do not."""
    return type(event) is not StepDelta and not (type(event) is StepCompleted and event.replayed)


def fold_run(run: RunRecord, event: Event) -> RunRecord:
    """The run's record after the event; the same object if the event does not concern the run as a whole."""
    match event:
        case RunStarted() if run.status == "queued":
            return replace(run, status="running")
        case RunResumed():
            return replace(
                run,
                status="running",
                outputs=None,
                error=None,
                error_path="",
                ended=None,
                wake_at=None,
                resumable=False,
            )
        case RunSuspended():
            return replace(
                run, status="suspended", wake_at=event.wake_at, usage=event.usage, duration_s=event.duration_s
            )
        case RunCompleted():
            ended = replace(run, status="completed", outputs=event.outputs)
        case RunFailed():
            ended = replace(run, status="failed", error=event.error, error_path=event.path)
        case RunCancelled():
            ended = replace(run, status="cancelled", resumable=event.resumable)
        case _:
            return run
    return replace(ended, usage=event.usage, duration_s=event.duration_s, ended=event.at, wake_at=None)


def fold_step(record: StepRecord | None, event: StepEvent) -> StepRecord:
    """The attempt's record after the event. record: what was known of the attempt, None at its first event.

    An attempt that starts again (after an interruption or a suspension) keeps its question, state and answer, and what
    it had spent. Why a step was skipped or cancelled is the record's `state["reason"]`.
    """
    if type(event) is StepStarted:
        return _started(record, event)
    known = record or StepRecord(event.run_id, event.path, event.step_id, event.attempt, "started")
    match event:
        case StepCompleted():
            return _completed(known, event)
        case StepRetrying() | StepFailed():
            return replace(
                known,
                status="failed",
                error=event.error,
                request=event.request,
                usage=known.usage + event.usage,
                duration_s=known.duration_s + event.duration_s,
                ended=event.at,
            )
        case StepSkipped():
            title = event.title or known.title
            return replace(known, status="skipped", title=title, state={"reason": event.reason}, ended=event.at)
        case StepSuspended():
            return replace(
                known,
                status="suspended",
                question=event.question,
                until=event.until,
                state=event.state,
                answer=None,
                usage=known.usage + event.usage,
                duration_s=known.duration_s + event.duration_s,
                ended=event.at,
            )
        case StepCancelled():
            return replace(
                known,
                status="cancelled",
                state={"reason": event.reason},
                request=event.request or known.request,
                usage=known.usage + event.usage,
                duration_s=known.duration_s + event.duration_s,
                ended=event.at,
            )
        case _:
            return known


def fold_whole(start: StepStarted, end: StepCompleted) -> StepRecord:
    """What `fold_step` makes of an attempt's only two events, in half the time."""
    return StepRecord(
        start.run_id,
        start.path,
        start.step_id,
        start.attempt,
        "completed",
        start.type,
        start.title,
        start.cause,
        start.definition,
        start.inputs,
        end.request,
        end.output,
        end.ports,
        end.variables,
        end.handled,
        end.usage,
        end.duration_s,
        start.at,
        end.at,
    )


def _completed(known: StepRecord, event: StepCompleted) -> StepRecord:
    # Written out, because `replace` takes three times as long and this is done for every step of every run.
    return StepRecord(
        known.run_id,
        known.path,
        known.step_id,
        known.attempt,
        "completed",
        known.type,
        known.title,
        known.cause,
        known.definition,
        known.inputs,
        event.request,
        event.output,
        event.ports,
        event.variables,
        event.handled,
        event.usage if known.usage is NO_USAGE else known.usage + event.usage,
        known.duration_s + event.duration_s,
        known.started,
        event.at,
        known.question,
        known.until,
        known.state,
        known.answer,
    )


def _started(record: StepRecord | None, event: StepStarted) -> StepRecord:
    if record is None:
        return StepRecord(
            run_id=event.run_id,
            path=event.path,
            step_id=event.step_id,
            attempt=event.attempt,
            status="started",
            type=event.type,
            title=event.title,
            cause=event.cause,
            definition=event.definition,
            inputs=event.inputs,
            started=event.at,
        )
    return replace(
        record,
        status="started",
        type=event.type,
        title=event.title,
        cause=event.cause,
        definition=event.definition,
        inputs=event.inputs,
        started=event.at,
        request=None,
        output=None,
        ports=(),
        variables={},
        error=None,
        ended=None,
    )
