"""What agents remember: found by meaning and by words, changed with a history, never silently lost."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import memory_sql
from core.store.memory_records import (
    Change,
    ChangeKind,
    Memory,
    MemoryFilter,
    MemoryPage,
    Vector,
)
from core.store.memory_rows import memory_of, padded
from core.store.memory_search import MemorySearch
from core.store.memory_tables import AgentMemoryRow, MemoryChangeRow
from core.store.records import AnyRow
from core.store.values import escape, unescape

_memories = AgentMemoryRow.__table__.c
_changes = MemoryChangeRow.__table__.c

_LISTED = frozenset(column.strip().removeprefix("m.") for column in memory_sql.COLUMNS.split(","))
_ORDERS: Mapping[str, Sequence[Any]] = {
    "newest": (_memories.created.desc(),),
    "important": (_memories.pinned.desc(), _memories.importance.desc(), _memories.created.desc()),
    "used": (_memories.access_count.desc(), _memories.last_accessed.desc()),
    "content": (func.lower(_memories.content),),
}


@dataclass(frozen=True, slots=True)
class NewMemory:
    """What is to be kept. hash: of the normalised content. vector: None without an embedding model."""

    memory: Memory
    hash: str
    vector: Vector | None = None


class MemoryRecords(MemorySearch):
    """All memories, of all agents. Deciding what to keep is not done here."""

    async def add(
        self, new: NewMemory, *, replaces: Sequence[UUID] = (), cause: str = "", who: str = ""
    ) -> Memory | None:
        """Keep a memory, instead of others if some are named; None if one of the same content is there already."""

        async def work(connection: AsyncConnection) -> Memory | None:
            statement = upsert(AgentMemoryRow).values(_row(new)).on_conflict_do_nothing()
            made = (await connection.execute(statement.returning(_memories.id))).scalar_one_or_none()
            if made is None:
                return None
            await _log(connection, new.memory.id, "made", cause, who, new.memory.created)
            for replaced in replaces:
                await _replace(connection, replaced, new.memory, cause, who, new.memory.created)
            return await _get(connection, new.memory.id)

        return await self._database.run(work)

    async def replace(self, replaced: UUID, by: Memory, *, cause: str, who: str, now: datetime) -> None:
        """Let one memory hold instead of another."""

        async def work(connection: AsyncConnection) -> None:
            await _replace(connection, replaced, by, cause, who, now)

        await self._database.run(work)

    async def get(self, memory_id: UUID) -> Memory | None:
        """The memory, whatever its state."""

        async def work(connection: AsyncConnection) -> Memory | None:
            return await _get(connection, memory_id)

        return await self._database.run(work)

    async def some(self, ids: Collection[UUID]) -> Sequence[Memory]:
        """Those of the memories that there are, in no order."""

        async def work(connection: AsyncConnection) -> Sequence[Memory]:
            return [
                memory_of(row) for row in await connection.execute(_selected("m.id = ANY(:ids)"), {"ids": list(ids)})
            ]

        return await self._database.run(work) if ids else []

    async def replaced_by(self, memory_id: UUID) -> list[Memory]:
        """The memories that this one holds instead of, the newest first."""

        async def work(connection: AsyncConnection) -> list[Memory]:
            query = _selected("m.superseded_by = :id ORDER BY m.valid_to DESC, m.id")
            return [memory_of(row) for row in await connection.execute(query, {"id": memory_id})]

        return await self._database.run(work)

    async def vector(self, memory_id: UUID) -> Vector | None:
        """The embedding of a memory, filled up with zeros."""

        async def work(connection: AsyncConnection) -> Vector | None:
            query = select(_memories.embedding, _memories.embedding_model).where(_memories.id == memory_id)
            row = (await connection.execute(query)).one_or_none()
            return Vector(tuple(row.embedding), row.embedding_model) if row and row.embedding else None

        return await self._database.run(work)

    async def same(self, agent_id: UUID | None, content_hash: str) -> list[Memory]:
        """The memories of an agent that say exactly that, newest first, whatever their state."""

        async def work(connection: AsyncConnection) -> list[Memory]:
            query = _selected(f"{_of(agent_id)} AND content_hash = :hash ORDER BY m.created DESC, m.id DESC")
            rows = await connection.execute(query, {"agent": agent_id, "hash": content_hash})
            return [memory_of(row) for row in rows]

        return await self._database.run(work)

    async def by_key(self, agent_id: UUID | None, fact_key: str) -> list[Memory]:
        """The memories that hold about a thing of which one only can hold."""

        async def work(connection: AsyncConnection) -> list[Memory]:
            query = _selected(f"{_of(agent_id)} AND fact_key = :key AND fact_key <> '' AND state = 'live'")
            rows = await connection.execute(query, {"agent": agent_id, "key": escape(fact_key)})
            return [memory_of(row) for row in rows]

        return await self._database.run(work)

    async def change(
        self,
        memory_id: UUID,
        values: Mapping[str, Any],
        kind: ChangeKind,
        *,
        now: datetime,
        cause: str = "",
        who: str = "",
    ) -> Memory | None:
        """Set columns of a memory and write the change down; None if there is no such memory.

        values: by column; `content` goes with `content_hash` and `vector`. Raises IntegrityError if another live
        memory of the agent says the same.
        """
        kept: dict[str, Any] = {
            name: escape(value) if name in ("content", "fact_key") else value for name, value in values.items()
        }
        if "vector" in kept:
            kept |= _vector_columns(kept.pop("vector"))

        async def work(connection: AsyncConnection) -> Memory | None:
            if kept:
                await connection.execute(update(AgentMemoryRow).where(_memories.id == memory_id).values(kept))
            await _log(connection, memory_id, kind, cause, who, now)
            return await _get(connection, memory_id)

        return await self._database.run(work)

    async def erase(self, ids: Collection[UUID], *, now: datetime, cause: str = "", who: str = "") -> int:
        """Remove memories and all that was ever kept of them; one line each says that they were there. How many."""

        async def work(connection: AsyncConnection) -> int:
            gone = delete(AgentMemoryRow).where(_memories.id.in_(ids)).returning(_memories.id)
            erased = list((await connection.execute(gone)).scalars())
            await connection.execute(delete(MemoryChangeRow).where(_changes.memory_id.in_(erased)))
            if erased:
                lines = [_erased_line(memory_id, now, cause, who) for memory_id in erased]
                await connection.execute(insert(MemoryChangeRow), lines)
            return len(erased)

        return await self._database.run(work)

    async def history(self, memory_id: UUID) -> list[Change]:
        """All changes of a memory, newest first."""

        async def work(connection: AsyncConnection) -> list[Change]:
            query = select(*_changes).where(_changes.memory_id == memory_id).order_by(_changes.number.desc())
            return [_change(row) for row in await connection.execute(query)]

        return await self._database.run(work)

    async def histories(self, ids: Collection[UUID]) -> dict[UUID, list[Change]]:
        """The changes of several memories, newest first."""

        async def work(connection: AsyncConnection) -> dict[UUID, list[Change]]:
            query = select(*_changes).where(_changes.memory_id.in_(ids)).order_by(_changes.number.desc())
            found: dict[UUID, list[Change]] = {}
            for row in await connection.execute(query):
                found.setdefault(row.memory_id, []).append(_change(row))
            return found

        return await self._database.run(work)

    async def newest_change(self) -> int:
        """The number of the newest change of any memory; 0 without one. Cheap enough to be asked again and again."""

        async def work(connection: AsyncConnection) -> int:
            return await connection.scalar(select(func.max(_changes.number))) or 0

        return await self._database.run(work)

    async def list(self, shown: MemoryFilter, *, limit: int, offset: int = 0) -> MemoryPage:
        """A part of the memories that the filter lets through, and how many there are in all."""
        conditions = _conditions(shown)
        wanted = select(*(column for column in _memories if column.name in _LISTED)).where(*conditions)
        wanted = wanted.order_by(*_ORDERS[shown.order], _memories.id).limit(limit).offset(offset)

        async def work(connection: AsyncConnection) -> MemoryPage:
            total = await connection.scalar(select(func.count()).select_from(AgentMemoryRow).where(*conditions))
            rows = await connection.execute(wanted)
            return MemoryPage(tuple(memory_of(row) for row in rows), total or 0)

        return await self._database.run(work)


def _conditions(shown: MemoryFilter) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if shown.agents is not None:
        named = [agent for agent in shown.agents if agent is not None]
        of = _memories.agent_id.in_(named)
        conditions.append(of | _memories.agent_id.is_(None) if None in shown.agents else of)
    for column, wanted in (("type", shown.types), ("state", shown.states), ("source", shown.sources)):
        if wanted:
            conditions.append(_memories[column].in_(wanted))
    if shown.pinned is not None:
        conditions.append(_memories.pinned.is_(shown.pinned))
    conditions += [_memories.content.icontains(word, autoescape=True) for word in escape(shown.text).split()]
    return conditions


def _of(agent_id: UUID | None) -> str:
    return "m.agent_id IS NULL AND CAST(:agent AS uuid) IS NULL" if agent_id is None else "m.agent_id = :agent"


def _selected(where: str) -> Any:
    return text(f"SELECT {memory_sql.COLUMNS} FROM agent_memories m WHERE {where}")  # noqa: S608 - our own texts


async def _get(connection: AsyncConnection, memory_id: UUID) -> Memory | None:
    row = (await connection.execute(_selected("m.id = :id"), {"id": memory_id})).one_or_none()
    return None if row is None else memory_of(row)


async def _replace(
    connection: AsyncConnection, replaced: UUID, by: Memory, cause: str, who: str, now: datetime
) -> None:
    values = {"state": "replaced", "valid_to": by.valid_from, "superseded_by": by.id}
    query = update(AgentMemoryRow).where(_memories.id == replaced, _memories.state == "live").values(values)
    if (await connection.execute(query)).rowcount:
        await _log(connection, replaced, "replaced", cause, who, now)


async def _log(
    connection: AsyncConnection, memory_id: UUID, kind: ChangeKind, cause: str, who: str, at: datetime
) -> None:
    statement = text(
        "INSERT INTO memory_changes (memory_id, kind, cause, who, at, content, type, importance, state, pinned) "
        "SELECT id, :kind, :cause, :who, :at, content, type, importance, state, pinned FROM agent_memories "
        "WHERE id = :id"
    )
    values = {"id": memory_id, "kind": kind, "cause": escape(cause), "who": escape(who), "at": at}
    await connection.execute(statement, values)


def _erased_line(memory_id: UUID, at: datetime, cause: str, who: str) -> dict[str, Any]:
    return {
        "memory_id": memory_id, "kind": "erased", "cause": escape(cause), "who": escape(who), "at": at,
        "content": "", "type": "fact", "importance": 0.0, "state": "forgotten", "pinned": False,
    }  # fmt: skip


def _vector_columns(vector: Vector | None) -> dict[str, Any]:
    if vector is None:
        return {"embedding": None, "embedding_model": ""}
    return {"embedding": padded(vector.values), "embedding_model": vector.model}


def _row(new: NewMemory) -> dict[str, Any]:
    memory, source = new.memory, new.memory.source
    return {
        "id": memory.id,
        "agent_id": memory.agent_id,
        "type": memory.type,
        "content": escape(memory.content),
        "content_hash": new.hash,
        "importance": memory.importance,
        **_vector_columns(new.vector),
        "fact_key": escape(memory.fact_key),
        "state": memory.state,
        "source": source.kind,
        "source_who": escape(source.who),
        "source_conversation": source.conversation or None,
        "source_message": source.message or None,
        "source_run": source.run or None,
        "pinned": memory.pinned,
        "valid_from": memory.valid_from,
        "valid_to": memory.valid_to,
        "created": memory.created,
        "last_accessed": memory.last_accessed,
    }


def _change(row: AnyRow) -> Change:
    return Change(
        number=row.number,
        memory_id=row.memory_id,
        at=row.at,
        kind=row.kind,
        cause=unescape(row.cause),
        who=unescape(row.who),
        content=unescape(row.content),
        type=row.type,
        importance=row.importance,
        state=row.state,
        pinned=row.pinned,
    )
