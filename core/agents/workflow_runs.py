"""Runs of workflows on behalf of conversations: begun once under an id written down before, then only gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from core.agents.errors import CallWaits, FunctionError
from core.agents.pending import waits_until
from core.engine.engine import Run
from core.engine.errors import EngineError, InputError, RunBusy, RunNotFound, StepError
from core.engine.events import NO_USAGE, Event, Usage
from core.engine.journal import Journal, RunRecord, asking
from core.workflow.graph import Graph
from core.workflow.model import Json, Workflow
from core.workflow.problems import DocumentError


class RunMaker(Protocol):
    """Starts and resumes runs; a workspace."""

    @property
    def journal(self) -> Journal:
        """Where runs are remembered."""

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Json] | None = None,
        *,
        origin: str = "",
        labels: Mapping[str, str] | None = None,
        run_id: str = "",
        variables: Mapping[str, Json] | None = None,
    ) -> Run:
        """Start a run under that id, its variables beginning with these values. Raises DocumentError or InputError."""

    async def resume(self, run_id: str) -> Run:
        """Go on with a run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is to be: its id, which is durable already, and all it is made of.

    variables: what it shares; those that the workflow declares begin with these values.
    """

    run_id: str
    workflow: Workflow
    inputs: Mapping[str, Json]
    origin: str
    labels: Mapping[str, str]
    variables: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that completed. changes: what it set of its variables."""

    outputs: Mapping[str, Json]
    changes: Mapping[str, Json]
    usage: Usage
    duration_s: float


class RunFailed(FunctionError):
    """The run failed or was cancelled. usage: what it had spent."""

    code = "run_failed"

    def __init__(self, message: str, *, kind: str = "failed", usage: Usage = NO_USAGE) -> None:
        super().__init__(message, kind=kind)
        self.usage = usage


async def carry_through(
    wanted: Wanted,
    runs: RunMaker,
    listen: Callable[[Event], None],
    answer: tuple[str, Mapping[str, Json]] | None = None,
) -> Ran:
    """Bring the run to its end: started if it never was, else gone on with; one that is done is only read.

    answer: path and answer of the question that it waits with. Cancelling this cancels the run for good. Raises
    RunFailed, CallWaits, or FunctionError for inputs that do not fit.
    """
    journal = runs.journal
    try:
        record: RunRecord | None = await journal.run(wanted.run_id)
    except RunNotFound:
        record = None
    if record is not None and answer is not None:
        with suppress(EngineError):  # answered already, by this same call before a crash or in the run's own window
            await journal.answer(wanted.run_id, *answer)
    if record is None or _goes_on(record):
        record = await _executed(wanted, record, runs, listen)
    match record.status:
        case "completed":
            changes = await _changes(wanted.workflow, wanted.run_id, journal)
            return Ran(dict(record.outputs or {}), changes, record.usage, record.duration_s)
        case "suspended":
            raise await _waits(record, journal)
        case _:
            error = record.error
            message = error.message if error is not None else f"The run was {record.status}."
            place = f" (step {record.error_path})" if record.error_path else ""
            raise RunFailed(f"{message}{place}", kind=error.type if error else record.status, usage=record.usage)


def _goes_on(record: RunRecord) -> bool:
    return record.status in ("running", "suspended") or (record.status == "cancelled" and record.resumable)


async def _executed(
    wanted: Wanted, record: RunRecord | None, runs: RunMaker, listen: Callable[[Event], None]
) -> RunRecord:
    try:
        if record is None:
            run = runs.start(
                wanted.workflow,
                wanted.inputs,
                origin=wanted.origin,
                labels=wanted.labels,
                run_id=wanted.run_id,
                variables=wanted.variables,
            )
        else:
            run = await runs.resume(wanted.run_id)
    except (InputError, DocumentError) as error:
        raise FunctionError(str(error), kind="validation") from None
    except RunBusy:
        raise _elsewhere(wanted) from None
    except StepError as error:
        raise FunctionError(error.message, kind=error.kind) from None
    run.listeners.append(listen)
    try:
        await run.result()
    except asyncio.CancelledError:
        run.cancel("the conversation that wanted it was cancelled")
        with suppress(EngineError):
            await run.result()
        raise
    except RunBusy:
        raise _elsewhere(wanted) from None
    except EngineError as error:
        raise FunctionError(str(error), kind=error.code) from None
    return await runs.journal.run(wanted.run_id)


def _elsewhere(wanted: Wanted) -> CallWaits:
    """A worker was quicker; its result is read when it is there."""
    said = f"The run of {wanted.workflow.name} is executed by another process."
    return CallWaits(said, kind="later", state={"run_id": wanted.run_id})


async def _changes(workflow: Workflow, run_id: str, journal: Journal) -> dict[str, Json]:
    """What the run set, as its variables stood in the end: the step that stands last in the document wins."""
    if not workflow.variables:
        return {}
    newest = {record.path: record for record in await journal.steps(run_id) if record.status == "completed"}
    changes: dict[str, Json] = {}
    for step_id in Graph(workflow.steps).order:
        if step_id in newest:
            changes.update(newest[step_id].variables)
    return changes


async def _waits(record: RunRecord, journal: Journal) -> CallWaits:
    """What a suspended run waits for, in the form of a call that waits."""
    for step in asking(await journal.steps(record.id)):
        if (question := step.question) is not None:
            state: dict[str, Json] = {"run_id": record.id, "path": step.path, "choices": list(question.choices)}
            if question.schema is not None:
                state["schema"] = dict(question.schema)
            return CallWaits(question.message, state=state, until=step.until)
    return CallWaits(waits_until(record), kind="later", state={"run_id": record.id}, until=record.wake_at)
