"""The library of workflows: every save is a version, and nobody overwrites what somebody else saved meanwhile."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import RunStatus
from core.store.database import Database
from core.store.documents import Document, Documents
from core.store.errors import NameTaken, VersionConflict, WorkflowNotFound
from core.store.pins import copy_pins, move_pins
from core.store.publications import ActiveWorkflow, AtWork, Publication, Publications, RunByDefault
from core.store.records import AnyRow
from core.store.tables import DocumentRow, ExecutionRow, ScheduleRow, WorkflowRow, WorkflowVersionRow
from core.store.values import escape, unescape
from core.workflow.model import Workflow

T = TypeVar("T")

_flows = WorkflowRow.__table__.c
_versions = WorkflowVersionRow.__table__.c
_documents = DocumentRow.__table__.c
_runs = ExecutionRow.__table__.c


_RENAME_TALKS = text("UPDATE conversations SET workflow_name = :new WHERE workflow_name = :old")


@dataclass(frozen=True, slots=True)
class SavedWorkflow:
    """A workflow as it was saved. version: its number. folder: where it is filed, names joined by `/`."""

    workflow: Workflow
    version: int
    folder: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowEntry:
    """A line of the library. last_run_*: of the newest run, None and '' if there is none.

    published_version: the one that its trigger runs, 0 for none. is_active: whether the trigger starts it.
    """

    name: str
    folder: str
    tags: tuple[str, ...]
    version: int
    created: datetime
    updated: datetime
    deleted_at: datetime | None
    last_run_id: str
    last_run_status: RunStatus | None
    last_run_at: datetime | None
    published_version: int = 0
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One save of a workflow. note: why, in the author's words. hash: equal for equal documents."""

    number: int
    author: str
    note: str
    created: datetime
    hash: str


class Workflows:
    """The library. Names are unique among the workflows that are not deleted."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents
        self._publications = Publications(database, documents)

    async def save(
        self, workflow: Workflow, expected_version: int, *, author: str = "", note: str = "", folder: str | None = None
    ) -> int:
        """Save under the workflow's own name; the number of the newest version. An unchanged document makes none.

        expected_version: the version that the change is based on, 0 for a new workflow. folder: None leaves it where
        it is. Raises VersionConflict if that is not the newest version (or a workflow of that name is there
        already), WorkflowNotFound if it is gone.
        """
        document = self._documents.encode(workflow)

        async def work(connection: AsyncConnection) -> int:
            row = await _locked(connection, workflow.name)
            if row is None:
                if expected_version:
                    raise _not_found(workflow.name)
                return await self._insert(connection, workflow, document, author, note, folder or "")
            newest = await _version(connection, row.id, row.version)
            if folder is not None:
                await connection.execute(update(WorkflowRow).where(_flows.id == row.id).values(folder=escape(folder)))
            if newest.document_hash == document.hash:
                return int(row.version)
            if row.version != expected_version:
                theirs = self._documents.decode(newest.document_hash, newest.body)
                raise VersionConflict(
                    workflow.name, expected=expected_version, current=row.version, mine=workflow, theirs=theirs
                )
            return await self._append(connection, row, workflow, document, author, note)

        return await self._run(work)

    async def get(self, name: str, version: int | None = None) -> SavedWorkflow:
        """A workflow, in its newest version or an older one. Raises WorkflowNotFound."""

        async def work(connection: AsyncConnection) -> SavedWorkflow:
            row = await _live(connection, name)
            number = row.version if version is None else version
            found = await _version(connection, row.id, number)
            workflow = self._documents.decode(found.document_hash, found.body)
            return SavedWorkflow(workflow, number, unescape(row.folder))

        return await self._database.run(work)

    async def list(self, *, deleted: bool = False) -> Sequence[WorkflowEntry]:
        """The library by folder and name, each with its newest run; or what is in the bin."""
        newest_run = (
            select(_runs.id, _runs.status, _runs.created)
            .where(_runs.workflow_name == _flows.name)
            .order_by(_runs.created.desc())
            .limit(1)
            .lateral("newest_run")
        )
        query = (
            select(
                *_flows,
                newest_run.c.id.label("run_id"),
                newest_run.c.status.label("run_status"),
                newest_run.c.created.label("run_created"),
            )
            .outerjoin(newest_run, text("true"))
            .where(_flows.deleted_at.is_not(None) if deleted else _flows.deleted_at.is_(None))
            .order_by(_flows.folder, _flows.name, _flows.created)
        )

        async def work(connection: AsyncConnection) -> Sequence[WorkflowEntry]:
            return [_entry(row) for row in await connection.execute(query)]

        return await self._database.run(work)

    async def history(self, name: str) -> Sequence[Version]:
        """All versions of a workflow, newest first. Raises WorkflowNotFound."""

        async def work(connection: AsyncConnection) -> Sequence[Version]:
            row = await _live(connection, name)
            query = select(*_versions).where(_versions.workflow_id == row.id).order_by(_versions.number.desc())
            return [
                Version(each.number, unescape(each.author), unescape(each.note), each.created, each.document_hash)
                for each in await connection.execute(query)
            ]

        return await self._database.run(work)

    async def rename(self, name: str, new_name: str, *, author: str = "") -> int:
        """Give a workflow another name, as a new version; runs and conversations follow. The number of that version.

        Raises WorkflowNotFound or NameTaken.
        """

        async def work(connection: AsyncConnection) -> int:
            row = await _locked(connection, name)
            if row is None:
                raise _not_found(name)
            newest = await _version(connection, row.id, row.version)
            renamed = replace(self._documents.decode(newest.document_hash, newest.body), name=new_name)
            document = self._documents.encode(renamed)
            await connection.execute(update(WorkflowRow).where(_flows.id == row.id).values(name=escape(new_name)))
            await connection.execute(
                update(ExecutionRow).where(_runs.workflow_name == escape(name)).values(workflow_name=escape(new_name))
            )
            await connection.execute(_RENAME_TALKS, {"old": escape(name), "new": escape(new_name)})
            await move_pins(connection, name, new_name)
            return await self._append(connection, row, renamed, document, author, f"Renamed from {name}")

        return await self._run(work, new_name)

    async def duplicate(self, name: str, new_name: str, *, author: str = "") -> int:
        """Make a new workflow from the newest version of another; 1. Raises WorkflowNotFound or NameTaken."""

        async def work(connection: AsyncConnection) -> int:
            row = await _live(connection, name)
            newest = await _version(connection, row.id, row.version)
            copy = replace(self._documents.decode(newest.document_hash, newest.body), name=new_name)
            await copy_pins(connection, name, new_name)
            document = self._documents.encode(copy)
            return await self._insert(connection, copy, document, author, f"Copied from {name}", unescape(row.folder))

        return await self._run(work, new_name)

    async def delete(self, name: str) -> None:
        """Put a workflow into the bin, and switch it off; its versions and runs stay. Raises WorkflowNotFound."""

        async def work(connection: AsyncConnection) -> None:
            row = await _live(connection, name)
            changes = {"deleted_at": func.now(), "is_active": False, "trigger_address": ""}
            await connection.execute(update(WorkflowRow).where(_flows.id == row.id).values(changes))
            await connection.execute(delete(ScheduleRow).where(ScheduleRow.workflow_id == row.id))

        await self._database.run(work)

    async def restore(self, name: str) -> None:
        """Take the workflow of that name that was deleted last out of the bin. Raises WorkflowNotFound or NameTaken."""

        async def work(connection: AsyncConnection) -> None:
            newest = (
                select(_flows.id)
                .where(_flows.name == escape(name), _flows.deleted_at.is_not(None))
                .order_by(_flows.deleted_at.desc())
                .limit(1)
            )
            found = await connection.scalar(newest)
            if found is None:
                raise WorkflowNotFound(f"There is no deleted workflow {name!r}.")
            await connection.execute(update(WorkflowRow).where(_flows.id == found).values(deleted_at=None))

        await self._run(work, name)

    async def publication(self, name: str) -> Publication:
        """How a workflow stands: its newest and its published version, and whether it is active.

        Raises WorkflowNotFound.
        """
        return await self._publications.get(name)

    async def publish(self, name: str, version: int | None = None, *, now: datetime | None = None) -> Publication:
        """Let its trigger run that version from now on; as in Publications."""
        return await self._publications.publish(name, version, now=now)

    async def activate(self, name: str, *, now: datetime | None = None) -> Publication:
        """Let its trigger start it; as in Publications."""
        return await self._publications.activate(name, now=now)

    async def deactivate(self, name: str) -> Publication:
        """Let its trigger start nothing any more. Raises WorkflowNotFound."""
        return await self._publications.deactivate(name)

    async def at_work(self) -> Sequence[AtWork]:
        """All workflows that are switched on, those that cannot be read among them."""
        return await self._publications.at_work()

    async def run_by_default(self, type_: str) -> Sequence[RunByDefault]:
        """The workflows with that type of trigger, active or not; as in Publications."""
        return await self._publications.run_by_default(type_)

    async def active(self, type_: str = "") -> Sequence[ActiveWorkflow]:
        """The published versions of the active workflows, those with that type of trigger if one is given."""
        return await self._publications.active(type_)

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[T]], new_name: str | None = None) -> T:
        """Do the work. A name that was taken meanwhile is NameTaken for a given `new_name`; else it is done again,
        and then sees the other workflow."""
        try:
            return await self._database.run(work)
        except IntegrityError as error:
            if new_name is not None:
                raise NameTaken(
                    f"There is a workflow {new_name!r} already. Choose another name, or rename that one first."
                ) from error
            return await self._database.run(work)

    async def _insert(
        self, connection: AsyncConnection, workflow: Workflow, document: Document, author: str, note: str, folder: str
    ) -> int:
        values = {"name": escape(workflow.name), "folder": escape(folder), "tags": _tags(workflow), "version": 1}
        statement = insert(WorkflowRow).values(values).returning(_flows.id)
        made = await connection.scalar(statement)
        await _add_version(connection, made, 1, document, author, note)
        return 1

    async def _append(
        self, connection: AsyncConnection, row: AnyRow, workflow: Workflow, document: Document, author: str, note: str
    ) -> int:
        number = int(row.version) + 1
        changes = {"version": number, "updated": func.now(), "tags": _tags(workflow)}
        await connection.execute(update(WorkflowRow).where(_flows.id == row.id).values(changes))
        await _add_version(connection, row.id, number, document, author, note)
        return number


async def _add_version(
    connection: AsyncConnection, workflow_id: uuid.UUID | None, number: int, document: Document, author: str, note: str
) -> None:
    body = insert(DocumentRow).values(hash=document.hash, body=json.loads(document.text))
    await connection.execute(body.on_conflict_do_update(index_elements=["hash"], set_={"used": func.now()}))
    await connection.execute(
        insert(WorkflowVersionRow).values(
            workflow_id=workflow_id,
            number=number,
            document_hash=document.hash,
            author=escape(author),
            note=escape(note),
        )
    )


async def _locked(connection: AsyncConnection, name: str) -> AnyRow | None:
    query = select(*_flows).where(_flows.name == escape(name), _flows.deleted_at.is_(None)).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def _live(connection: AsyncConnection, name: str) -> AnyRow:
    query = select(*_flows).where(_flows.name == escape(name), _flows.deleted_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise _not_found(name)
    return row


async def _version(connection: AsyncConnection, workflow_id: uuid.UUID, number: int) -> AnyRow:
    query = (
        select(_versions.document_hash, _documents.body)
        .join(DocumentRow.__table__, _documents.hash == _versions.document_hash)
        .where(_versions.workflow_id == workflow_id, _versions.number == number)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise WorkflowNotFound(f"The workflow has no version {number}. Its history shows the versions there are.")
    return row


def _entry(row: AnyRow) -> WorkflowEntry:
    return WorkflowEntry(
        name=unescape(row.name),
        folder=unescape(row.folder),
        tags=tuple(map(unescape, row.tags)),
        version=row.version,
        created=row.created,
        updated=row.updated,
        deleted_at=row.deleted_at,
        last_run_id=row.run_id or "",
        last_run_status=row.run_status,
        last_run_at=row.run_created,
        published_version=row.published_version or 0,
        is_active=row.is_active,
    )


def _tags(workflow: Workflow) -> Sequence[str]:
    return [escape(tag) for tag in workflow.tags]


def _not_found(name: str) -> WorkflowNotFound:
    return WorkflowNotFound(f"There is no workflow {name!r}. `steploom workflows list` shows the workflows there are.")
