"""A run with the runs that its steps have asked for, seen as one: their records at the paths of the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import RunStatus
from core.engine.journal import StepRecord
from core.store.spread_sql import BELOW
from core.store.values import escape, unescape

_HOLDS_QUESTION = text("""
SELECT run_id, path FROM step_results
WHERE run_id = ANY(CAST(:ids AS text[])) AND path = ANY(CAST(:paths AS text[])) AND question IS NOT NULL""")


@dataclass(frozen=True, slots=True)
class Member:
    """A run below another. path: of the step that asked for it, in its parent; number: its place among those of that
    step. prefix: stands before the paths of its steps, seen from the first run.
    """

    run_id: str
    parent_id: str
    path: str
    number: int
    prefix: str
    status: RunStatus


async def family(connection: AsyncConnection, run_id: str) -> list[Member]:
    """All runs below a run, those of a step in order of their numbers and each before those below it."""
    below: dict[str, list[Any]] = {}
    for row in (await connection.execute(BELOW, {"parent": run_id})).all():
        below.setdefault(row.parent_id, []).append(row)

    def members(parent: str, prefix: str) -> Iterator[Member]:
        for row in below.get(parent, ()):
            whole = prefix + unescape(row.prefix)
            yield Member(row.run_id, parent, unescape(row.path), row.number, whole, row.status)
            yield from members(row.run_id, whole)

    return list(members(run_id, ""))


def merged(run_id: str, members: Sequence[Member], records: Mapping[str, Sequence[StepRecord]]) -> Iterator[StepRecord]:
    """The records of all runs, those of a run right behind the first record of the step that asked for it."""
    below: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        below.setdefault((member.parent_id, member.path), []).append(member)

    def of(run: str, prefix: str) -> Iterator[StepRecord]:
        for record in records.get(run, ()):
            yield replace(record, path=prefix + record.path) if prefix else record
            for member in below.pop((run, record.path), ()):
                yield from of(member.run_id, member.prefix)

    yield from of(run_id, "")


async def asking(connection: AsyncConnection, run_id: str, path: str) -> tuple[str, str]:
    """The run and path whose question is meant by a path of the whole: those given, or those of a run below."""
    members = await family(connection, run_id)
    if not members:
        return run_id, path
    places = {(run_id, path)} | {
        (member.run_id, path.removeprefix(member.prefix)) for member in members if path.startswith(member.prefix)
    }
    values = {"ids": sorted({run for run, _ in places}), "paths": sorted({escape(own) for _, own in places})}
    rows = (await connection.execute(_HOLDS_QUESTION, values)).all()
    return next((place for row in rows if (place := (row.run_id, unescape(row.path))) in places), (run_id, path))
