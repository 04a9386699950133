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
    DateTime,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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
        Index(
            "uq_workflows_trigger_address",
            "trigger_address",
            unique=True,
            postgresql_where=text("is_active AND trigger_address <> ''"),
        ),
        Index("ix_workflows_active", "id", postgresql_where=text("is_active")),
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
    published_version: Mapped[int | None] = mapped_column(comment="the version that triggers run; null: none")
    is_active: Mapped[bool] = mapped_column(server_default="false", comment="whether its trigger starts it")
    trigger_address: Mapped[str] = mapped_column(
        server_default="", comment="method and path of calls that only one active workflow may answer; '': none"
    )


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
        Index(
            "ix_executions_created", text("created DESC"), postgresql_include=["status", "workflow_name", "cost_usd"]
        ),
        Index("ix_executions_workflow_name_created", "workflow_name", text("created DESC")),
        Index(
            "ix_executions_unfinished", "status", postgresql_where=text("status IN ('queued', 'running', 'suspended')")
        ),
        Index("ix_executions_wake_at", "wake_at", postgresql_where=text("wake_at IS NOT NULL")),
        Index(
            "ix_executions_uncounted",
            "ended",
            postgresql_where=text("ended IS NOT NULL AND (counted IS NULL OR counted < ended)"),
        ),
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
    status: Mapped[str] = mapped_column(comment="queued, running, suspended, completed, failed or cancelled")
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
    counted: Mapped[datetime | None] = mapped_column(comment="steps that ended until then are counted")


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


class ScheduleRow(Base):
    """When an active workflow comes next by its schedule; the schedule itself is in its published document."""

    __tablename__ = "schedules"
    __table_args__ = (
        Index("ix_schedules_due_at", "due_at", postgresql_where=text("NOT paused")),
        {"comment": "When active workflows run by themselves."},
    )

    workflow_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True)
    next_at: Mapped[datetime | None] = mapped_column(comment="the time that comes next; null: none does")
    due_at: Mapped[datetime | None] = mapped_column(comment="when it is looked at: next_at and its jitter")
    delayed: Mapped[bool] = mapped_column(server_default="false", comment="due_at has its jitter")
    paused: Mapped[bool] = mapped_column(server_default="false")
    last_at: Mapped[datetime | None] = mapped_column(comment="the time that came last")
    last_run_id: Mapped[str] = mapped_column(server_default="", comment="the run it started last")
    outcome: Mapped[str] = mapped_column(server_default="", comment="what became of last_at, in words")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


class ScheduleTimeRow(Base):
    """A time of a schedule that came, and what became of it."""

    __tablename__ = "schedule_times"
    __table_args__ = ({"comment": "The latest times of each schedule."},)

    workflow_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True, comment="the time itself")
    noticed: Mapped[datetime] = mapped_column(comment="when it was acted upon")
    run_id: Mapped[str] = mapped_column(server_default="", comment="the run it started; empty: none")
    outcome: Mapped[str] = mapped_column(server_default="", comment="what became of it, in words")


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
