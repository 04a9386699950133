"""Runs that steps of other runs have asked for: passes of loops and workflows that workers share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_spread"
down_revision: str | None = "m20261127_triggers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "spread_runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=False, comment="the run whose step asked for it"),
        sa.Column("path", sa.Text(), nullable=False, comment="scope path of that step"),
        sa.Column(
            "round", sa.Integer(), nullable=False, comment="attempt of that step that began; a retry begins anew"
        ),
        sa.Column("number", sa.Integer(), nullable=False, comment="its place among the step's runs, from 0"),
        sa.Column("prefix", sa.Text(), nullable=False, comment="stands before its steps' paths, seen from the parent"),
        sa.Column("depth", sa.Integer(), nullable=False, comment="how many runs and workflows are around it"),
        sa.Column("stops", sa.Boolean(), nullable=False, comment="the parent goes on at once if it fails"),
        sa.Column(
            "outcome",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="'': not ended; completed, failed, ends (the parent, too) or dropped (nobody waits for it)",
        ),
        sa.Column(
            "counted_usd", sa.Double(), server_default="0", nullable=False, comment="of its cost, in the parent's too"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["executions.id"], name="fk_spread_runs_parent_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["executions.id"], name="fk_spread_runs_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name="pk_spread_runs"),
        comment="Runs that a step of another run asked for.",
    )
    op.create_index(
        "uq_spread_runs_parent_id_path_round_number",
        "spread_runs",
        ["parent_id", "path", "round", "number"],
        unique=True,
    )
    op.create_index("ix_spread_runs_parent_id_outcome", "spread_runs", ["parent_id", "outcome"])
    op.create_index("ix_spread_runs_open", "spread_runs", ["run_id"], postgresql_where=sa.text("outcome = ''"))


def downgrade() -> None:
    """Drop it. What the runs did stays."""
    op.drop_table("spread_runs")
