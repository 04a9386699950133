"""The composition root of the window: makes everything once, joins it, and takes it apart in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from core.workflow.sameness import same
from desktop import providers
from desktop.agents.room import AgentRoom
from desktop.bridge import Bridge, explain
from desktop.canvas_commands import canvas_commands, canvas_in_front, follow_keys
from desktop.canvas_signals import CanvasSignals, join_canvas
from desktop.chat.desk import ChatDesk
from desktop.closing import UnsavedGuard
from desktop.commands import Commands
from desktop.connection import Connection
from desktop.document import OpenDocument
from desktop.empty_canvas import EmptyCanvas
from desktop.example_cards import read_example_cards
from desktop.export_commands import export_commands
from desktop.filing import Filing, WorkflowLibrary
from desktop.filing_reports import FilingReports
from desktop.garbage import undisturbed
from desktop.help_commands import help_commands
from desktop.icons import Icons
from desktop.key_bindings import KeyBindings
from desktop.last_seen import LastSeen
from desktop.last_work import LastWork
from desktop.library_desk import LibraryDesk
from desktop.memory import RecentWork, WindowMemory
from desktop.memory_panel.desk import MemoryDesk
from desktop.model_pages import ModelPages
from desktop.monitoring.desk import MonitoringDesk
from desktop.overlay import RunOverlay
from desktop.panel_table import PanelMaker, panel_table
from desktop.project_search import ProjectSearch
from desktop.recent_runs import RecentRuns
from desktop.recovery import Recovery
from desktop.run_desk import RunDesk
from desktop.run_estimates import RunEstimates
from desktop.run_offers import RunOffers
from desktop.running import Running
from desktop.service.desk import ServiceDesk
from desktop.service.tray import Tray
from desktop.session import Session
from desktop.settings_pages import SettingsPages
from desktop.side_panels import SessionFacts, SidePanels
from desktop.step_way import StepWay
from desktop.structure_commands import structure_commands
from desktop.style import Style
from desktop.sub_workflows import SubWorkflows
from desktop.theme import ThemeManager, add_fonts
from desktop.waiting_desk import WaitingDesk
from desktop.whereabouts import Whereabouts
from desktop.window import MainWindow
from desktop.window_commands import ask_files, ask_save, edit_commands, file_commands, run_commands, view_commands
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from core.engine.journal import RunRecord
    from core.engine.step_type import StepTypes
    from core.workspace import Workspace
    from desktop.run_controller import RunController

    CanvasMaker = Callable[[OpenDocument, RunOverlay, StepTypes, ThemeManager], QWidget]
    """Makes a canvas; `desktop.canvas.view.CanvasView` is one."""

PAST: Final = (
    "This is the workflow as it was when that run began. It cannot be changed; save it as a file to go on from it."
)


class Program(QObject):
    """The whole window and what is behind it.

    files: opened at the start, instead of what was open last. canvas: None for the real one, loaded after the first
    paint because it brings numpy. panels: what makes the panels, by id.

    drawable: from now on workflows can be opened. shown: what was open last stands in the window, as far as it is in
    files.
    """

    drawable = Signal()
    shown = Signal()

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
        self.memory = WindowMemory(session.home)
        self._last = LastWork(() if files else self.memory.open_work, self.memory.front)
        self._library_work = [work for work in self.memory.open_work if work.kind == "library" and not files]
        app.setQuitOnLastWindowClosed(False)  # the workspace is closed after the window
        add_fonts()
        self.icons = Icons()
        self.themes = ThemeManager(app.styleHints())
        self.themes.choose(self.memory.theme)
        self.themes.reduce_motion(self.memory.reduced_motion)
        self.style = Style(app, self.themes, self.icons)
        self.commands = Commands(
            self.icons,
            self.themes,
            spawn=bridge.spawn,
            bindings=KeyBindings(self.memory.keys),
            undressed=True,
            parent=self,
        )
        self.side_panels = SidePanels(session, bridge, self.icons, self.themes)
        self.makers: dict[str, PanelMaker] = {**self.side_panels.makers(), **(panels or {})}
        self.window = MainWindow(
            icons=self.icons,
            themes=self.themes,
            commands=self.commands,
            memory=self.memory,
            panels=panel_table(self.icons, self.themes, self.makers),
        )
        self.filing = Filing(bridge, self)
        self.running = Running(self.window, bridge, session.home)
        self.run_desk = RunDesk(self.window, self.running, bridge, session.home)
        self.estimates = RunEstimates(self.window, self.running, bridge)
        self.side_panels.join(self.window, self.running, self.run_desk)
        self.waiting = WaitingDesk(self.window, self.running, bridge)
        self.makers.setdefault("waiting", self.waiting.make_panel)
        self.library = LibraryDesk(self.window, self.filing, bridge)
        self.filing.taken = lambda: {*self.library.names(), *(tab.title for tab in self.window.all_tabs)}
        self.makers.setdefault("library", self._make_library)
        self.agents = AgentRoom(self.window, bridge, self.themes, self.icons, SessionFacts(session))
        self.makers.setdefault("agents", self.agents.make_panel)
        self.chats = ChatDesk(self.window, bridge)
        self.makers.setdefault("chat", self.chats.make_panel)
        self.memories = MemoryDesk(self.window, bridge)
        self.makers.setdefault("memory", self.memories.make_panel)
        self.monitoring = MonitoringDesk(self.window, bridge)
        self.step_way = StepWay(self.window, self.filing, bridge, lambda: self.session.workspace)
        self.makers.setdefault("monitoring", self.monitoring.make_panel)
        self.project_search = ProjectSearch(self.window, self.filing, self.library, bridge, self.icons)
        self.whereabouts = Whereabouts(self.window, self.filing, bridge, lambda: session.types)
        self.sub_workflows = SubWorkflows(self.window, self.filing, bridge)
        self.recovery = Recovery(session.home, self.window, self, bridge, self.agents)
        self.last_seen = LastSeen(session.home, self.window, self.filing, self, bridge)
        self.connection = Connection(session, self.window, bridge)
        self.settings = SettingsPages(self.window, bridge, session.home, self.connection.reopen)
        self.side_panels.service = self.service = ServiceDesk(self.window, session, bridge, self.settings.open)
        self.models = ModelPages(self.window, bridge, self.connection)
        self.recent_runs = RecentRuns(bridge, self)
        self.offers = RunOffers(self.window, bridge)
        self._add_commands()
        self.tray = Tray(self.window, self.service, self.waiting)
        self._join()
        if not self.memory.first_run_done:
            self.models.show_first_run()
        elif files or self._last.in_order:
            self.window.expect_work()

    async def start(self) -> None:
        """Load what the first paint did not need, open what was open, then the workspace."""
        try:
            await self.session.load_types()
            if self._canvas is None:
                self._canvas = await asyncio.to_thread(_real_canvas)
        except Exception as error:
            self.window.expect_nothing()
            self.window.toasts.show("Steploom cannot show workflows", explain(error), kind="failed")
            raise
        self.drawable.emit()
        # One thing after the other: the work first, then what stands around it, last the workspace, whose imports
        # would otherwise hold up both.
        await self._open_last()
        self.window.expect_nothing()
        self.shown.emit()
        await self.commands.dress_all()
        await self.recovery.start()
        self.window.docks.allow()
        self.bridge.in_thread(read_example_cards, self.window.start_page.show_examples)
        self.models.probe()
        self.settings.read()
        await asyncio.to_thread(_charts)
        await self.session.open()

    async def close(self) -> None:
        """Stop what runs so that it can be resumed, and let go of everything."""
        self.running.close()
        self.tray.close()
        self.connection.close()
        await self.service.close()
        await self.recovery.close()
        await self.chats.close()
        await self.bridge.close()
        await self.session.close()
        self.memory.flush()

    def open(self, document: OpenDocument, work: RecentWork | None) -> WorkTab | None:
        """Open a document in a tab; None as long as nothing can be drawn."""
        if self.session.types is None or self._canvas is None:
            return None
        types, canvas = self.session.types, self._canvas
        place = self._last.place(work, [tab.work for tab in self.window.all_tabs])
        with undisturbed():
            return self.window.open_document(
                document, lambda d, overlay: canvas(d, overlay, types, self.themes), work, place
            )

    def _add_commands(self) -> None:
        self.commands.add(
            *file_commands(self.window, self.filing),
            *self.settings.commands(),
            *self.models.commands(),
            *edit_commands(self.window),
            *view_commands(self.window),
            *canvas_commands(self.window),
            *structure_commands(self.window),
            *self.whereabouts.commands(),
            *self.sub_workflows.commands(),
            *export_commands(self.window, self.bridge),
            *self.project_search.commands(),
            *run_commands(self.window, self.running),
            *self.run_desk.commands(),
            *self.agents.commands(),
            *self.chats.commands(),
            *self.memories.commands(),
            *self.monitoring.commands(),
            *self.service.commands(),
            *help_commands(self.window),
        )
        self.commands.attach(self.window, "window")
        self.commands.changed.connect(self._keep_keys)
        self.window.provide(
            [
                providers.actions(self.commands),
                providers.steps(lambda: self.window.active, lambda: self.session.types),
                providers.additions(lambda: canvas_in_front(self.window)),
                providers.workflows(self.memory, self.library.names, self.filing.open_recent),
                self.recent_runs.provider(),
                self.agents.provider(),
                providers.settings(self.settings.searchable, self.settings.open),
            ]
        )

    def _join(self) -> None:
        window, start = self.window, self.window.start_page
        window.set_guard(UnsavedGuard(window, self.filing))
        window.stays = lambda: self.tray.keeps_window and not _is_signing_out()
        window.hidden.connect(lambda: self.tray.tell_stays())
        window.files_dropped.connect(lambda files: self.filing.open_files(self.agents.take_files(files)))
        self.agents.run_wanted.connect(self._show_run_of)
        self.agents.chat_wanted.connect(self.chats.open_chat)
        self.chats.run_wanted.connect(self._show_run_of)
        self.memories.run_wanted.connect(self._show_run_of)
        self.monitoring.runs_wanted.connect(self.side_panels.show_runs)
        self.monitoring.step_wanted.connect(self.step_way.show)
        self.memories.conversation_wanted.connect(self._show_conversation)
        self.agents.desk.listed.connect(self.chats.look_again)
        self.agents.desk.listed.connect(self.memories.agents_changed)
        window.opened.connect(self._opened)
        window.status.asked.connect(self._status_asked)
        start.new_wanted.connect(self.filing.new)
        start.open_wanted.connect(lambda: self.commands.run("file.open"))
        start.example_chosen.connect(lambda key: self.filing.open_example(Path(key)))
        start.recent_chosen.connect(self.filing.open_recent)
        start.show_recent(self.memory.recent)
        self.filing.opened.connect(self.open)
        self.filing.saved.connect(self._saved)
        self.reports = FilingReports(window, self.filing)
        self.bridge.failed.connect(lambda text: window.toasts.show("That did not work", text, kind="failed"))
        self.running.ended.connect(self._count_cost)
        self.running.ended.connect(self.library.refresh)
        self.running.ended.connect(self.memories.refresh)
        self.running.ended.connect(self.monitoring.refresh)
        self.recent_runs.chosen.connect(self._show_run)
        self.offers.show_wanted.connect(self._show_run)
        self.offers.resume_wanted.connect(self._resume_run)
        self.side_panels.run_wanted.connect(self._show_run_of)
        self.side_panels.resume_wanted.connect(self._resume_run)
        self.side_panels.setting_wanted.connect(self.settings.open)
        self.waiting.run_wanted.connect(self._show_run_of)
        for look in (self.waiting.refresh, self.side_panels.look_again, self.monitoring.refresh, self.library.refresh):
            self.service.worked.connect(look)
        self.service.workflow_wanted.connect(
            lambda name: self.filing.open_recent(RecentWork("library", name, name))
        )  # fmt: skip
        self.connection.used.connect(self._workspace_used)
        self.connection.save_as_wanted.connect(lambda tab: ask_save(window, self.filing, tab))
        self.settings.saved.connect(lambda: window.toasts.show("Settings saved", kind="done"))

    async def _open_last(self) -> None:
        """Open the files that were named, or else what was open last: those of the library as they were last seen."""
        if self._files and (begun := self.filing.open_files(self._files)):
            await asyncio.wait(begun)
        for works in self._last.in_order:
            files = [Path(work.name) for work in works if work.kind == "file"]
            library = [work for work in works if work.kind == "library" and not self.session.memory_only]
            if begun := [*self.filing.open_files(files), *self.last_seen.open(library)]:
                await asyncio.wait(begun)
        self.last_seen.throw_away_others(self.memory.open_work)

    def _opened(self, tab: WorkTab) -> None:
        follow_keys(tab.canvas, self.commands)
        if isinstance(tab.canvas, CanvasSignals):
            join_canvas(tab, tab.canvas, self.window)
            EmptyCanvas(tab.canvas, tab.document, self.bridge, self.themes, self.icons)

    def _workspace_used(self, workspace: Workspace) -> None:
        self.filing.library = workspace.store.workflows if workspace.store is not None else None
        workspace.demo = workspace.demo or self.memory.demo
        self.connection.show_server(workspace)
        self.run_desk.use(workspace)
        self.running.use(workspace)
        self.waiting.use(workspace)
        self.models.use(workspace)
        self.agents.use(workspace)
        self.chats.use(workspace)
        self.memories.use(workspace)
        self.monitoring.use(workspace)
        self.estimates.use(workspace)
        self.service.use(workspace)
        self._count_cost()
        self.offers.look(workspace)
        self.library.use(workspace)
        if self.filing.library is not None:
            self._open_rest(self.filing.library)

    def _open_rest(self, library: WorkflowLibrary) -> None:
        """Open what was open last and had no copy to be seen before; another workspace later opens nothing."""
        self.last_seen.compare(library)
        for work in self._library_work:
            if work not in self.last_seen.works:
                self.filing.open_recent(work)
        self._library_work = []

    def _status_asked(self, name: str) -> None:
        match name:
            case "database":
                self.settings.open("database_url")
            case "server":
                self.settings.open("model_server.base_url")
            case "service":
                self.service.open()
            case _:
                panel = {"cost": "monitoring", "waiting": "waiting"}.get(name, "timeline")
                self.window.docks.reveal(panel)

    def _count_cost(self) -> None:
        self.bridge.spawn(self.session.cost_today(), self.window.status.show_cost)
        if self.session.workspace is not None:
            self.recent_runs.refresh(self.session.workspace)

    def _show_run(self, record: RunRecord) -> None:
        """Show a past run on its open workflow if that is still the same, else on the document as it was then."""
        if (controller := self._controller_for(record)) is not None:
            controller.open_past(record.id)

    def _resume_run(self, record: RunRecord) -> None:
        """Go on with an interrupted run, where it can be seen."""
        if (controller := self._controller_for(record)) is not None:
            controller.resume(record.id)

    def _controller_for(self, record: RunRecord) -> RunController | None:
        """What runs the document of a run, which is brought to the front."""
        fits = [each for each in self.window.all_tabs if self._fits(each, record)]
        tab = min(fits, key=lambda each: each.document.read_only, default=None)
        if tab is None:
            tab = self.open(OpenDocument(record.workflow, read_only=True, reason=PAST), None)
        controller = self.running.controller(tab) if tab is not None else None
        if tab is not None and controller is not None:
            self.window.tabs.setCurrentWidget(tab)
        return controller

    def _fits(self, tab: WorkTab, record: RunRecord) -> bool:
        """Whether a run can be shown on a tab: it was begun there, or of the very document that is there now."""
        controller = self.running.controller(tab)
        begun = controller is not None and any(run.id == record.id and run.live for run in controller.runs)
        return begun or same(tab.document.workflow, record.workflow)

    def _show_run_of(self, run_id: str) -> None:
        if self.session.workspace is not None:
            self.bridge.spawn(self.session.workspace.journal.run(run_id), self._show_run)

    def _show_conversation(self, conversation: str, message: str) -> None:
        """Show the message that a memory came from; ids of memories are texts, as steps and imports give them too."""
        try:
            place = UUID(conversation)
        except ValueError:
            self.window.toasts.show("That conversation is not here", f"It is called {conversation}.", kind="failed")
            return
        self.chats.open_conversation(place, int(message) if message.isdecimal() else None)

    def _make_library(self) -> QWidget:
        from desktop.panels.library import LibraryPanel

        panel = LibraryPanel(self.library, self.themes, self.icons, now=lambda: datetime.now(UTC))
        panel.files_wanted.connect(lambda: ask_files(self.window, "Import into the library", self.library.import_files))
        return panel

    def _keep_keys(self) -> None:
        self.memory.keys = self.commands.bindings.changes
        for tab in self.window.all_tabs:
            follow_keys(tab.canvas, self.commands)

    def _saved(self, tab: WorkTab) -> None:
        if tab.work is not None:
            self.memory.opened(tab.work)
        where = tab.document.file.name if tab.document.file else f"the library, version {tab.document.version}"
        self.window.toasts.show(f"{tab.title} is saved", f"In {where}.", kind="done")


def _is_signing_out() -> bool:
    """Whether the person's session ends, which no window should hold up."""
    app = QApplication.instance()
    return isinstance(app, QApplication) and app.isSavingSession()


def _charts() -> None:
    """What a run's timeline is drawn with, so that it need not be waited for when a run begins."""
    from desktop.canvas.pyqtgraph_view import complete

    complete()


def _real_canvas() -> CanvasMaker:
    from desktop.canvas import accessibility
    from desktop.canvas.view import CanvasView  # brings pyqtgraph's view and numpy

    accessibility.install()
    return CanvasView
