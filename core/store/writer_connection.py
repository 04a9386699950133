"""The connection of the journal's writer: whole transactions, each repeatable, as cheaply as the server allows.

Most transactions are one statement that was sent a hundred times before. Such a one goes to libpq directly: a cursor
would spend more time on its parameters and on waiting in Python than the server spends on the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import psycopg
from psycopg import pq

from core.store.statement import Statement

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
"""A connection in autocommit mode."""

_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class WriterConnection:
    """Writes transactions over a connection that nobody else uses. Every call blocks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # All statements find their rows by key. A plan that was made while the tables were small would be kept when
        # they are not, and read them whole.
        connection.execute("SET enable_seqscan = off")
        self._encoding = connection.info.encoding
        self._prepared: dict[str, bytes] = {}

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._connection.closed

    def fileno(self) -> int:
        """The socket's number."""
        return self._connection.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def write(self, statements: Sequence[Statement]) -> None:
        """Write one transaction and note which of its leases were lost. Raises psycopg.Error."""
        if len(statements) == 1 and all(value is None or isinstance(value, str) for value in statements[0].parameters):
            _note(statements[0], self._alone(statements[0]))
            return
        with self._connection.pipeline(), self._connection.transaction():
            cursors = [self._execute(each) for each in statements]
        for statement, cursor in zip(statements, cursors, strict=True):
            if statement.leases:
                _note(statement, cursor.fetchall())

    def _alone(self, statement: Statement) -> list[tuple[str, int]]:
        """Execute a statement of text parameters, which is a transaction by itself; run and epoch of what it wrote."""
        wire, encoding = self._connection.pgconn, self._encoding
        name = self._prepared.get(statement.sql)
        if name is None:
            name = b"steploom_%d" % len(self._prepared)
            _checked(wire.prepare(name, statement.sql.encode(encoding)), encoding)
            self._prepared[statement.sql] = name
        # Any, because psycopg's declaration forgets that a parameter may be null.
        values: Any = [None if value is None else value.encode(encoding) for value in statement.parameters]
        result = _checked(wire.exec_prepared(name, values), encoding)
        rows = ((result.get_value(row, 0), result.get_value(row, 1)) for row in range(result.ntuples))
        return [(run_id.decode(encoding), int(epoch)) for run_id, epoch in rows if run_id and epoch]

    def _execute(self, statement: Statement) -> psycopg.Cursor[tuple[Any, ...]]:
        # A raw cursor: the ordinary one would take a statement of more than 50 parameters apart anew each time.
        return psycopg.RawCursor(self._connection).execute(statement.sql, statement.parameters, prepare=True)


def _checked(result: pq.abc.PGresult, encoding: str) -> pq.abc.PGresult:
    """The result. Raises the psycopg.Error that it stands for."""
    if result.status not in _GOOD:
        raise psycopg.errors.error_from_result(result, encoding)
    return result


def _note(statement: Statement, rows: Iterable[tuple[Any, ...]]) -> None:
    found = {(run_id, epoch) for run_id, epoch in rows}
    for lease in statement.leases:
        if (lease.run_id, lease.epoch) not in found:
            lease.lost = True
