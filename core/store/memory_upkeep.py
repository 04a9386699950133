"""Keeping memories in order: limits of number and age, vectors of a new model, and what an audit looks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import memory_sql
from core.store.database import Database
from core.store.memory_records import Memory, Scope, Vector
from core.store.memory_rows import memory_of, padded
from core.store.tables import EMBEDDING_DIMENSIONS
from core.store.values import unescape
from core.store.vector import Embedding

# ruff: noqa: S608 - statements are put together from the texts in this module only

_WORTH = "importance + power(0.995, extract(epoch FROM CAST(:now AS timestamptz) - last_accessed) / 3600)"
"""As in the ranking: importance and how long ago a memory was of use."""

_FORGET = """
WITH gone AS (
  UPDATE agent_memories SET state = 'forgotten' WHERE id IN ({which})
  RETURNING id, content, type, importance, state, pinned
)
INSERT INTO memory_changes (memory_id, kind, cause, at, content, type, importance, state, pinned)
SELECT id, 'forgotten', :cause, :now, content, type, importance, state, pinned FROM gone RETURNING memory_id"""

_ALIKE = """
WITH recent AS MATERIALIZED (
  SELECT id, sketch, embedding_model,
    first_value(id) OVER (PARTITION BY embedding_model, mark ORDER BY id) AS chosen
  FROM (
    SELECT id, sketch, embedding_model, md5(vector_send(embedding)) AS mark FROM agent_memories
    WHERE {whose} AND state = 'live' AND sketch IS NOT NULL ORDER BY created DESC LIMIT :most
  ) AS newest
), chosen AS MATERIALIZED (SELECT id, sketch, embedding_model FROM recent WHERE id = chosen),
near AS MATERIALIZED (
  SELECT one.id AS first, two.id AS second FROM chosen one
  JOIN chosen two ON one.id < two.id AND one.embedding_model = two.embedding_model
    AND (one.sketch <~> two.sketch) < :far
  ORDER BY one.sketch <~> two.sketch LIMIT :compared
), told AS (
  (SELECT chosen AS first, id AS second FROM recent WHERE id <> chosen LIMIT :compared) UNION ALL TABLE near
)
SELECT first, second, 1 - (a.embedding <=> b.embedding) AS similarity
FROM told JOIN agent_memories a ON a.id = first JOIN agent_memories b ON b.id = second
WHERE a.embedding <=> b.embedding <= :distance
ORDER BY similarity DESC, first, second LIMIT :pairs"""
"""Memories with one vector are compared with one of them only, and of the rest the pairs whose sketches are nearest:
among thousands that say the same, each pair would be a million comparisons of whole vectors. Which are the same is told
by a hash: to sort 5,000 vectors took longer than to compare as many sketches with each other."""

_COMPARED = 4_000
"""Pairs whose vectors are compared exactly, of either sort."""


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A memory that has no vector of the model. hash: of its content, by which a later change is noticed."""

    id: UUID
    content: str
    hash: str


class MemoryUpkeep:
    """What is done to many memories at once, in the background."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trim(
        self, agent_id: UUID | None, *, most: int | None, unused_for: timedelta | None, now: datetime
    ) -> int:
        """Forget what is over the limits of one owner, the least worth first, and what no longer holds; how many.

        most: memories kept. unused_for: not recalled for so long. Pinned memories stay.
        """
        whose = "agent_id IS NULL" if agent_id is None else "agent_id = :agent"
        ours = f"SELECT id FROM agent_memories WHERE {whose} AND state = 'live'"
        values = {"agent": agent_id, "now": now} if agent_id is not None else {"now": now}

        async def work(connection: AsyncConnection) -> int:
            gone = await _forget(
                connection, f"{ours} AND valid_to <= :now", {**values, "cause": "the time for which it holds is over"}
            )
            if unused_for is not None:
                which = f"{ours} AND NOT pinned AND last_accessed < :before"
                cause = f"not recalled for {unused_for.days} days"
                gone += await _forget(connection, which, {**values, "before": now - unused_for, "cause": cause})
            if most is not None:
                count = await connection.scalar(text(f"SELECT count(*) FROM ({ours}) AS live"), values) or 0
                if count > most:
                    which = f"{ours} AND NOT pinned ORDER BY {_WORTH}, created LIMIT :over"
                    cause = f"the limit of {most:,} memories"
                    gone += await _forget(connection, which, {**values, "over": count - most, "cause": cause})
            return gone

        return await self._database.run(work)

    async def purge(self, before: datetime) -> int:
        """Remove for good what has been forgotten or replaced since before that time; how many."""
        query = text("""
            WITH old AS (
              DELETE FROM agent_memories m WHERE state IN ('forgotten', 'replaced') AND NOT EXISTS (
                SELECT 1 FROM memory_changes c WHERE c.memory_id = m.id AND c.at >= :before
              ) RETURNING id
            ), lines AS (DELETE FROM memory_changes WHERE memory_id IN (SELECT id FROM old))
            SELECT count(*) FROM old""")

        async def work(connection: AsyncConnection) -> int:
            return await connection.scalar(query, {"before": before}) or 0

        return await self._database.run(work)

    async def waiting(self, model: str) -> int:
        """How many memories have no vector of that model."""

        async def work(connection: AsyncConnection) -> int:
            query = f"SELECT count(*) FROM agent_memories WHERE {_OTHER_MODEL}"
            return await connection.scalar(text(query), {"model": model}) or 0

        return await self._database.run(work)

    async def unembedded(self, model: str, limit: int) -> Sequence[Unembedded]:
        """Some of them, the most used first."""

        async def work(connection: AsyncConnection) -> Sequence[Unembedded]:
            query = text(
                f"SELECT id, content, content_hash FROM agent_memories WHERE {_OTHER_MODEL} "
                "ORDER BY last_accessed DESC, id LIMIT :limit"
            )
            rows = await connection.execute(query, {"model": model, "limit": limit})
            return [Unembedded(row.id, unescape(row.content), row.content_hash) for row in rows]

        return await self._database.run(work)

    async def set_vectors(self, vectors: Sequence[tuple[Unembedded, Vector]]) -> None:
        """Give memories their vectors, unless their content was changed meanwhile."""
        query = text(
            "UPDATE agent_memories SET embedding = :vector, embedding_model = :model "
            "WHERE id = :id AND content_hash = :hash"
        )

        async def work(connection: AsyncConnection) -> None:
            rows = [
                {"id": old.id, "hash": old.hash, "vector": padded(new.values), "model": new.model}
                for old, new in vectors
            ]
            await connection.execute(_with_vector(query), rows)

        if vectors:
            await self._database.run(work)

    async def alike(
        self, scope: Scope, *, similarity: float, most: int = 2000, pairs: int = 2000
    ) -> Sequence[tuple[UUID, UUID, float]]:
        """Pairs of memories whose vectors are at least so similar, the most alike first.

        most: the newest memories that are looked at, each beside each; of those with one and the same vector, each
        beside one of them.
        """
        query = text(_ALIKE.format(whose=_whose(scope)))
        values: dict[str, object] = {
            "most": most,
            "pairs": pairs,
            "compared": _COMPARED,
            "distance": 1 - similarity,
            # Of two vectors at an angle, the angle's share of a half turn is how many signs differ in the mean.
            "far": int(EMBEDDING_DIMENSIONS * 1.6 * math.acos(similarity) / math.pi),
        }
        if scope.agent_id is not None:
            values["agent"] = scope.agent_id

        async def work(connection: AsyncConnection) -> Sequence[tuple[UUID, UUID, float]]:
            return [(row.first, row.second, row.similarity) for row in await connection.execute(query, values)]

        return await self._database.run(work)

    async def replaced(self, scope: Scope, *, since: datetime, limit: int = 200) -> Sequence[Memory]:
        """The memories of a scope that gave way to others since then, the newest first."""
        query = text(
            f"SELECT {memory_sql.COLUMNS} FROM agent_memories m WHERE {_whose(scope)} AND state = 'replaced' "
            "AND superseded_by IS NOT NULL AND valid_to >= :since ORDER BY valid_to DESC, id LIMIT :limit"
        )
        values = {"limit": limit, "since": since} | ({"agent": scope.agent_id} if scope.agent_id is not None else {})

        async def work(connection: AsyncConnection) -> Sequence[Memory]:
            return [memory_of(row) for row in await connection.execute(query, values)]

        return await self._database.run(work)

    async def every(self, scope: Scope, *, limit: int) -> Sequence[Memory]:
        """The live memories of a scope, the newest first."""
        query = text(
            f"SELECT {memory_sql.COLUMNS} FROM agent_memories m WHERE {_whose(scope)} AND state = 'live' "
            "ORDER BY created DESC, id LIMIT :limit"
        )
        values = {"limit": limit} | ({"agent": scope.agent_id} if scope.agent_id is not None else {})

        async def work(connection: AsyncConnection) -> Sequence[Memory]:
            return [memory_of(row) for row in await connection.execute(query, values)]

        return await self._database.run(work)


_OTHER_MODEL = "state IN ('live', 'quarantined') AND (embedding_model < :model OR embedding_model > :model)"
"""Written so that the index on the model can be used."""


async def _forget(connection: AsyncConnection, which: str, values: dict[str, object]) -> int:
    rows = await connection.execute(text(_FORGET.format(which=which)), values)
    return len(rows.all())


def _whose(scope: Scope) -> str:
    if scope.agent_id is None:
        return "agent_id IS NULL"
    return "(agent_id = :agent OR agent_id IS NULL)" if scope.shared else "agent_id = :agent"


def _with_vector(query: TextClause) -> TextClause:
    return query.bindparams(bindparam("vector", type_=Embedding(EMBEDDING_DIMENSIONS)))
