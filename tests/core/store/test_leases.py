"""Who may write to a run: races, crashes, and processes that were taken for dead."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.errors import LeaseLost, RunBusy
from core.engine.journal import Lease
from core.store.address import Address
from core.store.database import Database
from core.store.documents import Documents
from core.store.held_lease import HeldLease
from core.store.journal import PostgresJournal
from core.store.process import ProcessId, lease_clock, this_process
from core.store.thread import StoreThread
from tests.support.journals import completed, new_run, started

OPEN_AND_WAIT = textwrap.dedent("""
    import asyncio, sys
    from pathlib import Path
    from core.store.store import Store
    from tests.support.journals import completed, new_run, started

    async def main() -> None:
        store = await Store.open(sys.argv[1], Path("unused"))
        run = new_run(id=sys.argv[2])
        lease = await store.journal.open_run(run)
        store.journal.put(lease, started(run.id, "done"))
        store.journal.put(lease, completed(run.id, "done"))
        store.journal.put(lease, started(run.id, "cut-off"))
        await store.journal.flush(lease)
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
""")


@asynccontextmanager
async def begun(database: Database, *, beat_s: float) -> AsyncIterator[PostgresJournal]:
    """A journal that renews its leases so often."""
    journal = PostgresJournal(database, Documents(), beat_s=beat_s)
    await database.thread.call(journal.start)
    try:
        yield journal
    finally:
        await database.thread.call(journal.stop)


@pytest.fixture
async def rival(database_url: str) -> AsyncIterator[PostgresJournal]:
    """Another program's journal over the same database."""
    thread = StoreThread("rival")
    database = Database(thread, Address.parse(database_url), patience=5)
    journal = PostgresJournal(database, Documents(), patience=5)
    await thread.call(journal.start)
    yield journal
    await thread.call(journal.stop)
    await thread.call(database.close)
    thread.close()


async def _change(database: Database, run_id: str, change: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(text(f"UPDATE executions SET {change} WHERE id = :id"), {"id": run_id})

    await database.run(work)


async def _expires(database: Database, run_id: str) -> datetime:
    async def work(connection: AsyncConnection) -> datetime:
        query = text("SELECT lease_expires FROM executions WHERE id = :id")
        found = await connection.scalar(query, {"id": run_id})
        assert isinstance(found, datetime)
        return found

    return await database.run(work)


async def _is_written_at_its_start(journal: PostgresJournal, lease: Lease, rival: PostgresJournal) -> None:
    """See that others know of a step that has begun, and then of its end."""

    async def stand() -> list[str]:
        return [record.status for record in await rival.steps(lease.run_id)]

    async def written() -> bool:
        return await stand() == ["started"]

    journal.put(lease, started(lease.run_id))
    await _until(written)
    journal.put(lease, completed(lease.run_id))
    await journal.flush(lease)
    assert await stand() == ["completed"]


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        for pause in itertools.repeat(0.01):
            if await condition():
                return
            await asyncio.sleep(pause)


async def test_of_two_programs_that_take_one_run_one_gets_it(
    postgres_journal: PostgresJournal, rival: PostgresJournal
) -> None:
    for _ in range(10):
        run = new_run()
        await postgres_journal.close_run(await postgres_journal.open_run(run))
        results = await asyncio.gather(
            postgres_journal.take_run(run.id), rival.take_run(run.id), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["RunBusy", "tuple"]


async def test_the_run_of_a_killed_process_is_free_at_once(
    postgres_journal: PostgresJournal, database_url: str
) -> None:
    program = sys.executable, "-c", OPEN_AND_WAIT, database_url, "killed"
    owner = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    assert await owner.stdout.readline() == b"ready\n"
    with pytest.raises(RunBusy, match=f"process {owner.pid} on "):
        await postgres_journal.take_run("killed")
    with pytest.raises(RunBusy):
        await postgres_journal.cancel("killed")
    owner.kill()
    await owner.wait()
    run, records, lease = await postgres_journal.take_run("killed")
    assert (run.status, lease.epoch) == ("running", 2)
    assert [(record.path, record.status) for record in records] == [("done", "completed"), ("cut-off", "started")]


async def test_an_owner_on_another_machine_keeps_the_run_until_its_lease_ends(
    postgres_journal: PostgresJournal, database: Database
) -> None:
    run = new_run()
    await postgres_journal.close_run(await postgres_journal.open_run(run))
    lease = "lease_owner = 'far-away/boot/space/77/1.00', lease_expires = now() + interval '{} seconds'"
    await _change(database, run.id, lease.format(60))
    with pytest.raises(RunBusy, match="process 77 on far-away"):
        await postgres_journal.take_run(run.id)
    await _change(database, run.id, lease.format(-1))
    await postgres_journal.take_run(run.id)


async def test_a_number_that_another_process_has_by_now_does_not_hold_a_run(
    postgres_journal: PostgresJournal, database: Database
) -> None:
    run = new_run()
    await postgres_journal.close_run(await postgres_journal.open_run(run))
    me = this_process()
    before = ProcessId(me.machine, me.pid, me.started - 3600)
    await _change(database, run.id, f"lease_owner = '{before}', lease_expires = now() + interval '60 seconds'")
    await postgres_journal.take_run(run.id)


async def test_a_paused_owner_that_wakes_up_writes_nothing(
    postgres_journal: PostgresJournal, rival: PostgresJournal, database: Database
) -> None:
    run = new_run()
    old = await postgres_journal.open_run(run)
    await _change(database, run.id, "lease_expires = now() - interval '1 second'")
    _, _, new = await rival.take_run(run.id)
    postgres_journal.put(old, started(run.id, "ghost"))
    postgres_journal.put(old, completed(run.id, "ghost"))
    rival.put(new, started(run.id, "real"))
    results = await asyncio.gather(postgres_journal.flush(old), rival.flush(new), return_exceptions=True)
    assert isinstance(results[0], LeaseLost)
    assert results[1] is None
    assert [record.path for record in await rival.steps(run.id)] == ["real"]
    await postgres_journal.close_run(old)
    with pytest.raises(RunBusy):
        await postgres_journal.take_run(run.id)


async def test_one_lost_run_does_not_hinder_the_others_of_its_batch(
    postgres_journal: PostgresJournal, database: Database
) -> None:
    runs = [new_run() for _ in range(20)]
    leases = [await postgres_journal.open_run(run) for run in runs]
    await _change(database, runs[7].id, "lease_epoch = 9")
    for run, lease in zip(runs, leases, strict=True):
        postgres_journal.put(lease, started(run.id))
    results = await asyncio.gather(*(postgres_journal.flush(lease) for lease in leases), return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, LeaseLost)] == [7]
    assert [n for n, lease in enumerate(leases) if lease.lost] == [7]
    assert [n for n, run in enumerate(runs) if not await postgres_journal.steps(run.id)] == [7]


async def test_leases_are_renewed_and_a_lost_one_is_noticed_without_a_write(
    database: Database, rival: PostgresJournal
) -> None:
    async with begun(database, beat_s=0.02) as journal:
        run = new_run()
        lease = await journal.open_run(run)
        first = await _expires(database, run.id)

        async def renewed() -> bool:
            return await _expires(database, run.id) > first

        async def lost() -> bool:
            return lease.lost

        await _until(renewed)
        await _change(database, run.id, "lease_epoch = 2, lease_owner = NULL")
        await _until(lost)
        with pytest.raises(LeaseLost, match=run.id):
            await journal.flush(lease)


async def test_the_start_of_what_takes_long_is_written_when_its_lease_is_renewed(
    database: Database, rival: PostgresJournal
) -> None:
    async with begun(database, beat_s=0.02) as journal:
        run = new_run()
        lease = await journal.open_run(run)
        await _is_written_at_its_start(journal, lease, rival)


async def test_a_start_is_written_at_once_in_a_run_that_was_left_before(
    database: Database, rival: PostgresJournal
) -> None:
    async with begun(database, beat_s=3600) as journal:
        run = new_run()
        await journal.close_run(await journal.open_run(run))
        _, _, lease = await journal.take_run(run.id)
        await _is_written_at_its_start(journal, lease, rival)


async def test_a_stopped_journal_lets_go_of_its_runs(database: Database, rival: PostgresJournal) -> None:
    journal = PostgresJournal(database, Documents())
    await database.thread.call(journal.start)
    run = new_run()
    lease = await journal.open_run(run)
    journal.put(lease, started(run.id))
    await database.thread.call(journal.stop)
    _, records, _ = await rival.take_run(run.id)
    assert [record.status for record in records] == ["started"]


def test_a_process_is_told_apart_and_written_down() -> None:
    me = this_process()
    parsed = ProcessId.parse(str(me))
    assert parsed is not None
    assert (parsed.machine, parsed.pid, parsed.is_dead(), me.is_dead()) == (me.machine, me.pid, False, False)
    assert ProcessId.parse("nonsense") is None
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert ProcessId(me.machine, ended.pid, me.started).is_dead()
    assert not ProcessId("elsewhere/boot/space", ended.pid, me.started).is_dead()


async def test_an_owner_that_was_paused_for_too_long_starts_nothing_before_its_lease_is_renewed(
    postgres_journal: PostgresJournal, database: Database
) -> None:
    lease = await postgres_journal.open_run(run := new_run())
    assert isinstance(lease, HeldLease)
    assert not lease.broken
    lease.valid_until = lease_clock() - 1
    await _change(database, run.id, "lease_expires = now() - interval '1 second'")

    late = lease.broken
    await postgres_journal.flush(lease)
    assert (late, lease.broken) == (True, False)
    assert await _expires(database, run.id) > datetime.now(UTC)


async def test_an_owner_that_was_paused_while_another_took_its_run_gets_to_know_before_its_next_step(
    postgres_journal: PostgresJournal, rival: PostgresJournal, database: Database
) -> None:
    lease = await postgres_journal.open_run(run := new_run())
    assert isinstance(lease, HeldLease)
    await _change(database, run.id, "lease_owner = 'far-away/boot/space/77/1.00', lease_expires = now()")
    await rival.take_run(run.id)
    lease.valid_until = lease_clock() - 1

    with pytest.raises(LeaseLost):
        await postgres_journal.flush(lease)
    assert lease.lost
