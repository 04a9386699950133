"""The journal's records as rows of the tables, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Row

from core.engine.errors import Question
from core.engine.events import ErrorInfo, Usage
from core.engine.journal import RunRecord, StepRecord
from core.engine.part import WHOLE, part_json, part_of
from core.store.values import Packer, blob_of, escape, unescape, unpack
from core.workflow.model import Workflow

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of a result, whatever its columns."""

_LARGE_IN_RUNS = ("inputs", "outputs", "error", "labels", "part")
_LARGE_IN_STEPS = ("inputs", "request", "output", "variables", "error", "question", "state", "answer")
_LARGE = frozenset((*_LARGE_IN_RUNS, *_LARGE_IN_STEPS))


def run_row(run: RunRecord, packer: Packer) -> dict[str, Any]:
    """What changes in a run's row while it is executed; nulls are left out."""
    row: dict[str, Any] = {
        "run_id": run.id,
        "status": run.status,
        "error_path": escape(run.error_path),
        "tokens_in": run.usage.tokens_in,
        "tokens_out": run.usage.tokens_out,
        "cost_usd": run.usage.cost_usd,
        "duration_s": run.duration_s,
        "resumable": run.resumable,
    }
    if run.outputs is not None:
        row["outputs"] = packer.pack(run.outputs)
    if run.error is not None:
        row["error"] = packer.pack(error_json(run.error))
    _add_times(row, ended=run.ended, wake_at=run.wake_at)
    return row


def new_run_row(run: RunRecord, document_hash: str, packer: Packer) -> dict[str, Any]:
    """A whole row of a new run; the lease is added by the statement."""
    part = {} if run.part == WHOLE else {"part": packer.pack(part_json(run.part))}
    return {
        **run_row(run, packer),
        **part,
        "workflow_name": escape(run.workflow.name),
        "document_hash": document_hash,
        "inputs": packer.pack(run.inputs),
        "origin": escape(run.origin),
        "labels": packer.pack(run.labels),
        "created": run.created,
    }


def _add_times(row: dict[str, Any], **times: datetime | None) -> None:
    row.update((name, time) for name, time in times.items() if time is not None)


def large_values(rows: Sequence[AnyRow]) -> set[str]:
    """Hashes of the blobs that hold values of these rows, which are of one result (of either table)."""
    columns = _LARGE.intersection(rows[0]._fields) if rows else ()
    return {name for row in rows for column in columns if (name := blob_of(getattr(row, column))) is not None}


def run_record(row: AnyRow, workflow: Workflow, blobs: Mapping[str, bytes], *, interrupted: bool = False) -> RunRecord:
    """The record of a row of executions. blobs: those that `large_values` names."""
    value = {name: unpack(getattr(row, name), blobs) for name in _LARGE_IN_RUNS}
    return RunRecord(
        id=row.id,
        workflow=workflow,
        inputs=value["inputs"],
        status=row.status,
        created=row.created,
        origin=unescape(row.origin),
        labels=value["labels"],
        outputs=value["outputs"],
        error=_error(value["error"]),
        error_path=unescape(row.error_path),
        ended=row.ended,
        wake_at=row.wake_at,
        usage=Usage(row.tokens_in, row.tokens_out, row.cost_usd),
        duration_s=row.duration_s,
        resumable=row.resumable,
        part=part_of(value["part"]),
        interrupted=interrupted,
    )


def step_record(row: AnyRow, blobs: Mapping[str, bytes]) -> StepRecord:
    """The record of a row of step_results. blobs: those that `large_values` names."""
    value = {name: unpack(getattr(row, name), blobs) for name in _LARGE_IN_STEPS}
    return StepRecord(
        run_id=row.run_id,
        path=unescape(row.path),
        step_id=unescape(row.step_id),
        attempt=row.attempt,
        status=row.status,
        type=unescape(row.type),
        title=unescape(row.title),
        cause=row.cause,
        definition=unescape(row.definition),
        inputs=value["inputs"] or {},
        request=value["request"],
        output=value["output"],
        ports=tuple(unescape(port) for port in row.ports),
        variables=value["variables"] or {},
        error=_error(value["error"]),
        usage=Usage(row.tokens_in, row.tokens_out, row.cost_usd),
        duration_s=row.duration_s,
        started=row.started,
        ended=row.ended,
        question=_question(value["question"]),
        until=row.until,
        state=value["state"] or {},
        answer=value["answer"],
    )


def step_records(rows: Sequence[AnyRow], blobs: Mapping[str, bytes]) -> list[StepRecord]:
    """The records of rows of step_results, in their order."""
    return [step_record(row, blobs) for row in rows]


def error_json(error: ErrorInfo) -> dict[str, Any]:
    """An error as it is kept."""
    return {entry.name: getattr(error, entry.name) for entry in fields(error)}


def _error(kept: Mapping[str, Any] | None) -> ErrorInfo | None:
    return None if kept is None else ErrorInfo(**kept)


def question_json(question: Question) -> dict[str, Any]:
    """A question as it is kept."""
    return {entry.name: getattr(question, entry.name) for entry in fields(question)}


def _question(kept: Mapping[str, Any] | None) -> Question | None:
    if kept is None:
        return None
    return Question(kept["message"], tuple(kept["choices"]), kept["schema"])
