"""The queue of runs: its own tables, those of the library procrastinate, and the workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "m20261127_queue"
down_revision: str | None = "m20261127_lessons"
branch_labels = None
depends_on = None

_DROP_LIBRARY = """
DO $$ DECLARE name regprocedure;
BEGIN
  DROP TABLE IF EXISTS procrastinate_periodic_defers, procrastinate_events, procrastinate_jobs, procrastinate_workers
    CASCADE;
  FOR name IN SELECT oid::regprocedure FROM pg_proc
    WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
  LOOP EXECUTE 'DROP FUNCTION ' || name || ' CASCADE'; END LOOP;
  DROP TYPE IF EXISTS procrastinate_job_to_defer_v1, procrastinate_job_status, procrastinate_job_event_type CASCADE;
END $$"""


def upgrade() -> None:
    """Make the tables. The library's own schema is that of the version which the lock names."""
    from procrastinate.schema import SchemaManager

    # Past SQLAlchemy: it would read the script's percent signs as parameters.
    psycopg_connection = op.get_bind().connection.driver_connection
    assert psycopg_connection is not None
    psycopg_connection.execute(SchemaManager.get_schema())
    op.create_table(
        "queued_runs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, comment="the higher, the sooner"),
        sa.Column(
            "key",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="whoever asks with the same key gets the same run",
        ),
        sa.Column("limit_key", sa.Text(), server_default="", nullable=False, comment="runs of one key share a limit"),
        sa.Column("enqueued", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "losses",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="workers that were lost while they executed it",
        ),
        sa.Column("parked", sa.Text(), server_default="", nullable=False, comment="why no worker takes it any more"),
        sa.Column("cancel", sa.Text(), server_default="", nullable=False, comment="why its worker is to stop it"),
        sa.ForeignKeyConstraint(["run_id"], ["executions.id"], name=op.f("fk_queued_runs_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_queued_runs")),
        comment="Runs that are or were executed by workers.",
    )
    op.create_index(
        op.f("uq_queued_runs_key"), "queued_runs", ["key"], unique=True, postgresql_where=sa.text("key <> ''")
    )
    op.create_index(
        op.f("ix_queued_runs_limit_key"), "queued_runs", ["limit_key"], postgresql_where=sa.text("limit_key <> ''")
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("queues", ARRAY(sa.Text()), nullable=False, comment="empty: all"),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "heartbeat",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="by the database's clock",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        comment="Processes that execute queued runs.",
    )
    _say_statuses("queued, running, suspended, completed, failed or cancelled")


def downgrade() -> None:
    """Drop the queue. Runs that still waited in it are gone with it."""
    op.drop_table("workers")
    op.drop_index(op.f("ix_queued_runs_limit_key"), table_name="queued_runs")
    op.drop_index(op.f("uq_queued_runs_key"), table_name="queued_runs")
    op.drop_table("queued_runs")
    op.execute("DELETE FROM executions WHERE status = 'queued'")
    op.execute(_DROP_LIBRARY)
    _say_statuses("running, suspended, completed, failed or cancelled")


def _say_statuses(comment: str) -> None:
    op.alter_column("executions", "status", existing_type=sa.Text(), existing_nullable=False, comment=comment)
