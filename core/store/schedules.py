"""Schedules at work: which active workflow comes next, taken by one process alone and settled in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import RunStatus
from core.store.database import Database
from core.store.documents import Documents
from core.store.errors import NotScheduled, StoreError
from core.store.publications import ActiveWorkflow, Publications, unreadable
from core.store.records import AnyRow
from core.store.values import escape, unescape
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError
from core.workflow.schedule_times import next_time
from core.workflow.triggers import Schedule, read_trigger

_log = logging.getLogger(__name__)

_MISTAKE: Final = "failed: Steploom itself made a mistake; the details are in the log"

_WITH_DOCUMENT = """
FROM schedules AS s JOIN workflows AS w ON w.id = s.workflow_id
JOIN workflow_versions AS v ON v.workflow_id = w.id AND v.number = w.published_version
JOIN documents AS d ON d.hash = v.document_hash
LEFT JOIN executions AS e ON e.id = s.last_run_id
WHERE w.is_active AND w.deleted_at IS NULL"""

_COLUMNS = "SELECT s.*, w.id, w.name, w.published_version, d.hash, d.body, e.status AS last_status"

_DUE = text(f"""
{_COLUMNS} {_WITH_DOCUMENT} AND NOT s.paused AND s.due_at <= :now
ORDER BY s.due_at LIMIT 1 FOR UPDATE OF s SKIP LOCKED""")

_ALL = text(f"{_COLUMNS} {_WITH_DOCUMENT} ORDER BY s.due_at NULLS LAST, w.name")

_ONE = text(f"{_COLUMNS} {_WITH_DOCUMENT} AND w.name = :name")

_LOCK_ONE = text(f"{_COLUMNS} {_WITH_DOCUMENT} AND w.name = :name FOR UPDATE OF s")

_NEXT_DUE = text("SELECT min(due_at) FROM schedules WHERE NOT paused")

_SETTLE = text("""
UPDATE schedules SET next_at = :next_at, due_at = :due_at, delayed = :delayed, last_at = coalesce(:last_at, last_at),
    last_run_id = coalesce(nullif(:last_run_id, ''), last_run_id), outcome = coalesce(nullif(:outcome, ''), outcome)
WHERE workflow_id = :id""")

_NOTE = text("""
INSERT INTO schedule_times (workflow_id, at, noticed, run_id, outcome) VALUES (:id, :at, :noticed, :run_id, :outcome)
ON CONFLICT (workflow_id, at) DO UPDATE
SET noticed = excluded.noticed, run_id = excluded.run_id, outcome = excluded.outcome""")

_FORGET = text("""
DELETE FROM schedule_times WHERE workflow_id = :id AND at < (
    SELECT at FROM schedule_times WHERE workflow_id = :id ORDER BY at DESC OFFSET :kept LIMIT 1)""")

_PAST = text("""
SELECT t.at, t.noticed, t.run_id, t.outcome, e.status, e.ended
FROM workflows AS w JOIN schedule_times AS t ON t.workflow_id = w.id LEFT JOIN executions AS e ON e.id = t.run_id
WHERE w.name = :name AND w.deleted_at IS NULL ORDER BY t.at DESC LIMIT :limit""")

PAST_KEPT: Final = 500
"""Times of a schedule, the latest, that are remembered."""

_PAUSE = text("UPDATE schedules SET paused = true WHERE workflow_id = :id")

_GO_ON = text("""
UPDATE schedules SET paused = false, next_at = :at, due_at = :at, delayed = false WHERE workflow_id = :id""")

_ONE_AT_A_TIME = text("""
UPDATE queued_runs SET workflow_limit = CASE WHEN workflow_limit = 0 THEN 1 ELSE workflow_limit END
WHERE run_id = :run_id""")


@dataclass(frozen=True, slots=True)
class ScheduledWorkflow:
    """An active workflow with a schedule, and how that stands.

    next_at: the time that comes next, None if none does. due_at: the same, later by its jitter if `delayed`.
    last_at: the time that came last. last_run_id, last_status: of the run that it started last. outcome: what became
    of the last time, in words. problem: why the published version cannot be read, '' if it can; its workflow then has
    nothing but a name.
    """

    active: ActiveWorkflow
    schedule: Schedule
    next_at: datetime | None
    due_at: datetime | None
    delayed: bool
    paused: bool
    last_at: datetime | None
    last_run_id: str
    last_status: RunStatus | None
    outcome: str
    problem: str = ""

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.active.workflow.name

    @property
    def busy(self) -> bool:
        """Whether the run that it started last has not ended."""
        return self.last_status in ("queued", "running", "suspended")


@dataclass(frozen=True, slots=True)
class PastTime:
    """A time of a schedule that came. noticed: when it was acted upon. outcome: what became of it, in words.

    run_id: of the run that it started, '' for none. status: of that run, None if it is not kept any more. ended: when
    that run did, None if it has not.
    """

    at: datetime
    noticed: datetime
    outcome: str
    run_id: str = ""
    status: RunStatus | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """How a schedule goes on.

    last_at, last_run_id, outcome: what came of this time; None and '' leave what is there.
    """

    next_at: datetime | None
    due_at: datetime | None
    delayed: bool = False
    last_at: datetime | None = None
    last_run_id: str = ""
    outcome: str = ""


Settle: TypeAlias = Callable[[AsyncConnection, ScheduledWorkflow], Awaitable[Settled]]
"""Does in the transaction what a due schedule asks for, and says how it goes on. It may be called again."""


class Schedules:
    """The schedules of active workflows."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._publications = Publications(database, documents)

    async def settle_due(self, now: datetime, settle: Settle) -> ScheduledWorkflow | None:
        """Settle the schedule that is due longest and that nobody else has at hand, in one transaction with all that
        `settle` does; the schedule as it was, None if none is due.

        One that cannot be read is not handed to `settle`: it comes no more until something readable is published.
        """

        async def work(connection: AsyncConnection) -> ScheduledWorkflow | None:
            row = (await connection.execute(_DUE, {"now": now})).one_or_none()
            if row is None:
                return None
            found = self._read(row)
            if found.problem:
                settled = Settled(None, None, last_at=found.next_at, outcome=f"failed: {found.problem}")
            else:
                settled = await _settled(connection, found, settle)
            values = {
                "id": row.workflow_id, "next_at": settled.next_at, "due_at": settled.due_at,
                "delayed": settled.delayed, "last_at": settled.last_at, "last_run_id": settled.last_run_id,
                "outcome": escape(settled.outcome),
            }  # fmt: skip
            await connection.execute(_SETTLE, values)
            if settled.last_at is not None:
                await _note(connection, row.workflow_id, settled, now)
            return found

        return await self._database.run(work)

    async def run_alone(self, connection: AsyncConnection, run_id: str) -> None:
        """Let a run that was queued in this transaction wait until no other run of its workflow is executed."""
        await connection.execute(_ONE_AT_A_TIME, {"run_id": run_id})

    async def next_due(self) -> datetime | None:
        """When the next schedule is due, None if none is."""
        return await self._database.run(lambda connection: connection.scalar(_NEXT_DUE))

    async def list(self) -> Sequence[ScheduledWorkflow]:
        """All schedules of active workflows, the next one first."""

        async def work(connection: AsyncConnection) -> list[ScheduledWorkflow]:
            return [self._read(row) for row in await connection.execute(_ALL)]

        return await self._database.run(work)

    async def get(self, name: str) -> ScheduledWorkflow:
        """The schedule of a workflow. Raises NotScheduled."""

        async def work(connection: AsyncConnection) -> ScheduledWorkflow:
            return self._read(await _one(connection, name, _ONE))

        return await self._database.run(work)

    async def past(self, name: str, limit: int = 20) -> Sequence[PastTime]:
        """The times of a workflow's schedule that came last, the latest first; also of one that is switched off."""

        async def work(connection: AsyncConnection) -> list[PastTime]:
            rows = await connection.execute(_PAST, {"name": escape(name), "limit": limit})
            return [
                PastTime(row.at, row.noticed, unescape(row.outcome), row.run_id, row.status, row.ended) for row in rows
            ]

        return await self._database.run(work)

    async def pause(self, name: str) -> None:
        """Let a schedule's times pass. Raises NotScheduled."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_PAUSE, {"id": (await _one(connection, name)).workflow_id})

        await self._database.run(work)

    async def resume(self, name: str, *, now: datetime) -> datetime | None:
        """Let a schedule go on with its next time, which is returned; those meanwhile do not count as missed.

        Raises NotScheduled, also for one whose published version cannot be read.
        """

        async def work(connection: AsyncConnection) -> datetime | None:
            found = self._read(await _one(connection, name))
            if found.problem:
                raise NotScheduled(f"The schedule of {name!r} cannot go on. {found.problem}")
            if not found.paused:
                return found.next_at
            at = next_time(found.schedule, now)
            await connection.execute(_GO_ON, {"id": found.active.id, "at": at})
            return at

        return await self._database.run(work)

    def _read(self, row: AnyRow) -> ScheduledWorkflow:
        active, schedule, problem = self._published(row)
        return ScheduledWorkflow(
            active, schedule, row.next_at, row.due_at, row.delayed, row.paused, row.last_at, row.last_run_id,
            row.last_status, unescape(row.outcome), problem,
        )  # fmt: skip

    def _published(self, row: AnyRow) -> tuple[ActiveWorkflow, Schedule, str]:
        """The published version and its schedule; if they cannot be read, nothing but a name, and why."""
        try:
            active = self._publications.read(row)
        except DocumentError as error:
            nothing = ActiveWorkflow(row.id, row.published_version, Workflow(unescape(row.name)))
            return nothing, Schedule(), unreadable(row.published_version, error.problems)
        options, problems = read_trigger(active.workflow.trigger)
        errors = [problem for problem in problems if problem.severity == "error"]
        if isinstance(options, Schedule) and not errors:
            return active, options, ""
        return active, Schedule(), unreadable(row.published_version, errors)


async def _settled(connection: AsyncConnection, found: ScheduledWorkflow, settle: Settle) -> Settled:
    """What `settle` says; an error in it that nobody foresaw costs this one time, and no other schedule anything."""
    try:
        async with connection.begin_nested():
            return await settle(connection, found)
    except (StoreError, SQLAlchemyError):
        raise
    except Exception as error:  # noqa: BLE001 - the loop goes on with the next schedule
        _log.exception("The schedule of %r met an error that was not expected", found.name)
        with suppress(Exception):
            at = next_time(found.schedule, found.next_at) if found.next_at is not None else None
            return Settled(at, at, last_at=found.next_at, outcome=f"{_MISTAKE} ({type(error).__name__}).")
        return Settled(None, None, last_at=found.next_at, outcome=f"{_MISTAKE} ({type(error).__name__}).")


async def _note(connection: AsyncConnection, workflow_id: UUID, settled: Settled, now: datetime) -> None:
    """Remember what became of a time, and forget what is long past."""
    values = {
        "id": workflow_id, "at": settled.last_at, "noticed": now, "run_id": settled.last_run_id,
        "outcome": escape(settled.outcome),
    }  # fmt: skip
    await connection.execute(_NOTE, values)
    await connection.execute(_FORGET, {"id": workflow_id, "kept": PAST_KEPT - 1})


async def _one(connection: AsyncConnection, name: str, query: TextClause = _LOCK_ONE) -> AnyRow:
    row = (await connection.execute(query, {"name": escape(name)})).one_or_none()
    if row is None:
        raise NotScheduled(
            f"Workflow {name!r} has no schedule at work. It needs a trigger of the type schedule, and to be switched "
            f"on: steploom workflows activate {name!r}"
        )
    return row
