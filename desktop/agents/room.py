"""Everything about agents in one window: the panel, the editors, MCP servers, the commands for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.agents.desk import SUFFIX, AgentDesk
from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.icons import Icons
from desktop.palette_search import Entry, FunctionProvider, Provider
from desktop.side_panels import SessionFacts
from desktop.theme import ThemeManager
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.workspace import Workspace
    from desktop.agents.draft import AgentDraft
    from desktop.agents.editors import AgentEditors
    from desktop.agents.server_window import ServerWindow
    from desktop.agents.servers import ServerDesk

PANEL = "agents"
PREFIX = "&"
"""Before what is typed into the palette, to find agents alone."""


class AgentRoom(QObject):
    """chat_wanted: the name of an agent to talk with. run_wanted: the id of a run to look at. edited, put_away: the
    AgentDraft of an editor that is open now, or no longer.

    Nothing of core.agents is loaded before it is asked for.
    """

    chat_wanted = Signal(str)
    run_wanted = Signal(str)
    edited = Signal(object)
    put_away = Signal(object)

    def __init__(
        self, window: MainWindow, bridge: Bridge, themes: ThemeManager, icons: Icons, facts: SessionFacts
    ) -> None:
        super().__init__(window)
        self._window, self._bridge, self._themes, self._icons, self._facts = window, bridge, themes, icons, facts
        self.desk = AgentDesk(window, bridge)
        self.desk.chat_wanted.connect(self.chat_wanted)
        self.desk.changed.connect(window.commands.refresh)
        self.desk.new_wanted.connect(lambda agent: self.editors.new(agent))
        self.desk.edit_wanted.connect(lambda name: self.editors.edit(name))
        self._editors: AgentEditors | None = None
        self._servers: ServerDesk | None = None
        self._server_window: ServerWindow | None = None

    @property
    def editors(self) -> AgentEditors:
        """The open editors."""
        if self._editors is None:
            from desktop.agents.editors import AgentEditors

            self._editors = AgentEditors(
                self._window, self.desk, self._bridge, self._themes, self._icons, self._facts, self.servers
            )
            self._editors.servers_wanted.connect(self.show_servers)
            self._editors.run_wanted.connect(self.run_wanted)
            self._editors.opened.connect(self.edited)
            self._editors.closed.connect(self.put_away)
        return self._editors

    @property
    def drafts(self) -> Sequence[AgentDraft]:
        """The agents that are edited now."""
        return [each.draft for each in self._editors.open] if self._editors is not None else []

    @property
    def servers(self) -> ServerDesk:
        """The MCP servers."""
        if self._servers is None:
            from desktop.agents.servers import ServerDesk

            self._servers = ServerDesk(self._window, self._bridge)
            if self.desk.workspace is not None:
                self._servers.use(self.desk.workspace)
        return self._servers

    def use(self, workspace: Workspace) -> None:
        """A workspace is open."""
        self.desk.use(workspace)
        if self._servers is not None:
            self._servers.use(workspace)
        self.desk.refresh()
        if (workspace.home / "mcp.json").exists():  # its servers may ask something whoever uses them
            self._bridge.in_thread(_load_servers, lambda _: self._listen(workspace))

    def make_panel(self) -> QWidget:
        """The agents panel."""
        from desktop.agents.panel import AgentsPanel

        panel = AgentsPanel(self.desk, self._themes, self._icons)
        panel.servers_wanted.connect(self.show_servers)
        return panel

    def show_servers(self) -> None:
        """Show the MCP servers, in a window of their own."""
        if self._server_window is None:
            from desktop.agents.server_window import ServerWindow

            self._server_window = ServerWindow(self.servers, self._themes, self._icons, self._window)
        self._server_window.appear()

    def take_files(self, files: Sequence[Path]) -> Sequence[Path]:
        """Import those that are agents; the others."""
        agents = [file for file in files if file.name.endswith(SUFFIX)]
        if agents:
            self._window.docks.reveal(PANEL)
            self.desk.import_files(agents)
        return [file for file in files if file not in agents]

    def commands(self) -> Sequence[Command]:
        """What can be done with agents."""

        def there() -> bool:
            return self.desk.available

        def some() -> bool:
            return bool(self.desk.agents)

        def choose(words: str) -> None:
            self._window.run_palette(f"{PREFIX} {words}")

        return [
            Command("agents.new", "New agent", self.desk.new, "bot", (), "Agents", "agents", there,
                    help="Makes an agent: a model with instructions, memory and functions."),
            Command("agents.edit", "Edit agent…", lambda: choose("Edit "), "pencil", (), "Agents", "agents", some,
                    help="Chooses an agent and opens its editor."),
            Command("agents.chat", "Chat with…", lambda: choose("Chat "), "message-circle", (), "Agents", "agents",
                    some, help="Chooses an agent to talk with."),
            Command("agents.import", "Import agents…", self._ask_files, "file-input", (), "Agents", "files", there,
                    help="Takes agents in from files."),
            Command("agents.servers", "MCP servers…", self.show_servers, "plug", (), "Agents", "files", there,
                    help="Sets up the programs whose tools agents may use."),
        ]  # fmt: skip

    def provider(self) -> Provider:
        """What the palette offers: talking with every agent, and editing it."""

        def entries() -> Iterable[Entry]:
            for saved in self.desk.agents:
                name, about = saved.agent.name, saved.agent.description
                yield Entry(
                    f"agent.chat:{name}", f"Chat with {name}", partial(self.desk.chat, name), "message-circle",
                    "Agents", also=about,
                )  # fmt: skip
                yield Entry(f"agent.edit:{name}", f"Edit {name}", partial(self.desk.edit, name), "pencil", "Agents")

        return FunctionProvider("Agents", PREFIX, entries)

    def _listen(self, workspace: Workspace) -> None:
        if self.desk.workspace is workspace:
            self.servers.refresh()

    def _ask_files(self) -> None:
        from desktop.agents.panel import AgentsPanel

        self._window.docks.reveal(PANEL)
        panel = self._window.docks.get(PANEL).fill()
        if isinstance(panel, AgentsPanel):
            panel.ask_files()


def _load_servers() -> None:
    import desktop.agents.servers  # noqa: F401 - loaded here, because it takes longer than a frame
