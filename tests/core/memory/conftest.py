from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from core.engine.testing import ManualClock
from core.memory.embedder import Embedder
from core.memory.memories import Memories
from core.store.address import Address
from core.store.database import Database
from core.store.memories import MemoryRecords
from core.store.memory_records import Scope
from core.store.memory_upkeep import MemoryUpkeep
from core.store.thread import StoreThread
from tests.support.memory import Meanings, make_agents


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    thread = StoreThread()
    made = Database(thread, Address.parse(database_url), patience=5)
    yield made
    await thread.call(made.close)
    thread.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def models() -> Meanings:
    return Meanings()


@pytest.fixture
def records(database: Database) -> MemoryRecords:
    return MemoryRecords(database)


@pytest.fixture
def upkeep(database: Database) -> MemoryUpkeep:
    return MemoryUpkeep(database)


@pytest.fixture
def new_id() -> Callable[[], uuid.UUID]:
    numbers: Iterator[int] = iter(range(1, 1_000_000))
    return lambda: uuid.UUID(int=next(numbers))


@pytest.fixture
def memories(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, models: Meanings, new_id: Callable[[], uuid.UUID]
) -> Memories:
    return Memories(records, upkeep, clock=clock, new_id=new_id, embedder=Embedder(models, "meanings", clock))


@pytest.fixture
def by_words(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, new_id: Callable[[], uuid.UUID]
) -> Memories:
    """Memories without an embedding model."""
    return Memories(records, upkeep, clock=clock, new_id=new_id)


@pytest.fixture
async def ada(database: Database) -> Scope:
    """An agent's scope."""
    return Scope((await make_agents(database, "Ada"))["Ada"])


@pytest.fixture
async def bob(database: Database) -> Scope:
    """Another agent's scope."""
    return Scope((await make_agents(database, "Bob"))["Bob"])
