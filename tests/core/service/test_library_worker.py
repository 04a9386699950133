from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.testing import InMemoryConnector

from core.service.library_worker import MOST_AT_ONCE, LibraryWorker
from core.service.worker_entries import configure
from core.store.address import Address
from core.store.entry_sql import DROP_ENTRIES, TAKE_ENTRIES


class CountingConnector(PsycopgConnector):
    """Notes how many entries each statement was to take or to drop, and refuses to drop so often."""

    def __init__(self, dsn: str) -> None:
        super().__init__(conninfo=dsn, min_size=1, max_size=4)
        self.taken: list[int] = []
        self.dropped: list[int] = []
        self.refusals = 0

    async def execute_query_all_async(self, query: Any, **arguments: Any) -> list[dict[str, Any]]:
        if query == TAKE_ENTRIES:
            self.taken.append(arguments["places"])
        rows: list[dict[str, Any]] = await super().execute_query_all_async(query, **arguments)
        return rows

    async def execute_query_async(self, query: Any, **arguments: Any) -> None:
        if query == DROP_ENTRIES:
            self.dropped.append(len(arguments["ids"]))
            self.refusals -= 1
            if self.refusals >= 0:
                raise ConnectorException
        await super().execute_query_async(query, **arguments)


class Rig:
    """A queue whose entries, once begun, end when they are let go."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.connector = CountingConnector(dsn)
        self.app = App(connector=self.connector)
        self.begun: list[int] = []
        self._news: asyncio.Queue[int] = asyncio.Queue()
        self._gate = asyncio.Event()
        self.app.task(name="note")(self._note)

    async def _note(self, number: int) -> None:
        self._news.put_nowait(number)
        await self._gate.wait()

    def let_go(self) -> None:
        self._gate.set()

    async def add(self, numbers: range, **place: Any) -> None:
        entries: list[dict[str, Any]] = [{"number": number} for number in numbers]
        await self.app.configure_task("note", **place).batch_defer_async(*entries)

    async def until_begun(self, count: int) -> list[int]:
        async with asyncio.timeout(20):
            while len(self.begun) < count:
                self.begun.append(await self._news.get())
        return self.begun

    @asynccontextmanager
    async def working(self, *, concurrency: int, patience: float = 20.0, **options: Any) -> AsyncIterator[None]:
        """A worker is at work meanwhile. patience: seconds that what it has begun is given to end."""
        worker = LibraryWorker(
            self.app, concurrency=concurrency, fetch_job_polling_interval=60.0, delete_jobs="always",
            install_signal_handlers=False, shutdown_graceful_timeout=patience, **options,
        )  # fmt: skip
        run = asyncio.create_task(worker.run())
        yield
        worker.stop()
        async with asyncio.timeout(30):
            await run

    async def query(self, sql: Any) -> list[Any]:
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            cursor = await connection.execute(sql)
            return await cursor.fetchall() if cursor.description else []

    async def left(self) -> list[tuple[int, str]]:
        """What is in the queue: numbers and statuses."""
        return await self.query("SELECT (args ->> 'number')::int, status FROM procrastinate_jobs ORDER BY 1")


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    made = Rig(Address.parse(database_url).dsn)
    async with made.app.open_async():
        yield made


async def test_entries_are_taken_by_priority_from_its_queues_when_their_time_has_come(rig: Rig) -> None:
    await rig.add(range(3), queue="slow")
    await rig.add(range(3, 5), queue="fast", priority=5)
    await rig.add(range(5, 6), queue="other", priority=9)
    await rig.add(range(6, 7), queue="slow", priority=9, schedule_at=datetime.now(UTC) + timedelta(hours=1))
    rig.let_go()
    async with rig.working(queues=["slow", "fast"], concurrency=4):
        assert await rig.until_begun(5) == [3, 4, 0, 1, 2]
    assert await rig.left() == [(5, "todo"), (6, "todo")]


async def test_as_many_are_taken_at_once_as_it_executes_already_and_never_more_than_it_has_places(rig: Rig) -> None:
    await rig.add(range(40))
    async with rig.working(concurrency=30):
        await rig.until_begun(30)
        assert rig.connector.taken == [1, 1, 2, 4, 8, MOST_AT_ONCE, 4]
        rig.let_go()
        assert await rig.until_begun(40) == list(range(40))
    assert await rig.left() == []


async def test_what_ends_at_once_is_dropped_together_also_if_some_of_it_is_gone_already(rig: Rig) -> None:
    await rig.add(range(20))
    async with rig.working(concurrency=20):
        await rig.until_begun(20)
        await rig.query("DELETE FROM procrastinate_jobs WHERE args ->> 'number' = '7'")
        rig.let_go()
        await rig.add(range(20, 21))
        await rig.until_begun(21)
    assert rig.connector.dropped[0] == 20
    assert await rig.left() == []


@pytest.mark.parametrize(("refusals", "left"), [(1, []), (2, [(0, "doing"), (1, "doing")])])
async def test_an_entry_that_could_not_be_dropped_stops_nobody_and_goes_with_the_next_one_or_is_left_to_who_looks_after(
    rig: Rig, refusals: int, left: list[tuple[int, str]]
) -> None:
    await rig.add(range(2))
    rig.connector.refusals = refusals
    rig.let_go()
    async with rig.working(concurrency=1):
        await rig.until_begun(2)
    assert rig.connector.dropped == [1, 2]
    assert await rig.left() == left


async def test_a_worker_without_a_free_place_stops_at_once_and_leaves_what_waits(rig: Rig) -> None:
    await rig.add(range(2))
    async with rig.working(concurrency=1, patience=0.0):
        await rig.until_begun(1)
    assert rig.begun == [0]
    assert await rig.left() == [(1, "todo")]


async def test_the_queue_is_read_in_the_order_of_its_index_also_by_a_plan_that_was_made_while_it_was_empty(
    rig: Rig, database_url: str
) -> None:
    await rig.query("ANALYZE procrastinate_jobs")
    facts = {"queues": ["default", "slow"], "places": MOST_AT_ONCE, "worker_id": None}
    async with await psycopg.AsyncConnection.connect(Address.parse(database_url).dsn) as connection:
        await configure(connection)
        told = await connection.execute(f"EXPLAIN {TAKE_ENTRIES}", facts)
        plan = "\n".join(line for (line,) in await told.fetchall())
    assert "Index Scan using procrastinate_jobs_priority_idx_v1" in plan, plan


async def test_an_entry_that_is_announced_while_the_queue_is_looked_at_is_looked_for_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    async def look(self: LibraryWorker) -> bool:
        looks.append(len(looks))
        if len(looks) == 1:
            await self._handle_notification(channel="any", notification={"type": "job_inserted", "job_id": 7})
        return False

    monkeypatch.setattr(LibraryWorker, "_begin_some", look)
    worker = LibraryWorker(App(connector=InMemoryConnector()))
    await worker._fetch_and_process_jobs()
    assert looks == [0, 1]
    await worker._fetch_and_process_jobs()
    assert looks == [0, 1, 2]
