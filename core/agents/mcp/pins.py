"""Where agreements to tools are kept: by server and tool, the description that a person agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from core.agents.mcp.tool import Pin


class ToolPins(Protocol):
    """Keeps what was agreed to."""

    async def of(self, server: str) -> Mapping[str, Pin]:
        """The agreements to tools of a server, by tool."""

    async def keep(self, server: str, pin: Pin) -> None:
        """Keep an agreement instead of an earlier one to the same tool."""

    async def forget(self, server: str, tool: str = "") -> None:
        """Forget the agreement to a tool, or to all tools of a server."""


class MemoryPins:
    """Agreements that end with the program."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Pin]] = {}

    async def of(self, server: str) -> Mapping[str, Pin]:
        """The agreements to tools of a server, by tool."""
        return dict(self._kept.get(server, {}))

    async def keep(self, server: str, pin: Pin) -> None:
        """Keep an agreement instead of an earlier one to the same tool."""
        self._kept.setdefault(server, {})[pin.tool] = pin

    async def forget(self, server: str, tool: str = "") -> None:
        """Forget the agreement to a tool, or to all tools of a server."""
        if tool:
            self._kept.get(server, {}).pop(tool, None)
        else:
            self._kept.pop(server, None)
