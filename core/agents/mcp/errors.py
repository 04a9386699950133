"""What can go wrong with MCP servers. Texts are for a person, free of secrets, and name the next move.

McpError
├── BadConfiguration     the configuration cannot be read, or an entry in it makes no sense
├── UnknownServer        no server of that name is configured, or it is switched off
├── ServerUnavailable    it could not be started, reached or spoken to
│   ├── CommandMissing   its program is not installed here
│   └── NotSignedIn      it wants a sign-in, or refuses the one it got
├── ServerLost           it went away while a call was under way: what the call did is not known
├── ToolNotFound         the server offers no tool of that name
├── ToolNotApproved      nobody has agreed to the tool as the server describes it now
├── CallTimedOut         no answer in time; the server was told to stop
└── CallRefused          the server answered with an error of the protocol, not with a result
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.agents.mcp.tool import McpTool


class McpError(Exception):
    """Something about an MCP server did not work."""

    code = "mcp"


class BadConfiguration(McpError):
    """The configuration of the MCP servers cannot be read, or an entry makes no sense."""

    code = "mcp_configuration"


class UnknownServer(McpError):
    """No MCP server of that name is configured, or it is switched off."""

    code = "mcp_unknown_server"


class ServerUnavailable(McpError):
    """A server could not be started, reached or spoken to. permanent: trying again alone will not help."""

    code = "mcp_unavailable"

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class CommandMissing(ServerUnavailable):
    """The program that a server needs is not installed here. command: its name."""

    code = "mcp_command_missing"

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message, permanent=True)
        self.command = command


class NotSignedIn(ServerUnavailable):
    """A server wants a sign-in, or refuses the one it got."""

    code = "mcp_not_signed_in"

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class ServerLost(McpError):
    """A server went away while a call was under way. What the call did there is not known; it is never repeated."""

    code = "mcp_server_lost"


class ToolNotFound(McpError):
    """A server offers no tool of that name."""

    code = "mcp_tool_not_found"


class ToolNotApproved(McpError):
    """Nobody has agreed to a tool as its server describes it now. tool: that description, and the agreed one."""

    code = "mcp_tool_not_approved"

    def __init__(self, message: str, tool: McpTool) -> None:
        super().__init__(message)
        self.tool = tool


class CallTimedOut(McpError):
    """A server did not answer in time. It was told to stop; whether it had an effect before that is not known."""

    code = "mcp_timeout"


class CallRefused(McpError):
    """A server answered a call with an error of the protocol: arguments it cannot use, or a fault of its own."""

    code = "mcp_call_refused"
