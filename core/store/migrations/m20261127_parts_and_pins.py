"""Runs of a part of a workflow, and outputs that stand instead of running a step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSON

revision = "m20261127_parts_and_pins"
down_revision: str | None = "m20261122_first_tables"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say of a run what it executes, and keep pins."""
    op.add_column(
        "executions",
        sa.Column(
            "part",
            JSON(none_as_null=True),
            nullable=True,
            comment="what of the workflow it executes and was given; null: all, nothing",
        ),
    )
    op.create_table(
        "pins",
        sa.Column("workflow", sa.Text(), nullable=False, comment="name in the library, or path of its file"),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("output", JSON(none_as_null=True), nullable=False),
        sa.Column("ports", ARRAY(sa.Text()), nullable=True, comment="the live output ports; null: all of its type's"),
        sa.Column("variables", JSON(none_as_null=True), nullable=False, comment="workflow variables that it sets"),
        sa.Column("blobs", ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False,
                  comment="hashes of the blobs it names"),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("workflow", "step_id", name=op.f("pk_pins")),
        comment="Outputs that a person pinned: runs from the window take them instead of running the step.",
    )  # fmt: skip


def downgrade() -> None:
    """Forget parts and pins."""
    op.drop_table("pins")
    op.drop_column("executions", "part")
