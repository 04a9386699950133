from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from core.store.address import Address
from core.store.database import Database
from core.store.documents import Documents
from core.store.journal import PostgresJournal
from core.store.queued_runs import QueuedRuns
from core.store.spread_runs import SpreadRuns
from core.store.thread import StoreThread
from tests.support.postgres import database_url, empty_database_url, postgres_server

__all__ = ["database_url", "empty_database_url", "postgres_server"]


@pytest.fixture
def thread() -> Iterator[StoreThread]:
    made = StoreThread()
    yield made
    made.close()


@pytest.fixture
async def database(thread: StoreThread, database_url: str) -> AsyncIterator[Database]:
    made = Database(thread, Address.parse(database_url), patience=5)
    yield made
    await thread.call(made.close)


@pytest.fixture
async def postgres_journal(database: Database) -> AsyncIterator[PostgresJournal]:
    made = PostgresJournal(database, Documents(), patience=5)
    await database.thread.call(made.start)
    yield made
    await database.thread.call(made.stop)


@pytest.fixture
def queued(database: Database) -> QueuedRuns:
    return QueuedRuns(database, Documents())


@pytest.fixture
def spread(database: Database, queued: QueuedRuns) -> SpreadRuns:
    return SpreadRuns(database, Documents(), queued)
