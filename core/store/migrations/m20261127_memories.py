"""Memories with a state, a source in full and a history; searches that look at one agent's memories only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIT, TSVECTOR

revision = "m20261127_memories"
down_revision: str | None = "m20261127_parts_and_pins"
branch_labels = None
depends_on = None

_TABLE = "agent_memories"
_WORDS = "array_to_tsvector(ARRAY['@' || coalesce(agent_id::text, 'shared')]) || to_tsvector('simple', content)"


def upgrade() -> None:
    """Add what is new, keep what was remembered."""
    _drop_indexes(
        "ix_agent_memories_agent_id",
        "ix_agent_memories_embedding",
        "ix_agent_memories_words",
        "uq_agent_memories_content",
    )
    _change_columns()
    _add_columns()
    _make_indexes()
    _make_changes()
    op.execute(
        "INSERT INTO memory_changes (memory_id, kind, cause, at, content, type, importance, state, pinned) "
        "SELECT id, 'made', 'kept before changes were', created, content, type, importance, state, pinned "
        "FROM agent_memories"
    )
    # Beside the row and not in it: a touched row stays small and finds room on its own page, which spares every index.
    # Searches read the sketches in their index and only a few whole embeddings.
    op.execute("ALTER TABLE agent_memories ALTER embedding SET STORAGE EXTERNAL")
    # The index of sketches answers alone for pages that were vacuumed since they last changed.
    op.execute(
        "ALTER TABLE agent_memories SET (autovacuum_vacuum_scale_factor = 0.02, "
        "autovacuum_vacuum_insert_scale_factor = 0.02)"
    )


def downgrade() -> None:
    """Take the history, states and sources away; what was forgotten or replaced stays as no longer valid."""
    op.execute(
        "ALTER TABLE agent_memories RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)"
    )
    op.execute("ALTER TABLE agent_memories ALTER embedding SET STORAGE PLAIN")
    op.drop_table("memory_changes")
    _drop_indexes(
        "ix_agent_memories_content",
        "uq_agent_memories_content",
        "ix_agent_memories_sketch",
        "ix_agent_memories_words",
        "ix_agent_memories_pinned",
        "ix_agent_memories_fact_key",
        "ix_agent_memories_embedding_model",
        "ix_agent_memories_created",
        "ix_agent_memories_embedding",
    )
    _change_columns_back()
    op.create_index("ix_agent_memories_agent_id", _TABLE, ["agent_id"])
    op.create_index("ix_agent_memories_words", _TABLE, ["words"], postgresql_using="gin")
    op.execute(
        "CREATE UNIQUE INDEX uq_agent_memories_content ON agent_memories (agent_id, content_hash) "
        "NULLS NOT DISTINCT WHERE valid_to IS NULL"
    )
    op.execute(
        "CREATE INDEX ix_agent_memories_embedding ON agent_memories USING hnsw (embedding vector_cosine_ops) "
        "WITH (m = 16, ef_construction = 64)"
    )


def _drop_indexes(*names: str) -> None:
    for name in names:
        op.drop_index(name, table_name=_TABLE)


def _change_columns() -> None:
    op.drop_column(_TABLE, "words")
    op.alter_column(
        _TABLE,
        "source_message",
        type_=sa.Text(),
        existing_type=sa.BigInteger(),
        postgresql_using="source_message::text",
    )
    op.alter_column(
        _TABLE,
        "source",
        comment="user, assistant, run, tool, web, mcp or file",
        existing_comment="user, assistant, tool or web",
    )
    op.alter_column(_TABLE, "type", comment="conversation, fact or learned")
    # What there were of other types were facts by another name.
    op.execute("UPDATE agent_memories SET type = 'fact' WHERE type NOT IN ('conversation', 'fact', 'learned')")


def _add_columns() -> None:
    op.add_column(
        _TABLE,
        sa.Column(
            "sketch",
            BIT(1536),
            sa.Computed("binary_quantize(embedding)::bit(1536)", persisted=True),
            nullable=True,
            comment="the signs of the embedding's numbers",
        ),
    )
    op.add_column(
        _TABLE,
        sa.Column("words", TSVECTOR(), sa.Computed(_WORDS, persisted=True), nullable=False, comment="for word search"),
    )
    op.add_column(
        _TABLE,
        sa.Column(
            "fact_key",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="what a fact of which one only can hold is about",
        ),
    )
    op.add_column(
        _TABLE,
        sa.Column(
            "state",
            sa.Text(),
            server_default="live",
            nullable=False,
            comment="live, quarantined, replaced or forgotten",
        ),
    )
    op.execute(
        "UPDATE agent_memories SET state = CASE WHEN superseded_by IS NOT NULL THEN 'replaced' "
        "WHEN valid_to IS NOT NULL THEN 'forgotten' WHEN NOT confirmed THEN 'quarantined' ELSE 'live' END"
    )
    op.drop_column(_TABLE, "confirmed")
    op.add_column(
        _TABLE, sa.Column("source_who", sa.Text(), server_default="", nullable=False, comment="name of who said it")
    )
    op.add_column(_TABLE, sa.Column("source_conversation", sa.Text(), nullable=True))


def _make_indexes() -> None:
    op.create_index("ix_agent_memories_content", _TABLE, ["agent_id", "content_hash"])
    op.execute(
        "CREATE UNIQUE INDEX uq_agent_memories_content ON agent_memories (agent_id, content_hash) "
        "NULLS NOT DISTINCT WHERE state IN ('live', 'quarantined')"
    )
    op.execute(
        "CREATE INDEX ix_agent_memories_sketch ON agent_memories (agent_id, embedding_model) INCLUDE (id, sketch) "
        "WHERE state = 'live'"
    )
    op.create_index("ix_agent_memories_words", _TABLE, ["words"], postgresql_using="gin")
    op.execute("CREATE INDEX ix_agent_memories_pinned ON agent_memories (agent_id) WHERE pinned AND state = 'live'")
    op.execute(
        "CREATE INDEX ix_agent_memories_fact_key ON agent_memories (agent_id, fact_key) "
        "WHERE fact_key <> '' AND state = 'live'"
    )
    op.create_index("ix_agent_memories_embedding_model", _TABLE, ["embedding_model"])
    op.execute("CREATE INDEX ix_agent_memories_created ON agent_memories (created DESC)")
    op.execute(
        "CREATE INDEX ix_agent_memories_embedding ON agent_memories "
        "USING hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops) WITH (m = 16, ef_construction = 64) "
        "WHERE state = 'live'"
    )


def _make_changes() -> None:
    op.create_table(
        "memory_changes",
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("memory_id", sa.Uuid(), nullable=False, comment="may be gone: what was erased leaves a last line"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="made, repeated, edited, replaced, forgotten, confirmed, erased ...",
        ),
        sa.Column("cause", sa.Text(), server_default="", nullable=False, comment="why, in words"),
        sa.Column("who", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "content", sa.Text(), nullable=False, comment="as it was after the change, like the columns that follow"
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("importance", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_memory_changes")),
        comment="What happened to every memory, and why.",
    )
    op.create_index("ix_memory_changes_memory_id_number", "memory_changes", ["memory_id", "number"])


def _change_columns_back() -> None:
    op.add_column(
        _TABLE,
        sa.Column(
            "confirmed",
            sa.Boolean(),
            server_default="true",
            nullable=False,
            comment="false: from a tool or the web, unconfirmed",
        ),
    )
    op.execute(
        "UPDATE agent_memories SET confirmed = state <> 'quarantined', "
        "valid_to = CASE WHEN state IN ('replaced', 'forgotten') THEN coalesce(valid_to, now()) ELSE valid_to END"
    )
    for name in ("words", "sketch", "fact_key", "state", "source_who", "source_conversation"):
        op.drop_column(_TABLE, name)
    op.add_column(
        _TABLE,
        sa.Column(
            "words",
            TSVECTOR(),
            sa.Computed("to_tsvector('simple', content)", persisted=True),
            nullable=False,
            comment="for word search",
        ),
    )
    op.alter_column(
        _TABLE,
        "source_message",
        type_=sa.BigInteger(),
        existing_type=sa.Text(),
        postgresql_using="CASE WHEN source_message ~ '^[0-9]{1,18}$' THEN source_message::bigint END",
    )
    op.alter_column(_TABLE, "source", comment="user, assistant, tool or web")
    op.alter_column(_TABLE, "type", comment="fact, preference, event, instruction ...")
