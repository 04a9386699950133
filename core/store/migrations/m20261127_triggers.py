"""Publishing workflows and switching them on; schedules as a row of every active scheduled workflow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "m20261127_triggers"
down_revision: str | None = "m20261127_tokens"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_WORKFLOW = "fk_schedules_workflow_id"


def upgrade() -> None:
    """Add the columns of publishing. The schedules of before were never used and are made anew."""
    published = "the version that triggers run; null: none"
    address = "method and path of calls that only one active workflow may answer; '': none"
    op.add_column("workflows", sa.Column("published_version", sa.Integer(), nullable=True, comment=published))
    op.add_column(
        "workflows",
        sa.Column(
            "is_active", sa.Boolean(), server_default="false", nullable=False, comment="whether its trigger starts it"
        ),
    )
    op.add_column(
        "workflows", sa.Column("trigger_address", sa.Text(), server_default="", nullable=False, comment=address)
    )
    op.create_index(
        op.f("uq_workflows_trigger_address"),
        "workflows",
        ["trigger_address"],
        unique=True,
        postgresql_where=sa.text("is_active AND trigger_address <> ''"),
    )
    op.create_index(op.f("ix_workflows_active"), "workflows", ["id"], postgresql_where=sa.text("is_active"))
    op.drop_table("schedules")
    op.create_table(
        "schedules",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), nullable=True, comment="the time that comes next; null: none does"
        ),
        sa.Column(
            "due_at", sa.DateTime(timezone=True), nullable=True, comment="when it is looked at: next_at and its jitter"
        ),
        sa.Column("delayed", sa.Boolean(), server_default="false", nullable=False, comment="due_at has its jitter"),
        sa.Column("paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True, comment="the time that came last"),
        sa.Column("last_run_id", sa.Text(), server_default="", nullable=False, comment="the run it started last"),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False, comment="what became of last_at, in words"),
        sa.Column("created", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f(_WORKFLOW), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workflow_id", name=op.f("pk_schedules")),
        comment="When active workflows run by themselves.",
    )
    op.create_index(op.f("ix_schedules_due_at"), "schedules", ["due_at"], postgresql_where=sa.text("NOT paused"))


def downgrade() -> None:
    """Take them back: nothing is active any more."""
    op.drop_table("schedules")
    op.drop_index(op.f("ix_workflows_active"), table_name="workflows")
    op.drop_index(op.f("uq_workflows_trigger_address"), table_name="workflows")
    for name in ("trigger_address", "is_active", "published_version"):
        op.drop_column("workflows", name)
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("expression", sa.Text(), nullable=False, comment="five cron fields"),
        sa.Column("zone", sa.Text(), server_default="UTC", nullable=False, comment="IANA name of the time zone"),
        sa.Column("inputs", JSON(none_as_null=True), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_id", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f(_WORKFLOW), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        comment="When workflows run by themselves.",
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"], postgresql_where=sa.text("enabled"))
    op.create_index(op.f("ix_schedules_workflow_id"), "schedules", ["workflow_id"])
