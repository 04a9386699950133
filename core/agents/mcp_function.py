"""Tools of MCP servers as functions. Their descriptions and results are the server's own word: untrusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.agents.agent import Function
from core.agents.errors import FunctionError
from core.agents.functions import CallContext, CallResult, FunctionFacts, effective_policy
from core.agents.made_files import MadeFile
from core.agents.mcp.errors import CallTimedOut, McpError, ServerLost
from core.agents.mcp.exchange import McpProgress, McpResult, ProgressListener
from core.agents.mcp.tool import McpTool
from core.engine.step_type import Effect
from core.workflow.model import Json


class ToolServers(Protocol):
    """The MCP servers, as far as functions need them."""

    async def host(self, server: str) -> str | None:
        """The host that a server is at; '' for a program on this machine, None if it is decided as it starts.

        Raises McpError.
        """

    async def tools(self, server: str) -> Sequence[McpTool]:
        """What a server offers now. Raises McpError."""

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Json] | None = None,
        *,
        hash: str = "",
        progress: ProgressListener | None = None,
        timeout: float | None = None,
        key: str = "",
    ) -> McpResult:
        """Call a tool that somebody agreed to. Raises McpError."""


class McpFunction:
    """Calls a tool as it was described when it was agreed to."""

    def __init__(self, facts: FunctionFacts, tool: McpTool, servers: ToolServers) -> None:
        self.facts = facts
        self._tool = tool
        self._servers = servers

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Call it. Raises FunctionError, also for what the tool itself calls a failure."""

        def progress(news: McpProgress) -> None:
            context.progress(news.message, news.done, news.total)

        tool = self._tool
        try:
            result = await self._servers.call(
                tool.server,
                tool.name,
                arguments,
                hash=tool.hash,
                progress=progress,
                timeout=self.facts.timeout,
                key=context.idempotency_key,
            )
        except (ServerLost, CallTimedOut) as error:
            raise FunctionError(f"{error} Whether it took effect is not known.", kind="unknown_outcome") from None
        except McpError as error:
            raise FunctionError(str(error), kind=error.code) from None
        if result.is_error:
            raise FunctionError(result.text or f"{tool.name} failed and does not say why.", kind="tool")
        return CallResult(_shown(result), files=_files(result))


def mcp_function(function: Function, tool: McpTool, servers: ToolServers) -> McpFunction:
    """The function for a tool, set up by an agent."""
    return McpFunction(_facts(tool, function), tool, servers)


def offered_function(tool: McpTool, servers: ToolServers) -> McpFunction:
    """The function for a tool of a server that an agent uses as a whole."""
    return McpFunction(_facts(tool, Function(tool.wire_name, kind="mcp")), tool, servers)


def _facts(tool: McpTool, function: Function) -> FunctionFacts:
    effect: Effect = "reads" if tool.read_only_hint and not tool.destructive_hint else "writes"
    return FunctionFacts(
        name=function.name,
        description=function.description or tool.description,
        kind="mcp",
        source=f"{tool.server}/{tool.name}",
        parameters=function.parameters if function.parameters is not None else tool.parameters,
        effect=effect,
        policy=effective_policy(function.policy, effect, is_foreign=True),
        parallel=function.parallel,
        untrusted=True,
        outward=True,
        resumable=bool(tool.idempotent_hint),
        timeout=function.timeout_s,
        trouble=_trouble(tool),
    )


def _trouble(tool: McpTool) -> str:
    match tool.state:
        case "new":
            return f"Nobody has agreed to the tool {tool.name} of {tool.server} yet. A person has to look at it first."
        case "changed":
            return (
                f"{tool.server} describes its tool {tool.name} otherwise than when it was agreed to. A person has to "
                "look at it again."
            )
        case _:
            return ""


def _files(result: McpResult) -> tuple[MadeFile, ...]:
    return tuple(MadeFile(file.data, file.media_type, file.name) for file in (*result.images, *result.files))


def _shown(result: McpResult) -> Json:
    """The text, or the structured part where there is no text; pictures and files by their names."""
    remarks = [f"[a file: {file.name or file.media_type}]" for file in (*result.images, *result.files)]
    if not result.text and result.structured is not None and not remarks:
        return result.structured
    return "\n".join([result.text, *remarks]).strip()
