from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.store import schema
from core.store.address import Address
from core.store.migrations import REVISIONS
from core.store.move import MoveRefused, move
from core.store.queued_runs import QueuePlace
from core.store.store import Store
from tests.support.journals import completed, new_run, started
from tests.support.postgres import new_database


@pytest.fixture
def target_url(postgres_server: Address) -> Iterator[str]:
    with new_database(postgres_server, "template0") as url:
        yield url


async def fill(url: str, home: Path) -> tuple[str, str]:
    """Ids of a finished run and of one that waits."""
    async with await Store.open(url, home) as store:
        done = new_run()
        lease = await store.journal.open_run(done)
        store.journal.put(lease, started(done.id, "a"))
        store.journal.put(lease, completed(done.id, "a"))
        await store.journal.close_run(lease)
        waiting = await store.queued_runs.add(new_run(), QueuePlace("slow", priority=3))
    return done.id, waiting


async def test_everything_arrives_and_the_source_stays(database_url: str, target_url: str, tmp_path: Path) -> None:
    done, waiting = await fill(database_url, tmp_path)
    told: list[tuple[str, int]] = []
    moved = move(Address.parse(database_url), Address.parse(target_url), lambda *row: told.append(row))

    assert (moved.rows["executions"], moved.rows["step_results"], moved.waiting) == (2, 1, 1)
    assert told == list(moved.rows.items())
    for url in (database_url, target_url):
        async with await Store.open(url, tmp_path) as store:
            assert [step.status for step in await store.journal.steps(done)] == ["completed"]
            assert (await store.journal.run(waiting)).status == "queued"
            assert list(await store.queued_runs.depth()) == ["slow"]


async def test_a_database_that_is_used_is_left_alone(database_url: str, target_url: str, tmp_path: Path) -> None:
    await fill(database_url, tmp_path)
    await fill(target_url, tmp_path)
    with pytest.raises(MoveRefused, match="holds something already"):
        move(Address.parse(database_url), Address.parse(target_url))


async def test_a_database_that_an_older_program_uses_is_not_changed(
    database_url: str, target_url: str, tmp_path: Path
) -> None:
    await fill(database_url, tmp_path)
    schema.upgrade(Address.parse(target_url), REVISIONS[-2])
    with psycopg.connect(target_url) as connection:
        connection.execute("INSERT INTO documents (hash, body) VALUES ('theirs', '{}')")
    with pytest.raises(MoveRefused, match="holds something already"):
        move(Address.parse(database_url), Address.parse(target_url))
    assert schema.status(Address.parse(target_url)).current == REVISIONS[-2]


async def test_an_empty_database_that_an_older_program_has_made_tables_in_is_brought_up_to_date(
    database_url: str, target_url: str, tmp_path: Path
) -> None:
    await fill(database_url, tmp_path)
    schema.upgrade(Address.parse(target_url), REVISIONS[-2])
    moved = move(Address.parse(database_url), Address.parse(target_url))
    assert (moved.rows["executions"], schema.status(Address.parse(target_url)).is_current) == (2, True)


async def test_a_copy_that_breaks_off_half_way_leaves_nothing_and_can_be_made_again(
    database_url: str, target_url: str, tmp_path: Path
) -> None:
    await fill(database_url, tmp_path)
    done: list[str] = []

    def break_off(table: str, _rows: int) -> None:
        done.append(table)
        if table == "executions":
            with psycopg.connect(target_url) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    with pytest.raises(MoveRefused, match="Nothing was copied; try again"):
        move(Address.parse(database_url), Address.parse(target_url), break_off)
    assert done[-1] == "executions"
    moved = move(Address.parse(database_url), Address.parse(target_url))
    assert (moved.rows["executions"], moved.rows["step_results"], moved.waiting) == (2, 1, 1)


async def test_runs_that_are_being_executed_are_not_copied(database_url: str, target_url: str, tmp_path: Path) -> None:
    async with await Store.open(database_url, tmp_path) as store:
        await store.journal.open_run(new_run())
        with pytest.raises(MoveRefused, match="1 run is being executed"):
            move(Address.parse(database_url), Address.parse(target_url))
    with psycopg.connect(target_url) as connection:
        assert connection.execute("SELECT count(*) FROM executions").fetchone() == (0,)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISIONS[-1],)


async def test_new_rows_get_numbers_of_their_own_after_a_move(
    database_url: str, target_url: str, tmp_path: Path
) -> None:
    """Sequences go on after what was copied."""
    query = """SELECT c.table_name, c.column_name FROM information_schema.columns AS c WHERE table_schema = 'public'
        AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL
        AND table_name NOT LIKE 'procrastinate%'"""
    await fill(database_url, tmp_path)
    move(Address.parse(database_url), Address.parse(target_url))
    with psycopg.connect(target_url) as connection:
        for table, column in connection.execute(query).fetchall():
            highest = connection.execute(f"SELECT coalesce(max({column}), 0) FROM {table}".encode()).fetchone()
            following = connection.execute(f"SELECT nextval(pg_get_serial_sequence('{table}', '{column}'))".encode())
            assert (following.fetchone() or (0,)) > (highest or (0,))
