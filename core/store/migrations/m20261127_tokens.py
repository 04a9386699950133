"""Tokens of programs that call the HTTP API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "m20261127_tokens"
down_revision: str | None = "m20261127_workers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep tokens."""
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Text(), nullable=False, comment="the part of the token that is no secret"),
        sa.Column("name", sa.Text(), nullable=False, comment="what a person calls it"),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the whole token, in hex"),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False, comment="run, read, answer, admin"),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=True, comment="NULL for never"),
        sa.Column("last_used", sa.DateTime(timezone=True), nullable=True, comment="to the minute"),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        comment="Tokens of programs that call the HTTP API.",
    )


def downgrade() -> None:
    """Forget tokens."""
    op.drop_table("api_tokens")
