"""Where agreements to tools are kept: by server and tool, the description that a person agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from core.agents.mcp.tool import AgreedTool
from core.store.agreed_tools import AgreedTools, StoredTool


class Agreements(Protocol):
    """Keeps what was agreed to."""

    async def of(self, server: str) -> Mapping[str, AgreedTool]:
        """The agreements to tools of a server, by tool."""

    async def keep(self, server: str, tool: AgreedTool) -> None:
        """Keep an agreement instead of an earlier one to the same tool."""

    async def forget(self, server: str, tool: str = "") -> None:
        """Forget the agreement to a tool, or to all tools of a server."""


class MemoryAgreements:
    """Agreements that end with the program."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, AgreedTool]] = {}

    async def of(self, server: str) -> Mapping[str, AgreedTool]:
        """The agreements to tools of a server, by tool."""
        return dict(self._kept.get(server, {}))

    async def keep(self, server: str, tool: AgreedTool) -> None:
        """Keep an agreement instead of an earlier one to the same tool."""
        self._kept.setdefault(server, {})[tool.tool] = tool

    async def forget(self, server: str, tool: str = "") -> None:
        """Forget the agreement to a tool, or to all tools of a server."""
        if tool:
            self._kept.get(server, {}).pop(tool, None)
        else:
            self._kept.pop(server, None)


class StoredAgreements:
    """Agreements in the database."""

    def __init__(self, stored: AgreedTools) -> None:
        self._stored = stored

    async def of(self, server: str) -> Mapping[str, AgreedTool]:
        """The agreements to tools of a server, by tool."""
        kept = await self._stored.of(server)
        return {each.tool: AgreedTool(each.tool, each.hash, each.description, each.approved) for each in kept}

    async def keep(self, server: str, tool: AgreedTool) -> None:
        """Keep an agreement instead of an earlier one to the same tool."""
        await self._stored.keep(server, StoredTool(tool.tool, tool.hash, tool.text, tool.approved))

    async def forget(self, server: str, tool: str = "") -> None:
        """Forget the agreement to a tool, or to all tools of a server."""
        await self._stored.forget(server, tool)
