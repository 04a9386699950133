"""The MCP servers as the window sees them: which there are, how they do, what they offer, and what was agreed to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Signal

from core.agents.mcp.connection import ServerStatus
from core.agents.mcp.errors import BadConfiguration, McpError
from core.agents.mcp.foreign_files import ForeignServer
from core.agents.mcp.server_config import ServerConfig
from core.agents.mcp.servers import McpServers
from core.agents.mcp.tool import McpTool
from desktop.agents.elicitation import Questions
from desktop.agents.tool_picker import OfferedTool
from desktop.bridge import Bridge, explain
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.workspace import Workspace

T = TypeVar("T")


class ServerDesk(QObject):
    """What can be done with servers, in the background.

    changed: other servers are set up. stood: the name of a server of which something else is known now: its state, its
    tools, what is being done. servers: by name. problems: what is wrong with entries of the file, by name. trouble:
    why the file as a whole cannot be read. tools: what servers offered when last asked. errors: why they did not.
    """

    changed = Signal()
    stood = Signal(str)
    _told = Signal(object)

    def __init__(self, window: MainWindow, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._mcp: McpServers | None = None
        self.questions = Questions(window)
        self.servers: Mapping[str, ServerConfig] = {}
        self.problems: Mapping[str, str] = {}
        self.trouble = ""
        self.tools: dict[str, Sequence[McpTool]] = {}
        self.errors: dict[str, str] = {}
        self.busy: dict[str, str] = {}
        self._told.connect(lambda status: self.stood.emit(status.name))

    def use(self, workspace: Workspace) -> None:
        """From now on they are that workspace's; questions of its servers are asked here."""
        self._mcp = mcp = workspace.mcp
        mcp.listeners.append(self._told.emit)  # called on the servers' thread; Qt brings it over
        self.servers, self.problems, self.trouble = {}, {}, ""
        self.tools, self.errors, self.busy = {}, {}, {}

        async def listen() -> None:
            mcp.ask_with(self.questions.ask)
            mcp.open_with(self.questions.open_page)

        self._bridge.spawn(listen())
        self.refresh()

    @property
    def available(self) -> bool:
        """Whether there is a workspace."""
        return self._mcp is not None

    @property
    def file(self) -> str:
        """The file in which they stand."""
        return str(self._mcp.configuration.file) if self._mcp is not None else ""

    def refresh(self) -> None:
        """Read the file again."""
        if self._mcp is not None:
            self._bridge.spawn(_read(self._mcp), self._show)

    def status(self, server: str) -> ServerStatus:
        """How a server does."""
        return self._mcp.status(server) if self._mcp is not None else ServerStatus(server, "stopped")

    async def offered(self) -> Sequence[OfferedTool]:
        """The tools of all servers that answer, to choose from."""
        if self._mcp is None:
            return ()
        found: list[OfferedTool] = []
        for name, config in (await self._mcp.servers()).items():
            if config.disabled:
                continue
            try:
                tools = await self._mcp.tools(name)
            except McpError as error:
                self.errors[name] = str(error)
                continue
            self.tools[name] = tools
            found += [OfferedTool(f"{name}/{tool.name}", tool.description, tool.state) for tool in tools]
        return found

    def test(self, server: str) -> None:
        """Start a server anew, and see what it offers."""
        mcp = self._mcp
        if mcp is not None:
            self._do(server, "Starting…", mcp.restart(server), lambda tools: self._offer(server, tools))

    def look(self, server: str) -> None:
        """See what a server offers; it is started if need be."""
        mcp = self._mcp
        if mcp is not None:
            self._do(server, "Asking…", mcp.tools(server), lambda tools: self._offer(server, tools))

    def stop(self, server: str) -> None:
        """Let a server go until it is used again."""
        if self._mcp is not None:
            self._do(server, "Stopping…", self._mcp.stop(server))

    def approve(self, tools: Sequence[McpTool]) -> None:
        """Agree to tools of one server, as they were shown."""
        mcp = self._mcp
        if mcp is None or not tools:
            return
        server = tools[0].server

        async def work() -> Sequence[McpTool]:
            for tool in tools:
                await mcp.approve(server, tool.name, tool.hash)
            return await mcp.tools(server)

        self._do(server, "", work(), lambda found: self._agreed(server, found))

    def revoke(self, server: str, tool: str) -> None:
        """Take back the agreement to a tool."""
        mcp = self._mcp
        if mcp is None:
            return

        async def work() -> Sequence[McpTool]:
            await mcp.revoke(server, tool)
            return await mcp.tools(server)

        self._do(server, "", work(), lambda found: self._agreed(server, found))

    def switch(self, server: str, on: bool) -> None:
        """Switch a server on or off."""
        mcp, config = self._mcp, self.servers.get(server)
        if mcp is None or config is None:
            return

        async def work() -> None:
            if not on:
                await mcp.stop(server)
            await mcp.add(ForeignServer(server, config.model_copy(update={"disabled": not on})))

        self._do(server, "", work(), lambda _: self.refresh())

    def sign_out(self, server: str) -> None:
        """Forget the sign-in to a server."""
        if self._mcp is None:
            return

        def done(there: bool) -> None:
            title = f"Signed out of {server}" if there else f"Nobody is signed in to {server}"
            self._window.toasts.show(title, kind="done" if there else "info")

        self._do(server, "Signing out…", self._mcp.sign_out(server), done)

    def remove(self, server: str) -> None:
        """Forget a server, its own keys, and what was agreed to."""
        mcp = self._mcp
        if mcp is None:
            return

        def done(_: None) -> None:
            self.tools.pop(server, None)
            self.errors.pop(server, None)
            self.refresh()
            self._window.toasts.show(f"{server} is removed", kind="done")

        self._do(server, "Removing…", mcp.remove(server), done)

    def add(self, found: Sequence[ForeignServer], then: Callable[[], object] = lambda: None) -> None:
        """Take servers in; keys among their values go into the keyring."""
        mcp = self._mcp
        if mcp is None:
            return

        async def work() -> list[tuple[str, str]]:
            refused: list[tuple[str, str]] = []
            for each in found:
                try:
                    await mcp.stop(each.name)
                    await mcp.add(each)
                except Exception as error:  # noqa: BLE001 - each on its own: what is wrong with one keeps no other out
                    refused.append((each.name, explain(error)))
            return refused

        def done(refused: list[tuple[str, str]]) -> None:
            for name, why in refused:
                self._window.toasts.show(f"{name} is not taken in", why, kind="failed")
            count = len(found) - len(refused)
            if count:
                title = f"{found[0].name} is set up" if len(found) == 1 else f"{count} servers are set up"
                self._window.toasts.show(title, "Test it, then read and agree to its tools.", kind="done")
                then()
            self.refresh()

        self._bridge.spawn(work(), done, lambda error: self._say("It is not taken in", error))

    def in_thread(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do something that may take longer than a frame, and show what came of it."""
        self._bridge.in_thread(work, then)

    # -- in between ----------------------------------------------------------------------------------------------------

    def _do(
        self,
        server: str,
        words: str,
        work: Coroutine[Any, Any, Any],
        then: Callable[[Any], object] = lambda _: None,
    ) -> None:
        if server in self.busy:
            work.close()
            return
        self.busy[server] = words
        self.errors.pop(server, None)
        self.stood.emit(server)

        def done(result: Any) -> None:
            self.busy.pop(server, None)
            then(result)
            self.stood.emit(server)

        def failed(error: Exception) -> None:
            self.busy.pop(server, None)
            self.errors[server] = explain(error)
            self.stood.emit(server)

        self._bridge.spawn(work, done, failed)

    def _offer(self, server: str, tools: Sequence[McpTool]) -> None:
        self.tools[server] = tools

    def _agreed(self, server: str, tools: Sequence[McpTool]) -> None:
        self.tools[server] = tools
        self.changed.emit()  # functions that could not be called may be called now

    def _say(self, title: str, error: Exception) -> None:
        self._window.toasts.show(title, explain(error), kind="failed")

    def _show(self, found: tuple[Mapping[str, ServerConfig], Mapping[str, str], str]) -> None:
        if found != (self.servers, self.problems, self.trouble):
            self.servers, self.problems, self.trouble = found
            self.changed.emit()


async def _read(mcp: McpServers) -> tuple[Mapping[str, ServerConfig], Mapping[str, str], str]:
    try:
        return await mcp.servers(), await asyncio.to_thread(mcp.configuration.problems), ""
    except BadConfiguration as error:
        return {}, {}, str(error)
