"""From an agent's settings to functions that can be called; one that cannot says why instead of being left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.agents.agent import Agent, Function
from core.agents.agent_function import agent_function
from core.agents.built_in import BUILT_IN
from core.agents.errors import FunctionError
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts
from core.agents.handoff import HandoffFunction, handoff_facts
from core.agents.hosts import beyond
from core.agents.kit import Kit
from core.agents.structured import FINAL_ANSWER
from core.agents.workflow_function import workflow_function
from core.engine.errors import StepError
from core.engine.services import WorkflowSource
from core.engine.step_type import StepTypes
from core.store.conversation_records import ConversationSource

if TYPE_CHECKING:
    from core.agents.mcp.tool import McpTool
    from core.agents.mcp_function import ToolServers

TAKEN = BUILT_IN | {FINAL_ANSWER}
"""Names of functions that an agent cannot give to its own."""


class Unavailable:
    """Stands for a function that cannot be called now."""

    def __init__(self, function: Function, why: str) -> None:
        self.facts = FunctionFacts(
            function.name, function.description, kind=function.kind, source=function.target, trouble=why
        )

    async def call(self, arguments: object, context: CallContext) -> CallResult:
        """Never."""
        raise FunctionError(self.facts.trouble, kind="unavailable")


class FunctionSet:
    """The FunctionSource of a workspace.

    kit: of the turns that delegations make. servers: gives the MCP servers when an agent uses one, None for none.
    """

    def __init__(
        self,
        *,
        types: StepTypes,
        workflows: WorkflowSource | None,
        conversations: ConversationSource,
        kit: Callable[[], Kit],
        servers: Callable[[], ToolServers] | None = None,
    ) -> None:
        self._types = types
        self._workflows = workflows
        self._conversations = conversations
        self._kit = kit
        self._servers = servers

    async def functions_of(self, agent: Agent, depth: int) -> Sequence[CallableFunction]:
        """The agent's own functions, then the agreed tools of its servers. Names are unique."""
        listing = _Listing(self._servers)
        made: dict[str, CallableFunction] = {}
        for function in agent.functions:
            if not function.enabled or function.name in made:
                continue
            if function.name in TAKEN:
                made[function.name] = Unavailable(function, f"{function.name} is the name of a built-in function.")
            else:
                made[function.name] = await self._made(agent, function, depth, listing)
        for server in agent.servers:
            for tool in await listing.offered(server, agent.hosts):
                made.setdefault(tool.facts.name, tool)
        return list(made.values())

    async def _made(self, agent: Agent, function: Function, depth: int, listing: _Listing) -> CallableFunction:
        if not function.target:
            return Unavailable(function, "It is not said what it calls.")
        try:
            match function.kind:
                case "workflow":
                    if self._workflows is None:
                        raise FunctionError("No library of workflows is connected here.")  # noqa: TRY301 - told below
                    return await workflow_function(function, self._types, self._workflows, hosts=agent.hosts)
                case "python":
                    from core.agents.python_function import python_function

                    made = python_function(function)
                    if made.facts.outward and (why := beyond((), agent.hosts, is_program=True)):
                        return Unavailable(function, why)
                    return made
                case "mcp":
                    return await listing.function(function, agent.hosts)
                case "agent" if function.handoff:
                    facts = handoff_facts(function.name, function.target, function.description, function.policy)
                    return HandoffFunction(facts, function.target, self._kit().agents)
                case "agent":
                    return agent_function(function, self._kit, self._conversations, depth)
        except (FunctionError, StepError) as error:
            return Unavailable(function, error.message)


class _Listing:
    """What the MCP servers offer, each asked once and only if an agent uses it."""

    def __init__(self, servers: Callable[[], ToolServers] | None) -> None:
        self._get = servers
        self._tools: dict[str, Sequence[McpTool]] = {}

    async def function(self, function: Function, hosts: Sequence[str]) -> CallableFunction:
        """The tool that a function names as `server/tool`. hosts: all that may be reached. Raises FunctionError."""
        from core.agents.mcp_function import mcp_function

        server, slash, name = function.target.partition("/")
        if not slash:
            raise FunctionError(f"{function.target!r} names no tool. Write server/tool.", kind="not_found")
        for tool in await self._listed(server, hosts):
            if tool.name == name:
                return mcp_function(function, tool, self._servers())
        raise FunctionError(f"The MCP server {server!r} offers no tool {name!r}.", kind="not_found")

    async def offered(self, server: str, hosts: Sequence[str]) -> Sequence[CallableFunction]:
        """All tools of a server; of one that cannot be reached a function that says so."""
        from core.agents.mcp_function import offered_function

        try:
            return [offered_function(tool, self._servers()) for tool in await self._listed(server, hosts)]
        except FunctionError as error:
            return [Unavailable(Function(f"{server}__tools", kind="mcp", target=server), error.message)]

    async def _listed(self, server: str, hosts: Sequence[str]) -> Sequence[McpTool]:
        from core.agents.mcp.errors import McpError

        if server not in self._tools:
            try:
                if hosts:
                    self._refuse_beyond(await self._servers().host(server), hosts)
                self._tools[server] = await self._servers().tools(server)
            except McpError as error:
                raise FunctionError(str(error), kind=error.code) from None
        return self._tools[server]

    def _refuse_beyond(self, host: str | None, hosts: Sequence[str]) -> None:
        """Raises FunctionError for a server that the agent may not reach; it is not even started."""
        reached = None if host is None else [host] if host else []
        if why := beyond(reached, hosts, is_program=host == ""):
            raise FunctionError(why, kind="unavailable")

    def _servers(self) -> ToolServers:
        if self._get is None:
            raise FunctionError("No MCP servers are connected here.", kind="unavailable")
        return self._get()
