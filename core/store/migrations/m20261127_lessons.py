"""Turns of conversations that agents have yet to learn from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_lessons"
down_revision: str | None = "m20261127_statistics"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "memory_lessons",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True, comment="whose memory; null: the shared one"),
        sa.Column("conversation", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False, comment="the message that the turn began with"),
        sa.Column("who", sa.Text(), server_default="", nullable=False, comment="name of the person"),
        sa.Column("said", sa.Text(), nullable=False, comment="by the person"),
        sa.Column("answered", sa.Text(), nullable=False, comment="by the agent"),
        sa.Column("recalled", sa.ARRAY(sa.Uuid()), nullable=False, comment="memories that were at hand"),
        sa.Column("tainted", sa.Boolean(), nullable=False, comment="content from outside was at hand"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("taken", sa.DateTime(timezone=True), nullable=True, comment="since when somebody learns from it"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_memory_lessons_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memory_lessons")),
        sa.UniqueConstraint("conversation", "message", name=op.f("uq_memory_lessons_conversation_message")),
        comment="Turns that agents have yet to learn from; rows are removed when that is done.",
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("memory_lessons")
