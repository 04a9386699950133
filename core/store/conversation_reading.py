"""Reading conversations inside a transaction: branches with their calls, notes, requests."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import conversation_sql as sql
from core.store.conversation_records import CompactionNote, FunctionCall, StoredMessage
from core.store.conversation_rows import call_of, large_values, message_of, note_of
from core.store.conversation_tables import FunctionCallRow
from core.store.errors import MessageNotFound
from core.store.large_values import load_values
from core.store.records import AnyRow

_calls = FunctionCallRow.__table__.c

_DEPTH = text("SELECT depth FROM messages WHERE id = :id AND conversation_id = :conversation_id")

WHOLE = 2**31 - 1
"""Deeper than any branch."""


async def depth_of(connection: AsyncConnection, conversation_id: UUID, message_id: int) -> int:
    """How many messages stand before it. Raises MessageNotFound."""
    found = await connection.scalar(_DEPTH, {"id": message_id, "conversation_id": conversation_id})
    if found is None:
        raise no_message(message_id, conversation_id)
    return int(found)


async def read_branch(
    connection: AsyncConnection, conversation_id: UUID, leaf: int | None, first: int = 0, last: int = WHOLE
) -> list[StoredMessage]:
    """The messages of the branch that ends at `leaf` whose depth is between the two, in order, with their calls."""
    if leaf is None:
        return []
    values = {"conversation_id": conversation_id, "leaf": leaf, "first": first, "last": last}
    return await with_calls(connection, (await connection.execute(sql.WINDOW, values)).all())


async def with_calls(connection: AsyncConnection, rows: Sequence[AnyRow]) -> list[StoredMessage]:
    """The messages of rows, with their calls."""
    asking = [row.id for row in rows if row.role == "assistant"]
    calls = await read_calls(connection, asking) if asking else {}
    blobs = await load_values(connection, large_values(rows))
    return [message_of(row, calls.get(row.id, ()), blobs) for row in rows]


async def read_calls(connection: AsyncConnection, message_ids: Sequence[int]) -> dict[int, list[FunctionCall]]:
    """The calls that messages ask for, by message, in their order."""
    query = select(*_calls).where(_calls.message_id.in_(message_ids)).order_by(_calls.message_id, _calls.position)
    rows = (await connection.execute(query)).all()
    blobs = await load_values(connection, large_values(rows))
    found: dict[int, list[FunctionCall]] = {}
    for row in rows:
        found.setdefault(row.message_id, []).append(call_of(row, blobs))
    return found


async def read_notes(connection: AsyncConnection, conversation_id: UUID, leaf: int | None) -> list[CompactionNote]:
    """The notes that stand for ranges of the branch, oldest first."""
    if leaf is None:
        return []
    values = {"conversation_id": conversation_id, "leaf": leaf, "first": 0}
    rows = (await connection.execute(sql.NOTES, values)).all()
    blobs = await load_values(connection, large_values(rows))
    return [note_of(row, blobs) for row in rows]


def no_message(message_id: int, conversation_id: UUID | None = None) -> MessageNotFound:
    """The error for a message that is not there."""
    where = f" in the conversation {conversation_id}" if conversation_id else ""
    return MessageNotFound(f"There is no message {message_id}{where}; the conversation may have been deleted.")
