"""The column of embeddings, through SQLAlchemy as the memory room will use it."""

from __future__ import annotations

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.memory_tables import AgentMemoryRow
from core.store.tables import EMBEDDING_DIMENSIONS

_memories = AgentMemoryRow.__table__.c


def _direction(axis: int) -> list[float]:
    return [1.0 if number == axis else 0.0 for number in range(EMBEDDING_DIMENSIONS)]


async def _remember(connection: AsyncConnection, content: str, axis: int) -> None:
    values = {"type": "fact", "content": content, "content_hash": content, "embedding": _direction(axis)}
    await connection.execute(insert(AgentMemoryRow).values(values))


async def test_embeddings_come_back_and_are_found_by_direction(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        for axis, content in enumerate(("red", "green", "blue")):
            await _remember(connection, content, axis)
        distance = _memories.embedding.cosine_distance(_direction(1))
        query = select(_memories.content, _memories.embedding, distance.label("distance")).order_by(distance).limit(2)
        nearest, other = (await connection.execute(query)).all()
        assert (nearest.content, nearest.distance, nearest.embedding) == ("green", 0.0, _direction(1))
        assert other.distance == 1.0

    await database.run(work)


async def test_memories_are_found_by_their_words(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await _remember(connection, "Ada lives in Berlin", 0)
        await _remember(connection, "Bob lives in Rome", 1)
        query = text("SELECT content FROM agent_memories WHERE words @@ to_tsquery('simple', 'berlin')")
        assert (await connection.scalars(query)).all() == ["Ada lives in Berlin"]

    await database.run(work)


async def test_every_connection_searches_on_until_it_found_enough(database: Database) -> None:
    async def work(connection: AsyncConnection) -> object:
        return await connection.scalar(text("SHOW hnsw.iterative_scan"))

    assert await database.run(work) == "relaxed_order"
