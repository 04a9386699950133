"""Conversations, messages, calls and notes as rows of the tables, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from core.engine.events import Usage
from core.store.conversation_records import CompactionNote, Conversation, FunctionCall, StoredMessage
from core.store.records import AnyRow
from core.store.values import Packer, blob_of, escape, unescape, unpack

_LARGE = ("variables", "labels", "body", "detail", "arguments", "state", "sections")
"""Columns of all these tables whose values may have become blobs."""


def large_values(rows: Iterable[AnyRow]) -> set[str]:
    """Hashes of the blobs that hold values of these rows."""
    return {name for row in rows for column in _LARGE if (name := blob_of(getattr(row, column, None))) is not None}


def usage_columns(usage: Usage) -> dict[str, Any]:
    """The three columns of what was spent."""
    return {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out, "cost_usd": usage.cost_usd}


def usage_of(row: AnyRow) -> Usage:
    """What those columns say."""
    return Usage(int(row.tokens_in), int(row.tokens_out), float(row.cost_usd))


def message_columns(message: StoredMessage, packer: Packer) -> dict[str, Any]:
    """A row of messages without its place in the tree."""
    columns = {
        "role": message.role,
        "text": escape(message.text),
        "body": packer.pack(message.body),
        "status": message.status,
        "reason": escape(message.reason),
        "agent": escape(message.agent),
        "model": escape(message.model),
        **usage_columns(message.usage),
        "duration_s": message.duration_s,
        "run_id": message.run_id or None,
        "tainted": message.tainted,
        "attachments": list(message.blobs),
        "detail": packer.pack(message.detail),
        "created": message.created,
    }
    return {**columns, "blobs": sorted({*message.blobs, *packer.names})}


def message_of(row: AnyRow, calls: Sequence[FunctionCall], blobs: Mapping[str, bytes]) -> StoredMessage:
    """The message of a row. blobs: those that `large_values` names."""
    return StoredMessage(
        id=row.id,
        parent=row.parent_id,
        role=row.role,
        text=unescape(row.text),
        body=unpack(row.body, blobs),
        status=row.status,
        reason=unescape(row.reason),
        agent=unescape(row.agent),
        model=unescape(row.model),
        usage=usage_of(row),
        duration_s=row.duration_s,
        run_id=row.run_id or "",
        tainted=row.tainted,
        blobs=tuple(row.attachments),
        calls=tuple(calls),
        detail=unpack(row.detail, blobs),
        created=row.created,
    )


def call_columns(call: FunctionCall, packer: Packer) -> dict[str, Any]:
    """A row of function_calls without its message."""
    columns = {
        "id": call.id,
        "position": call.position,
        "wire_id": escape(call.wire_id),
        "name": escape(call.name),
        "arguments": None if call.arguments is None else packer.pack(call.arguments),
        "raw": escape(call.raw),
        "status": call.status,
        "reason": escape(call.reason),
        "result": escape(call.result),
        "result_blob": call.result_blob,
        "run_id": call.run_id or None,
        "state": packer.pack(call.state),
        "tainted": call.tainted,
        **usage_columns(call.usage),
        "started": call.started,
        "ended": call.ended,
    }
    whole = {call.result_blob} if call.result_blob else set()
    return {**columns, "blobs": sorted(whole | packer.names | call.made_files)}


def call_of(row: AnyRow, blobs: Mapping[str, bytes]) -> FunctionCall:
    """The call of a row. blobs: those that `large_values` names."""
    return FunctionCall(
        id=row.id,
        wire_id=unescape(row.wire_id),
        name=unescape(row.name),
        position=row.position,
        arguments=unpack(row.arguments, blobs),
        raw=unescape(row.raw),
        status=row.status,
        reason=unescape(row.reason),
        result=unescape(row.result),
        result_blob=row.result_blob,
        run_id=row.run_id or "",
        state=unpack(row.state, blobs),
        tainted=row.tainted,
        usage=usage_of(row),
        started=row.started,
        ended=row.ended,
        message=row.message_id,
    )


def conversation_columns(conversation: Conversation, packer: Packer) -> dict[str, Any]:
    """A row of a new conversation."""
    columns = {
        "id": conversation.id,
        "agent_id": conversation.agent_id,
        "workflow_name": escape(conversation.workflow),
        "title": escape(conversation.title),
        "variables": packer.pack(conversation.variables),
        "key": escape(conversation.key),
        "labels": packer.pack(conversation.labels),
    }
    return {**columns, "blobs": sorted(packer.names)}


def conversation_of(row: AnyRow, blobs: Mapping[str, bytes]) -> Conversation:
    """The conversation of a row. blobs: those that `large_values` names."""
    return Conversation(
        id=row.id,
        agent_id=row.agent_id,
        workflow=unescape(row.workflow_name),
        title=unescape(row.title),
        variables=unpack(row.variables, blobs),
        head=row.head,
        key=unescape(row.key),
        labels=unpack(row.labels, blobs),
        allowed=frozenset(map(unescape, row.allowed)),
        forked_from=row.forked_from,
        usage=usage_of(row),
        created=row.created,
        updated=row.updated,
        archived=row.archived_at,
    )


def note_columns(note: CompactionNote, conversation_id: UUID, packer: Packer) -> dict[str, Any]:
    """A row of conversation_notes."""
    columns = {
        "conversation_id": conversation_id,
        "first_id": note.first,
        "last_id": note.last,
        "text": escape(note.text),
        "body": packer.pack(note.body),
        "model": escape(note.model),
        **usage_columns(note.usage),
    }
    return {**columns, "blobs": sorted(packer.names)}


def note_of(row: AnyRow, blobs: Mapping[str, bytes]) -> CompactionNote:
    """The note of a row. blobs: those that `large_values` names."""
    return CompactionNote(
        row.first_id, row.last_id, unescape(row.text), unescape(row.model), usage_of(row), unpack(row.body, blobs)
    )
