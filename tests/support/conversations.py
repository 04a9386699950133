"""Conversations to test with: the same in the database and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import Usage
from core.store.address import Address
from core.store.conversation_records import ConversationLog, FunctionCall, StoredMessage
from core.store.database import Database
from core.store.postgres_conversations import PostgresConversations
from core.store.process import ProcessId, this_machine
from core.store.thread import StoreThread

T = TypeVar("T")

ODD = "NUL \x00, half a character \ud800, the mark \ufdd0, a quote ' and a backslash \\"
"""A text that Postgres cannot keep as it is."""

DEAD = ProcessId(this_machine(), 2**22 + 1, 1.0)
"""A process of this machine that has ended."""

FOREIGN = ProcessId("another-host/boot/1", 7, 1.0)
"""A process of another machine, of which nothing is certain."""


class RepeatingDatabase(Database):
    """A database whose connection seems to break off after every commit: all work is done twice."""

    async def transaction(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Do the work, forget what came of it, and do it again."""
        await super().transaction(work)
        return await super().transaction(work)


@asynccontextmanager
async def postgres_conversations(
    url: str, *, repeating: bool = False, **options: Any
) -> AsyncIterator[PostgresConversations]:
    """Conversations in that database, seen by a program of its own."""
    thread = StoreThread()
    kind = RepeatingDatabase if repeating else Database
    database = kind(thread, Address.parse(url), patience=5)
    made = PostgresConversations(database, **options)
    try:
        yield made
    finally:
        await thread.call(made.stop)
        await thread.call(database.close)
        thread.close()


def said(text: str, role: Any = "user", **values: Any) -> StoredMessage:
    """A message as a writer hands it over."""
    return StoredMessage(0, None, role, text, {"role": role, "content": text}, **values)


def asked(number: int = 0, **values: Any) -> FunctionCall:
    """A call as a writer hands it over."""
    return FunctionCall(**{"id": f"call-{number}", "wire_id": f"wire-{number}", "name": "lookup", "position": number,
                           "arguments": {"city": "Graz"}, **values})  # fmt: skip


async def talk(log: ConversationLog, *texts: str) -> list[int]:
    """Say these texts in turn, as the person and the model. The numbers of the messages."""
    roles = ("user", "assistant")
    return [(await log.add(said(text, roles[place % 2]))).id for place, text in enumerate(texts)]


def at(minutes: float) -> datetime:
    """A moment of the tests' day."""
    return datetime(2026, 11, 27, 12, tzinfo=UTC) + timedelta(minutes=minutes)


COSTLY = Usage(100, 20, 0.25)
