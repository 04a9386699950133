"""The composition root of the window: makes everything once, joins it, and takes it apart in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from core.workflow.model import Json
from desktop import providers
from desktop.bridge import Bridge, explain
from desktop.closing import UnsavedGuard
from desktop.commands import Commands
from desktop.dialogs.message import Choice, MessageDialog
from desktop.document import OpenDocument
from desktop.example_cards import read_example_cards
from desktop.filing import Filing
from desktop.first_run import FirstRun
from desktop.help_commands import help_commands
from desktop.icons import Icons
from desktop.key_bindings import KeyBindings
from desktop.memory import RecentWork, WindowMemory
from desktop.model_choice import ModelChoice
from desktop.overlay import RunOverlay
from desktop.panel_table import PanelMaker, panel_table
from desktop.recent_runs import RecentRuns
from desktop.running import Running
from desktop.session import Session
from desktop.settings_pages import SettingsPages
from desktop.side_panels import SidePanels
from desktop.style import Style
from desktop.theme import ThemeManager, add_fonts
from desktop.window import MainWindow
from desktop.window_commands import edit_commands, file_commands, run_commands, view_commands
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from core.engine.journal import RunRecord
    from core.engine.step_type import StepTypes
    from core.workspace import Workspace

    CanvasMaker = Callable[[OpenDocument, RunOverlay, StepTypes, ThemeManager], QWidget]
    """Makes a canvas; `desktop.canvas.view.CanvasView` is one."""


class Program(QObject):
    """The whole window and what is behind it.

    files: opened at the start, instead of what was open last. canvas: None for the real one, loaded after the first
    paint because it brings numpy. panels: what makes the panels, by id.
    """

    def __init__(
        self,
        app: QApplication,
        session: Session,
        bridge: Bridge,
        *,
        files: Sequence[Path] = (),
        canvas: CanvasMaker | None = None,
        panels: Mapping[str, PanelMaker] | None = None,
    ) -> None:
        super().__init__()
        self.session, self.bridge = session, bridge
        self._files = files
        self._canvas = canvas
        self._library: Sequence[str] = ()
        self.memory = WindowMemory(session.home)
        app.setQuitOnLastWindowClosed(False)  # the workspace is closed after the window
        add_fonts()
        self.icons = Icons()
        self.themes = ThemeManager(app.styleHints())
        self.themes.choose(self.memory.theme)
        self.themes.reduce_motion(self.memory.reduced_motion)
        self.style = Style(app, self.themes, self.icons)
        self.commands = Commands(
            self.icons, self.themes, spawn=bridge.spawn, bindings=KeyBindings(self.memory.keys), parent=self
        )
        self.side_panels = SidePanels(session, bridge, self.icons, self.themes)
        self.window = MainWindow(
            icons=self.icons,
            themes=self.themes,
            commands=self.commands,
            memory=self.memory,
            panels=panel_table(self.icons, self.themes, {**self.side_panels.makers(), **(panels or {})}),
        )
        self.filing = Filing(bridge, self)
        self.running = Running(self.window, bridge, self._ask_inputs)
        self.side_panels.join(self.window, self.running)
        self.settings = SettingsPages(self.window, bridge, self._reopen)
        self.recent_runs = RecentRuns(bridge, self)
        self._add_commands()
        self._join()
        self.choice: ModelChoice | None = None
        if not self.memory.first_run_done:
            self._show_first_run()

    async def start(self) -> None:
        """Load what the first paint did not need, open what was open, then the workspace."""
        try:
            await self.session.load_types()
            if self._canvas is None:
                self._canvas = await asyncio.to_thread(_real_canvas)
        except Exception as error:
            self.window.toasts.show("Steploom cannot show workflows", explain(error), kind="failed")
            raise
        # One thing after the other: the work first, then what stands around it, last the workspace, whose imports
        # would otherwise hold up both.
        if begun := self._open_first():
            await asyncio.wait(begun)
        self.window.docks.allow()
        self.bridge.in_thread(read_example_cards, self.window.start_page.show_examples)
        if self.choice is not None:
            self.choice.probe()
        await self.session.open()

    async def close(self) -> None:
        """Stop what runs so that it can be resumed, and let go of everything."""
        self.running.close()
        await self.bridge.close()
        await self.session.close()
        self.memory.flush()

    def open(self, document: OpenDocument, work: RecentWork | None) -> WorkTab | None:
        """Open a document in a tab; None as long as nothing can be drawn."""
        if self.session.types is None or self._canvas is None:
            return None
        types, canvas = self.session.types, self._canvas
        return self.window.open_document(document, lambda d, overlay: canvas(d, overlay, types, self.themes), work)

    def _add_commands(self) -> None:
        self.commands.add(
            *file_commands(self.window, self.filing),
            *self.settings.commands(),
            *edit_commands(self.window),
            *view_commands(self.window),
            *run_commands(self.window, self.running.start, self.running.stop),
            *help_commands(self.window),
        )
        self.commands.attach(self.window, "window")
        self.commands.changed.connect(self._keep_keys)
        self.window.palette_window.providers = [
            providers.actions(self.commands),
            providers.steps(lambda: self.window.active),
            providers.workflows(self.memory, lambda: self._library, self.filing.open_recent),
            self.recent_runs.provider(),
            providers.settings(self.settings.searchable, self.settings.open),
        ]

    def _join(self) -> None:
        window, start = self.window, self.window.start_page
        window.set_guard(UnsavedGuard(window, self.filing))
        window.files_dropped.connect(self.filing.open_files)
        window.opened.connect(self._opened)
        window.status.asked.connect(self._status_asked)
        start.new_wanted.connect(self.filing.new)
        start.open_wanted.connect(lambda: self.commands.run("file.open"))
        start.example_chosen.connect(lambda key: self.filing.open_example(Path(key)))
        start.recent_chosen.connect(self.filing.open_recent)
        start.show_recent(self.memory.recent)
        self.filing.opened.connect(self.open)
        self.filing.saved.connect(self._saved)
        self.filing.refused.connect(self._refused)
        self.bridge.failed.connect(lambda text: window.toasts.show("That did not work", text, kind="failed"))
        self.running.ended.connect(self._count_cost)
        self.recent_runs.chosen.connect(self._show_run)
        self.session.opened.connect(self._workspace_opened)
        self.session.failed.connect(self._workspace_failed)
        self.settings.saved.connect(lambda: window.toasts.show("Settings saved", kind="done"))

    def _open_first(self) -> Sequence[asyncio.Task[None]]:
        """Open the files that were named or open last; those of the library follow when the database is there."""
        last = [Path(work.name) for work in self.memory.open_work if work.kind == "file"]
        return self.filing.open_files(self._files or last)

    def _opened(self, tab: WorkTab) -> None:
        go = getattr(tab.canvas, "focus_on", None)
        if go is not None:
            tab.step_wanted.connect(go)

    def _workspace_opened(self, workspace: Workspace) -> None:
        server = workspace.settings.model_server
        self.window.status.show_database(
            "Kept in memory" if workspace.store is None else "Database ready",
            detail="Nothing is kept when the window is closed." if workspace.store is None else _database(workspace),
        )
        self._show_server(workspace)
        self.filing.library = workspace.store.workflows if workspace.store is not None else None
        workspace.demo = workspace.demo or self.memory.demo
        self.running.use(workspace)
        self.settings.use(workspace)
        if self.choice is not None:
            self.choice.use(workspace)
        self._count_cost()
        if self.filing.library is not None:
            self.bridge.spawn(_names(workspace), self._keep_names)
            if not self._files:
                for work in self.memory.open_work:
                    if work.kind == "library":
                        self.filing.open_recent(work)
        self._asked_for_key(workspace, server.secret)

    def _asked_for_key(self, workspace: Workspace, name: str) -> None:
        """A machine that has a key already needs no first-run page."""
        if self.choice is None:
            return

        def found(key: str | None) -> None:
            if key is not None:
                self._hide_first_run()

        self.bridge.spawn(workspace.secrets.get(name), found)

    def _show_server(self, workspace: Workspace) -> None:
        text = "Demo model" if workspace.demo else workspace.server.profile.title
        self.window.status.show_server(text, detail=f"Models come from {workspace.settings.model_server.base_url}")

    def _workspace_failed(self, text: str) -> None:
        self.window.status.show_database("No database", detail=text, failed=True)
        self.window.toasts.show(
            "The database cannot be used", f"{text} You can draw; nothing can be run or kept in the library.",
            kind="failed", action="Try again", on_action=lambda: self.bridge.spawn(self._reopen()),
        )  # fmt: skip

    async def _reopen(self) -> None:
        self.window.status.show_database("Opening the database…")
        await self.session.reopen()

    def _status_asked(self, name: str) -> None:
        match name:
            case "database":
                self.settings.open("database_url")
            case "server":
                self.settings.open("model_server.base_url")
            case _:
                panel = "history" if name == "cost" else "timeline"
                self.window.docks.reveal(panel)

    def _count_cost(self) -> None:
        self.bridge.spawn(self.session.cost_today(), self.window.status.show_cost)
        if self.session.workspace is not None:
            self.recent_runs.refresh(self.session.workspace)

    def _show_run(self, record: RunRecord) -> None:
        """Show a past run on its open workflow, or on the document as it was then."""
        name = record.workflow.name
        tab = next((each for each in self.window.all_tabs if each.title == name), None)
        if tab is None:
            tab = self.open(OpenDocument(record.workflow, read_only=True), None)
        controller = self.running.controller(tab) if tab is not None else None
        if tab is not None and controller is not None:
            self.window.tabs.setCurrentWidget(tab)
            controller.open_past(record.id)

    def _keep_names(self, names: Sequence[str]) -> None:
        self._library = names

    def _keep_keys(self) -> None:
        self.memory.keys = self.commands.bindings.changes

    def _saved(self, tab: WorkTab) -> None:
        if tab.work is not None:
            self.memory.opened(tab.work)
        where = tab.document.file.name if tab.document.file else f"the library, version {tab.document.version}"
        self.window.toasts.show(f"{tab.title} is saved", f"In {where}.", kind="done")

    def _refused(self, title: str, text: str, detail: str) -> None:
        dialog = MessageDialog(
            self.window, title=title, text=text, detail=detail, choices=[Choice("close", "Close", "primary")]
        )
        dialog.open()

    def _ask_inputs(self, tab: WorkTab, then: Callable[[Mapping[str, Json]], None]) -> None:
        from desktop.dialogs.inputs import InputsDialog  # brings the validator, which the first paint does not need

        dialog = InputsDialog(tab.document.workflow, self.bridge, self.themes, self.icons, self.window)
        controller = self.running.controller(tab)
        if controller is not None and controller.runs:
            dialog.fill(controller.runs[-1].inputs)
        dialog.run_requested.connect(then)
        dialog.open()

    def _show_first_run(self) -> None:
        page = FirstRun(self.icons, self.themes)
        self.choice = ModelChoice(page, self.memory, self.bridge, self._reopen)
        self.choice.made.connect(self._chosen)
        self.window.start_page.show_above(page)
        page.sign_in.setFocus()

    def _chosen(self, text: str) -> None:
        self._hide_first_run()
        self.window.toasts.show("Ready", text, kind="done")
        if self.session.workspace is not None:
            self._show_server(self.session.workspace)

    def _hide_first_run(self) -> None:
        self.choice = None
        self.window.start_page.clear_above()


def _real_canvas() -> CanvasMaker:
    from desktop.canvas.view import CanvasView  # brings pyqtgraph and numpy

    return CanvasView


def _database(workspace: Workspace) -> str:
    own = workspace.settings.database_url
    return f"PostgreSQL at {own}" if own else "Steploom's own PostgreSQL, on this computer"


async def _names(workspace: Workspace) -> list[str]:
    assert workspace.store is not None
    return [entry.name for entry in await workspace.store.workflows.list()]
