"""Finding memories: by meaning and by words, in one statement on a connection that is kept for it.

A recall stands before every answer of an agent, and takes about two thousandths of a second in the server. SQLAlchemy's
transactions, rows and plans, and a way to the server and back for each of BEGIN, settings, search, touch and COMMIT,
took longer than that: so nothing of it is on the way. Every statement is prepared once per connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from pgvector import Vector as PgVector
from psycopg.rows import namedtuple_row

from core.store import memory_sql
from core.store.database import Database
from core.store.memory_records import Hit, Scope, Vector
from core.store.memory_rows import hit_of, padded
from core.store.tables import EMBEDDING_DIMENSIONS
from core.store.values import escape

Connection: TypeAlias = psycopg.AsyncConnection[Any]

GRAPH_FROM = 50_000
"""Memories in a scope from which the HNSW index is used instead of every sketch.

Measured at 100,000 of a million, on the index alone: with an `ef_search` of 100 it finds 86 %, with 400 91 %, with 800
96 % of the ten nearest. The sketches find all, at twice the time of 800.
"""

_EF_SEARCH = 800
_MOST_SCANNED = 200_000
"""Memories that the HNSW index looks at before it gives up."""

_SIZES_KEPT = 60.0
"""Seconds for which the size of a scope is taken for what it was."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a search was asked for."""

    scope: Scope
    question: str
    vector: Vector | None
    now: datetime
    deep: int
    wide: int | None

    @property
    def agent(self) -> bool:
        """Whether an agent's own memories are looked at."""
        return self.scope.agent_id is not None

    @property
    def shared(self) -> bool:
        """Whether the shared memories are."""
        return self.scope.shared or self.scope.agent_id is None


class MemorySearch:
    """Searches among the memories of all agents, and notes which were used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sizes: dict[UUID | None, tuple[float, int]] = {}

    async def search(
        self,
        scope: Scope,
        question: str,
        vector: Vector | None,
        *,
        now: datetime,
        deep: int = 40,
        graph: bool | None = None,
        wide: int | None = None,
        used: Callable[[list[Hit]], Collection[UUID]] | None = None,
    ) -> list[Hit]:
        """What is nearest to a question by meaning (if there is a vector) and by words, and what is pinned, unordered.

        deep: how many each of the searches gives. graph: whether to go through the HNSW index; None lets the size of
        the scope decide. wide: how many of the nearest sketches are compared exactly; None lets the size decide.
        used: which of what was found is used now; those are touched on the way.
        """

        wanted = _Wanted(scope, question, vector, now, deep, wide)

        async def work(connection: Connection) -> list[Hit]:
            size = await self._size(connection, scope)
            large = size > GRAPH_FROM if graph is None else graph
            walked = await _walked(connection, wanted) if large and vector is not None else None
            if walked is not None and len(walked) < min(deep, size):
                walked = None  # the walk gave up before it had found enough in this scope
            found = await _found(connection, wanted, size, walked)
            if used is not None and (ids := used(found)):
                await _touch(connection, ids, now)
            return found

        return await self._database.search(work)

    async def touch(self, ids: Collection[UUID], now: datetime) -> None:
        """Note that these memories were used, all at once."""
        if ids:
            await self._database.search(lambda connection: _touch(connection, ids, now))

    async def _size(self, connection: Connection, scope: Scope) -> int:
        agents = {scope.agent_id, None} if scope.shared else {scope.agent_id}
        return sum([await self._live(connection, agent) for agent in agents])

    async def _live(self, connection: Connection, agent_id: UUID | None) -> int:
        now = asyncio.get_running_loop().time()
        counted, size = self._sizes.get(agent_id, (float("-inf"), 0))
        if now - counted > _SIZES_KEPT:
            found = await connection.execute(memory_sql.count(shared=agent_id is None), {"agent": agent_id})
            row = await found.fetchone()
            size = row[0] if row is not None else 0
            self._sizes[agent_id] = (now, size)
        return size


async def _walked(connection: Connection, wanted: _Wanted) -> list[UUID]:
    """The nearest by the HNSW index, under settings for this one statement."""
    assert wanted.vector is not None
    settings = memory_sql.walk_settings(ef=_EF_SEARCH, most=_MOST_SCANNED)
    values = {
        "agent": wanted.scope.agent_id,
        "model": wanted.vector.model,
        "vector": PgVector(padded(wanted.vector.values)),
        "wide": wanted.wide or wanted.deep,
    }
    statement = memory_sql.walk(agent=wanted.agent, shared=wanted.shared)
    async with connection.pipeline(), connection.transaction():
        await connection.execute(settings, prepare=True)
        rows = await _rows(connection, statement, values)
    return [row.id for row in rows]


async def _found(connection: Connection, wanted: _Wanted, size: int, walked: list[UUID] | None) -> list[Hit]:
    vector, deep = wanted.vector, wanted.deep
    values: dict[str, Any] = {
        "agent": wanted.scope.agent_id,
        "now": wanted.now,
        "question": escape(wanted.question),
        "lexemes": _lexemes(wanted.scope),
        "size": size,
        "deep": deep,
    }
    if vector is not None:
        values["vector"] = PgVector(padded(vector.values))
        values["model"] = vector.model
        values["walked"] = walked
        values["wide"] = wanted.wide or _wide(size, deep, len(vector.values))
    statement = memory_sql.search(
        agent=wanted.agent, shared=wanted.shared, meaning=vector is not None, walked=walked is not None
    )
    return [hit_of(row) for row in await _rows(connection, statement, values)]


async def _touch(connection: Connection, ids: Collection[UUID], now: datetime) -> None:
    await connection.execute(memory_sql.TOUCH, {"ids": sorted(ids), "now": now}, prepare=True)


async def _rows(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[Any]:
    async with connection.cursor(binary=True, row_factory=namedtuple_row) as cursor:
        await cursor.execute(statement, values, prepare=True)
        return await cursor.fetchall()


def _wide(size: int, deep: int, dimensions: int) -> int:
    """How many candidates are compared exactly: more of large scopes and of short embeddings (sketches tell less)."""
    share = min(max(100, size // 50), 400)
    return max(deep, min(int(share * min(3.0, EMBEDDING_DIMENSIONS / max(1, dimensions))), 2000))


def _lexemes(scope: Scope) -> str:
    own = f"'@{scope.agent_id or 'shared'}'"
    return f"{own} | '@shared'" if scope.shared and scope.agent_id else own
