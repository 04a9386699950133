"""What workers need to know of each other: who is lost, which runs are held back by limits, shared rates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_workers"
down_revision: str | None = "m20261127_queue"
branch_labels = None
depends_on = None

_OLD_UNFINISHED = "status IN ('running', 'suspended')"
_UNFINISHED = "status IN ('queued', 'running', 'suspended')"


def _queued_columns() -> list[sa.Column[object]]:
    return [
        sa.Column(
            "key_limit",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="runs of the limit key at a time, 0: any",
        ),
        sa.Column(
            "workflow_limit",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="runs of the workflow at a time, 0: any",
        ),
        sa.Column(
            "slot_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="counts against its limits until then, and while it is leased",
        ),
        sa.Column(
            "held_back", sa.DateTime(timezone=True), nullable=True, comment="since when its limits keep it waiting"
        ),
        sa.Column(
            "handed_over",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="its worker stopped and leaves it to another",
        ),
        sa.Column(
            "waits_for", sa.Text(), server_default="", nullable=False, comment="what the workers lack that saw it"
        ),
    ]


def upgrade() -> None:
    """Add the columns and the table of rates."""
    for column in _queued_columns():
        op.add_column("queued_runs", column)
    op.create_index(
        op.f("ix_queued_runs_held_back"),
        "queued_runs",
        ["held_back"],
        postgresql_where=sa.text("held_back IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_queued_runs_handed_over"), "queued_runs", ["run_id"], postgresql_where=sa.text("handed_over")
    )
    op.add_column(
        "workers",
        sa.Column(
            "owner",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="machine, process and its start, as in leases",
        ),
    )
    op.add_column(
        "workers", sa.Column("queue_worker", sa.BigInteger(), nullable=True, comment="its row in the library's tables")
    )
    op.create_table(
        "rates",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False, comment="calls that may be made at once; negative: promised"),
        sa.Column("updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rates")),
        comment="Token buckets that all workers draw from.",
    )
    op.drop_index(op.f("ix_executions_unfinished"), table_name="executions")
    op.create_index(op.f("ix_executions_unfinished"), "executions", ["status"], postgresql_where=sa.text(_UNFINISHED))


def downgrade() -> None:
    """Take them back."""
    op.drop_index(op.f("ix_executions_unfinished"), table_name="executions")
    op.create_index(
        op.f("ix_executions_unfinished"), "executions", ["status"], postgresql_where=sa.text(_OLD_UNFINISHED)
    )
    op.drop_table("rates")
    op.drop_column("workers", "queue_worker")
    op.drop_column("workers", "owner")
    op.drop_index(op.f("ix_queued_runs_handed_over"), table_name="queued_runs")
    op.drop_index(op.f("ix_queued_runs_held_back"), table_name="queued_runs")
    for column in reversed(_queued_columns()):
        op.drop_column("queued_runs", column.name)
