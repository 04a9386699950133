"""Tools of MCP servers that a person agreed to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_mcp"
down_revision: str | None = "m20261127_conversations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep agreements."""
    op.create_table(
        "agreed_tools",
        sa.Column("server", sa.Text(), nullable=False, comment="name in mcp.json"),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the description, in hex"),
        sa.Column("description", sa.Text(), nullable=False, comment="all that the server said, canonical JSON"),
        sa.Column("approved", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("server", "tool", name=op.f("pk_agreed_tools")),
        comment="Tools of MCP servers as a person agreed to them; one that is described otherwise is asked "
        "about again.",
    )


def downgrade() -> None:
    """Forget agreements."""
    op.drop_table("agreed_tools")
