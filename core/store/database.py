"""The way to the database for everything but the journal's writer: a pool on the store's loop, used in transactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg
from pgvector.psycopg import register_vector_async
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from core.store import memory_sql
from core.store.address import Address
from core.store.errors import ConnectError, ServerError
from core.store.thread import StoreThread

T = TypeVar("T")

_PAUSE = 0.1
"""Seconds between two tries to reach a server that is away."""

_KEPT = 2
"""Connections for searches that are kept while nobody searches."""

_LONGEST_TURN = 30.0
"""Seconds for which a transaction waits until one of the connections is free."""

IDLE_S = 10
"""Seconds after which the server ends a transaction that says nothing: a process that was stopped in the middle of one
would keep its rows locked from everybody else for as long as it sleeps."""

_SETTINGS = f"""SELECT set_config('timezone', 'UTC', false), set_config('hnsw.iterative_scan', 'relaxed_order', false),
    set_config('idle_in_transaction_session_timeout', '{IDLE_S}s', false)"""


@dataclass(frozen=True, slots=True)
class PoolState:
    """How many connections there are, and how many of them are in use."""

    size: int
    used: int


class Database:
    """A database and its pool of connections.

    patience: seconds for which a transaction waits for a server that is away. revive: called (in a thread) when the
    server is away; brings an embedded one back. pool_size: connections at most.
    """

    def __init__(
        self,
        thread: StoreThread,
        address: Address,
        *,
        patience: float = 60.0,
        revive: Callable[[], object] | None = None,
        pool_size: int = 5,
    ) -> None:
        self.thread = thread
        self.address = address
        self._patience = patience
        self._revive = revive
        # Who waits in the pool's own queue is not told when a connection in the making is given up, and goes on waiting
        # for all of 30 s: so nobody is let in there who would have to wait.
        self._free = asyncio.Semaphore(pool_size)
        self._searching: list[psycopg.AsyncConnection[Any]] = []
        self._keeps = _KEPT
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://", async_creator=self._new, pool_size=pool_size, max_overflow=0, pool_pre_ping=True
        )

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do the work in one transaction on the store's loop, from any loop. It may be done again, so it must be
        repeatable: the server may go away after it committed.

        Raises ConnectError if the server stays away, and what the work raises.
        """
        return await self.thread.call(self.transaction, work)

    async def run_at_once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """The same, without waiting for a server that is away: for what is outdated when it has come back."""
        return await self.thread.call(self._transaction, work)

    async def transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """The same as `run`, for callers on the store's loop."""
        return await self._patiently(lambda: self._transaction(work))

    async def search(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        """Do the work on a connection that is kept for searches of memories, outside of the pool and of transactions.

        From any loop. As repeatable, and with the same errors, as for `run`.
        """
        return await self.thread.call(self._patiently, lambda: self._search(work))

    def pool(self) -> PoolState:
        """How the pool stands at this moment, from any thread."""
        pool: Any = self._engine.pool
        used = int(pool.checkedout())
        return PoolState(used + int(pool.checkedin()), used)

    async def ping(self) -> None:
        """Ask the server whether it is there, from any loop, without waiting for one that is away.

        Raises ConnectError.
        """
        await self.thread.call(self._ping)

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of one's own, in autocommit mode. Blocks. Raises ConnectError or LoginError."""
        try:
            connection = psycopg.connect(self.address.dsn, autocommit=True)
            connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_S}s'")
            return connection
        except psycopg.OperationalError as error:
            self._try_to_revive()
            raise self.address.explain(error) from None

    async def close(self) -> None:
        """Close the pool, and what is kept for searches; what is searched at that moment keeps nothing any more."""
        self._keeps = 0
        while self._searching:
            await self._searching.pop().close()
        await self._engine.dispose()

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until the server could be reached, or stayed away for too long: then ConnectError."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._patience
        while True:
            try:
                return await attempt()
            except ConnectError:
                if loop.time() >= ends:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        try:
            async with self._turn(), self._engine.begin() as connection:
                return await work(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise ConnectError(
                f"The connection to the database {self.address.shown} keeps breaking off. "
                "Look at the server's log, then try again."
            ) from error

    async def _search(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        async with self._turn(), self._kept_connection() as connection:
            return await work(connection)

    @asynccontextmanager
    async def _kept_connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection for searches. It is kept for the next one unless something went wrong with it."""
        connection = self._searching.pop() if self._searching else await self._new_for_searches()
        try:
            yield connection
        except psycopg.OperationalError as error:
            if not connection.broken:
                raise
            raise ConnectError(
                f"The connection to the database {self.address.shown} broke off during a search. Try again."
            ) from error
        else:
            if len(self._searching) < self._keeps:
                self._searching.append(connection)
        finally:
            if connection not in self._searching:
                await connection.close()

    async def _new_for_searches(self) -> psycopg.AsyncConnection[Any]:
        connection = await self._new(memory_sql.SETTINGS)
        await connection.set_autocommit(True)
        return connection

    async def _ping(self) -> None:
        try:
            async with self._turn(), self._engine.connect() as connection:
                await connection.exec_driver_sql("SELECT 1")
        except DBAPIError as error:
            raise ConnectError(
                f"The connection to the database {self.address.shown} broke off. Look at the server's log."
            ) from error

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """While inside, a connection of the pool is one's own. Raises ConnectError if none is free for long."""
        try:
            async with asyncio.timeout(_LONGEST_TURN if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError:
            raise ConnectError(
                f"All connections to the database {self.address.shown} have been in use for {_LONGEST_TURN:g} s. "
                "Try again when there is less to do."
            ) from None
        try:
            yield
        finally:
            self._free.release()

    async def _new(self, *settings: LiteralString) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """A connection with settings that all have, and with these."""
        try:
            connection = await psycopg.AsyncConnection.connect(self.address.dsn)
        except psycopg.OperationalError as error:
            await asyncio.to_thread(self._try_to_revive)
            raise self.address.explain(error) from None
        try:
            for each in (_SETTINGS, *settings):
                await connection.execute(each)
            await register_vector_async(connection)
            await connection.commit()
        except BaseException:
            await connection.close()
            raise
        return connection

    def _try_to_revive(self) -> None:
        if self._revive is not None:
            with suppress(ServerError):  # told by the next try, if it stays so
                self._revive()
