"""The tables of memories. Their history is in `core.store.migrations`."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Computed,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import EMBEDDING_DIMENSIONS, Base
from core.store.vector import Embedding

_NOW = text("now()")


class AgentMemoryRow(Base):
    """Something an agent remembers. Replaced and forgotten memories stay, as their `state` says.

    `sketch` holds one bit for each number of the embedding. Together with an agent's number it makes up an index in
    which an agent's memories lie side by side, so that all of them can be looked at in a fraction of the time that
    their embeddings would take; only the nearest are then compared exactly. `words` begins with the agent, so that a
    word that many agents know finds those of one agent only.
    """

    __tablename__ = "agent_memories"
    __table_args__ = (
        Index("ix_agent_memories_content", "agent_id", "content_hash"),
        Index(
            "uq_agent_memories_content",
            "agent_id",
            "content_hash",
            unique=True,
            postgresql_where=text("state IN ('live', 'quarantined')"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(
            "ix_agent_memories_sketch",
            "agent_id",
            "embedding_model",
            postgresql_include=["id", "sketch"],
            postgresql_where=text("state = 'live'"),
        ),
        Index("ix_agent_memories_words", "words", postgresql_using="gin"),
        Index("ix_agent_memories_pinned", "agent_id", postgresql_where=text("pinned AND state = 'live'")),
        Index(
            "ix_agent_memories_fact_key",
            "agent_id",
            "fact_key",
            postgresql_where=text("fact_key <> '' AND state = 'live'"),
        ),
        Index("ix_agent_memories_embedding_model", "embedding_model"),
        Index("ix_agent_memories_created", text("created DESC")),
        Index(
            "ix_agent_memories_embedding",
            literal_column(f"(embedding::halfvec({EMBEDDING_DIMENSIONS}))").label("half"),
            postgresql_using="hnsw",
            postgresql_with={"m": 16, "ef_construction": 64},
            postgresql_ops={"half": "halfvec_cosine_ops"},
            postgresql_where=text("state = 'live'"),
        ),
        {"comment": "What agents remember."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    agent_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), comment="null: shared by all agents"
    )
    type: Mapped[str] = mapped_column(comment="conversation, fact or learned")
    content: Mapped[str]
    content_hash: Mapped[str] = mapped_column(comment="SHA-256 of the normalised content")
    importance: Mapped[float] = mapped_column(server_default="0.5", comment="0 to 1")
    embedding: Mapped[list[float] | None] = mapped_column(Embedding(EMBEDDING_DIMENSIONS), deferred=True)
    embedding_model: Mapped[str] = mapped_column(server_default="", comment="embeddings of one model only compare")
    sketch: Mapped[str | None] = mapped_column(
        BIT(EMBEDDING_DIMENSIONS),
        Computed(f"binary_quantize(embedding)::bit({EMBEDDING_DIMENSIONS})", persisted=True),
        deferred=True,
        comment="the signs of the embedding's numbers",
    )
    words: Mapped[str] = mapped_column(
        TSVECTOR,
        Computed(
            "array_to_tsvector(ARRAY['@' || coalesce(agent_id::text, 'shared')]) || to_tsvector('simple', content)",
            persisted=True,
        ),
        deferred=True,
        comment="for word search",
    )
    fact_key: Mapped[str] = mapped_column(server_default="", comment="what a fact of which one only can hold is about")
    state: Mapped[str] = mapped_column(server_default="live", comment="live, quarantined, replaced or forgotten")
    source: Mapped[str] = mapped_column(server_default="user", comment="user, assistant, run, tool, web, mcp or file")
    source_who: Mapped[str] = mapped_column(server_default="", comment="name of who said it")
    source_conversation: Mapped[str | None]
    source_message: Mapped[str | None]
    source_run: Mapped[str | None]
    pinned: Mapped[bool] = mapped_column(server_default="false", comment="always recalled, never forgotten")
    valid_from: Mapped[datetime] = mapped_column(server_default=_NOW)
    valid_to: Mapped[datetime | None] = mapped_column(comment="null: holds")
    superseded_by: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("agent_memories.id", ondelete="SET NULL"), index=True
    )
    access_count: Mapped[int] = mapped_column(server_default="0")
    last_accessed: Mapped[datetime] = mapped_column(
        server_default=_NOW, comment="not indexed, so that touching is cheap"
    )
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


class MemoryChangeRow(Base):
    """One change of a memory. Rows are never changed; those of a memory that is forgotten for good are removed."""

    __tablename__ = "memory_changes"
    __table_args__ = (
        Index("ix_memory_changes_memory_id_number", "memory_id", "number"),
        {"comment": "What happened to every memory, and why."},
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    memory_id: Mapped[uuid.UUID] = mapped_column(comment="may be gone: what was erased leaves a last line")
    kind: Mapped[str] = mapped_column(comment="made, repeated, edited, replaced, forgotten, confirmed, erased ...")
    cause: Mapped[str] = mapped_column(server_default="", comment="why, in words")
    who: Mapped[str] = mapped_column(server_default="")
    at: Mapped[datetime]
    content: Mapped[str] = mapped_column(comment="as it was after the change, like the columns that follow")
    type: Mapped[str]
    importance: Mapped[float]
    state: Mapped[str]
    pinned: Mapped[bool]


class MemoryLessonRow(Base):
    """A turn of a conversation from which an agent has yet to learn."""

    __tablename__ = "memory_lessons"
    __table_args__ = (
        UniqueConstraint("conversation", "message"),
        {"comment": "Turns that agents have yet to learn from; rows are removed when that is done."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    agent_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), comment="whose memory; null: the shared one"
    )
    conversation: Mapped[str]
    message: Mapped[str] = mapped_column(comment="the message that the turn began with")
    who: Mapped[str] = mapped_column(server_default="", comment="name of the person")
    said: Mapped[str] = mapped_column(comment="by the person")
    answered: Mapped[str] = mapped_column(comment="by the agent")
    recalled: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid), comment="memories that were at hand")
    tainted: Mapped[bool] = mapped_column(comment="content from outside was at hand")
    at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default="0")
    taken: Mapped[datetime | None] = mapped_column(comment="since when somebody learns from it")
