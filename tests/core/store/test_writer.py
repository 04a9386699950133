"""The group-commit writer: shared transactions, and servers that go away."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import JournalUnavailable
from core.engine.events import NO_USAGE, RunCompleted
from core.engine.journal import Lease
from core.store import schema
from core.store.address import Address
from core.store.database import IDLE_S, Database
from core.store.documents import Documents
from core.store.journal import PostgresJournal
from core.store.server import EmbeddedServer
from core.store.thread import StoreThread
from tests.support.journals import at, completed, new_run, started

POISON = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON step_results FOR EACH ROW WHEN (NEW.path = 'poison') EXECUTE FUNCTION refuse();
"""


async def _number(database: Database, query: str) -> int:
    async def work(connection: AsyncConnection) -> int:
        return int(await connection.scalar(text(query)) or 0)

    return await database.run(work)


async def _opened(journal: PostgresJournal, count: int) -> list[Lease]:
    return list(await asyncio.gather(*(journal.open_run(new_run()) for _ in range(count))))


async def _step(journal: PostgresJournal, lease: Lease, path: str) -> None:
    journal.put(lease, started(lease.run_id, path))
    journal.put(lease, completed(lease.run_id, path))
    await journal.flush(lease)


async def test_concurrent_runs_share_transactions(postgres_journal: PostgresJournal, database: Database) -> None:
    leases = await _opened(postgres_journal, 100)
    await asyncio.gather(*(_step(postgres_journal, lease, "a") for lease in leases))
    assert await _number(database, "SELECT count(*) FROM step_results") == 100
    assert await _number(database, "SELECT count(DISTINCT xmin::text) FROM step_results") <= 5
    assert await _number(database, "SELECT count(DISTINCT xmin::text) FROM executions") <= 5


async def test_a_started_step_is_written_only_if_somebody_waits_for_it(postgres_journal: PostgresJournal) -> None:
    behind, ahead = await _opened(postgres_journal, 2)
    postgres_journal.put(behind, started(behind.run_id))
    await _step(postgres_journal, ahead, "a")
    assert list(await postgres_journal.steps(behind.run_id)) == []
    postgres_journal.put(behind, completed(behind.run_id))
    await postgres_journal.flush(behind)
    (record,) = await postgres_journal.steps(behind.run_id)
    assert (record.status, record.started) == ("completed", at(1))


async def test_events_are_written_soon_even_if_nobody_waits(postgres_journal: PostgresJournal) -> None:
    (lease,) = await _opened(postgres_journal, 1)
    postgres_journal.put(lease, started(lease.run_id))
    postgres_journal.put(lease, completed(lease.run_id))
    async with asyncio.timeout(20):
        for pause in itertools.repeat(0.005):
            if await postgres_journal.steps(lease.run_id):
                return
            await asyncio.sleep(pause)


@pytest.mark.parametrize("count", [1, 2, 20])
async def test_what_was_written_though_its_answer_was_lost_is_written_over(
    postgres_journal: PostgresJournal, database: Database, count: int
) -> None:
    (lease,) = await _opened(postgres_journal, 1)
    await _step(postgres_journal, lease, "first")
    columns = "attempt, seq, step_id, status, type, title, cause, definition, ports, tokens_in, tokens_out, cost_usd"
    copy = f"""INSERT INTO step_results (run_id, path, duration_s, {columns})
        SELECT run_id, 's0', 7, {columns} FROM step_results"""

    async def already_there(connection: AsyncConnection) -> None:
        await connection.execute(text(copy))

    await database.run(already_there)
    for number in range(count):
        postgres_journal.put(lease, started(lease.run_id, f"s{number}"))
        postgres_journal.put(lease, completed(lease.run_id, f"s{number}", output={"number": number}))
    await postgres_journal.flush(lease)
    records = {record.path: record for record in await postgres_journal.steps(lease.run_id)}
    assert [records[f"s{number}"].output for number in range(count)] == [{"number": n} for n in range(count)]
    assert records["s0"].duration_s != 7
    assert len(records) == count + 1


async def test_a_cancelled_waiter_does_not_keep_the_others_waiting(postgres_journal: PostgresJournal) -> None:
    leases = await _opened(postgres_journal, 10)
    tasks = [asyncio.create_task(_step(postgres_journal, lease, "a")) for lease in leases]
    await asyncio.sleep(0)
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results].count(type(None)) == 9
    assert isinstance(results[3], asyncio.CancelledError)


async def test_runs_on_several_loops_use_one_journal(postgres_journal: PostgresJournal) -> None:
    done: list[str] = []

    async def run() -> None:
        (lease,) = await _opened(postgres_journal, 1)
        for number in range(20):
            await _step(postgres_journal, lease, f"s{number}")
        await postgres_journal.close_run(lease)
        done.append(lease.run_id)

    threads = [threading.Thread(target=asyncio.run, args=(run(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    await run()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert len(done) == 4
    for run_id in done:
        assert len(await postgres_journal.steps(run_id)) == 20


async def test_a_run_that_the_database_refuses_fails_alone_and_says_why(
    postgres_journal: PostgresJournal, database: Database
) -> None:
    async def poison(connection: AsyncConnection) -> None:
        await connection.execute(text(POISON))

    await database.run(poison)
    leases = await _opened(postgres_journal, 10)
    steps = [_step(postgres_journal, lease, "poison" if n == 4 else "a") for n, lease in enumerate(leases)]
    results = await asyncio.gather(*steps, return_exceptions=True)
    assert [n for n, result in enumerate(results) if result is not None] == [4]
    assert isinstance(results[4], JournalUnavailable)
    assert "No space left on device" in str(results[4])
    postgres_journal.put(leases[4], started(leases[4].run_id, "later"))
    with pytest.raises(JournalUnavailable):
        await postgres_journal.flush(leases[4])
    assert await _number(database, "SELECT count(*) FROM step_results") == 9


async def test_a_value_that_is_no_json_fails_its_run_alone(postgres_journal: PostgresJournal) -> None:
    good, bad = await _opened(postgres_journal, 2)
    postgres_journal.put(bad, completed(bad.run_id, output={"when": at(1)}))
    results = await asyncio.gather(
        _step(postgres_journal, good, "a"), postgres_journal.flush(bad), return_exceptions=True
    )
    assert results[0] is None
    assert isinstance(results[1], JournalUnavailable)
    assert "datetime is no JSON value" in str(results[1])


async def test_more_than_one_statement_holds_is_written_in_one_transaction(
    postgres_journal: PostgresJournal, database: Database
) -> None:
    leases = await _opened(postgres_journal, 60)
    text_of_200k = "x" * 200_000

    async def write(lease: Lease) -> None:
        postgres_journal.put(lease, completed(lease.run_id, output={"text": text_of_200k}))
        await postgres_journal.flush(lease)

    await asyncio.gather(*(write(lease) for lease in leases))
    assert not any(lease.lost for lease in leases)
    assert await _number(database, "SELECT count(*) FROM step_results") == 60


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server of the test's own, not started."""
    folder = Path(tempfile.mkdtemp(prefix="steploom-away-"))
    made = EmbeddedServer(folder / "postgres")
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _journal(
    address: Address, patience: float, revive: Callable[[], object] | None = None
) -> AsyncIterator[PostgresJournal]:
    thread = StoreThread("away")
    database = Database(thread, address, patience=patience, revive=revive)
    journal = PostgresJournal(database, Documents(), patience=patience)
    await thread.call(journal.start)
    try:
        yield journal
    finally:
        await thread.call(journal.stop)
        await thread.call(database.close)
        await asyncio.to_thread(thread.close)


async def _stop(server: EmbeddedServer) -> None:
    await asyncio.to_thread(server.stop)


async def _kill(server: EmbeddedServer) -> None:
    pid = int((server.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    process = psutil.Process(pid)
    children = process.children()
    process.kill()
    await asyncio.to_thread(psutil.wait_procs, [process, *children], 20)


@pytest.mark.parametrize("end", [_stop, _kill], ids=["stopped", "killed"])
async def test_a_run_goes_on_when_its_server_is_back(
    server: EmbeddedServer, end: Callable[[EmbeddedServer], Awaitable[None]]
) -> None:
    address = await asyncio.to_thread(server.start)
    await asyncio.to_thread(schema.upgrade, address)
    async with _journal(address, patience=60) as journal:
        leases = await _opened(journal, 5)
        half_way = asyncio.Event()

        async def work(lease: Lease) -> None:
            for number in range(100):
                await _step(journal, lease, f"s{number}")
                if number == 50:
                    half_way.set()
            journal.put(lease, RunCompleted(lease.run_id, at(9), {}, NO_USAGE, 1.0))
            await journal.close_run(lease)

        working = [asyncio.create_task(work(lease)) for lease in leases]
        await half_way.wait()
        await end(server)
        await asyncio.to_thread(server.start)
        await asyncio.gather(*working)
        for lease in leases:
            assert (await journal.run(lease.run_id)).status == "completed"
            records = await journal.steps(lease.run_id)
            assert [record.path for record in records] == [f"s{number}" for number in range(100)]


async def test_an_embedded_server_that_died_is_revived(server: EmbeddedServer) -> None:
    address = await asyncio.to_thread(server.start)
    await asyncio.to_thread(schema.upgrade, address)
    async with _journal(address, patience=60, revive=server.start) as journal:
        (lease,) = await _opened(journal, 1)
        await _kill(server)
        await _step(journal, lease, "a")
        assert len(await journal.steps(lease.run_id)) == 1


async def test_a_server_that_stays_away_stops_its_runs_and_later_ones_begin_anew(server: EmbeddedServer) -> None:
    address = await asyncio.to_thread(server.start)
    await asyncio.to_thread(schema.upgrade, address)
    async with _journal(address, patience=0.3) as journal:
        waiting, idle = await _opened(journal, 2)
        await _step(journal, waiting, "kept")
        await _stop(server)
        with pytest.raises(JournalUnavailable, match="resume the run"):
            await _step(journal, waiting, "lost")
        with pytest.raises(JournalUnavailable):
            await journal.flush(idle)
        assert waiting.broken
        assert idle.broken
        with pytest.raises(JournalUnavailable):
            await journal.run(waiting.run_id)
        journal.put(waiting, completed(waiting.run_id, "refused"))
        with pytest.raises(JournalUnavailable):
            await journal.close_run(waiting)
        await journal.close_run(waiting)
        await asyncio.to_thread(server.start)
        (fresh,) = await _opened(journal, 1)
        await _step(journal, fresh, "a")
        assert [record.path for record in await journal.steps(waiting.run_id)] == ["kept"]


async def test_a_closed_journal_says_so(database: Database) -> None:
    journal = PostgresJournal(database, Documents())
    await database.thread.call(journal.start)
    (lease,) = await _opened(journal, 1)
    await database.thread.call(journal.stop)
    journal.put(lease, started(lease.run_id))
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.flush(lease)


async def test_a_process_that_is_stopped_in_a_transaction_keeps_nobody_out_for_long(database: Database) -> None:
    async def work(connection: AsyncConnection) -> str:
        return str(await connection.scalar(text("SHOW idle_in_transaction_session_timeout")))

    assert await database.run(work) == f"{IDLE_S}s"
    own = await asyncio.to_thread(database.connect)
    with own:
        assert own.execute("SHOW idle_in_transaction_session_timeout").fetchone() == (f"{IDLE_S}s",)
