"""Searches among many memories: through the sketches, through the HNSW index, and never fewer than there are."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import memory_sql
from core.store.database import Database
from core.store.memories import MemoryRecords
from core.store.memory_records import Hit, Scope, Vector
from core.store.memory_rows import padded
from core.store.memory_tables import AgentMemoryRow
from tests.support.memory import make_agents

_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
_AGENTS = 10
_EACH = 50


def _vector(seed: int, size: int = 96) -> Vector:
    drawn = random.Random(seed)
    return Vector(tuple(drawn.gauss(0, 1) for _ in range(size)), "drawn")


@pytest.fixture
async def many(database: Database) -> list[uuid.UUID]:
    """Ten agents whose memories lie anywhere: the nearest of one agent are far behind those of the others."""
    agents = list((await make_agents(database, *(f"agent {n}" for n in range(_AGENTS)))).values())
    rows = [
        {
            "id": uuid.UUID(int=number + 1),
            "agent_id": agents[number % _AGENTS],
            "type": "fact",
            "content": f"memory number{number} of kind{number % 7}",
            "content_hash": str(number),
            "embedding": padded(_vector(number).values),
            "embedding_model": "drawn",
            "valid_from": _NOW,
        }
        for number in range(_AGENTS * _EACH)
    ]

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(AgentMemoryRow), rows)

    await database.run(work)
    return agents


def _nearest(agent: int, question: Vector, count: int) -> set[uuid.UUID]:
    def likeness(number: int) -> float:
        values = _vector(number).values
        return sum(a * b for a, b in zip(values, question.values, strict=True)) / math.hypot(*values)

    mine = range(agent, _AGENTS * _EACH, _AGENTS)
    return {uuid.UUID(int=number + 1) for number in sorted(mine, key=likeness, reverse=True)[:count]}


def _by_rank(hits: list[Hit], count: int) -> list[uuid.UUID]:
    near = [hit for hit in hits if hit.vector_rank is not None]
    return [hit.memory.id for hit in sorted(near, key=lambda hit: hit.vector_rank or 0)][:count]


@pytest.mark.parametrize("graph", [False, True], ids=["sketches", "graph"])
async def test_the_nearest_of_one_agent_are_found_and_none_is_missing(
    database: Database, many: list[uuid.UUID], graph: bool
) -> None:
    records = MemoryRecords(database)
    for agent in range(_AGENTS):
        question = _vector(10_000 + agent)
        hits = await records.search(Scope(many[agent]), "zzz", question, now=_NOW, deep=40, graph=graph)
        assert len(_by_rank(hits, 40)) == 40
        assert set(_by_rank(hits, 10)) == _nearest(agent, question, 10)
        assert {hit.memory.agent_id for hit in hits} == {many[agent]}


async def test_a_graph_that_gives_up_early_is_not_relied_upon(
    database: Database, many: list[uuid.UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = memory_sql.walk_settings(ef=1, most=1, iterative="off")
    monkeypatch.setattr(memory_sql, "walk_settings", lambda **_: settings)
    question = _vector(10_000)
    hits = await MemoryRecords(database).search(Scope(many[0]), "zzz", question, now=_NOW, graph=True)
    assert set(_by_rank(hits, 10)) == _nearest(0, question, 10)


async def test_the_sketches_alone_answer_for_one_agent(database: Database, many: list[uuid.UUID]) -> None:
    with database.connect() as alone:
        alone.execute("VACUUM ANALYZE agent_memories")

    async def work(connection: AsyncConnection) -> str:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT id FROM agent_memories WHERE agent_id = :agent AND embedding_model = 'drawn' "
                "AND state = 'live' AND sketch IS NOT NULL "
                "ORDER BY sketch <~> (SELECT sketch FROM agent_memories LIMIT 1)"
            ),
            {"agent": many[0]},
        )
        return "\n".join(plan.scalars())

    assert "Index Only Scan using ix_agent_memories_sketch" in await database.run(work)


async def test_words_of_one_agent_are_found_among_those_of_all(database: Database, many: list[uuid.UUID]) -> None:
    hits = await MemoryRecords(database).search(Scope(many[3]), "number13 kind6", None, now=_NOW)
    assert hits
    assert {hit.memory.agent_id for hit in hits} == {many[3]}
    best = min(hits, key=lambda hit: hit.word_rank or 999)
    assert best.memory.content == "memory number13 of kind6"
    assert set(best.words) == {"number13", "kind6"}


async def test_touching_a_memory_writes_no_index(database: Database, many: list[uuid.UUID]) -> None:
    records = MemoryRecords(database)

    async def updates(connection: AsyncConnection) -> tuple[int, int]:
        await connection.execute(text("SELECT pg_stat_force_next_flush()"))
        row = await connection.execute(
            text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'agent_memories'")
        )
        found = row.one()
        return int(found[0]), int(found[1])

    async def touched(connection: AsyncConnection) -> tuple[int, int]:
        ids = [uuid.UUID(int=number + 1) for number in range(0, 200, 40)]
        await connection.execute(
            text("UPDATE agent_memories SET access_count = access_count + 1 WHERE id = ANY(:ids)"), {"ids": ids}
        )
        return await updates(connection)

    every, in_place = await database.run(touched)
    assert (every, in_place) == (5, 5)
    await records.touch([uuid.UUID(int=1)], _NOW)
    found = await records.get(uuid.UUID(int=1))
    assert found is not None
    assert found.access_count == 2


async def test_searches_share_a_connection_and_get_another_one_when_it_is_cut_off(
    database: Database, many: list[uuid.UUID]
) -> None:
    records = MemoryRecords(database)

    async def pid(connection: psycopg.AsyncConnection[Any]) -> int:
        row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
        assert row is not None
        return int(row[0])

    await records.search(Scope(many[0]), "number1", None, now=_NOW)
    first = await database.search(pid)
    await records.touch([uuid.UUID(int=1)], _NOW)
    assert await database.search(pid) == first
    with database.connect() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (first,))
    assert await records.search(Scope(many[0]), "number10", None, now=_NOW)
    assert await database.search(pid) != first


async def test_a_search_that_goes_wrong_leaves_the_next_one_a_clean_connection(
    database: Database, many: list[uuid.UUID]
) -> None:
    async def broken(connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute("SELECT nothing FROM nowhere")

    with pytest.raises(psycopg.ProgrammingError):
        await database.search(broken)
    assert await MemoryRecords(database).search(Scope(many[3]), "number13", None, now=_NOW)


async def test_a_search_that_ends_after_the_database_was_closed_leaves_no_connection(database: Database) -> None:
    async def closing(connection: psycopg.AsyncConnection[Any]) -> psycopg.AsyncConnection[Any]:
        await database.close()
        return connection

    assert (await database.search(closing)).closed


async def test_a_search_that_is_given_up_while_it_connects_leaves_no_connection(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.memory_sql.SETTINGS", "SELECT pg_sleep(60)")

    count = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)'"
    )

    async def sleepers() -> int:
        return int(await database.run(lambda connection: connection.scalar(count)))

    async def work(_connection: psycopg.AsyncConnection[Any]) -> None:
        pass

    search = asyncio.create_task(database.search(work))
    async with asyncio.timeout(20):
        while await sleepers() == 0:  # noqa: ASYNC110 - another program is asked
            await asyncio.sleep(0.01)
        search.cancel()
        while await sleepers():  # noqa: ASYNC110 - another program is asked
            await asyncio.sleep(0.01)


async def test_settings_for_a_walk_through_the_graph_end_with_it(database: Database, many: list[uuid.UUID]) -> None:
    async def settings(connection: psycopg.AsyncConnection[Any]) -> tuple[Any, ...] | None:
        return await (await connection.execute("SHOW enable_sort")).fetchone()

    await MemoryRecords(database).search(Scope(many[0]), "zzz", _vector(10_000), now=_NOW, graph=True)
    assert await database.search(settings) == ("on",)
