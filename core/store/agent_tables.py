"""The tables of agents. Their history is in `core.store.migrations`."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.store.tables import Base

_NOW = text("now()")


class AgentRow(Base):
    """An agent of the library."""

    __tablename__ = "agents"
    __table_args__ = (
        Index("uq_agents_name", "name", unique=True, postgresql_where=text("deleted_at IS NULL")),
        CheckConstraint("version >= 1", name="ck_agents_version"),
        {"comment": "Agents: a model with instructions, functions and memory."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    name: Mapped[str] = mapped_column(comment="unique among the agents that are not deleted")
    version: Mapped[int] = mapped_column(server_default="1", comment="number of the newest version")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)
    updated: Mapped[datetime] = mapped_column(server_default=_NOW, comment="when the newest version was saved")
    deleted_at: Mapped[datetime | None] = mapped_column(comment="set: in the bin, can be restored")


class AgentVersionRow(Base):
    """One save of an agent."""

    __tablename__ = "agent_versions"
    __table_args__ = (
        CheckConstraint("number >= 1", name="ck_agent_versions_number"),
        {"comment": "Every save of every agent; rows are never changed."},
    )

    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="1, 2, 3 ...")
    document: Mapped[dict[str, Any]] = mapped_column(comment="the agent's file as JSON; the order of its keys is kept")
    hash: Mapped[str] = mapped_column(comment="SHA-256 of the document's text, in hex")
    author: Mapped[str] = mapped_column(server_default="")
    note: Mapped[str] = mapped_column(server_default="", comment="why it was saved, in the author's words")
    created: Mapped[datetime] = mapped_column(server_default=_NOW)


class AgentFunctionRow(Base):
    """A function of an agent's newest version, so that one sees which agents use a workflow."""

    __tablename__ = "agent_functions"
    __table_args__ = (
        Index("ix_agent_functions_kind_target", "kind", "target"),
        {"comment": "What the newest version of every agent can do, taken from its document."},
    )

    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, comment="0, 1, 2 ... in the document")
    name: Mapped[str] = mapped_column(comment="as the model calls it")
    kind: Mapped[str] = mapped_column(comment="workflow, python, mcp or agent")
    target: Mapped[str] = mapped_column(comment="the workflow, module:function, server/tool or agent that it calls")


class AgentSpendingRow(Base):
    """What an agent spent at one time."""

    __tablename__ = "agent_spending"
    __table_args__ = (
        Index("ix_agent_spending_agent_id_at", "agent_id", "at"),
        CheckConstraint("tokens_in >= 0 AND tokens_out >= 0 AND cost_usd >= 0", name="ck_agent_spending_amounts"),
        {"comment": "What agents spent, for their limits per day; stays when a conversation is deleted."},
    )

    key: Mapped[str] = mapped_column(primary_key=True, comment="message:7, call:ID ...: each counts once")
    agent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(server_default="", comment="answer, function, note, title, memory ...")
    tokens_in: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_out: Mapped[int] = mapped_column(BigInteger, server_default="0")
    cost_usd: Mapped[float] = mapped_column(server_default="0")
