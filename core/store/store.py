"""The store put together: server, connections, journal and repositories, opened and closed as one."""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from core.store import schema
from core.store.address import Address
from core.store.agreed_tools import AgreedTools
from core.store.blobs import PostgresBlobs
from core.store.database import Database
from core.store.documents import Documents
from core.store.executions import Executions
from core.store.journal import PostgresJournal
from core.store.pins import Pins
from core.store.queued_runs import QueuedRuns
from core.store.rates import Rates
from core.store.schedules import Schedules
from core.store.schema import SchemaStatus
from core.store.server import EmbeddedServer
from core.store.spread_runs import SpreadRuns
from core.store.statistics import Statistics
from core.store.thread import StoreThread
from core.store.workers import Workers
from core.store.workflows import Workflows

if TYPE_CHECKING:
    from core.store.agents import PostgresAgents
    from core.store.postgres_conversations import PostgresConversations
    from core.store.spending import Spending


class Store:
    """Everything that is kept. Made by `open`; use it as an async context manager or call `close`.

    May be used from any loop. status: what was found in the database when it was opened.
    """

    def __init__(
        self,
        thread: StoreThread,
        database: Database,
        journal: PostgresJournal,
        documents: Documents,
        status: SchemaStatus,
        server: EmbeddedServer | None,
        *,
        lease_s: float = 30.0,
        beat_s: float = 10.0,
    ) -> None:
        self.thread = thread
        self.database = database
        self.journal = journal
        self.status = status
        self.workflows = Workflows(database, documents)
        self.schedules = Schedules(database, documents)
        self.executions = Executions(database)
        self.queued_runs = QueuedRuns(database, documents)
        self.spread_runs = SpreadRuns(database, documents, self.queued_runs)
        self.workers = Workers(database, self.queued_runs, self.spread_runs)
        self.rates = Rates(database)
        self.pins = Pins(database)
        self.agreed_tools = AgreedTools(database)
        self.statistics = Statistics(database)
        self.blobs = PostgresBlobs(database)
        self._lease_s = lease_s
        self._beat_s = beat_s
        self._server = server

    # Made when they are first used: a window shows sooner without them.

    @cached_property
    def agents(self) -> PostgresAgents:
        """The library of agents, as documents."""
        from core.store.agents import PostgresAgents

        return PostgresAgents(self.database)

    @cached_property
    def conversations(self) -> PostgresConversations:
        """All conversations."""
        from core.store.postgres_conversations import PostgresConversations

        return PostgresConversations(self.database, lease_s=self._lease_s, beat_s=self._beat_s)

    @cached_property
    def spending(self) -> Spending:
        """What models have cost so far."""
        from core.store.spending import Spending

        return Spending(self.database)

    @property
    def forgotten(self) -> int:
        """How many conversations were deleted since the store was opened."""
        return self.conversations.forgotten if "conversations" in self.__dict__ else 0

    @classmethod
    async def open(
        cls,
        database_url: str | None,
        home: Path,
        *,
        patience: float = 60.0,
        lease_s: float = 30.0,
        beat_s: float = 10.0,
    ) -> Store:
        """Connect to the database, bring its tables up to date and begin to write.

        database_url: a Postgres with pgvector, password included; None for the embedded server with its data in
        `home/postgres`. patience: seconds for which runs wait for a server that went away. lease_s, beat_s: as in
        PostgresJournal. Raises StoreError.
        """
        thread = StoreThread()
        try:
            return await thread.call(_opened, thread, database_url, home, patience, lease_s, beat_s)
        except BaseException:
            thread.close()
            raise

    async def close(self) -> None:
        """Write what is queued, let go of all runs, disconnect, and stop the embedded server if nobody else uses it."""
        if self.thread.closed:
            return
        await self.thread.call(self._close)
        self.thread.close()

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _close(self) -> None:
        try:
            await self.journal.stop()
            if "conversations" in self.__dict__:
                await self.conversations.stop()
        finally:
            await self.database.close()
            if self._server is not None:
                await asyncio.to_thread(self._server.stop)


async def _opened(
    thread: StoreThread, database_url: str | None, home: Path, patience: float, lease_s: float, beat_s: float
) -> Store:
    server = None if database_url else EmbeddedServer(home / "postgres")
    try:
        address = await asyncio.to_thread(server.start) if server else Address.parse(database_url or "")
        status = await asyncio.to_thread(schema.upgrade, address)
    except BaseException:
        if server is not None:
            await asyncio.to_thread(server.stop)
        raise
    documents = Documents()
    database = Database(thread, address, patience=patience, revive=server.start if server else None)
    journal = PostgresJournal(database, documents, patience=patience, lease_s=lease_s, beat_s=beat_s)
    await journal.start()
    return Store(thread, database, journal, documents, status, server, lease_s=lease_s, beat_s=beat_s)
