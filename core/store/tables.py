"""The tables, in the domain's words. Their history is in `core.store.migrations`.

JSON values that a person or a model made are `json`, not `jsonb`: they come back exactly as they went in, with the
order of keys (a workflow's steps, an answer's fields), big numbers, NUL and lone surrogates, none of which jsonb
keeps. They are always objects; a JSON string in their place names a blob that holds the value (see `values.py`).
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Text,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, JSON, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.store.vector import Embedding

EMBEDDING_DIMENSIONS = 1536
"""Numbers in every embedding; shorter ones are filled up with zeros, which changes no cosine."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_NO_BLOBS = text("'{}'")
_NOW = text("now()")


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - read once by SQLAlchemy's metaclass
        str: Text,
        float: Double,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: ARRAY(Text),
        bytes: LargeBinary,
    }


class DocumentRow(Base):
    """A workflow document by its content."""

    __tablename__ = "documents"
    __table_args__ = ({"comment": "Workflow documents, each kept once, named by the hash of its content."},)

    hash: Mapped[str] = mapped_column(primary_key=True, comment="SHA-256 of the canonical JSON text, in hex")
    body: Mapped[dict[str, Any]] = mapped_column(comment="the document; the order of its keys has meaning")
    used: Mapped[datetime] = mapped_column(server_default=_NOW, comment="when it was last saved or run")


class WorkflowRow(Base):
    """A workflow of the library."""

    __tablename__ = "workflows"
    __table_args__ = (
        Index("uq_workflows_name", "name", unique=True, postgresql_where=text("deleted_at IS NULL")),
        {"comment": "The library of workflows."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str] = mapped_column(comment="unique among the workflows that are not deleted")
    folder: Mapped[str] = mapped_column(server_default="", comment="where it is filed: names joined by /")
    tags: Mapped[list[str]] = mapped_column(server_default=_NO_BLOBS, comment="as in the newest document")
    version: Mapped[int] = mapped_column(comment="number of the newest version")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)
    updated: Mapped[datetime] = mapped_column(server_default=_NOW, comment="when the newest version was saved")
    deleted_at: Mapped[datetime | None] = mapped_column(comment="set: in the bin, can be restored")


class WorkflowVersionRow(Base):
    """One save of a workflow."""

    __tablename__ = "workflow_versions"
    __table_args__ = ({"comment": "Every save of every workflow; rows are never changed."},)

    workflow_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="1, 2, 3 ...")
    document_hash: Mapped[str] = mapped_column(ForeignKey("documents.hash"), index=True)
    author: Mapped[str] = mapped_column(server_default="")
    note: Mapped[str] = mapped_column(server_default="", comment="why it was saved, in the author's words")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


class ExecutionRow(Base):
    """A run of a workflow."""

    __tablename__ = "executions"
    __table_args__ = (
        Index("ix_executions_created", text("created DESC")),
        Index("ix_executions_workflow_name_created", "workflow_name", text("created DESC")),
        Index("ix_executions_unfinished", "status", postgresql_where=text("status IN ('running', 'suspended')")),
        Index("ix_executions_wake_at", "wake_at", postgresql_where=text("wake_at IS NOT NULL")),
        {
            "comment": "Runs. lease_*: which process executes the run; every write must carry the current epoch.",
        },
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workflow_name: Mapped[str] = mapped_column(comment="follows the workflow when it is renamed")
    document_hash: Mapped[str] = mapped_column(ForeignKey("documents.hash"), index=True, comment="what was run")
    inputs: Mapped[dict[str, Any]]
    origin: Mapped[str] = mapped_column(server_default="", comment="folder that relative names start from")
    labels: Mapped[dict[str, Any]] = mapped_column(comment="who asked for the run")
    part: Mapped[dict[str, Any] | None] = mapped_column(
        comment="what of the workflow it executes and was given; null: all, nothing"
    )
    status: Mapped[str] = mapped_column(comment="running, suspended, completed, failed or cancelled")
    outputs: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    error_path: Mapped[str] = mapped_column(server_default="", comment="the step that failed")
    created: Mapped[datetime]
    ended: Mapped[datetime | None]
    wake_at: Mapped[datetime | None] = mapped_column(comment="when a suspended run's time comes")
    tokens_in: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cost_usd: Mapped[float] = mapped_column(server_default="0")
    duration_s: Mapped[float] = mapped_column(server_default="0", comment="seconds of work, suspensions left out")
    resumable: Mapped[bool] = mapped_column(server_default="false", comment="cancelled, but may go on")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NO_BLOBS, comment="hashes of the blobs it names")
    lease_epoch: Mapped[int] = mapped_column(comment="fencing token, grows with every owner")
    lease_owner: Mapped[str | None] = mapped_column(comment="machine, process and its start; null: nobody")
    lease_expires: Mapped[datetime | None] = mapped_column(comment="by the database's clock")


class StepResultRow(Base):
    """One attempt of one step of a run.

    No foreign key to executions: the writer checks the run in the same statement, and deleting a run deletes these.
    """

    __tablename__ = "step_results"
    __table_args__ = ({"comment": "One row per attempt of a step."},)

    run_id: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True, comment="scope path, such as summarise_all[3]/draft")
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="1, 2, 3 ...")
    seq: Mapped[int] = mapped_column(comment="order of making within the run")
    step_id: Mapped[str]
    status: Mapped[str] = mapped_column(comment="started, completed, failed, skipped, suspended or cancelled")
    type: Mapped[str]
    title: Mapped[str]
    cause: Mapped[str] = mapped_column(comment="why the attempt was made")
    definition: Mapped[str] = mapped_column(comment="hash of the step as drawn")
    inputs: Mapped[dict[str, Any] | None] = mapped_column(comment="the config with its templates filled in")
    request: Mapped[dict[str, Any] | None] = mapped_column(comment="what was sent to the outside, secrets masked")
    output: Mapped[dict[str, Any] | None]
    ports: Mapped[list[str]] = mapped_column(comment="the live output ports")
    variables: Mapped[dict[str, Any] | None] = mapped_column(comment="workflow variables that the step set")
    error: Mapped[dict[str, Any] | None]
    tokens_in: Mapped[int] = mapped_column(BigInteger)
    tokens_out: Mapped[int] = mapped_column(BigInteger)
    cost_usd: Mapped[float]
    duration_s: Mapped[float]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    question: Mapped[dict[str, Any] | None] = mapped_column(comment="what a person is asked")
    until: Mapped[datetime | None] = mapped_column(comment="when waiting ends by itself")
    state: Mapped[dict[str, Any] | None] = mapped_column(comment="what the step gets back when it goes on")
    answer: Mapped[dict[str, Any] | None] = mapped_column(comment="what the person answered; the first one stands")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NO_BLOBS, comment="hashes of the blobs it names")


class PinRow(Base):
    """An output that stands instead of running a step."""

    __tablename__ = "pins"
    __table_args__ = (
        {"comment": "Outputs that a person pinned: runs from the window take them instead of running the step."},
    )

    workflow: Mapped[str] = mapped_column(primary_key=True, comment="name in the library, or path of its file")
    step_id: Mapped[str] = mapped_column(primary_key=True)
    output: Mapped[dict[str, Any]]
    ports: Mapped[list[str] | None] = mapped_column(comment="the live output ports; null: all of its type's")
    variables: Mapped[dict[str, Any]] = mapped_column(comment="workflow variables that it sets")
    blobs: Mapped[list[str]] = mapped_column(server_default=_NO_BLOBS, comment="hashes of the blobs it names")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


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


class ScheduleRow(Base):
    """When a workflow runs by itself."""

    __tablename__ = "schedules"
    __table_args__ = (
        Index("ix_schedules_next_at", "next_at", postgresql_where=text("enabled")),
        {"comment": "When workflows run by themselves."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    workflow_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"), index=True)
    expression: Mapped[str] = mapped_column(comment="five cron fields")
    zone: Mapped[str] = mapped_column(server_default="UTC", comment="IANA name of the time zone")
    inputs: Mapped[dict[str, Any]]
    enabled: Mapped[bool] = mapped_column(server_default="true")
    next_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    last_run_id: Mapped[str | None]
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


class BlobRow(Base):
    """A file, or a JSON value too large for its row."""

    __tablename__ = "blobs"
    __table_args__ = ({"comment": "Files by their content."},)

    hash: Mapped[str] = mapped_column(primary_key=True, comment="SHA-256 in hex")
    media_type: Mapped[str]
    name: Mapped[str] = mapped_column(server_default="", comment="the first name it came with")
    size: Mapped[int] = mapped_column(BigInteger, comment="bytes")
    data: Mapped[bytes] = mapped_column(
        "bytes", deferred=True, comment="stored uncompressed: most media are compressed"
    )
    created: Mapped[datetime] = mapped_column(server_default=_NOW)
    used: Mapped[datetime] = mapped_column(server_default=_NOW, comment="when it was last put; new ones are not swept")
