"""How often a token may be used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "m20261127_token_rates"
down_revision: str | None = "m20261127_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "api_tokens",
        sa.Column("rate", sa.Text(), server_default="", nullable=False, comment="requests at most, such as 60/1m"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_column("api_tokens", "rate")
