"""The statement for a few steps of one run: a step after the other is what most runs are made of.

It has no more parameters than the steps need, all of them texts: an attempt that began, one whose start is durable
and that completed, and one that did both since the last transaction have a row of their own kind each. That takes
the server two thirds and the client half of the time of the statement that takes any number of rows of any kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Final

from core.engine.events import StepCompleted, StepStarted
from core.store.held_lease import Attempt, HeldLease
from core.store.journal_sql import WRITTEN
from core.store.records import error_json
from core.store.statement import Statement
from core.store.values import Packer, escape

MOST: Final = 4
"""Steps in one statement; for more of them the other statement is the quicker one."""

_BEGUN: Final = {
    "path": "text", "attempt": "int", "seq": "int", "step_id": "text", "type": "text", "title": "text",
    "cause": "text", "definition": "text", "inputs": "json", "started": "timestamptz",
}  # fmt: skip
_ENDED: Final = {
    "request": "json", "output": "json", "ports": "text[]", "variables": "json", "error": "json",
    "tokens_in": "bigint", "tokens_out": "bigint", "cost_usd": "float8", "duration_s": "float8",
    "ended": "timestamptz",
}  # fmt: skip
_NOT_ENDED: Final = {
    "ports": "'{}'::text[]", "tokens_in": "0::bigint", "tokens_out": "0::bigint", "cost_usd": "0::float8",
    "duration_s": "0::float8",
}  # fmt: skip

_Values = list[str | None]


def few_steps(lease: HeldLease, attempts: Collection[Attempt]) -> Statement | None:
    """The statement that writes these attempts of the lease's run; None if there are too many of them, if one has
    other events than a start and a completion, or if a value is too large for its row.

    Raises TypeError, ValueError or RecursionError if a value is no JSON.
    """
    if len(attempts) > MOST:
        return None
    blobs: dict[str, bytes] = {}
    whole: list[_Values] = []
    begun: list[_Values] = []
    ended: list[_Values] = []
    for attempt in attempts:
        start, end, packer = attempt.start, attempt.end, Packer(blobs)
        if start is None:
            return None
        if end is None:
            row = _begin(start, attempt.seq, packer)
            attempt.blobs = frozenset(packer.names)
            begun.append([*row, _array(packer.names)])
        elif attempt.written:
            row = _end(end, packer)
            names = _array(packer.names | attempt.blobs)
            ended.append([escape(end.path), str(end.attempt), *row, names])
        else:
            row = [*_begin(start, attempt.seq, packer), *_end(end, packer)]
            whole.append([*row, _array(packer.names)])
    if blobs:
        return None
    rows = itertools.chain(whole, begun, ended)
    parameters = (lease.run_id, str(lease.epoch), *itertools.chain.from_iterable(rows))
    return Statement(_sql(len(whole), len(begun), len(ended)), parameters, (lease,))


def _begin(start: StepStarted, seq: int, packer: Packer) -> _Values:
    """The columns of _BEGUN."""
    return [
        escape(start.path),
        str(start.attempt),
        str(seq),
        escape(start.step_id),
        escape(start.type),
        escape(start.title),
        start.cause,
        escape(start.definition),
        packer.pack(start.inputs),
        start.at.isoformat(),
    ]


def _end(end: StepCompleted, packer: Packer) -> _Values:
    """The columns of _ENDED."""
    usage = end.usage
    return [
        None if end.request is None else packer.pack(end.request),
        packer.pack(end.output),
        _array([escape(port) for port in end.ports]),
        packer.pack(end.variables) if end.variables else None,
        None if end.handled is None else packer.pack(error_json(end.handled)),
        str(usage.tokens_in),
        str(usage.tokens_out),
        repr(usage.cost_usd),
        repr(end.duration_s),
        end.at.isoformat(),
    ]


def _array(elements: Collection[str]) -> str:
    """The literal of a text[]."""
    if not elements:
        return "{}"
    escaped = (element.replace("\\", "\\\\").replace('"', '\\"') for element in elements)
    return '{"' + '","'.join(escaped) + '"}'


@cache
def _sql(whole: int, begun: int, ended: int) -> str:
    """The statement for that many rows of each kind: parameters are run and epoch, then the rows in this order."""
    numbers = itertools.count(3)
    rows = [f"('completed', {', '.join(_places({**_BEGUN, **_ENDED}, numbers))})" for _ in range(whole)]
    rows += [_begun_row(numbers) for _ in range(begun)]
    parts = [
        "runs AS MATERIALIZED (SELECT id AS run_id, lease_epoch AS epoch FROM executions "
        "WHERE id = $1 AND lease_epoch = $2::int FOR SHARE)"
    ]
    if rows:
        columns = f"run_id, status, {', '.join((*_BEGUN, *_ENDED))}, blobs"
        parts.append(
            f"written AS (INSERT INTO step_results AS old ({columns}) "  # noqa: S608 - made of constants
            f"SELECT runs.run_id, u.* FROM runs CROSS JOIN (VALUES {', '.join(rows)}) AS u{WRITTEN})"
        )
    parts += [f"ended_{number} AS ({_update(numbers)})" for number in range(ended)]
    return f"WITH {', '.join(parts)} SELECT run_id, epoch FROM runs"  # noqa: S608 - made of constants


def _begun_row(numbers: Iterator[int]) -> str:
    places = _places(_BEGUN, numbers)
    blobs = places.pop()
    still = (_NOT_ENDED.get(column, f"NULL::{kind}") for column, kind in _ENDED.items())
    return f"('started', {', '.join((*places, *still, blobs))})"


def _update(numbers: Iterator[int]) -> str:
    path, attempt, *places = _places({"path": "text", "attempt": "int", **_ENDED}, numbers)
    changes = (f"{column} = {place}" for column, place in zip((*_ENDED, "blobs"), places, strict=True))
    return (
        f"UPDATE step_results SET status = 'completed', {', '.join(changes)} "  # noqa: S608 - made of constants
        f"WHERE run_id = $1 AND path = {path} AND attempt = {attempt} AND EXISTS (SELECT FROM runs)"
    )


def _places(columns: dict[str, str], numbers: Iterator[int]) -> list[str]:
    """Placeholders for these columns and then for the blobs."""
    kinds: Sequence[str] = (*columns.values(), "text[]")
    return [f"${next(numbers)}::{kind}" for kind in kinds]
