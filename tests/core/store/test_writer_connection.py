"""How the journal's writer talks to the server: whole transactions, none of them left open while it waits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

from core.store.statement import Statement
from core.store.writer_connection import WriterConnection

PUT = "INSERT INTO kept (name, bytes) SELECT * FROM unnest($1::text[], $2::bytea[])"
NOTE = "INSERT INTO notes (text) VALUES ($1)"


def notes(*texts: str | None) -> list[Statement]:
    return [Statement(NOTE, (text,)) for text in texts]


@pytest.fixture
def raw(empty_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (name text PRIMARY KEY, bytes bytea)")
        connection.execute("CREATE TABLE notes (text text NOT NULL CHECK (text <> 'bad'))")
        yield connection


@pytest.fixture
def writer(raw: psycopg.Connection) -> WriterConnection:
    return WriterConnection(raw, 60)


def rows(raw: psycopg.Connection, query: str) -> Sequence[tuple[object, ...]]:
    return raw.execute(query.encode()).fetchall()


def test_a_transaction_is_sent_with_its_end_before_anything_is_waited_for(
    raw: psycopg.Connection, writer: WriterConnection, tmp_path: Path
) -> None:
    writer.write(notes("the server knows the statement", "from now on"))
    told = tmp_path / "told"
    with told.open("wb") as file:
        raw.pgconn.trace(file.fileno())
        raw.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        writer.write(notes("a", "b", "c"))
        raw.pgconn.untrace()
        os.fsync(file.fileno())
    ours = [line.split()[2] for line in told.read_text().splitlines() if line.startswith("F")]
    assert ours == ["Bind", "Describe", "Execute"] * 3 + ["Sync"]
    first_answer = next(n for n, line in enumerate(told.read_text().splitlines()) if line.startswith("B"))
    assert first_answer == len(ours)


def test_values_of_all_kinds_arrive_as_they_are(raw: psycopg.Connection, writer: WriterConnection) -> None:
    large = os.urandom(3_000_000)
    writer.write([Statement(PUT, (["large", "ü, \"'{}"], [large, b""])), *notes("after it")])
    assert rows(raw, "SELECT name, bytes FROM kept ORDER BY name") == [("large", large), ("ü, \"'{}", b"")]
    assert rows(raw, "SELECT text FROM notes") == [("after it",)]


@pytest.mark.parametrize("bad", ["bad", None])
def test_nothing_of_a_transaction_is_kept_if_one_statement_fails(
    raw: psycopg.Connection, writer: WriterConnection, bad: str | None
) -> None:
    with pytest.raises(psycopg.IntegrityError):
        writer.write(notes("a", bad, "c"))
    assert rows(raw, "SELECT text FROM notes") == []
    writer.write(notes("d", "e"))
    assert rows(raw, "SELECT text FROM notes") == [("d",), ("e",)]


def test_what_fails_only_at_the_end_fails_the_transaction(raw: psycopg.Connection, writer: WriterConnection) -> None:
    raw.execute("ALTER TABLE notes ADD CONSTRAINT one UNIQUE (text) DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(psycopg.errors.UniqueViolation):
        writer.write(notes("same", "same"))
    assert rows(raw, "SELECT text FROM notes") == []
    writer.write(notes("same", "other"))


def test_a_connection_that_broke_off_says_so(
    raw: psycopg.Connection, writer: WriterConnection, empty_database_url: str
) -> None:
    writer.write(notes("a", "b"))
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (raw.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        writer.write(notes("c", "d"))
    assert writer.closed


def test_a_connection_is_given_up_in_which_a_transaction_was_told_in_part(writer: WriterConnection) -> None:
    with pytest.raises(psycopg.OperationalError, match="number of parameters"):
        writer.write([*notes("a"), Statement(NOTE, ("too many",) * 70_000)])
    assert writer.closed


def test_the_server_ends_a_transaction_that_takes_too_long(raw: psycopg.Connection) -> None:
    if raw.info.server_version < 17_00_00:
        pytest.skip("servers before 17 cannot")
    writer = WriterConnection(raw, 0.2)
    with pytest.raises(psycopg.OperationalError):
        writer.write([*notes("a"), Statement("SELECT pg_sleep($1::float8)", ("60",)), *notes("b")])
    assert writer.closed
