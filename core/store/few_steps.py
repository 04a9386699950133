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

from core.store.held_lease import Attempt, HeldLease
from core.store.journal_sql import WRITTEN
from core.store.statement import Statement
from core.store.step_rows import BEGUN, ENDED, NOT_ENDED, Texts, array, begun_values, ended_values
from core.store.values import Packer, escape

MOST: Final = 4
"""Steps in one statement; for more of them the other statement is the quicker one."""


def few_steps(lease: HeldLease, attempts: Collection[Attempt]) -> Statement | None:
    """The statement that writes these attempts of the lease's run; None if there are too many of them, if one has
    other events than a start and a completion, or if a value is too large for its row.

    Raises TypeError, ValueError or RecursionError if a value is no JSON.
    """
    if len(attempts) > MOST:
        return None
    blobs: dict[str, bytes] = {}
    whole: list[Texts] = []
    begun: list[Texts] = []
    ended: list[Texts] = []
    for attempt in attempts:
        start, end, packer = attempt.start, attempt.end, Packer(blobs)
        if start is None:
            return None
        if end is None:
            row = begun_values(start, start.at, attempt.seq, packer)
            attempt.blobs = frozenset(packer.names)
            begun.append([*row, array(packer.names)])
        elif attempt.written:
            row = ended_values(end, end.handled, end.at, packer)
            names = array(packer.names | attempt.blobs)
            ended.append([escape(end.path), str(end.attempt), *row, names])
        else:
            row = begun_values(start, start.at, attempt.seq, packer)
            row += ended_values(end, end.handled, end.at, packer)
            whole.append([*row, array(packer.names)])
    if blobs:
        return None
    rows = itertools.chain(whole, begun, ended)
    parameters = (lease.run_id, str(lease.epoch), *itertools.chain.from_iterable(rows))
    counts = len(whole), len(begun), len(ended)
    return Statement(_sql(*counts, ""), parameters, (lease,), _sql(*counts, WRITTEN))


@cache
def _sql(whole: int, begun: int, ended: int, if_there: str) -> str:
    """The statement for that many rows of each kind: parameters are run and epoch, then the rows in this order.

    if_there: what to do with a row that is there already; '' to fail.
    """
    numbers = itertools.count(3)
    rows = [f"('completed', {', '.join(_places({**BEGUN, **ENDED}, numbers))})" for _ in range(whole)]
    rows += [_begun_row(numbers) for _ in range(begun)]
    parts = [
        "runs AS MATERIALIZED (SELECT id AS run_id, lease_epoch AS epoch FROM executions "
        "WHERE id = $1 AND lease_epoch = $2::int FOR SHARE)"
    ]
    if rows:
        columns = f"run_id, status, {', '.join((*BEGUN, *ENDED))}, blobs"
        parts.append(
            f"written AS (INSERT INTO step_results AS old ({columns}) "  # noqa: S608 - made of constants
            f"SELECT runs.run_id, u.* FROM runs CROSS JOIN (VALUES {', '.join(rows)}) AS u{if_there})"
        )
    parts += [f"ended_{number} AS ({_update(numbers)})" for number in range(ended)]
    return f"WITH {', '.join(parts)} SELECT run_id, epoch FROM runs"  # noqa: S608 - made of constants


def _begun_row(numbers: Iterator[int]) -> str:
    places = _places(BEGUN, numbers)
    blobs = places.pop()
    still = (
        f"NULL::{kind}" if value is None else f"'{value}'::{kind}"
        for value, kind in zip(NOT_ENDED, ENDED.values(), strict=True)
    )
    return f"('started', {', '.join((*places, *still, blobs))})"


def _update(numbers: Iterator[int]) -> str:
    path, attempt, *places = _places({"path": "text", "attempt": "int", **ENDED}, numbers)
    changes = (f"{column} = {place}" for column, place in zip((*ENDED, "blobs"), places, strict=True))
    return (
        f"UPDATE step_results SET status = 'completed', {', '.join(changes)} "  # noqa: S608 - made of constants
        f"WHERE run_id = $1 AND path = {path} AND attempt = {attempt} AND EXISTS (SELECT FROM runs)"
    )


def _places(columns: dict[str, str], numbers: Iterator[int]) -> list[str]:
    """Placeholders for these columns and then for the blobs."""
    kinds: Sequence[str] = (*columns.values(), "text[]")
    return [f"${next(numbers)}::{kind}" for kind in kinds]
