"""The connection of the journal's writer: whole transactions, each repeatable, as cheaply as the server allows.

Statements go to libpq directly: a cursor would spend more time on its parameters and on waiting in Python than the
server spends on the rows. And a transaction is sent in one piece, with what ends it: a process that is stopped (by
SIGSTOP, or as a laptop sleeps) must not leave one half told, for that would lock its rows from everybody else. The
server's own limit for silent transactions does not see to that: libpq's request to flush, which psycopg's pipelines
send in the middle of a transaction, turns it off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import generators, pq
from psycopg.adapt import PyFormat, Transformer

from core.store.statement import Statement

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
"""A connection in autocommit mode."""

_Sent: TypeAlias = "tuple[bytes, Sequence[Any], Sequence[int] | None]"
"""The name of a statement, and parameters with their formats."""

_GOOD = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.PIPELINE_SYNC)

_LIMITS_TRANSACTIONS: Final = 17_00_00
"""From this version on a server can end a transaction that takes too long, whatever it waits for."""


class WriterConnection:
    """Writes transactions over a connection that nobody else uses. Every call blocks.

    longest_s: seconds that a transaction may take, where the server can see to it. What does not fit into one packet
    can be cut in two by a process that stops.
    """

    def __init__(self, connection: Connection, longest_s: float) -> None:
        self._connection = connection
        # All statements find their rows by key. A plan that was made while the tables were small would be kept when
        # they are not, and read them whole. And no statement need be planned anew five times, as others are, before
        # its plan is kept: the parameters make no difference.
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        if connection.info.server_version >= _LIMITS_TRANSACTIONS:
            connection.execute(f"SET transaction_timeout = {longest_s * 1000:.0f}")
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
        sent = [(self._name(each.sql), *self._values(each.parameters)) for each in statements]
        results = [self._connection.pgconn.exec_prepared(*sent[0])] if len(sent) == 1 else self._together(sent)
        for result in results:
            _checked(result, self._encoding)
        for statement, result in zip(statements, results, strict=False):
            _note(statement, self._rows(result) if statement.leases else ())

    def _name(self, statement: str) -> bytes:
        """The name under which the server knows the statement."""
        name = self._prepared.get(statement)
        if name is None:
            name = b"steploom_%d" % len(self._prepared)
            _checked(self._connection.pgconn.prepare(name, statement.encode(self._encoding)), self._encoding)
            self._prepared[statement] = name
        return name

    def _values(self, parameters: Sequence[Any]) -> tuple[Sequence[Any], Sequence[int] | None]:
        """Parameters as they are sent, with their formats; None if all are texts, as most are."""
        if all(value is None or isinstance(value, str) for value in parameters):
            return [None if value is None else value.encode(self._encoding) for value in parameters], None
        transformer = Transformer(self._connection)
        values = transformer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        return values, transformer.formats

    def _together(self, sent: Sequence[_Sent]) -> list[pq.abc.PGresult]:
        """What the statements and the Sync after them gave; all that one Sync ends is one transaction."""
        try:
            return self._in_pipeline(sent)
        except BaseException:
            self._connection.close()  # nothing else can be told in the middle of a pipeline
            raise

    def _in_pipeline(self, sent: Sequence[_Sent]) -> list[pq.abc.PGresult]:
        wire, wait = self._connection.pgconn, self._connection.wait
        wire.enter_pipeline_mode()
        for each in sent:
            wire.send_query_prepared(*each)
        wire.pipeline_sync()
        # Not libpq's own waiting: from within it no other thread gets to run Python.
        wait(generators.send(wire))
        results: list[pq.abc.PGresult] = []
        while wire.status == pq.ConnStatus.OK:
            results += wait(generators.fetch_many(wire))
            if results and results[-1].status == pq.ExecStatus.PIPELINE_SYNC:
                wire.exit_pipeline_mode()
                return results
        raise psycopg.OperationalError(wire.get_error_message(self._encoding))

    def _rows(self, result: pq.abc.PGresult) -> Iterable[tuple[str, int]]:
        """Run and epoch of what a statement wrote."""
        rows = ((result.get_value(row, 0), result.get_value(row, 1)) for row in range(result.ntuples))
        return [(run_id.decode(self._encoding), int(epoch)) for run_id, epoch in rows if run_id and epoch]


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
