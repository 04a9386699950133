"""Indexes for limits that thousands of runs share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_slots"
down_revision: str | None = "m20261127_schedule_times"
branch_labels = None
depends_on = None

_HELD_BACK = sa.text("held_back IS NOT NULL")


def upgrade() -> None:
    """Find the next in line of a limit, and who has its slots, without reading all runs that share it."""
    op.drop_index("ix_queued_runs_held_back", table_name="queued_runs", postgresql_where=_HELD_BACK)
    op.create_index(
        "ix_queued_runs_held_back", "queued_runs", ["limit_key", sa.text("priority DESC"), "enqueued"],
        unique=False, postgresql_where=_HELD_BACK,
    )  # fmt: skip
    op.create_index(
        "ix_queued_runs_slots", "queued_runs", ["limit_key"], unique=False,
        postgresql_where=sa.text("slot_until IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_queued_runs_slots", table_name="queued_runs")
    op.drop_index("ix_queued_runs_held_back", table_name="queued_runs")
    op.create_index("ix_queued_runs_held_back", "queued_runs", ["held_back"], postgresql_where=_HELD_BACK)
