"""What became of the times of schedules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_schedule_times"
down_revision: str | None = "m20261127_token_rates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "schedule_times",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="the time itself"),
        sa.Column("noticed", sa.DateTime(timezone=True), nullable=False, comment="when it was acted upon"),
        sa.Column("run_id", sa.Text(), server_default="", nullable=False, comment="the run it started; empty: none"),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False, comment="what became of it, in words"),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_schedule_times_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_id", "at", name=op.f("pk_schedule_times")),
        comment="The latest times of each schedule.",
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("schedule_times")
