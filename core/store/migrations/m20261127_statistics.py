"""Steps counted by hour, for the monitoring panel."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_statistics"
down_revision: str | None = "m20261127_mcp"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count what is kept, and from now on what ends."""
    op.create_table(
        "counted_steps",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("step_type", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False, comment="the model that answered, '' for none"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_steps")),
        sa.UniqueConstraint(
            "workflow", "step_id", "step_type", "model", name=op.f("uq_counted_steps_workflow_step_id_step_type_model")
        ),
        comment="Steps that were counted; they outlive their workflows.",
    )
    op.create_table(
        "step_statistics",
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column(
            "hours",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="1 or 24: each attempt is counted in both",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="the full hour or day in which they ended"),
        sa.Column(
            "bucket",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="1.2 to the power of it is the least of their seconds",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["step"], ["counted_steps.id"], name=op.f("fk_step_statistics_step"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("step", "hours", "at", "bucket", name=op.f("pk_step_statistics")),
        comment="Attempts of steps, counted by when they ended and by how long they took.",
    )
    op.create_index(op.f("ix_step_statistics_hours_at"), "step_statistics", ["hours", "at"])
    # With these columns at hand, runs are counted without reading their rows.
    op.drop_index("ix_executions_created", table_name="executions")
    op.create_index(
        "ix_executions_created",
        "executions",
        [sa.literal_column("created DESC")],
        postgresql_include=["status", "workflow_name", "cost_usd"],
    )
    op.add_column(
        "executions",
        sa.Column(
            "counted", sa.DateTime(timezone=True), nullable=True, comment="steps that ended until then are counted"
        ),
    )
    op.create_index(
        op.f("ix_executions_uncounted"),
        "executions",
        ["ended"],
        postgresql_where=sa.text("ended IS NOT NULL AND (counted IS NULL OR counted < ended)"),
    )


def downgrade() -> None:
    """Forget the counts."""
    op.drop_index(op.f("ix_executions_uncounted"), table_name="executions")
    op.drop_column("executions", "counted")
    op.drop_index("ix_executions_created", table_name="executions")
    op.create_index("ix_executions_created", "executions", [sa.literal_column("created DESC")])
    op.drop_index(op.f("ix_step_statistics_hours_at"), table_name="step_statistics")
    op.drop_table("step_statistics")
    op.drop_table("counted_steps")
