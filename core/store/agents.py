"""The library of agents as documents, as a protocol and in the database: every save is a version, and nobody overwrites
what somebody else saved meanwhile.

What an agent is belongs to a higher room; here it is its document. `core.agents.library` turns documents into agents.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Executable, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.agent_tables import AgentFunctionRow, AgentRow, AgentVersionRow
from core.store.database import Database
from core.store.errors import AgentConflict, AgentNotFound, NameTaken
from core.store.records import AnyRow
from core.store.values import encode, escape, unescape
from core.store.workflows import Version
from core.workflow.model import Json

T = TypeVar("T")

_agents = AgentRow.__table__.c
_versions = AgentVersionRow.__table__.c
_functions = AgentFunctionRow.__table__.c

_NEWEST = (
    select(*_agents, _versions.document, _versions.hash, _versions.number)
    .join(AgentVersionRow.__table__, _versions.agent_id == _agents.id)
    .where(_versions.number == _agents.version)
)

_ADD_VERSION = text("""
INSERT INTO agent_versions (agent_id, number, document, hash, author, note)
VALUES (:agent_id, :number, CAST(:document AS json), :hash, :author, :note)""")


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """A function of an agent, as far as others ask about it: what it calls."""

    name: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class AgentDocument:
    """An agent as it is kept. body: its file as data, the name included. functions: those in it, in their order."""

    name: str
    body: Mapping[str, Json]
    functions: tuple[FunctionUse, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent of the library. version: of `body`, and for one from a list also the newest."""

    id: uuid.UUID
    name: str
    version: int
    body: Mapping[str, Json]
    created: datetime
    updated: datetime
    deleted_at: datetime | None = None


class AgentRecords(Protocol):
    """The library of agents as documents. Names are unique among the agents that are not deleted."""

    async def save(
        self, document: AgentDocument, expected_version: int, *, author: str = "", note: str = ""
    ) -> AgentRecord:
        """Save under the document's own name; what is now the newest version. An unchanged document makes none.

        expected_version: the version that the change is based on, 0 for a new agent. Raises AgentConflict if that is
        not the newest version (or an agent of that name is there already), AgentNotFound if it is gone.
        """

    async def create(self, document: AgentDocument, *, author: str = "", note: str = "") -> AgentRecord:
        """Save a new agent. Raises NameTaken if there is one of that name, be it the same."""

    async def get(self, name: str, version: int | None = None) -> AgentRecord:
        """An agent, in its newest version or an older one. Raises AgentNotFound."""

    async def by_id(self, agent_id: uuid.UUID) -> AgentRecord:
        """An agent by its id, in its newest version, also one in the bin. Raises AgentNotFound."""

    async def list(self, *, deleted: bool = False) -> Sequence[AgentRecord]:
        """All agents by name; or those in the bin."""

    async def history(self, name: str) -> Sequence[Version]:
        """All versions of an agent, newest first. Raises AgentNotFound."""

    async def rename(self, name: str, document: AgentDocument, *, author: str = "") -> AgentRecord:
        """Give an agent another name, as a new version. document: the newest one with the new name.

        Raises AgentNotFound or NameTaken.
        """

    async def delete(self, name: str) -> None:
        """Put an agent into the bin; its versions, memories and conversations stay. Raises AgentNotFound."""

    async def restore(self, name: str) -> None:
        """Take the agent of that name that was deleted last out of the bin. Raises AgentNotFound or NameTaken."""

    async def erase(self, name: str) -> None:
        """Delete the agents of that name that are in the bin for good, with their memories. Raises AgentNotFound."""

    async def users(self, kind: str, target: str) -> Sequence[str]:
        """Names of the agents whose newest version has a function of that kind and target."""


class PostgresAgents:
    """The AgentRecords protocol over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self, document: AgentDocument, expected_version: int, *, author: str = "", note: str = ""
    ) -> AgentRecord:
        """Save under the document's own name; what is now the newest version. An unchanged document makes none."""
        kept, hashed = kept_document(document.body)

        async def work(connection: AsyncConnection) -> AgentRecord:
            row = await _newest(connection, document.name, locked=True)
            if row is None:
                if expected_version:
                    raise no_agent(document.name)
                made = await connection.scalar(_new_agent(document.name))
                return await _append(connection, made, 1, document, kept, hashed, author, note)
            if row.hash == hashed:
                return _record(row)
            if row.version != expected_version:
                raise AgentConflict(
                    document.name, expected=expected_version, current=row.version, mine=document.body,
                    theirs=row.document,
                )  # fmt: skip
            return await _append(connection, row.id, row.version + 1, document, kept, hashed, author, note)

        return await self._run(work)

    async def create(self, document: AgentDocument, *, author: str = "", note: str = "") -> AgentRecord:
        """Save a new agent. Raises NameTaken if there is one of that name, be it the same."""
        kept, hashed = kept_document(document.body)
        made = uuid.uuid4()

        async def work(connection: AsyncConnection) -> AgentRecord:
            again = (await connection.execute(_NEWEST.where(_agents.id == made))).one_or_none()
            if again is not None:  # a repeated write
                return _record(again)
            await connection.execute(insert(AgentRow).values(id=made, name=escape(document.name), version=1))
            return await _append(connection, made, 1, document, kept, hashed, author, note)

        return await self._run(work, document.name)

    async def get(self, name: str, version: int | None = None) -> AgentRecord:
        """An agent, in its newest version or an older one. Raises AgentNotFound."""

        async def work(connection: AsyncConnection) -> AgentRecord:
            row = await _newest(connection, name)
            if row is None:
                raise no_agent(name)
            if version in (None, row.version):
                return _record(row)
            query = select(_versions.document, _versions.number, *_agents).join(
                AgentRow.__table__, _agents.id == _versions.agent_id
            )
            older = await connection.execute(query.where(_versions.agent_id == row.id, _versions.number == version))
            found = older.one_or_none()
            if found is None:
                raise no_version(version)
            return _record(found)

        return await self._database.run(work)

    async def by_id(self, agent_id: uuid.UUID) -> AgentRecord:
        """An agent by its id, in its newest version, also one in the bin. Raises AgentNotFound."""
        query = _NEWEST.where(_agents.id == agent_id)
        row = (await self._database.run(lambda connection: connection.execute(query))).one_or_none()
        if row is None:
            raise gone_agent(agent_id)
        return _record(row)

    async def list(self, *, deleted: bool = False) -> Sequence[AgentRecord]:
        """All agents by name; or those in the bin."""
        where = _agents.deleted_at.is_not(None) if deleted else _agents.deleted_at.is_(None)
        query = _NEWEST.where(where).order_by(_agents.name, _agents.created)
        return [_record(row) for row in await self._database.run(lambda connection: connection.execute(query))]

    async def history(self, name: str) -> Sequence[Version]:
        """All versions of an agent, newest first. Raises AgentNotFound."""

        async def work(connection: AsyncConnection) -> Sequence[Version]:
            row = await _newest(connection, name)
            if row is None:
                raise no_agent(name)
            query = select(*_versions).where(_versions.agent_id == row.id).order_by(_versions.number.desc())
            return [
                Version(each.number, unescape(each.author), unescape(each.note), each.created, each.hash)
                for each in await connection.execute(query)
            ]

        return await self._database.run(work)

    async def rename(self, name: str, document: AgentDocument, *, author: str = "") -> AgentRecord:
        """Give an agent another name, as a new version. Raises AgentNotFound or NameTaken."""
        kept, hashed = kept_document(document.body)
        found: list[uuid.UUID] = []  # a second try after a lost connection may find that the first one did it

        async def work(connection: AsyncConnection) -> AgentRecord:
            if found and (known := await _newest(connection, document.name)) and known.id == found[0]:
                return _record(known)
            row = await _newest(connection, name, locked=True)
            if row is None:
                raise no_agent(name)
            found[:] = [row.id]
            renamed = update(AgentRow).where(_agents.id == row.id).values(name=escape(document.name))
            await connection.execute(renamed)
            note = f"Renamed from {name}"
            return await _append(connection, row.id, row.version + 1, document, kept, hashed, author, note)

        return await self._run(work, document.name)

    async def delete(self, name: str) -> None:
        """Put an agent into the bin; its versions, memories and conversations stay. Raises AgentNotFound."""
        live = (_agents.name == escape(name), _agents.deleted_at.is_(None))
        await self._change(update(AgentRow).where(*live).values(deleted_at=func.now()), no_agent(name))

    async def restore(self, name: str) -> None:
        """Take the agent of that name that was deleted last out of the bin. Raises AgentNotFound or NameTaken."""
        newest = (
            select(_agents.id)
            .where(_agents.name == escape(name), _agents.deleted_at.is_not(None))
            .order_by(_agents.deleted_at.desc())
            .limit(1)
        )

        found: list[uuid.UUID] = []  # a second try after a lost connection takes the same one

        async def work(connection: AsyncConnection) -> None:
            if not found:
                found.extend(await connection.scalars(newest))
            if not found:
                raise no_deleted_agent(name)
            await connection.execute(update(AgentRow).where(_agents.id == found[0]).values(deleted_at=None))

        await self._run(work, name)

    async def erase(self, name: str) -> None:
        """Delete the agents of that name that are in the bin for good, with their memories. Raises AgentNotFound."""
        binned = (_agents.name == escape(name), _agents.deleted_at.is_not(None))
        await self._change(delete(AgentRow).where(*binned), no_deleted_agent(name))

    async def users(self, kind: str, target: str) -> Sequence[str]:
        """Names of the agents whose newest version has a function of that kind and target."""
        query = (
            select(_agents.name)
            .join(AgentFunctionRow.__table__, _functions.agent_id == _agents.id)
            .where(_agents.deleted_at.is_(None), _functions.kind == escape(kind), _functions.target == escape(target))
            .distinct()
            .order_by(_agents.name)
        )
        return [unescape(row.name) for row in await self._database.run(lambda connection: connection.execute(query))]

    async def _change(self, statement: Executable, missing: AgentNotFound) -> None:
        """Execute it; if it never meets a row, raise that."""
        changed = 0

        async def work(connection: AsyncConnection) -> None:
            nonlocal changed
            changed += (await connection.execute(statement)).rowcount

        await self._database.run(work)
        if not changed:
            raise missing

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[T]], new_name: str | None = None) -> T:
        """Do the work. A name that was taken meanwhile is NameTaken for a given `new_name`; else it is done again,
        and then sees the other agent."""
        try:
            return await self._database.run(work)
        except IntegrityError as error:
            if new_name is not None:
                raise name_taken(new_name) from error
            return await self._database.run(work)


def kept_document(body: Mapping[str, Json]) -> tuple[str, str]:
    """The JSON text of a document and its SHA-256 in hex; the order of keys is part of it."""
    kept = encode(body)
    return kept, hashlib.sha256(kept.encode("ascii")).hexdigest()


def no_agent(name: str) -> AgentNotFound:
    """The error for a name that no agent has."""
    return AgentNotFound(f"There is no agent {name!r}. `steploom agents list` shows the agents there are.")


def no_version(version: int | None) -> AgentNotFound:
    """The error for a version that an agent does not have."""
    return AgentNotFound(f"The agent has no version {version}. Its history shows the versions there are.")


def no_deleted_agent(name: str) -> AgentNotFound:
    """The error for a name that no agent in the bin has."""
    return AgentNotFound(f"There is no deleted agent {name!r}.")


def gone_agent(agent_id: uuid.UUID | None) -> AgentNotFound:
    """The error for an id that no agent has."""
    return AgentNotFound(f"There is no agent with the id {agent_id}; it may have been deleted for good.")


def name_taken(name: str) -> NameTaken:
    """The error for a name that another agent has."""
    return NameTaken(f"There is an agent {name!r} already. Choose another name, or rename that one first.")


def _new_agent(name: str) -> Any:
    return insert(AgentRow).values(name=escape(name), version=1).returning(_agents.id)


async def _newest(connection: AsyncConnection, name: str, *, locked: bool = False) -> AnyRow | None:
    live = (_agents.name == escape(name), _agents.deleted_at.is_(None))
    if locked:
        # The row first: a version that another program adds meanwhile would hide the agent from a locking join.
        await connection.execute(select(_agents.id).where(*live).with_for_update())
    return (await connection.execute(_NEWEST.where(*live))).one_or_none()


async def _append(
    connection: AsyncConnection, agent_id: Any, number: int, document: AgentDocument, kept: str, hashed: str,
    author: str, note: str,
) -> AgentRecord:  # fmt: skip
    changes = {"version": number, "updated": func.now()}
    await connection.execute(update(AgentRow).where(_agents.id == agent_id).values(changes))
    version = {"agent_id": agent_id, "number": number, "document": kept, "hash": hashed}
    await connection.execute(_ADD_VERSION, {**version, "author": escape(author), "note": escape(note)})
    await connection.execute(delete(AgentFunctionRow).where(_functions.agent_id == agent_id))
    for position, use in enumerate(document.functions):
        columns = {"name": escape(use.name), "kind": escape(use.kind), "target": escape(use.target)}
        await connection.execute(insert(AgentFunctionRow).values(agent_id=agent_id, position=position, **columns))
    return _record((await connection.execute(_NEWEST.where(_agents.id == agent_id))).one())


def _record(row: AnyRow) -> AgentRecord:
    return AgentRecord(row.id, unescape(row.name), row.number, row.document, row.created, row.updated, row.deleted_at)
