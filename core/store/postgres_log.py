"""One conversation in the hands of its one writer, in the database."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import NO_USAGE, Usage
from core.store import conversation_sql as sql
from core.store.conversation_leases import ConversationLease, ConversationLeases
from core.store.conversation_reading import depth_of, read_branch, read_notes
from core.store.conversation_records import (
    CompactionNote,
    Conversation,
    FunctionCall,
    SentRequest,
    StoredMessage,
    checked_call,
    complete_times,
    more_spent,
)
from core.store.conversation_rows import (
    call_columns,
    call_of,
    large_values,
    message_columns,
    note_columns,
    usage_columns,
    usage_of,
)
from core.store.conversation_tables import ConversationRow
from core.store.database import Database
from core.store.errors import CallNotFound
from core.store.large_values import keep_values, load_values
from core.store.records import AnyRow
from core.store.sent_requests import PackedRequest, write_request
from core.store.values import Packer, escape
from core.workflow.model import Json

T = TypeVar("T")

_conversations = ConversationRow.__table__.c

_SET_VARIABLES = text("""
UPDATE conversations SET variables = CAST(:variables AS json), blobs = :blobs, updated = greatest(updated, now())
WHERE id = :id""")


class PostgresLog:
    """The ConversationLog protocol over the database. Made by `PostgresConversations.write`."""

    def __init__(
        self, database: Database, leases: ConversationLeases, lease: ConversationLease, conversation: Conversation
    ) -> None:
        self._database = database
        self._leases = leases
        self._lease = lease
        self._conversation = conversation
        # Nobody else writes to the branch, so it is read once: a turn asks for it many times.
        self._branch: list[StoredMessage] | None = None
        self._begun = self._ended = 0

    @property
    def conversation(self) -> Conversation:
        """The conversation as this writer left it."""
        return self._conversation

    async def path(self) -> Sequence[StoredMessage]:
        """The messages from the first to the head, with their calls."""
        if self._branch is not None:
            return list(self._branch)
        begun, is_still = self._begun, self._begun == self._ended
        read = await self._database.run(
            lambda connection: read_branch(connection, self._conversation.id, self._conversation.head)
        )
        if is_still and begun == self._begun:  # else a write may be in it or not
            self._branch = list(read)
        return read

    async def notes(self) -> Sequence[CompactionNote]:
        """The notes that stand for parts of that path, oldest first."""
        return await self._database.run(
            lambda connection: read_notes(connection, self._conversation.id, self._conversation.head)
        )

    async def add(
        self, message: StoredMessage, *, calls: Sequence[FunctionCall] = (), request: SentRequest | None = None
    ) -> StoredMessage:
        """Add a message after the head, with its calls and with what was sent for it; it becomes the head."""
        key = uuid.uuid4()
        large: dict[str, bytes] = {}
        columns = message_columns(message, Packer(large))
        asked = [complete_times(call) for call in calls]
        packed = None if request is None else PackedRequest(request, large)
        spent = sum((call.usage for call in asked), message.usage)

        async def work(connection: AsyncConnection, row: AnyRow) -> tuple[StoredMessage, Usage, datetime]:
            place = {"conversation_id": row.id, "parent_id": row.head, "key": key}
            added = (await connection.execute(sql.ADD_MESSAGE, {**columns, **place})).one_or_none()
            if added is None:  # a repeated write: all of it is there
                found = (await connection.execute(sql.MESSAGE_BY_KEY, {"key": key})).one()
                return _placed(message, found.id, found.parent_id, found.created, asked), usage_of(row), row.updated
            await self._add_calls(connection, row, added.id, message.agent, asked, large)
            if packed is not None:
                await write_request(connection, row.id, added.id, packed)
            await keep_values(connection, large)
            advance = {"id": row.id, "head": added.id, "at": added.created, **usage_columns(spent)}
            await connection.execute(sql.ADVANCE, advance)
            if message.usage != NO_USAGE:
                await _spend(
                    connection, row, f"message:{added.id}", message.agent, "answer", message.usage, added.created
                )
            updated = max(row.updated, added.created)
            return _placed(message, added.id, row.head, added.created, asked), usage_of(row) + spent, updated

        placed, usage, updated = await self._write(work)
        if self._branch is not None:
            last = self._branch[-1].id if self._branch else None
            self._branch = [*self._branch, placed] if placed.parent == last else None
        self._conversation = replace(self._conversation, head=placed.id, usage=usage, updated=updated)
        return placed

    async def update_call(self, call: FunctionCall) -> None:
        """Write down how a call stands now. Raises CallNotFound, or CallSettled if it may not become that."""
        large: dict[str, bytes] = {}
        timed = complete_times(call)
        columns = call_columns(timed, Packer(large))

        async def work(connection: AsyncConnection, row: AnyRow) -> tuple[Usage, FunctionCall]:
            found = (await connection.execute(sql.CALL, {"id": call.id, "conversation_id": row.id})).one_or_none()
            if found is None:
                raise CallNotFound(f"There is no function call {call.id} in the conversation {row.id}.")
            before = call_of(found, await load_values(connection, large_values([found])))
            if not checked_call(before, timed):
                return usage_of(row), before
            await keep_values(connection, large)
            await connection.execute(sql.UPDATE_CALL, columns)
            more = more_spent(timed.usage, before.usage)
            if more != NO_USAGE:
                await connection.execute(sql.COUNT_USAGE, {"id": row.id, **usage_columns(more)})
                await _spend(connection, row, f"call:{call.id}", found.agent, "function", timed.usage, timed.ended)
            return usage_of(row) + more, replace(timed, message=before.message)

        usage, kept = await self._write(work)
        self._conversation = replace(self._conversation, usage=usage)
        self._branch = None if self._branch is None else _with_call(self._branch, kept)

    async def add_note(self, note: CompactionNote) -> None:
        """Keep a note."""
        large: dict[str, bytes] = {}
        columns = note_columns(note, self._conversation.id, Packer(large))
        key = uuid.uuid4()

        async def work(connection: AsyncConnection, row: AnyRow) -> Usage:
            for message_id in (note.first, note.last):
                await depth_of(connection, row.id, message_id)
            number = await connection.scalar(sql.ADD_NOTE, {**columns, "key": key})
            if number is None:  # a repeated write
                return usage_of(row)
            await keep_values(connection, large)
            if note.usage != NO_USAGE:
                await connection.execute(sql.COUNT_USAGE, {"id": row.id, **usage_columns(note.usage)})
                await _spend(connection, row, f"note:{number}", "", "note", note.usage, None)
            return usage_of(row) + note.usage

        self._conversation = replace(self._conversation, usage=await self._write(work))

    async def move_head(self, message_id: int | None) -> None:
        """Show another branch, ending there. None: the empty one. Raises MessageNotFound."""

        async def work(connection: AsyncConnection, row: AnyRow) -> None:
            if message_id is not None:
                await depth_of(connection, row.id, message_id)
            await connection.execute(update(ConversationRow).where(_conversations.id == row.id).values(head=message_id))

        await self._write(work)
        self._conversation = replace(self._conversation, head=message_id)
        self._branch = None

    async def set_variables(self, variables: Mapping[str, Json]) -> None:
        """Replace the conversation's variables."""
        large: dict[str, bytes] = {}
        packer = Packer(large)
        values = {"id": self._conversation.id, "variables": packer.pack(variables)}
        packer.pack(self._conversation.labels)

        async def work(connection: AsyncConnection, row: AnyRow) -> None:
            await keep_values(connection, large)
            await connection.execute(_SET_VARIABLES, {**values, "blobs": sorted(packer.names)})

        await self._write(work)
        self._conversation = replace(self._conversation, variables=dict(variables))

    async def allow(self, functions: Sequence[str]) -> None:
        """Let these functions be called without asking from now on, besides those that may already."""

        async def work(connection: AsyncConnection, row: AnyRow) -> list[str]:
            allowed = sorted({*row.allowed, *map(escape, functions)})
            await connection.execute(update(ConversationRow).where(_conversations.id == row.id).values(allowed=allowed))
            return allowed

        await self._write(work)
        self._conversation = replace(self._conversation, allowed=self._conversation.allowed | set(functions))

    async def set_title(self, title: str) -> None:
        """Give it a title."""

        async def work(connection: AsyncConnection, row: AnyRow) -> None:
            statement = update(ConversationRow).where(_conversations.id == row.id)
            await connection.execute(statement.values(title=escape(title)))

        await self._write(work)
        self._conversation = replace(self._conversation, title=title)

    async def close(self) -> None:
        """Let go of the conversation, so that others may answer it. Idempotent."""
        await self._database.thread.call(self._leases.release, self._lease)

    async def _write(self, work: Callable[[AsyncConnection, AnyRow], Awaitable[T]]) -> T:
        """Do the work in a transaction in which the lease holds and the conversation's row is locked."""

        async def fenced(connection: AsyncConnection) -> T:
            return await work(connection, await self._leases.fence(connection, self._lease))

        self._begun += 1
        try:
            return await self._database.run(fenced)
        except BaseException:
            self._branch = None  # it may have been written all the same
            raise
        finally:
            self._ended += 1

    async def _add_calls(
        self,
        connection: AsyncConnection,
        row: AnyRow,
        message_id: int,
        agent: str,
        calls: Sequence[FunctionCall],
        large: dict[str, bytes],
    ) -> None:
        for call in calls:
            place = {"conversation_id": row.id, "message_id": message_id, "created": None}
            await connection.execute(sql.ADD_CALL, {**call_columns(call, Packer(large)), **place})
            if call.usage != NO_USAGE:
                await _spend(connection, row, f"call:{call.id}", agent, "function", call.usage, call.ended)


def _with_call(branch: Sequence[StoredMessage], call: FunctionCall) -> list[StoredMessage]:
    """The branch with that call as it stands now."""
    found = list(branch)
    for place in range(len(found) - 1, -1, -1):
        if found[place].id == call.message:
            calls = tuple(call if one.id == call.id else one for one in found[place].calls)
            found[place] = replace(found[place], calls=calls)
            break
    return found


async def _spend(
    connection: AsyncConnection, row: AnyRow, key: str, agent: str, cause: str, usage: Usage, at: datetime | None
) -> None:
    values: dict[str, Any] = {"key": key, "agent": agent, "agent_id": row.agent_id, "cause": cause, "at": at}
    await connection.execute(sql.SPEND, {**values, **usage_columns(usage)})


def _placed(
    message: StoredMessage, number: int, parent: int | None, created: datetime, calls: Sequence[FunctionCall]
) -> StoredMessage:
    asked = tuple(replace(call, message=number) for call in sorted(calls, key=lambda call: call.position))
    return replace(message, id=number, parent=parent, created=created, calls=asked)
