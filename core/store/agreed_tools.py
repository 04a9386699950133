"""Tools of MCP servers as a person agreed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from core.store.database import Database
from core.store.tables import Base
from core.store.values import escape, unescape


class AgreedToolRow(Base):
    """A tool as somebody agreed to it."""

    __tablename__ = "agreed_tools"
    __table_args__ = (
        {
            "comment": "Tools of MCP servers as a person agreed to them; one that is described otherwise is asked "
            "about again.",
        },
    )

    server: Mapped[str] = mapped_column(primary_key=True, comment="name in mcp.json")
    tool: Mapped[str] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(comment="SHA-256 of the description, in hex")
    description: Mapped[str] = mapped_column(comment="all that the server said, canonical JSON")
    approved: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class StoredTool:
    """What was agreed to. hash: SHA-256 of `description` in hex. description: canonical JSON."""

    tool: str
    hash: str
    description: str
    approved: datetime


_tools = AgreedToolRow.__table__.c


class AgreedTools:
    """Keeps what was agreed to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, server: str) -> Sequence[StoredTool]:
        """The agreed tools of a server, by name."""
        query = select(*_tools).where(_tools.server == escape(server)).order_by(_tools.tool)

        async def work(connection: AsyncConnection) -> Sequence[StoredTool]:
            return [
                StoredTool(unescape(row.tool), row.hash, unescape(row.description), row.approved)
                for row in await connection.execute(query)
            ]

        return await self._database.run(work)

    async def keep(self, server: str, agreed: StoredTool) -> None:
        """Keep an agreement instead of an earlier one to the same tool."""
        said = {"hash": agreed.hash, "description": escape(agreed.description), "approved": agreed.approved}
        statement = insert(AgreedToolRow).values(server=escape(server), tool=escape(agreed.tool), **said)
        statement = statement.on_conflict_do_update(index_elements=["server", "tool"], set_=said)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._database.run(work)

    async def forget(self, server: str, tool: str = "") -> None:
        """Forget the agreement to a tool, or to all tools of a server."""
        statement = delete(AgreedToolRow).where(_tools.server == escape(server))
        if tool:
            statement = statement.where(_tools.tool == escape(tool))

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(statement)

        await self._database.run(work)
