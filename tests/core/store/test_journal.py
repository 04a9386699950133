from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.journal import Journal
from core.engine.memory_journal import MemoryJournal
from core.store.database import Database
from core.store.journal import PostgresJournal
from tests.support.journals import Abandon, JournalContract


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()

    @pytest.fixture
    def abandon(self, journal: MemoryJournal) -> Abandon:
        async def abandon(run_id: str) -> None:
            journal.abandon(run_id)

        return abandon


class TestPostgresJournal(JournalContract):
    @pytest.fixture
    def journal(self, postgres_journal: PostgresJournal) -> Journal:
        return postgres_journal

    @pytest.fixture
    def abandon(self, database: Database) -> Abandon:
        async def abandon(run_id: str) -> None:
            async def work(connection: AsyncConnection) -> None:
                statement = text("UPDATE executions SET lease_expires = now() - interval '1 second' WHERE id = :id")
                await connection.execute(statement, {"id": run_id})

            await database.run(work)

        return abandon
