"""The group-commit writer: everything that waits, of all runs, becomes durable in one transaction.

`put` only appends to a queue. The writer drains the queue into a transaction whenever somebody waits (or a moment
after the last event, if nobody does), and then wakes all who waited. While one transaction commits, the next one
gathers.

It is a thread with a blocking connection of its own, not a task on the store's loop: a step that waits for its record
then costs two changes of thread and one statement, and no turn of an event loop, which takes a third off the time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeAlias

import psycopg

from core.engine.errors import EngineError, JournalUnavailable, LeaseLost
from core.engine.events import Event
from core.store.errors import ConnectError, StoreError
from core.store.held_lease import HeldLease, Opening, Releasing, Waiter
from core.store.pending import Batch
from core.store.process import lease_clock
from core.store.thread import StoreThread
from core.store.writer_connection import Connection, WriterConnection

logger = logging.getLogger(__name__)

_Item: TypeAlias = "tuple[HeldLease, Event] | Waiter | Opening | Releasing"

_LARGEST_BATCH = 2_000
"""Events in one transaction: more would make the first one wait without making the rest faster."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
"""Seconds between two tries to reach a server that is away."""
_WATCH_EVERY = 1.0
"""Seconds between two looks at whether the server still answers."""


class GroupWriter:
    """Writes the events of all held runs.

    thread: the store's; it only watches over the writer. connect: opens a connection, blocking. owner: who holds the
    leases. lease_s: seconds for which a lease is given, by the database's clock. beat_s: seconds between two renewals.
    patience: seconds to wait for a server that is away. linger_s: seconds that events may wait when nobody waits for
    them.
    """

    def __init__(
        self,
        thread: StoreThread,
        connect: Callable[[], Connection],
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
        self._connection: WriterConnection | None = None
        self._wakes: SimpleQueue[bool] = SimpleQueue()
        self._signalled = False
        self._lingering = False
        self._closing = False
        self._next_beat = 0.0
        self._busy_since: float | None = None
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    # From any thread.

    def put(self, lease: HeldLease, event: Event) -> None:
        """Queue an event; it is written soon. With a lost or failed lease it is passed over."""
        lease.put_count += 1
        self._queue.append((lease, event))
        if not self._lingering and not self._signalled:
            self._lingering = True
            self._wakes.put(False)

    async def flush(self, lease: HeldLease) -> None:
        """Wait until all that was put under the lease is durable, and the lease renewed if it has expired.

        Raises LeaseLost or JournalUnavailable.
        """
        _raise_failure(lease)
        if lease.expired:
            self._next_beat = 0.0
        elif lease.durable_count == lease.put_count:
            return
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
            self._wakes.put(True)
        await waiter.future

    def hold(self, lease: HeldLease) -> None:
        """Renew this lease from now on."""
        with self._lock:
            self._held[lease.run_id, lease.epoch] = lease

    # On the store's loop.

    async def start(self) -> None:
        """Begin writing."""
        self._next_beat = time.monotonic() + self._beat_s
        self._worker = threading.Thread(target=self._work, name="steploom-journal", daemon=True)
        self._worker.start()
        asyncio.get_running_loop().call_later(_WATCH_EVERY, self._watch)

    async def stop(self) -> None:
        """Write everything, let go of all runs and close the connection."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._closing = True
        with self._lock:
            held = list(self._held.values())
        for lease in held:
            if not lease.closed:
                lease.closed = True
                self._queue.append(Releasing(lease))
        self._wakes.put(True)
        while worker.is_alive():
            await asyncio.to_thread(worker.join, _WATCH_EVERY)

    def _watch(self) -> None:
        """Break the connection to a server that has been silent for too long, so that the writer gets to know."""
        since, connection = self._busy_since, self._connection
        if since is not None and connection is not None and time.monotonic() - since > self._patience:
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)
        if self._worker is not None:
            asyncio.get_running_loop().call_later(_WATCH_EVERY, self._watch)

    # On the writer's own thread.

    def _work(self) -> None:
        while not (self._closing and not self._queue):
            self._await_work()
            while batch := self._drain():
                self._commit(batch)
        if late := self._drain():
            self._fail(late, JournalUnavailable("The journal was closed while a run still needed it."))
            self._settle(late)
        self._disconnect()

    def _await_work(self) -> None:
        """Return when somebody waits, when events have lingered long enough, or when leases are to be renewed."""
        due = self._next_beat
        urgent = False
        while not urgent and (left := due - time.monotonic()) > 0:
            try:
                urgent = self._wakes.get(timeout=left)
            except Empty:
                return
            due = min(due, time.monotonic() + self._linger_s)

    def _drain(self) -> Batch | None:
        """Everything that waits, as a batch; None if nothing does."""
        # Cleared before the queue is read: what is appended after the last read signals again.
        self._signalled = self._lingering = False
        beating: list[HeldLease] = []
        if time.monotonic() >= self._next_beat and not self._closing:
            self._next_beat = time.monotonic() + self._beat_s
            with self._lock:
                beating = list(self._held.values())
        if not self._queue and not beating:
            return None
        batch = Batch(beating)
        for _ in range(min(len(self._queue), _LARGEST_BATCH)):
            self._sort(self._queue.popleft(), batch)
        for lease in beating:
            if lease.unwritten:  # what takes so long is to be seen by others, and known should this process die
                batch.part(lease).add_unwritten()
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

    def _commit(self, batch: Batch) -> None:
        """Write a batch, whatever it takes; everybody who waits for it is told how it went."""
        try:
            self._write_patiently(batch)
        except psycopg.Error as error:
            if len(batch.parts) > 1:
                for single in batch.split():
                    self._commit(single)
                return
            self._fail(batch, JournalUnavailable(f"The database did not take the run's records: {_reason(error)}."))
        except StoreError as error:
            self._give_up(batch, str(error) or "it does not answer")
        except Exception as error:  # whatever it is, nobody may be left waiting
            logger.exception("The journal's writer failed")
            self._give_up(batch, f"{type(error).__name__}: {error}")
        self._settle(batch)

    def _write_patiently(self, batch: Batch) -> None:
        """Write; if the server goes away, wait for it and write again: every statement may be repeated."""
        statements = batch.statements(self.lease_s)
        if not statements:
            return
        ends: float | None = None
        pause = _FIRST_PAUSE
        while True:
            try:
                connection = self._connected()
            except (ConnectError, psycopg.OperationalError) as error:
                failure: Exception = error
            else:
                self._busy_since = time.monotonic()
                began = lease_clock()
                try:
                    connection.write(statements)
                    batch.renewed(began + self.lease_s)
                    return
                except psycopg.errors.UniqueViolation:
                    if not any(each.again for each in statements):
                        raise
                    statements = [each.repeated for each in statements]
                    continue
                except psycopg.errors.TransactionRollback as error:
                    failure = error
                except psycopg.Error as error:
                    if not connection.closed:
                        raise
                    failure = error
                    self._disconnect()
                finally:
                    self._busy_since = None
            statements = [each.repeated for each in statements]
            ends = ends or time.monotonic() + self._patience
            if time.monotonic() >= ends:
                raise failure if isinstance(failure, StoreError) else ConnectError(_reason(failure))
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _connected(self) -> WriterConnection:
        if self._connection is None or self._connection.closed:
            self._connection = WriterConnection(self._connect(), longest_s=self._patience)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _settle(self, batch: Batch) -> None:
        """Note what is durable now, forget runs that are over, wake those who wait."""
        for part in batch.parts.values():
            for attempt in part.steps.values():
                attempt.written = True
            lease = part.lease
            if part.opening and lease.lost:
                lease.failure = EngineError(f"There is a run {lease.run_id} already; a new run needs an id of its own.")
            if part.release or lease.lost or lease.failure:
                self._forget(lease)
        for lease in batch.beating:
            if lease.lost:
                self._forget(lease)
        _resolve(batch.waiters)

    def _forget(self, lease: HeldLease) -> None:
        with self._lock:
            self._held.pop((lease.run_id, lease.epoch), None)

    def _fail(self, batch: Batch, error: JournalUnavailable) -> None:
        for part in batch.parts.values():
            part.lease.failure = part.lease.failure or error

    def _give_up(self, batch: Batch, reason: str) -> None:
        """The server stayed away: all runs stop here; later ones may try again."""
        error = JournalUnavailable(
            f"The database could not be reached for {self._patience:.0f} seconds, so the run stopped. What was done "
            f"before is kept; resume the run when the database is back. The last answer: {reason}"
        )
        logger.error("The journal gave up: %s", reason)
        with self._lock:
            held = list(self._held.values())
            self._held.clear()
        for lease in held:
            lease.failure = lease.failure or error
        self._fail(batch, error)


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
