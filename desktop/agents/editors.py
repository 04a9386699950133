"""The open editors of a window: one for each agent, asked before the window goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Signal

from core.agents.agent import Agent
from core.agents.library import SavedAgent
from desktop.agents.desk import AgentDesk
from desktop.agents.draft import AgentDraft
from desktop.agents.editor import AgentEditor, EditorParts
from desktop.bridge import Bridge, explain
from desktop.icons import Icons
from desktop.panels.background import Surroundings
from desktop.panels.value_view import ValueView
from desktop.side_panels import SessionFacts
from desktop.theme import ThemeManager
from desktop.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop.agents.servers import ServerDesk
    from desktop.agents.unsaved_agent import UnsavedAgent


class AgentEditors(QObject):
    """Opens and closes editors.

    servers_wanted: MCP servers are to be set up. run_wanted: the id of a run. opened, closed: an AgentDraft.
    """

    servers_wanted = Signal()
    run_wanted = Signal(str)
    opened = Signal(object)
    closed = Signal(object)

    def __init__(
        self,
        window: MainWindow,
        desk: AgentDesk,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        facts: SessionFacts,
        servers: ServerDesk,
    ) -> None:
        super().__init__(window)
        self._window, self._desk, self._bridge = window, desk, bridge
        self.open: list[AgentEditor] = []

        async def read(blob_hash: str) -> bytes:
            assert desk.workspace is not None
            return await desk.workspace.read_file(blob_hash)

        def viewer() -> ValueView:
            return ValueView(read, bridge, themes, icons, compact=True)

        around = Surroundings(themes, icons, bridge, facts, viewer)
        self._parts = EditorParts(around, bridge, lambda: desk.workspace, servers.offered)
        servers.changed.connect(self._look_around)
        desk.deleted_some.connect(self._deleted)
        desk.opened.connect(self._reopened)
        window.closed.connect(self._close_all)
        window.installEventFilter(self)

    def new(self, agent: Agent) -> AgentEditor:
        """Open an editor for an agent that is not kept yet."""
        return self._show(AgentDraft(agent))

    def edit(self, name: str) -> None:
        """Open the editor of an agent, or bring it to the front."""
        workspace = self._desk.workspace
        editor = next((each for each in self.open if each.draft.name == name), None)
        if editor is not None:
            editor.show()
            editor.raise_()
            editor.activateWindow()
        elif workspace is not None:

            def failed(error: Exception) -> None:
                self._window.toasts.show(f"{name} cannot be edited", explain(error), kind="failed")

            self._bridge.spawn(workspace.agents.get(name), self._opened, failed)

    def take_back(self, work: UnsavedAgent, then: Callable[[AgentDraft], object]) -> None:
        """Open an editor for work that an earlier program could not save. then: told what is edited."""

        def taken(draft: AgentDraft) -> None:
            if not any(each.draft is draft for each in self.open):
                self._show(draft)
            draft.take_back(work.state)
            then(draft)

        kept = next((each.draft for each in self.open if work.kept_as and each.draft.name == work.kept_as), None)
        workspace = self._desk.workspace
        if kept is not None:
            taken(kept)
        elif not work.version:
            taken(AgentDraft(Agent("")))
        elif workspace is None:  # what it is based on cannot be asked for; saving will
            taken(AgentDraft(work.state.agent, name=work.kept_as, version=work.version))
        else:

            def found(saved: SavedAgent) -> None:
                taken(AgentDraft(saved.agent, name=work.kept_as, version=work.version))

            gone = workspace.agents.get(work.kept_as, work.version)
            self._bridge.spawn(gone, found, lambda _error: taken(AgentDraft(Agent(""))))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Ask about unsaved agents before the window is closed."""
        if watched is self._window and event.type() == QEvent.Type.Close and not self._window.is_closed_at_once:
            unsaved = next((each for each in self.open if not each.draft.is_saved), None)
            if unsaved is not None:
                event.ignore()
                unsaved.ask_to_close(lambda: self._go_on(unsaved))
                return True
        return super().eventFilter(watched, event)

    def _go_on(self, editor: AgentEditor) -> None:
        editor.let_go()
        self._window.close()

    def _opened(self, saved: SavedAgent) -> None:
        if any(each.draft.name == saved.agent.name for each in self.open):
            self.edit(saved.agent.name)
            return
        self._show(AgentDraft(saved.agent, name=saved.agent.name, version=saved.version))

    def _show(self, draft: AgentDraft) -> AgentEditor:
        editor = AgentEditor(draft, self._parts, self._window)
        editor.closed.connect(lambda: self._gone(editor))
        editor.saved.connect(self._saved)
        editor.servers_wanted.connect(self.servers_wanted)
        editor.run_wanted.connect(self.run_wanted)
        self.open.append(editor)
        self.opened.emit(draft)
        editor.show()
        return editor

    def _gone(self, editor: AgentEditor) -> None:
        self.open.remove(editor)
        self.closed.emit(editor.draft)

    def _saved(self, saved: SavedAgent) -> None:
        self._desk.refresh()
        self._window.toasts.show(f"{saved.agent.name} is saved", f"As version {saved.version}.", kind="done")

    def _deleted(self, names: list[str]) -> None:
        """What is open of a deleted agent becomes new work, so that it can still be saved."""
        for editor in self.open:
            if editor.draft.name in names:
                editor.draft.lost()

    def _look_around(self) -> None:
        for editor in self.open:
            editor.look_around()

    def _reopened(self) -> None:
        """Another workspace is open; what talked with the one before would wait for ever."""
        for editor in self.open:
            editor.preview.begin()
            editor.look_around()

    def _close_all(self) -> None:
        for editor in list(self.open):
            editor.let_go()
