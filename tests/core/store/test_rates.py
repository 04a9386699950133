"""Calls that all processes count together."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store.database import Database
from core.store.rates import Rates


@pytest.fixture
def rates(database: Database) -> Rates:
    return Rates(database)


async def pass_time(database: Database, seconds: float) -> None:
    """Let it be as if so many seconds had passed since the last call."""
    statement = text("UPDATE rates SET updated = updated - make_interval(secs => :seconds)")
    await database.run(lambda connection: connection.execute(statement, {"seconds": seconds}))


async def test_no_more_calls_are_taken_than_there_are_however_many_ask_at_once(rates: Rates) -> None:
    waits = await asyncio.gather(*(rates.take("a", 3, 3600) for _ in range(10)))
    assert sorted(waits)[:3] == [0.0] * 3
    assert all(1190 < seconds <= 1200 for seconds in sorted(waits)[3:])
    assert await rates.take("b", 3, 3600) == 0.0


async def test_calls_come_back_one_by_one_and_never_more_than_fit(rates: Rates, database: Database) -> None:
    for _ in range(2):
        assert await rates.take("a", 2, 60) == 0.0
    await pass_time(database, 20)
    assert 9 < await rates.take("a", 2, 60) <= 10
    await pass_time(database, 10.1)
    assert await rates.take("a", 2, 60) == 0.0
    await pass_time(database, 3600)
    assert [await rates.take("a", 2, 60) for _ in range(2)] == [0.0, 0.0]
    assert await rates.take("a", 2, 60) > 25


async def test_a_call_that_is_refused_costs_nothing(rates: Rates, database: Database) -> None:
    await rates.take("a", 1, 60)
    first = await rates.take("a", 1, 60)
    for _ in range(5):
        assert await rates.take("a", 1, 60) <= first
    await pass_time(database, 60)
    assert await rates.take("a", 1, 60) == 0.0


async def test_a_name_is_its_first_owners_until_its_time_is_over(rates: Rates, database: Database) -> None:
    asked = await asyncio.gather(*(rates.claim("a", owner, 60) for owner in ("x", "y", "z")))
    assert sum(asked) == 1
    owner = "xyz"[asked.index(True)]
    assert await rates.claim("a", owner, 60)
    assert await rates.claim("b", "somebody", 60)
    await pass_time(database, 61)
    assert await rates.claim("a", "new", 60)
    assert not await rates.claim("a", owner, 60)


async def test_old_claims_are_forgotten_and_buckets_are_not(rates: Rates, database: Database) -> None:
    await rates.take("calls", 1, 3600)
    await rates.claim("old", "x", 60)
    await pass_time(database, 4 * 86_400)
    # One claim in 256 looks for old ones: which, depends on its owner.
    owner = next(name for name in map(str, count()) if hashlib.sha256(name.encode()).digest()[5] == 0)
    await rates.claim("new", owner, 60)
    names = await database.run(_names)
    assert "claim old" not in names
    assert "calls" in names


async def _names(connection: AsyncConnection) -> set[str]:
    return set(await connection.scalars(text("SELECT name FROM rates")))
