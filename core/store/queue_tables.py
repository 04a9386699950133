"""The tables of runs that wait for a worker, and of the workers."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base

_NOW = text("now()")


class QueuedRunRow(Base):
    """How a run came to the workers; the queue itself holds only the run's id."""

    __tablename__ = "queued_runs"
    __table_args__ = (
        Index("uq_queued_runs_key", "key", unique=True, postgresql_where=text("key <> ''")),
        Index("ix_queued_runs_limit_key", "limit_key", postgresql_where=text("limit_key <> ''")),
        Index(
            "ix_queued_runs_held_back",
            "limit_key",
            text("priority DESC"),
            "enqueued",
            postgresql_where=text("held_back IS NOT NULL"),
        ),
        Index("ix_queued_runs_slots", "limit_key", postgresql_where=text("slot_until IS NOT NULL")),
        Index("ix_queued_runs_handed_over", "run_id", postgresql_where=text("handed_over")),
        {"comment": "Runs that are or were executed by workers."},
    )

    run_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    queue: Mapped[str]
    priority: Mapped[int] = mapped_column(comment="the higher, the sooner")
    key: Mapped[str] = mapped_column(server_default="", comment="whoever asks with the same key gets the same run")
    limit_key: Mapped[str] = mapped_column(server_default="", comment="runs of one key share a limit")
    enqueued: Mapped[datetime] = mapped_column(server_default=_NOW)
    losses: Mapped[int] = mapped_column(server_default="0", comment="workers that were lost while they executed it")
    parked: Mapped[str] = mapped_column(server_default="", comment="why no worker takes it any more")
    cancel: Mapped[str] = mapped_column(server_default="", comment="why its worker is to stop it")
    key_limit: Mapped[int] = mapped_column(server_default="0", comment="runs of the limit key at a time, 0: any")
    workflow_limit: Mapped[int] = mapped_column(server_default="0", comment="runs of the workflow at a time, 0: any")
    slot_until: Mapped[datetime | None] = mapped_column(
        comment="counts against its limits until then, and while it is leased"
    )
    held_back: Mapped[datetime | None] = mapped_column(comment="since when its limits keep it waiting")
    handed_over: Mapped[bool] = mapped_column(
        server_default="false", comment="its worker stopped and leaves it to another"
    )
    waits_for: Mapped[str] = mapped_column(server_default="", comment="what the workers lack that saw it")


class SpreadRunRow(Base):
    """A run that a step of another run asked for: a pass of its loop, or the workflow that it runs."""

    __tablename__ = "spread_runs"
    __table_args__ = (
        Index("uq_spread_runs_parent_id_path_round_number", "parent_id", "path", "round", "number", unique=True),
        Index("ix_spread_runs_parent_id_outcome", "parent_id", "outcome"),
        Index("ix_spread_runs_open", "run_id", postgresql_where=text("outcome = ''")),
        {"comment": "Runs that a step of another run asked for."},
    )

    run_id: Mapped[str] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    parent_id: Mapped[str] = mapped_column(
        ForeignKey("executions.id", ondelete="CASCADE"), comment="the run whose step asked for it"
    )
    path: Mapped[str] = mapped_column(comment="scope path of that step")
    round: Mapped[int] = mapped_column(comment="attempt of that step that began; a retry begins anew")
    number: Mapped[int] = mapped_column(comment="its place among the step's runs, from 0")
    prefix: Mapped[str] = mapped_column(comment="stands before its steps' paths, seen from the parent")
    depth: Mapped[int] = mapped_column(comment="how many runs and workflows are around it")
    stops: Mapped[bool] = mapped_column(comment="the parent goes on at once if it fails")
    outcome: Mapped[str] = mapped_column(
        server_default="",
        comment="'': not ended; completed, failed, ends (the parent, too) or dropped (nobody waits for it)",
    )
    counted_usd: Mapped[float] = mapped_column(server_default="0", comment="of its cost, in the parent's too")


class WorkerRow(Base):
    """A process that executes queued runs."""

    __tablename__ = "workers"
    __table_args__ = ({"comment": "Processes that execute queued runs."},)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    queues: Mapped[list[str]] = mapped_column(comment="empty: all")
    concurrency: Mapped[int]
    running: Mapped[int] = mapped_column(server_default="0")
    started: Mapped[datetime] = mapped_column(server_default=_NOW)
    heartbeat: Mapped[datetime] = mapped_column(server_default=_NOW, comment="by the database's clock")
    owner: Mapped[str] = mapped_column(server_default="", comment="machine, process and its start, as in leases")
    queue_worker: Mapped[int | None] = mapped_column(BigInteger, comment="its row in the library's tables")


class RateRow(Base):
    """How often something may still be called now, whoever calls it."""

    __tablename__ = "rates"
    __table_args__ = ({"comment": "Token buckets that all workers draw from."},)

    name: Mapped[str] = mapped_column(primary_key=True)
    tokens: Mapped[float] = mapped_column(comment="calls that may be made at once; negative: promised")
    updated: Mapped[datetime] = mapped_column(server_default=_NOW)
