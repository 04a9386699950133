"""The tables of runs that wait for a worker, and of the workers."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base

_NOW = text("now()")


class QueuedRunRow(Base):
    """How a run came to the workers; the queue itself holds only the run's id."""

    __tablename__ = "queued_runs"
    __table_args__ = (
        Index("uq_queued_runs_key", "key", unique=True, postgresql_where=text("key <> ''")),
        Index("ix_queued_runs_limit_key", "limit_key", postgresql_where=text("limit_key <> ''")),
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
