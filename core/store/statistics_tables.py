"""The tables of counted steps."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base


class CountedStepRow(Base):
    """A step of a workflow, and a model that it asked; so that its counts can be narrow."""

    __tablename__ = "counted_steps"
    __table_args__ = (
        UniqueConstraint("workflow", "step_id", "step_type", "model"),
        {"comment": "Steps that were counted; they outlive their workflows."},
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    workflow: Mapped[str]
    step_id: Mapped[str]
    step_type: Mapped[str]
    model: Mapped[str] = mapped_column(comment="the model that answered, '' for none")


class StepStatisticsRow(Base):
    """Attempts of one step that took about as long, within one hour or one day. They outlive the runs."""

    __tablename__ = "step_statistics"
    __table_args__ = (
        Index("ix_step_statistics_hours_at", "hours", "at"),
        {
            "comment": "Attempts of steps, counted by when they ended and by how long they took.",
            "postgresql_with": {"fillfactor": 60},  # rows are counted up many times
        },
    )

    step: Mapped[int] = mapped_column(ForeignKey("counted_steps.id", ondelete="CASCADE"), primary_key=True)
    hours: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False, comment="1 or 24: each attempt is counted in both"
    )
    at: Mapped[datetime] = mapped_column(primary_key=True, comment="the full hour or day in which they ended")
    bucket: Mapped[int] = mapped_column(
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        comment="1.2 to the power of it is the least of their seconds",
    )
    attempts: Mapped[int]
    failures: Mapped[int]
    tokens_in: Mapped[int] = mapped_column(BigInteger)
    tokens_out: Mapped[int] = mapped_column(BigInteger)
    cost_usd: Mapped[float]
