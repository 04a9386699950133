"""Copying everything from one database into another: from the embedded one to a server that workers share.

Blocking: call it in a thread, or from a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from core.store import schema
from core.store.address import Address
from core.store.errors import StoreError
from core.store.queued_runs import TASK

_Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

_LEFT_OUT = ("alembic_version", "workers", "rates")
"""They speak of a database and who uses it now, not of what is kept. The queue's library is left out too: its entries
are made anew.
"""

_TABLES = """
SELECT c.relname FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE 'procrastinate\\_%%'
    AND c.relname <> ALL (%s) ORDER BY 1"""

_REFERENCES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conrelid::regclass::text = ANY (%s)
ORDER BY 1, 2"""

_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"""

_SEQUENCES = """
SELECT a.attname, pg_get_serial_sequence(quote_ident(%s), a.attname) FROM pg_attribute AS a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND pg_get_serial_sequence(quote_ident(%s), a.attname) IS NOT NULL"""

_BUSY = """
SELECT count(*) FROM executions WHERE lease_owner IS NOT NULL AND lease_expires > clock_timestamp()"""

_ENTRIES = """
SELECT queue_name, priority, queueing_lock, args, scheduled_at FROM procrastinate_jobs
WHERE task_name = %s AND status IN ('todo', 'doing') ORDER BY id"""

_ENTER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[
    ROW(%s, %s, %s, NULL, %s, %s::jsonb, %s::timestamptz)::procrastinate_job_to_defer_v1])"""


class MoveRefused(StoreError):
    """Nothing was copied; the text says why and what to do."""

    code = "move-refused"


@dataclass(frozen=True, slots=True)
class Moved:
    """What was copied. rows: by table. waiting: entries of the queue."""

    rows: dict[str, int]
    waiting: int

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


def move(source: Address, target: Address, told: Callable[[str, int], None] = lambda _table, _rows: None) -> Moved:
    """Copy everything, as of one moment and in one transaction; the source stays as it is.

    told: called with each table and its number of rows. Raises MoveRefused if the target holds something already or
    runs are being executed, and StoreError if either database cannot be used.
    """
    schema.upgrade(source)
    if schema.status(target).current:  # else its tables are made by ourselves
        with psycopg.connect(target.dsn) as writer:
            _refuse_used(writer, _tables(writer), target)
    schema.upgrade(target)
    try:
        with psycopg.connect(source.dsn) as reader, psycopg.connect(target.dsn) as writer:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return _move(reader, writer, target, told)
    except psycopg.OperationalError as error:
        raise MoveRefused(
            f"The connection broke off: {(str(error).splitlines() or ['no reason given'])[0]}. Nothing was copied; "
            "try again."
        ) from error
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        raise MoveRefused(
            f"The server of {target.shown} did not take the copy: {reason}. Nothing was copied; mend that, then try "
            "again."
        ) from error


def _move(reader: _Connection, writer: _Connection, target: Address, told: Callable[[str, int], None]) -> Moved:
    tables = _tables(reader)
    _refuse_busy(reader)
    _refuse_used(writer, tables, target)
    rows: dict[str, int] = {}
    with _without_references(writer, tables):
        for table in tables:
            _copy(reader, writer, table)
            rows[table] = _same_count(reader, writer, table)
            _set_sequences(writer, table)
            told(table, rows[table])
    waiting = 0
    for queue, priority, lock, arguments, run_at in reader.execute(_ENTRIES, (TASK,)).fetchall():
        values = (queue, TASK, priority, lock, Jsonb(arguments), run_at)
        writer.execute(_ENTER, values)
        waiting += 1
    return Moved(rows, waiting)


@contextmanager
def _without_references(writer: _Connection, tables: list[str]) -> Iterator[None]:
    """Tables refer to each other in circles, so that no order would do: references are checked when all is there."""
    references = writer.execute(_REFERENCES, (tables,)).fetchall()
    for table, name, _ in references:
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        writer.execute(drop.format(sql.Identifier(table), sql.Identifier(name)))
    yield
    for table, name, definition in references:
        add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
        writer.execute(add.format(sql.Identifier(table), sql.Identifier(name), sql.SQL(definition)))


def _tables(connection: _Connection) -> list[str]:
    return [name for (name,) in connection.execute(_TABLES, (list(_LEFT_OUT),))]


def _refuse_busy(reader: _Connection) -> None:
    busy = _number(reader, _BUSY)
    if busy:
        raise MoveRefused(
            f"{busy} {'run is' if busy == 1 else 'runs are'} being executed; copied now, they would go on twice. Stop "
            "them or wait for them, close the other programs that use this database, then try again."
        )


def _refuse_used(writer: _Connection, tables: Iterable[str], target: Address) -> None:
    used = [name for name in tables if _number(writer, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))]
    if used:
        raise MoveRefused(
            f"The database {target.shown} holds something already (in {', '.join(used[:5])}), and nothing there is "
            "overwritten. Use an empty database."
        )


def _copy(reader: _Connection, writer: _Connection, table: str) -> None:
    columns = [name for (name,) in reader.execute(_COLUMNS, (table,))]
    named = sql.SQL("{} ({})").format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
    with (
        reader.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(named)) as out,
        writer.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(named)) as into,
    ):
        for piece in out:
            into.write(piece)


def _same_count(reader: _Connection, writer: _Connection, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    read, written = _number(reader, query), _number(writer, query)
    if read != written:
        raise MoveRefused(f"Of {read} rows of {table} {written} arrived. Nothing was kept; look at the server's log.")
    return written


def _set_sequences(writer: _Connection, table: str) -> None:
    for column, sequence in writer.execute(_SEQUENCES, (table, table, table)).fetchall():
        query = sql.SQL("SELECT setval({}, max({})) FROM {} HAVING max({}) IS NOT NULL").format(
            sql.Literal(sequence), sql.Identifier(column), sql.Identifier(table), sql.Identifier(column)
        )
        writer.execute(query)


def _number(connection: _Connection, query: LiteralString | sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
