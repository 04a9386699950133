"""All conversations, in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.events import Usage
from core.ids import new_id
from core.store import conversation_sql as sql
from core.store.agents import gone_agent
from core.store.conversation_leases import ConversationLeases
from core.store.conversation_reading import depth_of, no_message, read_branch, with_calls
from core.store.conversation_records import Conversation, SentRequest, StoredMessage
from core.store.conversation_rows import (
    call_of,
    conversation_columns,
    conversation_of,
    large_values,
    usage_columns,
    usage_of,
)
from core.store.conversation_tables import ConversationRow, FunctionCallRow, MessageRow
from core.store.conversations import Fork, Found, OpenCall, Page, Spending, Tree, Twig, WaitingRun, search_words
from core.store.database import Database
from core.store.errors import CallNotFound, ConversationNotFound
from core.store.large_values import keep_values, load_values
from core.store.postgres_log import PostgresLog
from core.store.process import ProcessId
from core.store.sent_requests import read_request
from core.store.values import Packer, escape, unescape, unescape_start
from core.workflow.model import NOTHING, Json

T = TypeVar("T")

_conversations = ConversationRow.__table__.c
_messages = MessageRow.__table__.c
_calls = FunctionCallRow.__table__.c


class PostgresConversations:
    """The Conversations protocol over the database. May be used from any loop.

    lease_s, beat_s: seconds for which a writer that is not heard of keeps a conversation, and between its signs of
    life. make_id: ids of new conversations. owner: who this process is.
    """

    def __init__(
        self,
        database: Database,
        *,
        lease_s: float = 30.0,
        beat_s: float = 10.0,
        make_id: Callable[[], UUID] = new_id,
        owner: ProcessId | None = None,
    ) -> None:
        self._database = database
        self._leases = ConversationLeases(database, lease_s=lease_s, beat_s=beat_s, owner=owner)
        self._make_id = make_id
        self.forgotten = 0
        """How many conversations were deleted here; their files are left to `PostgresBlobs.sweep`."""

    async def stop(self) -> None:
        """Let go of all conversations. On the store's loop."""
        await self._leases.stop()

    async def create(
        self,
        *,
        agent_id: UUID | None = None,
        workflow: str = "",
        title: str = "",
        variables: Mapping[str, Json] = NOTHING,
        key: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> Conversation:
        """A new conversation; the one that has that `key` already, if it is not ''. Raises AgentNotFound."""
        conversation = Conversation(self._make_id(), agent_id, workflow, title, variables, key=key, labels=labels or {})
        large: dict[str, bytes] = {}
        columns = conversation_columns(conversation, Packer(large))

        async def work(connection: AsyncConnection) -> Conversation:
            await keep_values(connection, large)
            await connection.execute(sql.OPEN, columns)
            where = _conversations.key == escape(key) if key else _conversations.id == conversation.id
            return await _one(connection, where, conversation.id)

        try:
            return await self._database.run(work)
        except IntegrityError as error:  # all else that could be wrong with a new row is ruled out
            raise gone_agent(agent_id) from error

    async def get(self, conversation_id: UUID) -> Conversation:
        """One conversation. Raises ConversationNotFound."""
        where = _conversations.id == conversation_id
        return await self._database.run(lambda connection: _one(connection, where, conversation_id))

    async def write(self, conversation_id: UUID) -> PostgresLog:
        """Become its writer. Raises ConversationNotFound, or ConversationBusy while another living process is."""
        lease = await self._database.thread.call(self._leases.take, conversation_id)
        try:
            conversation = await self.get(conversation_id)
        except BaseException:
            await self._database.thread.call(self._leases.release, lease)
            raise
        return PostgresLog(self._database, self._leases, lease, conversation)

    async def of_call(self, call_id: str) -> UUID:
        """The conversation that holds a function call. Raises ConversationNotFound."""

        async def work(connection: AsyncConnection) -> UUID:
            found: UUID | None = await connection.scalar(select(_calls.conversation_id).where(_calls.id == call_id))
            if found is None:
                raise CallNotFound(f"There is no function call {call_id}; its conversation may have been deleted.")
            return found

        return await self._database.run(work)

    async def spent(self, agent_id: UUID, since: datetime) -> Usage:
        """What an agent's messages and calls have cost since then, over all conversations."""
        values = {"agent_id": agent_id, "since": since}
        rows = await self._database.run(lambda connection: connection.execute(sql.SPENT, values))
        return usage_of(rows.one())

    async def spend(self, spending: Spending) -> None:
        """Add to what an agent has spent."""
        values = {
            "key": escape(spending.key), "agent": None, "agent_id": spending.agent_id, "at": spending.at,
            "cause": escape(spending.cause), **usage_columns(spending.usage),
        }  # fmt: skip
        await self._database.run(lambda connection: connection.execute(sql.SPEND, values))

    async def list(
        self,
        *,
        search: str = "",
        agent_id: UUID | None = None,
        workflow: str | None = None,
        archived: bool = False,
        own: bool = True,
        limit: int = 50,
        after: Conversation | None = None,
    ) -> Sequence[Found]:
        """Conversations, last used first."""
        query, pattern = search_words(escape(search))
        values: dict[str, Any] = {
            "agent_id": agent_id, "workflow": None if workflow is None else escape(workflow), "archived": archived,
            "own": own, "limit": limit, "before": after and after.updated, "before_id": after and after.id,
        }  # fmt: skip
        statement = sql.LIST
        if search.strip():
            statement = sql.SEARCH
            values |= {"query": query, "pattern": pattern}

        async def work(connection: AsyncConnection) -> Sequence[Found]:
            rows = (await connection.execute(statement, values)).all()
            blobs = await load_values(connection, large_values(rows))
            return [
                Found(
                    conversation_of(row, blobs), row.hit, unescape_start(row.snippet or ""), row.messages, row.waiting
                )
                for row in rows
            ]

        return await self._database.run(work)

    async def rename(self, conversation_id: UUID, title: str) -> None:
        """Give a title."""
        await self._change(conversation_id, title=escape(title))

    async def archive(self, conversation_id: UUID, archived: bool = True) -> None:
        """Put away, or take out again."""
        await self._change(conversation_id, archived_at=func.now() if archived else None)

    async def delete(self, conversation_id: UUID) -> None:
        """Forget for good, with all messages. Raises ConversationBusy."""

        tried = False  # a second try after a lost connection may find that the first one did it

        async def work(connection: AsyncConnection) -> None:
            nonlocal tried
            try:
                await self._leases.free_row(connection, conversation_id)
            except ConversationNotFound:
                if not tried:
                    raise
            tried = True
            await connection.execute(delete(ConversationRow).where(_conversations.id == conversation_id))

        await self._database.run(work)
        self.forgotten += 1

    async def page(
        self, conversation_id: UUID, *, leaf: int | None = None, start: int | None = None, count: int = 100
    ) -> Page:
        """A window on the branch that ends at `leaf` (the head if None)."""

        async def work(connection: AsyncConnection) -> Page:
            end = leaf
            if end is None:
                query = select(_conversations.head).where(_conversations.id == conversation_id)
                row = (await connection.execute(query)).one_or_none()
                if row is None:
                    raise _no_conversation(conversation_id)
                end = row.head
            if end is None:
                return Page()
            total = await depth_of(connection, conversation_id, end) + 1
            first = max(0, total - count) if start is None else max(0, start)
            messages = await read_branch(connection, conversation_id, end, first, first + count - 1)
            siblings = await _siblings(connection, conversation_id, messages)
            return Page(tuple(messages), first, total, siblings)

        return await self._database.run(work)

    async def message(self, message_id: int) -> StoredMessage:
        """One message with its calls."""

        async def work(connection: AsyncConnection) -> StoredMessage:
            rows = (await connection.execute(select(*_messages).where(_messages.id == message_id))).all()
            if not rows:
                raise no_message(message_id)
            return (await with_calls(connection, rows))[0]

        return await self._database.run(work)

    async def busy(self, conversation_id: UUID) -> bool:
        """Whether somebody writes to the conversation now, in whatever process: it is being answered."""

        async def work(connection: AsyncConnection) -> bool:
            found = await connection.scalar(sql.BUSY, {"id": conversation_id})
            if found is None:
                raise _no_conversation(conversation_id)
            return bool(found)

        return await self._database.run(work)

    async def with_file(self, conversation_id: UUID, blob_hash: str) -> StoredMessage | None:
        """The first message of the conversation that names a file, or whose calls do; None if there is none."""
        values = {"conversation_id": conversation_id, "hash": blob_hash}

        async def work(connection: AsyncConnection) -> StoredMessage | None:
            rows = (await connection.execute(sql.NAMING_FILE, values)).all()
            return (await with_calls(connection, rows))[0] if rows else None

        return await self._database.run(work)

    async def request(self, message_id: int) -> SentRequest | None:
        """What a model was sent for that message, or None if no model made it."""
        return await self._database.run(lambda connection: read_request(connection, message_id))

    async def switch(self, conversation_id: UUID, message_id: int) -> int:
        """Show the newest branch through that message. Its head. Raises ConversationBusy."""

        async def work(connection: AsyncConnection) -> int:
            await self._leases.free_row(connection, conversation_id)
            values = {"conversation_id": conversation_id, "message_id": message_id}
            leaf = await connection.scalar(sql.NEWEST_LEAF, values)
            if leaf is None:
                raise no_message(message_id, conversation_id)
            statement = update(ConversationRow).where(_conversations.id == conversation_id)
            await connection.execute(statement.values(head=leaf))
            return int(leaf)

        return await self._database.run(work)

    async def fork(self, conversation_id: UUID, message_id: int, *, title: str = "") -> Conversation:
        """A new conversation that begins with a copy of the branch up to that message."""
        made = self._make_id()

        async def work(connection: AsyncConnection) -> Conversation:
            await depth_of(connection, conversation_id, message_id)
            names = {"id": made, "conversation_id": conversation_id, "leaf": message_id, "title": escape(title)}
            if await connection.scalar(sql.COPY_CONVERSATION, names) is not None:
                await _copy_branch(connection, names)
            return await _one(connection, _conversations.id == made, made)

        return await self._database.run(work)

    async def open_calls(self, conversation_id: UUID | None = None) -> Sequence[OpenCall]:
        """Calls without an outcome, of one conversation or of all, oldest first."""

        async def work(connection: AsyncConnection) -> Sequence[OpenCall]:
            rows = (await connection.execute(sql.OPEN_CALLS, {"conversation_id": conversation_id})).all()
            blobs = await load_values(connection, large_values(rows))
            return [OpenCall(row.conversation_id, unescape(row.title), call_of(row, blobs)) for row in rows]

        return await self._database.run(work)

    async def tree(self, conversation_id: UUID) -> Tree:
        """All branches of a conversation."""
        values = {"conversation_id": conversation_id}

        async def work(connection: AsyncConnection) -> Tree:
            await _one(connection, _conversations.id == conversation_id, conversation_id)
            twigs = [
                Twig(row.id, row.parent_id, row.role, unescape_start(row.start), unescape(row.agent), row.created)
                for row in await connection.execute(sql.TWIGS, values)
            ]
            forks = [
                Fork(row.id, unescape(row.title), row.forked_from)
                for row in await connection.execute(sql.FORKS, values)
            ]
            return Tree(tuple(twigs), tuple(forks))

        return await self._database.run(work)

    async def waiting_runs(self) -> Sequence[WaitingRun]:
        """The runs whose results conversations have not got yet."""

        async def work(connection: AsyncConnection) -> Sequence[WaitingRun]:
            rows = await connection.execute(sql.WAITING_RUNS)
            return [WaitingRun(row.conversation_id, row.run_id) for row in rows]

        return await self._database.run(work)

    async def _change(self, conversation_id: UUID, **values: Any) -> None:
        statement = update(ConversationRow).where(_conversations.id == conversation_id).values(**values)
        result = await self._database.run(lambda connection: connection.execute(statement))
        if not result.rowcount:
            raise _no_conversation(conversation_id)


async def _one(connection: AsyncConnection, where: Any, shown: UUID) -> Conversation:
    row = (await connection.execute(select(*_conversations).where(where))).one_or_none()
    if row is None:
        raise _no_conversation(shown)
    return conversation_of(row, await load_values(connection, large_values([row])))


async def _siblings(
    connection: AsyncConnection, conversation_id: UUID, messages: Sequence[StoredMessage]
) -> Mapping[int, tuple[int, ...]]:
    parents = {message.parent for message in messages}
    values = {
        "conversation_id": conversation_id,
        "parents": [parent for parent in parents if parent is not None],
        "roots": None in parents,
    }
    rows = await connection.execute(sql.SIBLINGS, values)
    by_parent = {row.parent_id: tuple(row.ids) for row in rows}
    return {message.id: by_parent[message.parent] for message in messages if message.parent in by_parent}


async def _copy_branch(connection: AsyncConnection, names: Mapping[str, Any]) -> None:
    rows = (await connection.execute(sql.NUMBER_COPIES, {**names, "first": 0})).all()
    pairs = {**names, "old": [row.old for row in rows], "new": [row.new for row in rows]}
    for statement in (sql.COPY_MESSAGES, sql.COPY_CALLS, sql.COPY_PARTS, sql.COPY_REQUESTS, sql.COPY_NOTES):
        await connection.execute(statement, pairs)
    shown = update(ConversationRow).where(_conversations.id == names["id"]).values(head=max(pairs["new"]))
    await connection.execute(shown)


def _no_conversation(conversation_id: UUID) -> ConversationNotFound:
    return ConversationNotFound(f"There is no conversation {conversation_id}; it may have been deleted.")
