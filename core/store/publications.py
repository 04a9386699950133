"""Publishing: the version of a workflow that its trigger runs, and whether the trigger starts it at all.

Editing makes new versions and disturbs neither.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.documents import Documents
from core.store.errors import AddressTaken, WorkflowNotFound
from core.store.records import AnyRow
from core.store.values import escape, unescape
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError, Problem
from core.workflow.schedule_times import next_time
from core.workflow.triggers import ApiTrigger, MessageTrigger, Schedule, read_trigger

_log = logging.getLogger(__name__)

_FIND = text("SELECT * FROM workflows WHERE name = :name AND deleted_at IS NULL")
_LOCK = text("SELECT * FROM workflows WHERE name = :name AND deleted_at IS NULL FOR UPDATE")

_DOCUMENT = text("""
SELECT hash, body FROM workflow_versions JOIN documents ON hash = document_hash
WHERE workflow_id = :id AND number = :number""")

_CHANGE = text("""
UPDATE workflows SET published_version = :published, is_active = :active, trigger_address = :address
WHERE id = :id""")

_NOT_SCHEDULED = text("DELETE FROM schedules WHERE workflow_id = :id")

_SCHEDULED = text("SELECT 1 FROM schedules WHERE workflow_id = :id")

_SCHEDULE = text("""
INSERT INTO schedules (workflow_id, next_at, due_at) VALUES (:id, :at, :at)
ON CONFLICT (workflow_id) DO UPDATE SET next_at = :at, due_at = :at, delayed = false""")

_IS_OF_TYPE = """(d.body -> 'trigger' ->> 'type' = :type
    OR (json_typeof(d.body -> 'trigger') = 'string' AND d.body ->> 'trigger' = :type))"""

_ACTIVE = text(f"""
SELECT w.id, w.name, w.published_version, d.hash, d.body FROM workflows AS w
JOIN workflow_versions AS v ON v.workflow_id = w.id AND v.number = w.published_version
JOIN documents AS d ON d.hash = v.document_hash
WHERE w.is_active AND w.deleted_at IS NULL AND (:type = '' OR {_IS_OF_TYPE})
ORDER BY w.name""")  # noqa: S608 - made of constants

_RUN_BY_DEFAULT = text(f"""
SELECT w.id, w.name, w.updated, v.number AS published_version, d.hash, d.body FROM workflows AS w
JOIN workflow_versions AS v
    ON v.workflow_id = w.id AND v.number = coalesce(nullif(w.published_version, 0), w.version)
JOIN documents AS d ON d.hash = v.document_hash
WHERE w.deleted_at IS NULL AND {_IS_OF_TYPE}
ORDER BY w.folder, w.name""")  # noqa: S608 - made of constants

_AT_WORK = text("""
SELECT w.id, w.name, w.published_version, d.hash, d.body, s.next_at, coalesce(s.paused, false) AS paused
FROM workflows AS w
JOIN workflow_versions AS v ON v.workflow_id = w.id AND v.number = w.published_version
JOIN documents AS d ON d.hash = v.document_hash
LEFT JOIN schedules AS s ON s.workflow_id = w.id
WHERE w.is_active AND w.deleted_at IS NULL ORDER BY w.name""")

_PLACEHOLDER: Final = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Publication:
    """How a workflow stands. newest: its newest version. published: the version that triggers run, 0 for none."""

    workflow_id: UUID
    name: str
    newest: int
    published: int
    is_active: bool


@dataclass(frozen=True, slots=True)
class ActiveWorkflow:
    """A workflow that its trigger starts, as it was published, under the name that it has now."""

    id: UUID
    version: int
    workflow: Workflow


@dataclass(frozen=True, slots=True)
class RunByDefault:
    """The version of a workflow that runs unless another one is asked for: the published one, else the newest.

    updated: when the newest one was saved.
    """

    workflow: Workflow
    version: int
    updated: datetime


@dataclass(frozen=True, slots=True)
class AtWork:
    """An active workflow. trigger: its type, '' for one that cannot be read; problem: why. place: where it is called.

    next_at: when its schedule comes next, None if it does not. paused: its schedule is held.
    """

    name: str
    version: int
    trigger: str
    place: str = ""
    next_at: datetime | None = None
    paused: bool = False
    problem: str = ""


Work: TypeAlias = Callable[[AsyncConnection], Awaitable[Publication]]
"""What is done in a transaction."""


class Publications:
    """Which version of each workflow its trigger runs."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents
        self._told: set[str] = set()

    async def get(self, name: str) -> Publication:
        """How a workflow stands. Raises WorkflowNotFound."""

        async def work(connection: AsyncConnection) -> Publication:
            return _publication(await _row(connection, name, lock=False))

        return await self._database.run(work)

    async def publish(self, name: str, version: int | None = None, *, now: datetime | None = None) -> Publication:
        """Let the trigger run that version from now on, the newest for None. An active workflow stays active.

        now: for the next time of a schedule that changed; by default the database's time. Raises WorkflowNotFound,
        DocumentError for a trigger that cannot be read, or AddressTaken.
        """

        async def work(connection: AsyncConnection) -> Publication:
            row = await _row(connection, name, lock=True)
            number = row.version if version is None else version
            return await self._set(connection, row, number, row.is_active, now)

        return await self._run(work, name)

    async def activate(self, name: str, *, now: datetime | None = None) -> Publication:
        """Let its trigger start the published version; publishes the newest if none is. Raises what `publish` does."""

        async def work(connection: AsyncConnection) -> Publication:
            row = await _row(connection, name, lock=True)
            return await self._set(connection, row, row.published_version or row.version, True, now)

        return await self._run(work, name)

    async def deactivate(self, name: str) -> Publication:
        """Let its trigger start nothing any more; what runs goes on. Raises WorkflowNotFound."""

        async def work(connection: AsyncConnection) -> Publication:
            row = await _row(connection, name, lock=True)
            values = {"id": row.id, "published": row.published_version, "active": False, "address": ""}
            await connection.execute(_CHANGE, values)
            await connection.execute(_NOT_SCHEDULED, {"id": row.id})
            return replace(_publication(row), is_active=False)

        return await self._database.run(work)

    async def active(self, type_: str = "") -> Sequence[ActiveWorkflow]:
        """The workflows that their triggers start, those with that type of trigger alone if one is given.

        One whose published version cannot be read is left out, which the log tells once.
        """

        async def work(connection: AsyncConnection) -> list[ActiveWorkflow]:
            rows = (await connection.execute(_ACTIVE, {"type": type_})).all()
            return [found for row in rows if (found := self._readable(row)) is not None]

        return await self._database.run(work)

    async def run_by_default(self, type_: str) -> Sequence[RunByDefault]:
        """The workflows with that type of trigger, active or not, by folder and name; what cannot be read is left
        out."""

        async def work(connection: AsyncConnection) -> list[RunByDefault]:
            rows = (await connection.execute(_RUN_BY_DEFAULT, {"type": type_})).all()
            found: list[RunByDefault] = []
            for row in rows:
                with suppress(DocumentError):
                    found.append(RunByDefault(self.read(row).workflow, row.published_version, row.updated))
            return found

        return await self._database.run(work)

    async def at_work(self) -> Sequence[AtWork]:
        """All active workflows by name, those that cannot be read among them."""

        async def work(connection: AsyncConnection) -> list[AtWork]:
            return [self._at_work(row) for row in await connection.execute(_AT_WORK)]

        return await self._database.run(work)

    def _at_work(self, row: AnyRow) -> AtWork:
        name, version = unescape(row.name), row.published_version
        try:
            workflow = self.read(row).workflow
        except DocumentError as error:
            return AtWork(name, version, "", problem=unreadable(version, error.problems))
        options, problems = read_trigger(workflow.trigger)
        if errors := [problem for problem in problems if problem.severity == "error"]:
            return AtWork(name, version, "", problem=unreadable(version, errors))
        place = ""
        if isinstance(options, ApiTrigger):
            place = f"{options.method} /hooks{options.path or f'/id/{row.id}'}"
        elif isinstance(options, MessageTrigger):
            place = options.channel
        return AtWork(name, version, workflow.trigger.type, place, row.next_at, row.paused)

    def _readable(self, row: AnyRow) -> ActiveWorkflow | None:
        try:
            return self.read(row)
        except DocumentError as error:
            if row.hash not in self._told:
                self._told.add(row.hash)
                name, version = unescape(row.name), row.published_version
                _log.error("Nothing starts %r: its version %d cannot be read. %s", name, version, error)
            return None

    def read(self, row: AnyRow) -> ActiveWorkflow:
        """The workflow of a row with id, name, published_version, hash and body. Raises DocumentError."""
        workflow = self._documents.decode(row.hash, row.body)
        name = unescape(row.name)
        named = workflow if workflow.name == name else replace(workflow, name=name)
        return ActiveWorkflow(row.id, row.published_version, named)

    async def _run(self, work: Work, name: str) -> Publication:
        try:
            return await self._database.run(work)
        except IntegrityError as error:
            raise AddressTaken(
                f"Workflow {name!r} was not switched on: another active workflow answers calls of the same method and "
                "path. Give it a path of its own, or switch the other one off."
            ) from error

    async def _set(
        self, connection: AsyncConnection, row: AnyRow, number: int, active: bool, now: datetime | None
    ) -> Publication:
        workflow = await self._version(connection, row.id, number)
        before = None
        if row.published_version is not None:
            with suppress(DocumentError):  # what cannot be read is about to be replaced
                before = (await self._version(connection, row.id, row.published_version)).trigger
        options, problems = read_trigger(workflow.trigger)
        if errors := [problem for problem in problems if problem.severity == "error"]:
            raise DocumentError(errors, workflow.name)
        address = _address(options) if active and isinstance(options, ApiTrigger) else ""
        values = {"id": row.id, "published": number, "active": active, "address": address}
        await connection.execute(_CHANGE, values)
        if active and isinstance(options, Schedule):
            await self._schedule(connection, row.id, options, now, changed=before != workflow.trigger)
        else:
            await connection.execute(_NOT_SCHEDULED, {"id": row.id})
        return replace(_publication(row), published=number, is_active=active)

    async def _schedule(
        self, connection: AsyncConnection, workflow_id: UUID, schedule: Schedule, now: datetime | None, *, changed: bool
    ) -> None:
        """A time that is due and not yet looked at is kept if the schedule stayed the same."""
        if not changed and await connection.scalar(_SCHEDULED, {"id": workflow_id}) is not None:
            return
        at = next_time(schedule, now or (await connection.scalar(text("SELECT now()"))) or datetime.now(UTC))
        await connection.execute(_SCHEDULE, {"id": workflow_id, "at": at})

    async def _version(self, connection: AsyncConnection, workflow_id: UUID, number: int) -> Workflow:
        row = (await connection.execute(_DOCUMENT, {"id": workflow_id, "number": number})).one_or_none()
        if row is None:
            raise WorkflowNotFound(f"The workflow has no version {number}. Its history shows the versions there are.")
        return self._documents.decode(row.hash, row.body)


async def _row(connection: AsyncConnection, name: str, *, lock: bool) -> AnyRow:
    row = (await connection.execute(_LOCK if lock else _FIND, {"name": escape(name)})).one_or_none()
    if row is None:
        raise WorkflowNotFound(
            f"There is no workflow {name!r}. `steploom workflows list` shows the workflows there are."
        )
    return row


def _publication(row: AnyRow) -> Publication:
    return Publication(row.id, unescape(row.name), row.version, row.published_version or 0, row.is_active)


def unreadable(version: int, problems: Sequence[Problem]) -> str:
    """Why a published version starts nothing, and the next move."""
    why = " ".join(one.words for one in problems[:2]) or "Its trigger is no schedule."
    return f"Version {version}, which is published, cannot be read here: {why} Or publish a version that can be read."


def _address(trigger: ApiTrigger) -> str:
    """Method and path, inputs in the path without their names, for they match alike."""
    return f"{trigger.method} {_PLACEHOLDER.sub('{}', trigger.path)}" if trigger.path else ""
