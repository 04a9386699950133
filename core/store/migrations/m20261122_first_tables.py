"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSON, TSVECTOR

from core.store.vector import Embedding

revision = "m20261122_first_tables"
down_revision: str | None = None
branch_labels = None
depends_on = None

_ITERATIVE_SCAN = """
DO $$ BEGIN
  -- Using the type loads the extension, after which any owner of the database may set its options.
  PERFORM '[1]'::vector(1);
  -- Without this, a filtered search through the HNSW index returns next to nothing, and no error.
  EXECUTE format('ALTER DATABASE %I SET hnsw.iterative_scan = relaxed_order', current_database());
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'not the owner of the database: every connection sets hnsw.iterative_scan by itself';
END $$
"""


def upgrade() -> None:
    """Make all tables."""
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.execute(_ITERATIVE_SCAN)
    _agents()
    _blobs()
    _documents()
    _step_results()
    _workflows()
    _agent_functions()
    _agent_memories()
    _conversations()
    _executions()
    _schedules()
    _workflow_versions()
    _messages()
    # Room for changed rows on the same page: these are updated soon after they are made.
    op.execute("ALTER TABLE executions SET (fillfactor = 80)")
    op.execute("ALTER TABLE step_results SET (fillfactor = 85)")
    op.execute("ALTER TABLE agent_memories SET (fillfactor = 85)")
    # Vectors beside the row's other values: an exact search over one agent's memories takes half the time.
    op.execute("ALTER TABLE agent_memories ALTER embedding SET STORAGE PLAIN")
    # Pictures and archives are compressed already.
    op.execute("ALTER TABLE blobs ALTER bytes SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop all tables. The extension stays: other programs may use it."""
    op.drop_table("messages")
    op.drop_table("workflow_versions")
    op.drop_table("schedules")
    op.drop_table("executions")
    op.drop_table("conversations")
    op.drop_table("agent_memories")
    op.drop_table("agent_functions")
    op.drop_table("workflows")
    op.drop_table("step_results")
    op.drop_table("documents")
    op.drop_table("blobs")
    op.drop_table("agents")


def _agents() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "model", sa.Text(), server_default="", nullable=False, comment="empty: the default model of the settings"
        ),
        sa.Column("instructions", sa.Text(), server_default="", nullable=False, comment="the system prompt"),
        sa.Column(
            "options",
            JSON(none_as_null=True),
            nullable=False,
            comment="temperature and the like",
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="grows with every save"),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        comment="Agents: a model with instructions, functions and memory.",
    )
    op.create_index("uq_agents_name", "agents", ["name"], unique=True, postgresql_where=sa.text("deleted_at IS NULL"))


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 in hex"),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False, comment="the first name it came with"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes"),
        sa.Column("bytes", sa.LargeBinary(), nullable=False, comment="stored uncompressed: most media are compressed"),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "used",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was last put; new ones are not swept",
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_blobs")),
        comment="Files by their content.",
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("hash", sa.Text(), nullable=False, comment="SHA-256 of the canonical JSON text, in hex"),
        sa.Column(
            "body", JSON(none_as_null=True), nullable=False, comment="the document; the order of its keys has meaning"
        ),
        sa.Column(
            "used",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when it was last saved or run",
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_documents")),
        comment="Workflow documents, each kept once, named by the hash of its content.",
    )


def _step_results() -> None:
    op.create_table(
        "step_results",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False, comment="scope path, such as summarise_all[3]/draft"),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, 3 ..."),
        sa.Column("seq", sa.Integer(), nullable=False, comment="order of making within the run"),
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="started, completed, failed, skipped, suspended or cancelled"
        ),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, comment="why the attempt was made"),
        sa.Column("definition", sa.Text(), nullable=False, comment="hash of the step as drawn"),
        sa.Column("inputs", JSON(none_as_null=True), nullable=True, comment="the config with its templates filled in"),
        sa.Column(
            "request", JSON(none_as_null=True), nullable=True, comment="what was sent to the outside, secrets masked"
        ),
        sa.Column("output", JSON(none_as_null=True), nullable=True),
        sa.Column("ports", ARRAY(sa.Text()), nullable=False, comment="the live output ports"),
        sa.Column("variables", JSON(none_as_null=True), nullable=True, comment="workflow variables that the step set"),
        sa.Column("error", JSON(none_as_null=True), nullable=True),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("question", JSON(none_as_null=True), nullable=True, comment="what a person is asked"),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True, comment="when waiting ends by itself"),
        sa.Column("state", JSON(none_as_null=True), nullable=True, comment="what the step gets back when it goes on"),
        sa.Column(
            "answer", JSON(none_as_null=True), nullable=True, comment="what the person answered; the first one stands"
        ),
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
        sa.PrimaryKeyConstraint("run_id", "path", "attempt", name=op.f("pk_step_results")),
        comment="One row per attempt of a step.",
        postgresql_with={"fillfactor": 85},
    )


def _workflows() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="unique among the workflows that are not deleted"),
        sa.Column(
            "folder", sa.Text(), server_default="", nullable=False, comment="where it is filed: names joined by /"
        ),
        sa.Column(
            "tags",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="as in the newest document",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="number of the newest version"),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "updated",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the newest version was saved",
        ),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True, comment="set: in the bin, can be restored"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
        comment="The library of workflows.",
    )
    op.create_index(
        "uq_workflows_name", "workflows", ["name"], unique=True, postgresql_where=sa.text("deleted_at IS NULL")
    )


def _agent_functions() -> None:
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


def _agent_memories() -> None:
    op.create_table(
        "agent_memories",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True, comment="null: shared by all agents"),
        sa.Column("type", sa.Text(), nullable=False, comment="fact, preference, event, instruction ..."),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False, comment="SHA-256 of the normalised content"),
        sa.Column("importance", sa.Double(), server_default="0.5", nullable=False, comment="0 to 1"),
        sa.Column("embedding", Embedding(dimensions=1536), nullable=True),
        sa.Column(
            "embedding_model",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="embeddings of one model only compare",
        ),
        sa.Column(
            "words",
            TSVECTOR(),
            sa.Computed("to_tsvector('simple', content)", persisted=True),
            nullable=False,
            comment="for word search",
        ),
        sa.Column("source", sa.Text(), server_default="user", nullable=False, comment="user, assistant, tool or web"),
        sa.Column("source_run", sa.Text(), nullable=True),
        sa.Column("source_message", sa.BigInteger(), nullable=True),
        sa.Column(
            "confirmed",
            sa.Boolean(),
            server_default="true",
            nullable=False,
            comment="false: from a tool or the web, unconfirmed",
        ),
        sa.Column(
            "pinned", sa.Boolean(), server_default="false", nullable=False, comment="always recalled, never forgotten"
        ),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True, comment="null: holds"),
        sa.Column("superseded_by", sa.Uuid(), nullable=True),
        sa.Column("access_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "last_accessed",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="not indexed, so that touching is cheap",
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_agent_memories_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["superseded_by"], ["agent_memories.id"], name=op.f("fk_agent_memories_superseded_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_memories")),
        comment="What agents remember.",
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("ix_agent_memories_agent_id", "agent_memories", ["agent_id"], unique=False)
    op.create_index(
        "ix_agent_memories_embedding",
        "agent_memories",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_with={"m": 16, "ef_construction": 64},
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
    op.create_index(op.f("ix_agent_memories_superseded_by"), "agent_memories", ["superseded_by"], unique=False)
    op.create_index("ix_agent_memories_words", "agent_memories", ["words"], unique=False, postgresql_using="gin")
    op.create_index(
        "uq_agent_memories_content",
        "agent_memories",
        ["agent_id", "content_hash"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
        postgresql_nulls_not_distinct=True,
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "summary", sa.Text(), server_default="", nullable=False, comment="of what no longer fits the context window"
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_conversations_agent_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        comment="Chats with agents or models.",
    )
    op.create_index(op.f("ix_conversations_agent_id"), "conversations", ["agent_id"], unique=False)
    op.create_index(op.f("ix_conversations_updated"), "conversations", ["updated"], unique=False)


def _executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workflow_name", sa.Text(), nullable=False, comment="follows the workflow when it is renamed"),
        sa.Column("document_hash", sa.Text(), nullable=False, comment="what was run"),
        sa.Column("inputs", JSON(none_as_null=True), nullable=False),
        sa.Column(
            "origin", sa.Text(), server_default="", nullable=False, comment="folder that relative names start from"
        ),
        sa.Column("labels", JSON(none_as_null=True), nullable=False, comment="who asked for the run"),
        sa.Column("status", sa.Text(), nullable=False, comment="running, suspended, completed, failed or cancelled"),
        sa.Column("outputs", JSON(none_as_null=True), nullable=True),
        sa.Column("error", JSON(none_as_null=True), nullable=True),
        sa.Column("error_path", sa.Text(), server_default="", nullable=False, comment="the step that failed"),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True, comment="when a suspended run's time comes"),
        sa.Column("tokens_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cost_usd", sa.Double(), server_default="0", nullable=False),
        sa.Column(
            "duration_s",
            sa.Double(),
            server_default="0",
            nullable=False,
            comment="seconds of work, suspensions left out",
        ),
        sa.Column(
            "resumable", sa.Boolean(), server_default="false", nullable=False, comment="cancelled, but may go on"
        ),
        sa.Column(
            "blobs",
            ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="hashes of the blobs it names",
        ),
        sa.Column("lease_epoch", sa.Integer(), nullable=False, comment="fencing token, grows with every owner"),
        sa.Column("lease_owner", sa.Text(), nullable=True, comment="machine, process and its start; null: nobody"),
        sa.Column("lease_expires", sa.DateTime(timezone=True), nullable=True, comment="by the database's clock"),
        sa.ForeignKeyConstraint(["document_hash"], ["documents.hash"], name=op.f("fk_executions_document_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        comment="Runs. lease_*: which process executes the run; every write must carry the current epoch.",
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_executions_created", "executions", [sa.literal_column("created DESC")], unique=False)
    op.create_index(op.f("ix_executions_document_hash"), "executions", ["document_hash"], unique=False)
    op.create_index(
        "ix_executions_unfinished",
        "executions",
        ["status"],
        unique=False,
        postgresql_where=sa.text("status IN ('running', 'suspended')"),
    )
    op.create_index(
        "ix_executions_wake_at",
        "executions",
        ["wake_at"],
        unique=False,
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_index(
        "ix_executions_workflow_name_created",
        "executions",
        ["workflow_name", sa.literal_column("created DESC")],
        unique=False,
    )


def _schedules() -> None:
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
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_schedules_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        comment="When workflows run by themselves.",
    )
    op.create_index("ix_schedules_next_at", "schedules", ["next_at"], unique=False, postgresql_where=sa.text("enabled"))
    op.create_index(op.f("ix_schedules_workflow_id"), "schedules", ["workflow_id"], unique=False)


def _workflow_versions() -> None:
    op.create_table(
        "workflow_versions",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, 3 ..."),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "note", sa.Text(), server_default="", nullable=False, comment="why it was saved, in the author's words"
        ),
        sa.Column("created", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["document_hash"], ["documents.hash"], name=op.f("fk_workflow_versions_document_hash")),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_workflow_versions_workflow_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workflow_id", "number", name=op.f("pk_workflow_versions")),
        comment="Every save of every workflow; rows are never changed.",
    )
    op.create_index(op.f("ix_workflow_versions_document_hash"), "workflow_versions", ["document_hash"], unique=False)


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="user, assistant, system or tool"),
        sa.Column("text", sa.Text(), server_default="", nullable=False, comment="for reading and searching"),
        sa.Column(
            "body",
            JSON(none_as_null=True),
            nullable=False,
            comment="the message as the model's server wants it back, verbatim",
        ),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True, comment="the run that made it"),
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
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        comment="Messages of chats, in order of their number.",
    )
    op.create_index("ix_messages_conversation_id_id", "messages", ["conversation_id", "id"], unique=False)
    op.create_index(op.f("ix_messages_run_id"), "messages", ["run_id"], unique=False)
