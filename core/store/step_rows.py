"""Attempts as rows of step_results on their way to the journal's statements: lists of texts, None for null.

All are texts, whatever the column: they cost least to make, go into a parameter each or into JSON alike, and the
server casts them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from core.engine.events import ErrorInfo, StepCompleted, StepStarted
from core.engine.journal import StepRecord
from core.store.held_lease import Attempt, HeldLease
from core.store.records import error_json, question_json
from core.store.values import Packer, escape

Texts: TypeAlias = list[str | None]

BEGUN: Final = {
    "path": "text", "attempt": "int", "seq": "int", "step_id": "text", "type": "text", "title": "text",
    "cause": "text", "definition": "text", "inputs": "json", "started": "timestamptz",
}  # fmt: skip
"""What a start tells: columns and their types."""

ENDED: Final = {
    "request": "json", "output": "json", "ports": "text[]", "variables": "json", "error": "json",
    "tokens_in": "bigint", "tokens_out": "bigint", "cost_usd": "float8", "duration_s": "float8",
    "ended": "timestamptz",
}  # fmt: skip
"""What an end tells."""

NOT_ENDED: Final[Texts] = [None, None, "{}", None, None, "0", "0", "0", "0", None]
"""The values of ENDED before the end."""

WHOLE: Final = {
    "run_id": "text", "epoch": "int", "status": "text", **BEGUN, **ENDED, "question": "json", "until": "timestamptz",
    "state": "json", "blobs": "text[]",
}  # fmt: skip
"""All that a row tells, in the order of `whole_row`."""

_NOTHING_ASKED: Final[Texts] = [None, None, None]


def whole_row(lease: HeldLease, attempt: Attempt, blobs: dict[str, bytes]) -> Texts:
    """The columns of WHOLE; inputs are left out if the row is there already. blobs: gets the values that are too large.

    Raises TypeError, ValueError or RecursionError if a value is no JSON.
    """
    packer = Packer(blobs)
    start, end = attempt.start, attempt.end
    if start is None:
        record = attempt.record
        status: str = record.status
        begun = begun_values(record, record.started, attempt.seq, packer, with_inputs=not attempt.written)
        ended = ended_values(record, record.error, record.ended, packer)
        rest = _asked(record, packer)
    else:
        status = "started" if end is None else "completed"
        begun = begun_values(start, start.at, attempt.seq, packer, with_inputs=not attempt.written)
        ended = NOT_ENDED if end is None else ended_values(end, end.handled, end.at, packer)
        rest = _NOTHING_ASKED
    if status == "started":
        attempt.blobs = frozenset(packer.names)
    return [lease.run_id, str(lease.epoch), status, *begun, *ended, *rest, array(packer.names | attempt.blobs)]


def begun_values(
    start: StepStarted | StepRecord, at: datetime | None, seq: int, packer: Packer, *, with_inputs: bool = True
) -> Texts:
    """The values of BEGUN."""
    return [
        escape(start.path),
        str(start.attempt),
        str(seq),
        escape(start.step_id),
        escape(start.type),
        escape(start.title),
        start.cause,
        escape(start.definition),
        packer.pack(start.inputs) if with_inputs else None,
        None if at is None else at.isoformat(),
    ]


def ended_values(
    end: StepCompleted | StepRecord, error: ErrorInfo | None, at: datetime | None, packer: Packer
) -> Texts:
    """The values of ENDED."""
    usage = end.usage
    return [
        None if end.request is None else packer.pack(end.request),
        None if end.output is None else packer.pack(end.output),
        _ports(end.ports),
        packer.pack(end.variables) if end.variables else None,
        None if error is None else packer.pack(error_json(error)),
        str(usage.tokens_in),
        str(usage.tokens_out),
        repr(usage.cost_usd),
        repr(end.duration_s),
        None if at is None else at.isoformat(),
    ]


@lru_cache(maxsize=1_024)
def _ports(ports: tuple[str, ...]) -> str:
    return array([escape(port) for port in ports])


def array(elements: Collection[str]) -> str:
    """The literal of a text[]."""
    if not elements:
        return "{}"
    escaped = (element.replace("\\", "\\\\").replace('"', '\\"') for element in elements)
    return '{"' + '","'.join(escaped) + '"}'


def _asked(record: StepRecord, packer: Packer) -> Texts:
    return [
        None if record.question is None else packer.pack(question_json(record.question)),
        None if record.until is None else record.until.isoformat(),
        packer.pack(record.state) if record.state else None,
    ]
