"""The tables of conversations. Their history is in `core.store.migrations`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base

_NOW = text("now()")
_NONE = text("'{}'")
_EMPTY = text("'{}'::json")

SEARCHED = 100_000
"""Characters of a message that searches see: the words of longer ones may not fit into one tsvector."""

_PARTING = "@./:-_#+&=?%~<>"
"""What parts words: Postgres would keep addresses and paths whole, so that no search for a word in them finds them."""


def _words(text: str) -> str:
    return f"to_tsvector('simple', translate({text}, '{_PARTING}', '{' ' * len(_PARTING)}'))"


class ConversationRow(Base):
    """A chat."""

    __tablename__ = "conversations"
    __table_args__ = (
        # The head is a message of this very conversation. Added later, because the tables name each other.
        ForeignKeyConstraint(
            ["id", "head"],
            ["messages.conversation_id", "messages.id"],
            name="fk_conversations_id_head",
            use_alter=True,
        ),
        Index("ix_conversations_agent_id_updated", "agent_id", text("updated DESC")),
        Index("uq_conversations_key", "key", unique=True, postgresql_where=text("key <> ''")),
        CheckConstraint("agent_id IS NULL OR workflow_name = ''", name="ck_conversations_one_answers"),
        CheckConstraint("(lease_owner IS NULL) = (lease_expires IS NULL)", name="ck_conversations_lease"),
        {
            "comment": "Chats with agents or workflows. lease_*: which process may write; writes carry the epoch.",
        },
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    workflow_name: Mapped[str] = mapped_column(server_default="", comment="answers instead of an agent")
    title: Mapped[str] = mapped_column(server_default="")
    title_words: Mapped[str] = mapped_column(
        TSVECTOR, Computed(_words("title"), persisted=True), deferred=True, comment="for word search"
    )
    variables: Mapped[dict[str, Any]] = mapped_column(
        server_default=_EMPTY, comment="shared by the agent and the workflows it runs"
    )
    allowed: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="functions that need not ask any more")
    head: Mapped[int | None] = mapped_column(BigInteger, comment="newest message of the branch that is shown")
    key: Mapped[str] = mapped_column(server_default="", comment="unique name of one that belongs to a step or a call")
    labels: Mapped[dict[str, Any]] = mapped_column(server_default=_EMPTY, comment="who began it, and for what")
    forked_from: Mapped[int | None] = mapped_column(BigInteger, comment="message of another one that it was forked at")
    tokens_in: Mapped[int] = mapped_column(BigInteger, server_default="0", comment="of all branches")
    tokens_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cost_usd: Mapped[float] = mapped_column(server_default="0")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of the blobs it names")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)
    updated: Mapped[datetime] = mapped_column(server_default=_NOW, index=True, comment="when it was last written to")
    archived_at: Mapped[datetime | None]
    lease_epoch: Mapped[int] = mapped_column(server_default="0", comment="fencing token, grows with every writer")
    lease_owner: Mapped[str | None] = mapped_column(comment="machine, process and its start; null: nobody")
    lease_expires: Mapped[datetime | None] = mapped_column(comment="by the database's clock")


class MessageRow(Base):
    """One message of a chat."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "id"),
        UniqueConstraint("key"),
        ForeignKeyConstraint(["conversation_id", "parent_id"], ["messages.conversation_id", "messages.id"]),
        Index("ix_messages_conversation_id_parent_id", "conversation_id", "parent_id"),
        Index("ix_messages_words", "words", postgresql_using="gin"),
        Index(
            "ix_messages_paid",
            "created",
            postgresql_where=text("cost_usd > 0 AND run_id IS NULL"),
            postgresql_include=["conversation_id", "cost_usd"],
        ),
        CheckConstraint("role IN ('user', 'assistant', 'tool')", name="ck_messages_role"),
        CheckConstraint("status IN ('complete', 'partial', 'failed')", name="ck_messages_status"),
        CheckConstraint("(parent_id IS NULL) = (depth = 0)", name="ck_messages_depth"),
        CheckConstraint("parent_id < id", name="ck_messages_parent_is_older"),
        {"comment": "Messages of chats: a tree, in which those with the same parent are edits or new answers."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    parent_id: Mapped[int | None] = mapped_column(BigInteger, comment="the message before it; null: a first one")
    depth: Mapped[int] = mapped_column(comment="messages before it on its branch")
    key: Mapped[uuid.UUID] = mapped_column(comment="made by the writer, so that a repeated write finds its own row")
    role: Mapped[str] = mapped_column(comment="user, assistant or tool")
    text: Mapped[str] = mapped_column(server_default="", comment="for reading and searching")
    words: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(_words(f"left(text, {SEARCHED})"), persisted=True),
        deferred=True,
        comment="for word search",
    )
    body: Mapped[dict[str, Any]] = mapped_column(comment="the message as the model's server wants it back, verbatim")
    status: Mapped[str] = mapped_column(server_default="complete", comment="complete, partial or failed")
    reason: Mapped[str] = mapped_column(server_default="", comment="why it is partial or failed")
    agent: Mapped[str] = mapped_column(server_default="", comment="name of the agent that spoke, as it was then")
    model: Mapped[str] = mapped_column(server_default="", comment="the one that really answered")
    tokens_in: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cost_usd: Mapped[float] = mapped_column(server_default="0")
    duration_s: Mapped[float] = mapped_column(server_default="0", comment="seconds")
    run_id: Mapped[str | None] = mapped_column(index=True, comment="the run that made it")
    tainted: Mapped[bool] = mapped_column(server_default="false", comment="written after reading what is not trusted")
    attachments: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of its files")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of the blobs it names")
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=_EMPTY, comment="what else a screen shows")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


class FunctionCallRow(Base):
    """A function that a model wanted called."""

    __tablename__ = "function_calls"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conversation_id", "message_id"], ["messages.conversation_id", "messages.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("message_id", "position"),
        UniqueConstraint("message_id", "wire_id"),
        Index(
            "ix_function_calls_open",
            "conversation_id",
            postgresql_where=text("status IN ('waiting', 'approved', 'started', 'unknown')"),
        ),
        CheckConstraint(
            "status IN ('waiting', 'approved', 'denied', 'started', 'completed', 'failed', 'cancelled', 'unknown')",
            name="ck_function_calls_status",
        ),
        CheckConstraint(
            "(status IN ('denied', 'completed', 'failed', 'cancelled')) = (ended IS NOT NULL)",
            name="ck_function_calls_ended",
        ),
        CheckConstraint(
            "started IS NOT NULL OR status NOT IN ('started', 'completed', 'unknown')", name="ck_function_calls_started"
        ),
        {"comment": "What models wanted called. `started` is durable before the call has any effect."},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[uuid.UUID]
    message_id: Mapped[int] = mapped_column(BigInteger, comment="the message that asked for it")
    position: Mapped[int] = mapped_column(comment="0, 1, 2 ... in the message")
    wire_id: Mapped[str] = mapped_column(comment="as the model named the call")
    name: Mapped[str]
    arguments: Mapped[dict[str, Any] | None] = mapped_column(comment="null: the model's JSON was broken")
    raw: Mapped[str] = mapped_column(server_default="", comment="the arguments' text as it came")
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(server_default="", comment="why it was asked for, denied or failed")
    result: Mapped[str] = mapped_column(server_default="", comment="as the model reads it, shortened")
    result_blob: Mapped[str] = mapped_column(server_default="", comment="hash of the whole text, if it was longer")
    run_id: Mapped[str | None] = mapped_column(comment="the run that it made")
    state: Mapped[dict[str, Any]] = mapped_column(server_default=_EMPTY, comment="what it needs to go on")
    tainted: Mapped[bool] = mapped_column(server_default="false", comment="the result comes from outside")
    tokens_in: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cost_usd: Mapped[float] = mapped_column(server_default="0")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of the blobs it names")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]


class RequestPartRow(Base):
    """A message, or the list of functions, as it was sent to a model."""

    __tablename__ = "request_parts"
    __table_args__ = (
        UniqueConstraint("conversation_id", "hash"),
        {"comment": "What models were sent, each part once: requests of a conversation repeat most of each other."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    hash: Mapped[str] = mapped_column(comment="SHA-256 of its JSON text, in hex")
    body: Mapped[dict[str, Any]] = mapped_column(comment="the JSON; a string names a blob that holds it")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of the blobs it names")


class ModelRequestRow(Base):
    """Exactly what was sent for one answer."""

    __tablename__ = "model_requests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conversation_id", "message_id"], ["messages.conversation_id", "messages.id"], ondelete="CASCADE"
        ),
        {"comment": "What was sent to models for the messages that they answered with; without secrets."},
    )

    message_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Mapped[uuid.UUID]
    body: Mapped[dict[str, Any]] = mapped_column(comment="the request without what stands in the parts")
    messages: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="parts, in order")
    functions: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), comment="parts, in order")
    sections: Mapped[dict[str, Any]] = mapped_column(comment="list of parts with their tokens")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of the blobs it names")


class ConversationNoteRow(Base):
    """What stands for messages that no longer fit the model's window."""

    __tablename__ = "conversation_notes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["conversation_id", "first_id"], ["messages.conversation_id", "messages.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["conversation_id", "last_id"], ["messages.conversation_id", "messages.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("key"),
        Index("ix_conversation_notes_conversation_id_last_id", "conversation_id", "last_id"),
        CheckConstraint("first_id <= last_id", name="ck_conversation_notes_range"),
        {"comment": "Notes that models read instead of older messages; the messages stay."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    first_id: Mapped[int] = mapped_column(BigInteger)
    last_id: Mapped[int] = mapped_column(BigInteger)
    key: Mapped[uuid.UUID] = mapped_column(comment="made by the writer, so that a repeated write finds its own row")
    text: Mapped[str] = mapped_column(comment="as it is sent")
    body: Mapped[dict[str, Any]] = mapped_column(server_default=_EMPTY, comment="the same by heading")
    model: Mapped[str] = mapped_column(server_default="")
    tokens_in: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cost_usd: Mapped[float] = mapped_column(server_default="0")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NONE, comment="hashes of the blobs it names")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)
