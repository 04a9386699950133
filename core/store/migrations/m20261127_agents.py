"""Agents as versioned documents, and what they spend."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON

revision = "m20261127_agents"
down_revision: str | None = "m20261127_memories"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep every save of an agent; turn the agents there are into documents."""
    _versions()
    _spending()
    _keep_agents()
    for column in ("description", "model", "instructions", "options"):
        op.drop_column("agents", column)
    for column, comment in _COMMENTS.items():
        op.alter_column("agents", column, comment=comment)
    op.create_check_constraint("ck_agents_version", "agents", "version >= 1")
    # What stood in the old table is in the documents now.
    op.drop_table("agent_functions")
    _functions()


def downgrade() -> None:
    """Put the newest versions back into columns; older versions, functions and what was spent are lost."""
    op.drop_table("agent_functions")
    _old_functions()
    op.drop_constraint("ck_agents_version", "agents")
    for column in _COMMENTS:
        op.alter_column("agents", column, comment="grows with every save" if column == "version" else None)
    for column, comment in _OLD_TEXTS.items():
        op.add_column("agents", sa.Column(column, sa.Text(), server_default="", nullable=False, comment=comment))
    op.add_column(
        "agents",
        sa.Column(
            "options", JSON(none_as_null=True), server_default="{}", nullable=False, comment="temperature and the like"
        ),
    )
    op.alter_column("agents", "options", server_default=None)
    op.execute(
        "UPDATE agents SET description = coalesce(v.document ->> 'description', ''), "
        "instructions = coalesce(v.document ->> 'prompt', ''), "
        "model = coalesce(v.document #>> '{model,model}', '') "
        "FROM agent_versions AS v WHERE v.agent_id = agents.id AND v.number = agents.version"
    )
    op.drop_table("agent_spending")
    op.drop_table("agent_versions")


_COMMENTS = {
    "name": "unique among the agents that are not deleted",
    "version": "number of the newest version",
    "updated": "when the newest version was saved",
    "deleted_at": "set: in the bin, can be restored",
}
_OLD_TEXTS = {
    "description": None,
    "model": "empty: the default model of the settings",
    "instructions": "the system prompt",
}


def _keep_agents() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT id, name, description, model, instructions, options, version FROM agents")
    ).all()
    for row in rows:
        model: dict[str, Any] = {"model": row.model} if row.model else {}
        for option in ("temperature", "top_p", "max_tokens"):
            if isinstance(value := row.options.get(option), int | float) and not isinstance(value, bool):
                model[option] = value
        fields = {"description": row.description, "model": model, "prompt": row.instructions}
        document = {"steploom_agent": 1, "name": row.name, **{key: value for key, value in fields.items() if value}}
        text = json.dumps(document, separators=(",", ":"))
        connection.execute(
            sa.text(
                "INSERT INTO agent_versions (agent_id, number, document, hash, note) "
                "VALUES (:id, :number, CAST(:document AS json), :hash, 'Kept from before versions were')"
            ),
            {
                "id": row.id,
                "number": max(row.version, 1),
                "document": text,
                "hash": hashlib.sha256(text.encode("ascii")).hexdigest(),
            },
        )
    op.execute("UPDATE agents SET version = 1 WHERE version < 1")


def _versions() -> None:
    op.create_table(
        "agent_versions",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, 3 ..."),
        sa.Column(
            "document",
            JSON(none_as_null=True),
            nullable=False,
            comment="the agent's file as JSON; the order of its keys is kept",
        ),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the document's text, in hex"),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "note", sa.Text(), server_default="", nullable=False, comment="why it was saved, in the author's words"
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("number >= 1", name="ck_agent_versions_number"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_versions_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "number", name=op.f("pk_agent_versions")),
        comment="Every save of every agent; rows are never changed.",
    )


def _spending() -> None:
    op.create_table(
        "agent_spending",
        sa.Column("key", sa.Text(), nullable=False, comment="message:7, call:ID ...: each counts once"),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "cause", sa.Text(), server_default="", nullable=False, comment="answer, function, note, title, memory ..."
        ),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost_usd", sa.Double(), server_default="0", nullable=False),
        sa.CheckConstraint("tokens_in >= 0 AND tokens_out >= 0 AND cost_usd >= 0", name="ck_agent_spending_amounts"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_spending_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_agent_spending")),
        comment="What agents spent, for their limits per day; stays when a conversation is deleted.",
    )
    op.create_index("ix_agent_spending_agent_id_at", "agent_spending", ["agent_id", "at"], unique=False)


def _functions() -> None:
    op.create_table(
        "agent_functions",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="0, 1, 2 ... in the document"),
        sa.Column("name", sa.Text(), nullable=False, comment="as the model calls it"),
        sa.Column("kind", sa.Text(), nullable=False, comment="workflow, python, mcp or agent"),
        sa.Column(
            "target",
            sa.Text(),
            nullable=False,
            comment="the workflow, module:function, server/tool or agent that it calls",
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_functions_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "position", name=op.f("pk_agent_functions")),
        comment="What the newest version of every agent can do, taken from its document.",
    )
    op.create_index("ix_agent_functions_kind_target", "agent_functions", ["kind", "target"], unique=False)


def _old_functions() -> None:
    op.create_table(
        "agent_functions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as the model calls it"),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="step, workflow, code or mcp"),
        sa.Column("config", JSON(none_as_null=True), nullable=False),
        sa.Column(
            "needs_approval",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="ask a person before each call",
        ),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False, comment="order in lists"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_functions_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_functions")),
        sa.UniqueConstraint("agent_id", "name", name=op.f("uq_agent_functions_agent_id_name")),
        comment="What an agent can do.",
    )
