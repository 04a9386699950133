"""The MCP servers of a workspace: what they offer, agreeing to it, and calling it. May be used from any loop.

    tools = await servers.tools("files")
    await servers.approve("files", "read_file", tools[0].hash)
    result = await servers.call("files", "read_file", {"path": "/data/a.txt"})

Servers are started when they are first used, and live until `stop` or `aclose`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from core.agents.mcp.agreements import Agreements
from core.agents.mcp.configuration import McpConfiguration
from core.agents.mcp.connection import Connection, ServerStatus
from core.agents.mcp.errors import BadConfiguration, McpError, ToolNotApproved, ToolNotFound
from core.agents.mcp.exchange import Elicit, McpResult, ProgressListener
from core.agents.mcp.foreign_files import ForeignServer
from core.agents.mcp.handover import ProgressRelay, asked_there
from core.agents.mcp.reference import references
from core.agents.mcp.secret_values import key_name
from core.agents.mcp.server_config import ServerConfig
from core.agents.mcp.sign_in import browser_sign_in
from core.agents.mcp.thread import McpThread
from core.agents.mcp.tool import AgreedTool, McpTool, described
from core.engine.clock import Clock
from core.workflow.model import Json
from core.workflow.names import nearest

T = TypeVar("T")

StatusListener: TypeAlias = Callable[[ServerStatus], None]
"""Hears of every change of a server's state. Called on the MCP thread: it must be quick and hand the news on."""

OpenPage: TypeAlias = Callable[[str], Awaitable[None]]
"""Opens an address in the person's browser; runs on the loop that gave it."""


class SecretKeeper(Protocol):
    """Where keys are: read by servers, and kept when a server is taken in."""

    async def get(self, name: str) -> str | None:
        """The key of that name, or None."""

    async def set(self, name: str, value: str) -> str:
        """Keep a key."""

    async def delete(self, name: str) -> bool:
        """Forget a key; whether there was one."""


@dataclass(slots=True)
class _Held:
    """A server in use. tools: as last listed, in that life of it."""

    connection: Connection
    tools: dict[str, McpTool]
    life: int = 0


class McpServers:
    """All configured servers. Made with what they need; `aclose` when done.

    secrets: where `${secret:NAME}` is looked up. agreements: where they are kept. environment: for `${NAME}`, the
    process's own by default. listeners: hear of changes of state.
    """

    def __init__(
        self,
        configuration: McpConfiguration,
        *,
        secrets: SecretKeeper,
        agreements: Agreements,
        clock: Clock,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.configuration = configuration
        self.listeners: list[StatusListener] = []
        self._secrets = secrets
        self._agreements = agreements
        self._clock = clock
        self._environment = environment
        self._thread = McpThread()
        self._held: dict[str, _Held] = {}
        self._elicit: Elicit | None = None
        self._open_page: OpenPage | None = None
        self._closed = False

    def ask_with(self, elicit: Elicit | None) -> None:
        """Who asks the person when a server wants to know something outside of a call that says whom to ask.

        Call it on the loop on which to ask. Without one such questions are declined.
        """
        self._elicit = asked_there(elicit, asyncio.get_running_loop()) if elicit is not None else None

    def open_with(self, open_page: OpenPage | None) -> None:
        """Who opens the pages on which a person signs in to a server. Call it on the loop on which to open them.

        Without one, servers that want a sign-in cannot be used until somebody has signed in elsewhere.
        """
        loop = asyncio.get_running_loop()

        async def there(address: str) -> None:
            assert open_page is not None
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_opened(open_page, address), loop))

        self._open_page = there if open_page is not None else None

    async def sign_out(self, server: str) -> bool:
        """Forget a sign-in; whether there was one."""
        await self.stop(server)
        return await self._secrets.delete(key_name(server, "oauth"))

    async def servers(self) -> Mapping[str, ServerConfig]:
        """The configured servers by name. Raises BadConfiguration."""
        return await asyncio.to_thread(self.configuration.servers)

    async def add(self, found: ForeignServer) -> ServerConfig:
        """Take a server in, or replace the one of that name: its secrets into the keyring, then it into the file.

        Raises BadConfiguration, or SecretsError if there is no keyring; then nothing was changed in the file.
        """
        if found.config is None:
            raise BadConfiguration(found.problem)
        for name, value in found.secrets.items():
            await self._secrets.set(name, value)
        await asyncio.to_thread(self.configuration.put, found.name, found.config)
        return found.config

    async def remove(self, server: str) -> None:
        """Let a server go and forget it, its own keys and what was agreed to. Raises UnknownServer."""
        await self.stop(server)
        text = json.dumps(await asyncio.to_thread(self.configuration.entry, server))
        await asyncio.to_thread(self.configuration.remove, server)
        for name in dict.fromkeys(references(text)):
            kind, _, key = name.partition(":")
            if kind == "secret" and key.startswith(key_name(server, "")):
                await self._secrets.delete(key)
        await self._secrets.delete(key_name(server, "oauth"))
        await self._agreements.forget(server)
        self._held.pop(server, None)

    def status(self, server: str) -> ServerStatus:
        """How a server does; `stopped` for one that is not in use."""
        held = self._held.get(server)
        return held.connection.status if held is not None else ServerStatus(server, "stopped")

    async def host(self, server: str) -> str | None:
        """The host that a server is at, in lower case; '' for a program on this machine, None if a variable says it.

        Raises UnknownServer or BadConfiguration.
        """
        config = await asyncio.to_thread(self.configuration.server, server)
        return config.host

    async def tools(self, server: str) -> Sequence[McpTool]:
        """What a server offers, listed anew, each with whether somebody agreed to it. Starts the server if need be.

        Raises McpError.
        """
        held = await self._used(server)
        return await self._there(self._list(held))

    async def call(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, Json] | None = None,
        *,
        hash: str = "",
        progress: ProgressListener | None = None,
        elicit: Elicit | None = None,
        timeout: float | None = None,
        key: str = "",
    ) -> McpResult:
        """Call a tool that somebody agreed to. Cancelling the caller tells the server to stop.

        hash: of the description that the caller acted on; another one now is refused. progress, elicit: run on the
        caller's loop; without `elicit` questions go to whoever `ask_with` named. timeout: seconds, instead of the
        server's own; asking the person does not count. key: names the call to servers that never do one twice.
        Never repeated by itself. Raises McpError; that a tool failed is no error but `is_error` of the result.
        """
        loop = asyncio.get_running_loop()
        relay = ProgressRelay(progress, loop) if progress is not None else None
        ask = asked_there(elicit, loop) if elicit is not None else None
        held = await self._used(server)

        async def work() -> McpResult:
            agreed = await self._agreed(held, tool, hash)
            try:
                return await held.connection.call(
                    agreed.name,
                    arguments or {},
                    timeout=timeout if timeout is not None else held.connection.config.timeout,
                    news=relay.put if relay is not None else None,
                    elicit=ask,
                    key=key,
                )
            finally:
                if relay is not None:
                    relay.flush()

        return await self._there(work())

    async def approve(self, server: str, tool: str, hash: str) -> McpTool:
        """Agree to a tool as it is described now. hash: of what the person saw. The tool, approved.

        Raises ToolNotApproved if the server describes it otherwise meanwhile, ToolNotFound, or another McpError.
        """
        held = await self._used(server)

        async def work() -> McpTool:
            await self._list(held)
            found = _found(held, tool)
            if found.hash != hash:
                raise ToolNotApproved(
                    f"The MCP server {server!r} describes {tool!r} otherwise now than what was shown. Read it again.",
                    found,
                )
            await self._agreements.keep(server, AgreedTool(tool, hash, found.text, self._clock.now()))
            await self._list(held)
            return _found(held, tool)

        return await self._there(work())

    async def revoke(self, server: str, tool: str = "") -> None:
        """Take back the agreement to a tool, or to all tools of a server."""
        await self._agreements.forget(server, tool)
        held = self._held.get(server)
        if held is not None:
            held.life = 0

    async def stop(self, server: str) -> None:
        """Let a server go. It is started again when it is used."""
        held = self._held.get(server)
        if held is not None:
            await self._there(held.connection.stop())

    async def restart(self, server: str) -> Sequence[McpTool]:
        """Start a server anew, now, whatever happened before; what it offers. Raises McpError."""
        await self.stop(server)
        return await self.tools(server)

    async def aclose(self) -> None:
        """Let all servers go, all at once, and end the thread. Idempotent."""
        self._closed = True
        if self._thread.begun:
            held, self._held = list(self._held.values()), {}
            try:
                await self._thread.call(_all(each.connection.stop for each in held))
            except McpError:
                return  # closed already
            await self._thread.close()

    async def _used(self, server: str) -> _Held:
        """The server, with the configuration that it has now. Raises UnknownServer or BadConfiguration."""
        config = await asyncio.to_thread(self.configuration.server, server)
        return await self._there(self._hold(server, config))

    async def _hold(self, server: str, config: ServerConfig) -> _Held:
        """On the thread: the server in use; started anew if its configuration has changed."""
        held = self._held.get(server)
        if held is not None and held.connection.config == config:
            return held
        if held is not None:
            del self._held[server]
            await held.connection.stop()
            if server in self._held:  # somebody else was quicker
                return await self._hold(server, config)

        async def authorize(url: str, waiting: Callable[[bool], None]) -> Any:
            return await browser_sign_in(server, url, self._secrets, self._open_page, waiting)

        connection = Connection(
            server,
            config,
            secrets=self._secrets,
            clock=self._clock,
            environment=self._environment,
            elicit=lambda: self._elicit,
            authorize=authorize if config.auth == "oauth" else None,
            tell=self._tell,
        )
        held = self._held[server] = _Held(connection, {})
        return held

    async def _list(self, held: _Held) -> Sequence[McpTool]:
        """On the thread: list the tools anew."""
        connection = held.connection
        found = await connection.listed()
        agreed = await self._agreements.of(connection.name)
        held.tools = {each.name: described(connection.name, connection.config.identity, each, agreed) for each in found}
        held.life = connection.life
        return tuple(held.tools.values())

    async def _agreed(self, held: _Held, tool: str, hash: str) -> McpTool:
        """On the thread: the tool, if somebody agreed to it. Raises ToolNotFound or ToolNotApproved."""
        if held.life != held.connection.life or held.life == 0 or tool not in held.tools:
            await self._list(held)
        found = _found(held, tool)
        server = held.connection.name
        if found.state == "new":
            raise ToolNotApproved(
                f"Nobody has agreed to the tool {tool!r} of the MCP server {server!r} yet. Read its description and "
                f"agree: steploom mcp approve {server} {tool}",
                found,
            )
        if found.state == "changed":
            raise ToolNotApproved(
                f"The MCP server {server!r} has changed the description of {tool!r} since it was agreed to. Read it "
                f"again and agree: steploom mcp approve {server} {tool}",
                found,
            )
        if hash and hash != found.hash:
            raise ToolNotApproved(
                f"The MCP server {server!r} describes {tool!r} otherwise than what the call was made for.", found
            )
        return found

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise McpError("The program is closing; MCP servers can no longer be used.")
        return await self._thread.call(work)

    def _tell(self, status: ServerStatus) -> None:
        for listener in tuple(self.listeners):
            listener(status)


def _found(held: _Held, tool: str) -> McpTool:
    found = held.tools.get(tool)
    if found is None:
        near = nearest(tool, held.tools)
        hint = f" Did you mean {near!r}?" if near else f" It offers: {', '.join(held.tools) or 'nothing'}."
        raise ToolNotFound(f"The MCP server {held.connection.name!r} offers no tool {tool!r}.{hint}")
    return found


async def _opened(open_page: OpenPage, address: str) -> None:
    await open_page(address)


async def _all(stops: Iterable[Callable[[], Awaitable[None]]]) -> None:
    await asyncio.gather(*(stop() for stop in stops), return_exceptions=True)
