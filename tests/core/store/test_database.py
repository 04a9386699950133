"""The pool of connections: whoever waits gets a turn as soon as there is one, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, LiteralString

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import database as database_module
from core.store.address import Address
from core.store.database import Database
from core.store.errors import ConnectError
from core.store.thread import StoreThread

SIZE = 2


class SlowToConnect(Database):
    """A database whose first connections never come to be. trying: how many are being made."""

    trying = 0

    async def _new(self, *settings: LiteralString) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self.trying < SIZE:
            self.trying += 1
            await asyncio.Event().wait()
        return await super()._new(*settings)


@pytest.fixture
async def slow(database_url: str) -> AsyncIterator[SlowToConnect]:
    thread = StoreThread()
    made = SlowToConnect(thread, Address.parse(database_url), patience=5, pool_size=SIZE)
    yield made
    await thread.call(made.close)
    thread.close()


async def one(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT 1"))).scalar_one())


async def test_who_waits_gets_a_turn_when_connections_in_the_making_are_given_up(slow: SlowToConnect) -> None:
    first = [asyncio.create_task(slow.run(one)) for _ in range(SIZE)]
    async with asyncio.timeout(10):
        while slow.trying < SIZE:  # noqa: ASYNC110 - it happens on the store's thread
            await asyncio.sleep(0.005)
    ping = asyncio.create_task(slow.ping())
    second = asyncio.create_task(slow.run(one))
    for task in first:
        task.cancel()
    async with asyncio.timeout(10):  # a third of what the pool itself would take
        await ping
        assert await second == 1
    assert slow.pool().used == 0


async def test_a_turn_that_does_not_come_is_told(slow: SlowToConnect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_LONGEST_TURN", 0.05)
    slow._patience = 0.0
    first = [asyncio.create_task(slow.run(one)) for _ in range(SIZE)]
    async with asyncio.timeout(10):
        while slow.trying < SIZE:  # noqa: ASYNC110 - it happens on the store's thread
            await asyncio.sleep(0.005)
    with pytest.raises(ConnectError, match="in use for"):
        await slow.run(one)
    for task in first:
        task.cancel()
    await asyncio.gather(*first, return_exceptions=True)
