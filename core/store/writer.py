"""The group-commit writer: everything that waits, of all runs, becomes durable in one transaction.

`put` only appends to a queue. The writer, a task on the store's loop, drains the queue into a transaction whenever
somebody waits (or a moment after the last event, if nobody does), and then wakes all who waited. While one
transaction commits, the next one gathers. Its connection is its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

import psycopg

from core.engine.errors import EngineError, JournalUnavailable, LeaseLost
from core.engine.events import Event
from core.store.errors import ConnectError, StoreError
from core.store.pending import Batch, HeldLease, Opening, Releasing, Statement, Waiter
from core.store.thread import StoreThread

logger = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
"""A connection in autocommit mode."""

_Item: TypeAlias = "tuple[HeldLease, Event] | Waiter | Opening | Releasing"

_LARGEST_BATCH = 2_000
"""Events in one transaction: more would make the first one wait without making the rest faster."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
"""Seconds between two tries to reach a server that is away."""


class GroupWriter:
    """Writes the events of all held runs.

    connect: opens a connection. owner: who holds the leases. lease_s: seconds for which a lease is given, by the
    database's clock. beat_s: seconds between two renewals. patience: seconds to wait for a server that is away.
    linger_s: seconds that events may wait when nobody waits for them.
    """

    def __init__(
        self,
        thread: StoreThread,
        connect: Callable[[], Awaitable[Connection]],
        owner: str,
        *,
        lease_s: float = 30.0,
        beat_s: float = 10.0,
        patience: float = 60.0,
        linger_s: float = 0.01,
    ) -> None:
        self._thread = thread
        self._connect = connect
        self.owner = owner
        self.lease_s = lease_s
        self._beat_s = beat_s
        self._patience = patience
        self._linger_s = linger_s
        self._queue: deque[_Item] = deque()
        self._held: dict[tuple[str, int], HeldLease] = {}
        self._connection: Connection | None = None
        self._signalled = False
        self._lingering = False
        self._beating = False
        self._closing = False
        self._work: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None

    # From any thread.

    def put(self, lease: HeldLease, event: Event) -> None:
        """Queue an event; it is written soon. With a lost or failed lease it is passed over."""
        lease.put_count += 1
        self._queue.append((lease, event))
        if not self._lingering and not self._signalled:
            self._lingering = True
            self._thread.soon(self._linger)

    async def flush(self, lease: HeldLease) -> None:
        """Wait until all that was put under the lease is durable. Raises LeaseLost or JournalUnavailable."""
        _raise_failure(lease)
        if lease.durable_count != lease.put_count:
            await self._wait(lease, None)

    async def open(self, opening: Opening) -> None:
        """Record a new run. Raises EngineError if its id is taken, or JournalUnavailable."""
        await self._wait(opening.lease, opening)

    async def release(self, lease: HeldLease) -> None:
        """Write what is queued for the run and let go of it. Raises JournalUnavailable if something was not written."""
        if lease.closed or lease.lost:
            return
        lease.closed = True
        _raise_failure(lease)
        await self._wait(lease, Releasing(lease))

    async def _wait(self, lease: HeldLease, item: Opening | Releasing | None) -> None:
        if self._closing or self._thread.closed:
            raise JournalUnavailable("The journal was closed while a run still needed it. Resume the run later.")
        loop = asyncio.get_running_loop()
        waiter = Waiter(lease, loop, loop.create_future(), lease.put_count)
        if item is not None:
            self._queue.append(item)
        self._queue.append(waiter)
        if not self._signalled:
            self._signalled = True
            self._thread.soon(self._wake)
        await waiter.future

    # On the store's loop.

    async def start(self) -> None:
        """Begin writing."""
        self._work = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="journal writer")
        asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    async def stop(self) -> None:
        """Write everything, let go of all runs and close the connection."""
        if self._task is None:
            return
        self._closing = True
        for lease in self._held.values():
            if not lease.closed:
                lease.closed = True
                self._queue.append(Releasing(lease))
        self._wake()
        await self._task
        self._task = None
        if late := self._drain():
            self._fail(late, JournalUnavailable("The journal was closed while a run still needed it."))
            self._settle(late)
        await self._disconnect()

    def hold(self, lease: HeldLease) -> None:
        """Renew this lease from now on."""
        self._held[lease.run_id, lease.epoch] = lease

    def _linger(self) -> None:
        asyncio.get_running_loop().call_later(self._linger_s, self._wake)

    def _beat(self) -> None:
        if not self._closing:
            self._beating = bool(self._held)
            self._wake()
            asyncio.get_running_loop().call_later(self._beat_s, self._beat)

    def _wake(self) -> None:
        if self._work is not None:
            self._work.set()

    async def _run(self) -> None:
        assert self._work is not None
        while not (self._closing and not self._queue):
            await self._work.wait()
            self._work.clear()
            while batch := self._drain():
                await self._commit(batch)

    def _drain(self) -> Batch | None:
        """Everything that waits, as a batch; None if nothing does."""
        # Cleared before the queue is read: what is appended after the last read signals again.
        self._signalled = self._lingering = False
        beating, self._beating = self._beating, False
        if not self._queue and not beating:
            return None
        batch = Batch(self._held.values() if beating else ())
        for _ in range(min(len(self._queue), _LARGEST_BATCH)):
            self._sort(self._queue.popleft(), batch)
        return batch

    def _sort(self, item: _Item, batch: Batch) -> None:
        if isinstance(item, tuple):
            lease, event = item
            if lease.failure is None and not lease.lost:
                batch.part(lease).add(event)
            return
        part = batch.part(item.lease)
        if isinstance(item, Waiter):
            part.waiters.append(item)
            part.add_unwritten()
        elif isinstance(item, Opening):
            part.opening = item
            self.hold(item.lease)
        else:
            part.release = True
            part.add_unwritten()

    async def _commit(self, batch: Batch) -> None:
        """Write a batch, whatever it takes; everybody who waits for it is told how it went."""
        try:
            await self._write_patiently(batch)
        except psycopg.Error as error:
            if len(batch.parts) > 1:
                for single in batch.split():
                    await self._commit(single)
                return
            self._fail(batch, JournalUnavailable(f"The database did not take the run's records: {_reason(error)}."))
        except (StoreError, TimeoutError) as error:
            self._give_up(batch, str(error) or "it does not answer")
        except Exception as error:  # whatever it is, nobody may be left waiting
            logger.exception("The journal's writer failed")
            self._give_up(batch, f"{type(error).__name__}: {error}")
        self._settle(batch)

    async def _write_patiently(self, batch: Batch) -> None:
        """Write; if the server goes away, wait for it and write again: every statement may be repeated."""
        statements = batch.statements(self.lease_s)
        if not statements:
            return
        loop = asyncio.get_running_loop()
        ends: float | None = None
        pause = _FIRST_PAUSE
        while True:
            try:
                connection = await self._connected()
            except (ConnectError, psycopg.OperationalError) as error:
                failure: Exception = error
            else:
                try:
                    async with asyncio.timeout(self._patience):
                        await _write(connection, statements)
                        return
                except psycopg.errors.TransactionRollback as error:
                    failure = error
                except (psycopg.Error, TimeoutError) as error:
                    if isinstance(error, psycopg.Error) and not connection.closed:
                        raise
                    failure = error
                    await self._disconnect()
            ends = ends or loop.time() + self._patience
            if loop.time() >= ends:
                raise failure if isinstance(failure, StoreError) else ConnectError(_reason(failure))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await self._connect()
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _settle(self, batch: Batch) -> None:
        """Note what is durable now, forget runs that are over, wake those who wait."""
        for key, part in batch.parts.items():
            for attempt in part.steps.values():
                attempt.written = True
            lease = part.lease
            if part.opening and lease.lost:
                lease.failure = EngineError(f"There is a run {lease.run_id} already; a new run needs an id of its own.")
            if part.release or lease.lost or lease.failure:
                self._held.pop(key, None)
        for lease in batch.beating:
            if lease.lost:
                self._held.pop((lease.run_id, lease.epoch), None)
        _resolve(batch.waiters)

    def _fail(self, batch: Batch, error: JournalUnavailable) -> None:
        for part in batch.parts.values():
            part.lease.failure = part.lease.failure or error

    def _give_up(self, batch: Batch, reason: str) -> None:
        """The server stayed away: all runs stop here; later ones may try again."""
        error = JournalUnavailable(
            f"The database could not be reached for {self._patience:.0f} seconds, so the run stopped. What was done "
            f"before is kept; resume the run when the database is back. The last answer: {reason}"
        )
        logger.error("The journal gave up on %d runs: %s", len(self._held), reason)
        for lease in self._held.values():
            lease.failure = lease.failure or error
        self._held.clear()
        self._fail(batch, error)


async def _write(connection: Connection, statements: Sequence[Statement]) -> None:
    """One transaction; a single statement is one by itself."""
    if len(statements) == 1:
        cursors = [await _execute(connection, statements[0])]
    else:
        async with connection.pipeline(), connection.transaction():
            cursors = [await _execute(connection, each) for each in statements]
    for statement, cursor in zip(statements, cursors, strict=True):
        if statement.leases:
            _note(statement, await cursor.fetchall())


async def _execute(connection: Connection, statement: Statement) -> psycopg.AsyncCursor[tuple[Any, ...]]:
    # A raw cursor: the ordinary one would take a statement of more than 50 parameters apart anew each time.
    cursor = psycopg.AsyncRawCursor(connection)
    return await cursor.execute(statement.sql, statement.parameters, prepare=True)


def _note(statement: Statement, rows: Iterable[tuple[Any, ...]]) -> None:
    found = {(run_id, epoch) for run_id, epoch in rows}
    for lease in statement.leases:
        if (lease.run_id, lease.epoch) not in found:
            lease.lost = True


def _raise_failure(lease: HeldLease) -> None:
    if lease.failure is not None:
        raise type(lease.failure)(str(lease.failure))
    if lease.lost:
        raise LeaseLost(
            f"Another process took run {lease.run_id} over, so this one stopped. Nothing was written twice."
        )


def _resolve(waiters: Iterable[Waiter]) -> None:
    """Wake the waiters, with one call for each loop that they live on."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiter]] = {}
    for waiter in waiters:
        waiter.lease.durable_count = max(waiter.lease.durable_count, waiter.count)
        by_loop.setdefault(waiter.loop, []).append(waiter)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell, theirs)
        except RuntimeError:
            logger.debug("A loop was closed before its runs were written")


def _tell(waiters: Iterable[Waiter]) -> None:
    for waiter in waiters:
        if waiter.future.done():
            continue
        try:
            _raise_failure(waiter.lease)
        except EngineError as error:
            waiter.future.set_exception(error)
        else:
            waiter.future.set_result(None)


def _reason(error: BaseException) -> str:
    """What the server said, without the data that it may quote in further lines."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return str(error).splitlines()[0] if str(error) else type(error).__name__
