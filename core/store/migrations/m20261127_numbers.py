"""What makes the numbers of the monitoring panel quick with a hundred thousand runs and messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_numbers"
down_revision: str | None = "m20261127_spread"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find what chats cost since a time by the index alone; let counts that grow stay on their page."""
    op.create_index(
        "ix_messages_paid",
        "messages",
        ["created"],
        postgresql_where=sa.text("cost_usd > 0 AND run_id IS NULL"),
        postgresql_include=["conversation_id", "cost_usd"],
    )
    op.execute("ALTER TABLE step_statistics SET (fillfactor = 60)")


def downgrade() -> None:
    """Read all messages again."""
    op.execute("ALTER TABLE step_statistics RESET (fillfactor)")
    op.drop_index("ix_messages_paid", table_name="messages")
