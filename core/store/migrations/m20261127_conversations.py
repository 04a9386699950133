"""Conversations as trees of messages with their function calls, what models were sent, and one writer at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSON, TSVECTOR

revision = "m20261127_conversations"
down_revision: str | None = "m20261127_agents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the messages there are into branches without siblings, and add the rest."""
    # The system prompt is the agent's, not a message.
    op.execute("DELETE FROM messages WHERE role NOT IN ('user', 'assistant', 'tool')")
    _add_to_messages()
    _add_to_conversations()
    _link()
    _constrain()
    _calls()
    _requests()
    _notes()
    # Room for changed rows on the same page: these are updated soon after they are made.
    op.execute("ALTER TABLE conversations SET (fillfactor = 80)")
    op.execute("ALTER TABLE function_calls SET (fillfactor = 80)")


def downgrade() -> None:
    """Keep conversations and messages, as a line each; calls, requests and notes are lost."""
    op.execute("ALTER TABLE conversations RESET (fillfactor)")
    for table in ("conversation_notes", "model_requests", "request_parts", "function_calls"):
        op.drop_table(table)
    for name in _CONVERSATION_CHECKS:
        op.drop_constraint(name, "conversations")
    for name in _MESSAGE_CHECKS:
        op.drop_constraint(name, "messages")
    op.drop_constraint("fk_conversations_id_head", "conversations")
    op.drop_constraint(op.f("fk_messages_conversation_id_parent_id"), "messages")
    op.drop_constraint(op.f("uq_messages_key"), "messages")
    op.drop_constraint(op.f("uq_messages_conversation_id_id"), "messages")
    for name in ("ix_messages_words", "ix_messages_conversation_id_parent_id"):
        op.drop_index(name, table_name="messages")
    for name in ("uq_conversations_key", "ix_conversations_agent_id_updated"):
        op.drop_index(name, table_name="conversations")
    op.create_index(op.f("ix_messages_conversation_id_id"), "messages", ["conversation_id", "id"], unique=False)
    op.create_index(op.f("ix_conversations_agent_id"), "conversations", ["agent_id"], unique=False)
    for column in _MESSAGE_COLUMNS:
        op.drop_column("messages", column)
    for column in _CONVERSATION_COLUMNS:
        op.drop_column("conversations", column)
    op.add_column(
        "conversations",
        sa.Column(
            "summary", sa.Text(), server_default="", nullable=False, comment="of what no longer fits the context window"
        ),
    )
    op.alter_column("conversations", "id", server_default=sa.text("gen_random_uuid()"))
    op.alter_column("conversations", "updated", comment=None)
    op.alter_column("messages", "role", comment="user, assistant, system or tool")
    op.alter_column("messages", "model", comment=None)
    op.create_table_comment("conversations", "Chats with agents or models.")
    op.create_table_comment("messages", "Messages of chats, in order of their number.")


_CONVERSATION_CHECKS = {
    "ck_conversations_one_answers": "agent_id IS NULL OR workflow_name = ''",
    "ck_conversations_lease": "(lease_owner IS NULL) = (lease_expires IS NULL)",
}
_MESSAGE_CHECKS = {
    "ck_messages_role": "role IN ('user', 'assistant', 'tool')",
    "ck_messages_status": "status IN ('complete', 'partial', 'failed')",
    "ck_messages_depth": "(parent_id IS NULL) = (depth = 0)",
    "ck_messages_parent_is_older": "parent_id < id",
}
_MESSAGE_COLUMNS = (
    "parent_id", "depth", "key", "words", "status", "reason", "agent", "duration_s", "tainted", "attachments", "detail",
)  # fmt: skip
_CONVERSATION_COLUMNS = (
    "workflow_name", "title_words", "variables", "allowed", "head", "key", "labels", "forked_from", "tokens_in",
    "tokens_out", "cost_usd", "blobs", "lease_epoch", "lease_owner", "lease_expires",
)  # fmt: skip


def _words(text: str) -> str:
    """The words of a text; what would keep addresses and paths whole parts them."""
    parting = "@./:-_#+&=?%~<>"
    return f"to_tsvector('simple', translate({text}, '{parting}', '{' ' * len(parting)}'))"


def _add_to_messages() -> None:
    op.add_column(
        "messages",
        sa.Column("parent_id", sa.BigInteger(), nullable=True, comment="the message before it; null: a first one"),
    )
    op.add_column(
        "messages",
        sa.Column(
            "depth", sa.Integer(), server_default="0", nullable=False, comment="messages before it on its branch"
        ),
    )
    op.add_column(
        "messages",
        sa.Column(
            "key",
            sa.Uuid(),
            server_default=sa.text("gen_random_uuid()"),
            nullable=False,
            comment="made by the writer, so that a repeated write finds its own row",
        ),
    )
    op.add_column(
        "messages",
        sa.Column(
            "words",
            TSVECTOR(),
            sa.Computed(_words("left(text, 100000)"), persisted=True),
            nullable=False,
            comment="for word search",
        ),
    )
    op.add_column(
        "messages",
        sa.Column(
            "status", sa.Text(), server_default="complete", nullable=False, comment="complete, partial or failed"
        ),
    )
    op.add_column(
        "messages",
        sa.Column("reason", sa.Text(), server_default="", nullable=False, comment="why it is partial or failed"),
    )
    op.add_column(
        "messages",
        sa.Column(
            "agent",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="name of the agent that spoke, as it was then",
        ),
    )
    op.add_column(
        "messages", sa.Column("duration_s", sa.Double(), server_default="0", nullable=False, comment="seconds")
    )
    op.add_column(
        "messages",
        sa.Column(
            "tainted",
            sa.Boolean(),
            server_default="false",
            nullable=False,
            comment="written after reading what is not trusted",
        ),
    )
    op.add_column(
        "messages",
        sa.Column(
            "attachments",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of its files",
        ),
    )
    op.add_column(
        "messages",
        sa.Column(
            "detail",
            JSON(none_as_null=True),
            server_default=sa.text("'{}'::json"),
            nullable=False,
            comment="what else a screen shows",
        ),
    )
    op.execute("UPDATE messages SET attachments = blobs")
    op.alter_column("messages", "depth", server_default=None)
    op.alter_column("messages", "key", server_default=None)
    op.alter_column("messages", "role", comment="user, assistant or tool")
    op.alter_column("messages", "model", comment="the one that really answered")
    op.create_table_comment(
        "messages", "Messages of chats: a tree, in which those with the same parent are edits or new answers."
    )


def _add_to_conversations() -> None:
    op.add_column(
        "conversations",
        sa.Column("workflow_name", sa.Text(), server_default="", nullable=False, comment="answers instead of an agent"),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "title_words",
            TSVECTOR(),
            sa.Computed(_words("title"), persisted=True),
            nullable=False,
            comment="for word search",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "variables",
            JSON(none_as_null=True),
            server_default=sa.text("'{}'::json"),
            nullable=False,
            comment="shared by the agent and the workflows it runs",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "allowed",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="functions that need not ask any more",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column("head", sa.BigInteger(), nullable=True, comment="newest message of the branch that is shown"),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "key",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="unique name of one that belongs to a step or a call",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "labels",
            JSON(none_as_null=True),
            server_default=sa.text("'{}'::json"),
            nullable=False,
            comment="who began it, and for what",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "forked_from", sa.BigInteger(), nullable=True, comment="message of another one that it was forked at"
        ),
    )
    op.add_column(
        "conversations",
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False, comment="of all branches"),
    )
    op.add_column("conversations", sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("conversations", sa.Column("cost_usd", sa.Double(), server_default="0", nullable=False))
    op.add_column(
        "conversations",
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column(
            "lease_epoch",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="fencing token, grows with every writer",
        ),
    )
    op.add_column(
        "conversations",
        sa.Column("lease_owner", sa.Text(), nullable=True, comment="machine, process and its start; null: nobody"),
    )
    op.add_column(
        "conversations",
        sa.Column("lease_expires", sa.DateTime(timezone=True), nullable=True, comment="by the database's clock"),
    )
    op.alter_column("conversations", "id", server_default=None)
    op.alter_column("conversations", "updated", comment="when it was last written to")
    op.create_table_comment(
        "conversations", "Chats with agents or workflows. lease_*: which process may write; writes carry the epoch."
    )
    op.drop_column("conversations", "summary")


def _link() -> None:
    """Each message follows the one before it; the last one is the head."""
    op.execute(
        "UPDATE messages SET parent_id = line.parent, depth = line.depth FROM (SELECT id, "
        "lag(id) OVER whole AS parent, row_number() OVER whole - 1 AS depth FROM messages "
        "WINDOW whole AS (PARTITION BY conversation_id ORDER BY id)) AS line WHERE line.id = messages.id"
    )
    op.execute(
        "UPDATE conversations SET head = line.head, tokens_in = line.tokens_in, tokens_out = line.tokens_out, "
        "cost_usd = line.cost_usd FROM (SELECT conversation_id, max(id) AS head, sum(tokens_in) AS tokens_in, "
        "sum(tokens_out) AS tokens_out, sum(cost_usd) AS cost_usd FROM messages GROUP BY conversation_id) AS line "
        "WHERE line.conversation_id = conversations.id"
    )


def _constrain() -> None:
    op.drop_index(op.f("ix_messages_conversation_id_id"), table_name="messages")
    op.drop_index(op.f("ix_conversations_agent_id"), table_name="conversations")
    op.create_unique_constraint(op.f("uq_messages_conversation_id_id"), "messages", ["conversation_id", "id"])
    op.create_unique_constraint(op.f("uq_messages_key"), "messages", ["key"])
    op.create_index("ix_messages_conversation_id_parent_id", "messages", ["conversation_id", "parent_id"], unique=False)
    op.create_index("ix_messages_words", "messages", ["words"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_conversations_agent_id_updated",
        "conversations",
        ["agent_id", sa.literal_column("updated DESC")],
        unique=False,
    )
    op.create_index(
        "uq_conversations_key", "conversations", ["key"], unique=True, postgresql_where=sa.text("key <> ''")
    )
    op.create_foreign_key(
        op.f("fk_messages_conversation_id_parent_id"),
        "messages",
        "messages",
        ["conversation_id", "parent_id"],
        ["conversation_id", "id"],
    )
    op.create_foreign_key(
        "fk_conversations_id_head", "conversations", "messages", ["id", "head"], ["conversation_id", "id"]
    )
    for name, condition in _CONVERSATION_CHECKS.items():
        op.create_check_constraint(name, "conversations", condition)
    for name, condition in _MESSAGE_CHECKS.items():
        op.create_check_constraint(name, "messages", condition)


def _calls() -> None:
    op.create_table(
        "function_calls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False, comment="the message that asked for it"),
        sa.Column("position", sa.Integer(), nullable=False, comment="0, 1, 2 ... in the message"),
        sa.Column("wire_id", sa.Text(), nullable=False, comment="as the model named the call"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("arguments", JSON(none_as_null=True), nullable=True, comment="null: the model's JSON was broken"),
        sa.Column("raw", sa.Text(), server_default="", nullable=False, comment="the arguments' text as it came"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "reason", sa.Text(), server_default="", nullable=False, comment="why it was asked for, denied or failed"
        ),
        sa.Column("result", sa.Text(), server_default="", nullable=False, comment="as the model reads it, shortened"),
        sa.Column(
            "result_blob",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="hash of the whole text, if it was longer",
        ),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that it made"),
        sa.Column(
            "state",
            JSON(none_as_null=True),
            server_default=sa.text("'{}'::json"),
            nullable=False,
            comment="what it needs to go on",
        ),
        sa.Column(
            "tainted", sa.Boolean(), server_default="false", nullable=False, comment="the result comes from outside"
        ),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost_usd", sa.Double(), server_default="0", nullable=False),
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status IN ('denied', 'completed', 'failed', 'cancelled')) = (ended IS NOT NULL)",
            name="ck_function_calls_ended",
        ),
        sa.CheckConstraint(
            "started IS NOT NULL OR status NOT IN ('started', 'completed', 'unknown')", name="ck_function_calls_started"
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'approved', 'denied', 'started', 'completed', 'failed', 'cancelled', 'unknown')",
            name="ck_function_calls_status",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id", "message_id"],
            ["messages.conversation_id", "messages.id"],
            name=op.f("fk_function_calls_conversation_id_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_function_calls")),
        sa.UniqueConstraint("message_id", "position", name=op.f("uq_function_calls_message_id_position")),
        sa.UniqueConstraint("message_id", "wire_id", name=op.f("uq_function_calls_message_id_wire_id")),
        comment="What models wanted called. `started` is durable before the call has any effect.",
    )
    op.create_index(
        "ix_function_calls_open",
        "function_calls",
        ["conversation_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('waiting', 'approved', 'started', 'unknown')"),
    )


def _requests() -> None:
    op.create_table(
        "request_parts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of its JSON text, in hex"),
        sa.Column(
            "body", JSON(none_as_null=True), nullable=False, comment="the JSON; a string names a blob that holds it"
        ),
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_request_parts_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_parts")),
        sa.UniqueConstraint("conversation_id", "hash", name=op.f("uq_request_parts_conversation_id_hash")),
        comment="What models were sent, each part once: requests of a conversation repeat most of each other.",
    )
    op.create_table(
        "model_requests",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "body", JSON(none_as_null=True), nullable=False, comment="the request without what stands in the parts"
        ),
        sa.Column("messages", ARRAY(sa.BigInteger()), nullable=False, comment="parts, in order"),
        sa.Column("functions", ARRAY(sa.BigInteger()), nullable=False, comment="parts, in order"),
        sa.Column("sections", JSON(none_as_null=True), nullable=False, comment="list of parts with their tokens"),
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id", "message_id"],
            ["messages.conversation_id", "messages.id"],
            name=op.f("fk_model_requests_conversation_id_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_model_requests")),
        comment="What was sent to models for the messages that they answered with; without secrets.",
    )


def _notes() -> None:
    op.create_table(
        "conversation_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "key", sa.Uuid(), nullable=False, comment="made by the writer, so that a repeated write finds its own row"
        ),
        sa.Column("text", sa.Text(), nullable=False, comment="as it is sent"),
        sa.Column(
            "body",
            JSON(none_as_null=True),
            server_default=sa.text("'{}'::json"),
            nullable=False,
            comment="the same by heading",
        ),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost_usd", sa.Double(), server_default="0", nullable=False),
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("first_id <= last_id", name="ck_conversation_notes_range"),
        sa.ForeignKeyConstraint(
            ["conversation_id", "first_id"],
            ["messages.conversation_id", "messages.id"],
            name=op.f("fk_conversation_notes_conversation_id_first_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id", "last_id"],
            ["messages.conversation_id", "messages.id"],
            name=op.f("fk_conversation_notes_conversation_id_last_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_conversation_notes_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_notes")),
        sa.UniqueConstraint("key", name=op.f("uq_conversation_notes_key")),
        comment="Notes that models read instead of older messages; the messages stay.",
    )
    op.create_index(
        "ix_conversation_notes_conversation_id_last_id",
        "conversation_notes",
        ["conversation_id", "last_id"],
        unique=False,
    )
