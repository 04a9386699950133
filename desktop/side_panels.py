"""The panels around the canvas, joined to the workflow in front: what each shows, what choosing in it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from desktop.bridge import Bridge
from desktop.empty_state import EmptyState
from desktop.icons import Icons
from desktop.panel_table import PanelMaker
from desktop.running import Running
from desktop.session import Session
from desktop.theme import ThemeManager
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.engine.step_type import StepTypes
    from core.llm.catalogue import ModelInfo
    from core.workspace import Workspace
    from desktop.canvas.view import CanvasView
    from desktop.document import OpenDocument
    from desktop.panels.history import HistoryPanel
    from desktop.panels.inspector import Inspector
    from desktop.panels.problem_watch import ProblemWatch
    from desktop.panels.problems import ProblemsPanel
    from desktop.panels.run_scope import RunScope
    from desktop.panels.trigger_publishing import ServiceAddress
    from desktop.panels.values import ValuesPanel
    from desktop.run_controller import RunController
    from desktop.run_desk import RunDesk

ROOM: Final = 80.0
"""Canvas pixels between a step and one that is added after it."""

PerTab: TypeAlias = "Callable[[WorkTab, RunController, Workspace], QWidget]"
"""Makes a panel that belongs to one open workflow."""


class TabStack(QStackedWidget):
    """A panel of which every open workflow has its own; the one of the workflow in front is shown.

    One that belongs to no workflow may cover them.
    """

    def __init__(self, make: PerTab, empty: QWidget) -> None:
        super().__init__()
        self._make = make
        self._panels: dict[WorkTab, QWidget] = {}
        self._empty = empty
        self._below: QWidget = empty
        self._cover: QWidget | None = None
        self.addWidget(empty)

    def show_tab(self, tab: WorkTab | None, controller: RunController | None, workspace: Workspace | None) -> None:
        """Show what belongs to a workflow, made now if it was not; nothing as long as it cannot be run."""
        if tab is None or controller is None or workspace is None:
            self._below = self._empty
        else:
            if tab not in self._panels:
                self._panels[tab] = self._make(tab, controller, workspace)
                self.addWidget(self._panels[tab])
            self._below = self._panels[tab]
        self.setCurrentWidget(self._cover or self._below)

    def cover(self, panel: QWidget) -> None:
        """Show a panel that belongs to no workflow, until it is uncovered."""
        self.uncover()
        self._cover = panel
        self.addWidget(panel)
        self.setCurrentWidget(panel)

    def uncover(self) -> None:
        """Show what belongs to the workflow in front again."""
        if self._cover is not None:
            self.removeWidget(self._cover)
            self._cover.deleteLater()
            self._cover = None
            self.setCurrentWidget(self._below)

    def forget(self, tab: WorkTab) -> None:
        """The workflow was closed."""
        panel = self._panels.pop(tab, None)
        if panel is not None:
            if self._below is panel:
                self._below = self._empty
            self.removeWidget(panel)
            panel.deleteLater()


DEMO_ANSWERS: Final = "Runs use the demo model now, whatever is named here."


class SessionFacts:
    """What the pickers of the inspector offer, from whatever workspace is open."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def models(self) -> Sequence[ModelInfo]:
        """The models of the model server. Raises StepError, with a word more where no server is needed."""
        from core.engine.errors import StepError

        workspace = self._session.workspace
        if workspace is None:
            return ()
        try:
            return (await workspace.server.catalogue.list()).models
        except StepError as error:
            if not workspace.demo:
                raise
            raise StepError(f"{error.message} {DEMO_ANSWERS}", kind=error.kind, retryable=True) from error

    async def secret_names(self) -> Sequence[str]:
        """The names of the kept secrets."""
        workspace = self._session.workspace
        return await workspace.secrets.names() if workspace is not None else ()

    async def workflow_names(self) -> Sequence[str]:
        """The names of the library's workflows."""
        workspace = self._session.workspace
        if workspace is None or workspace.store is None:
            return ()
        return [entry.name for entry in await workspace.store.workflows.list()]

    async def agent_names(self) -> Sequence[str]:
        """The names of the agents."""
        workspace = self._session.workspace
        return [saved.agent.name for saved in await workspace.agents.list()] if workspace is not None else ()


class SidePanels(QObject):
    """Makes the panels of a window and keeps them on the workflow in front. `join` once the window is there.

    run_wanted: the id of a run that a person wants to look at. resume_wanted: the RunRecord of one that shall go on.
    setting_wanted: the name of a setting to be changed.
    """

    run_wanted = Signal(str)
    resume_wanted = Signal(object)
    setting_wanted = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, icons: Icons, themes: ThemeManager) -> None:
        super().__init__()
        self._session, self._bridge, self._icons, self._themes = session, bridge, icons, themes
        self._window: MainWindow | None = None
        self._running: Running | None = None
        self._desk: RunDesk | None = None
        self._values: dict[WorkTab, ValuesPanel] = {}
        self._stacks: list[TabStack] = []
        self._watches: dict[WorkTab, ProblemWatch] = {}
        self._inspector: Inspector | None = None
        self._inspected: tuple[WorkTab | None, Workspace | None] | None = None
        self._problems: ProblemsPanel | None = None
        self.service: ServiceAddress | None = None

    def makers(self) -> dict[str, PanelMaker]:
        """What makes each panel, by its id."""
        return {
            "palette": self._make_palette,
            "inspector": self._make_inspector,
            "problems": self._make_problems,
            "timeline": self._stack(self._timeline, "chart-gantt", "No run yet", "Press Run to see every step here."),
            "values": self._stack(
                self._make_values, "braces", "No values yet", "Run the workflow, then select a step."
            ),
            "variables": self._stack(self._variables, "variable", "No variables", "They appear when a run sets them."),
            "history": self._stack(self._history, "history", "No runs yet", "Every run of this workflow is kept here."),
        }

    def join(self, window: MainWindow, running: Running, desk: RunDesk) -> None:
        """Follow the window: which workflow is in front, and what runs."""
        self._window, self._running, self._desk = window, running, desk
        desk.changed.connect(self._runs_changed)
        window.opened.connect(self._opened)
        window.tab_closed.connect(self._closed)
        window.active_changed.connect(lambda _: self._show())
        running.made.connect(self._controller_made)

    # -- one for the window --------------------------------------------------------------------------------------------

    def _make_palette(self) -> QWidget:
        from desktop.panels.palette import Palette

        panel = Palette(self._types, self._themes, self._icons)
        panel.add_requested.connect(self._add_step)
        return panel

    def _make_inspector(self) -> QWidget:
        from desktop.panels.background import Surroundings
        from desktop.panels.inspector import Inspector
        from desktop.panels.trigger_publishing import SessionPublishing
        from desktop.panels.value_view import ValueView

        def viewer() -> ValueView:
            return ValueView(self._read_file, self._bridge, self._themes, self._icons, compact=True)

        publishing = SessionPublishing(self._session)
        facts = SessionFacts(self._session)
        around = Surroundings(
            self._themes, self._icons, self._bridge, facts, viewer, publishing=publishing, service=self.service
        )
        self._inspector, self._inspected = Inspector(self._types, around), None
        self._inspector.failed.connect(self._say_refusal)
        self._inspector.run_wanted.connect(self.run_wanted)
        if self._desk is not None:
            self._inspector.allowed = self._desk.allowed
            self._inspector.asked.connect(self._desk.do)
        self._show()
        return self._inspector

    def _make_problems(self) -> QWidget:
        from desktop.panels.problems import ProblemsPanel

        self._problems = ProblemsPanel(self._themes, self._icons)
        self._problems.chosen.connect(self._choose_problem)
        self._show()
        return self._problems

    # -- one for each workflow -----------------------------------------------------------------------------------------

    def _stack(self, make: PerTab, icon: str, title: str, text: str) -> PanelMaker:
        def made() -> QWidget:
            stack = TabStack(make, EmptyState(self._icons, self._themes, icon=icon, title=title, text=text))
            self._stacks.append(stack)
            self._show()
            return stack

        return made

    def _timeline(self, tab: WorkTab, controller: RunController, workspace: Workspace) -> QWidget:
        from desktop.panels.timeline import TimelinePanel

        panel = TimelinePanel(controller, self._bridge, self._themes, self._icons, now=_now)
        panel.step_selected.connect(lambda path, attempt: self._show_attempt(tab, path, attempt))
        return panel

    def _make_values(self, tab: WorkTab, controller: RunController, workspace: Workspace) -> QWidget:
        from desktop.panels.values import ValuesPanel

        panel = ValuesPanel(controller, self._read_file, self._bridge, self._themes, self._icons)
        selected = getattr(tab.canvas, "selection_changed", None)
        if selected is not None:
            selected.connect(lambda steps: panel.show_step_id(next(iter(steps))) if len(steps) == 1 else None)
        self._values[tab] = panel
        chosen: frozenset[str] = getattr(tab.canvas, "selected", frozenset())
        if len(chosen) == 1:
            panel.show_step_id(next(iter(chosen)))
        return panel

    def _variables(self, tab: WorkTab, controller: RunController, workspace: Workspace) -> QWidget:
        from desktop.panels.variables import VariablesPanel

        panel = VariablesPanel(controller, self._read_file, self._bridge, self._themes, self._icons)
        panel.step_chosen.connect(lambda path: self._focus(tab, path))
        return panel

    def _history(self, tab: WorkTab, controller: RunController, workspace: Workspace) -> QWidget:
        return self._history_panel(workspace, tab.document, controller)

    def show_runs(self, scope: RunScope) -> None:
        """List the runs of a span of time in the history, above those of the workflow in front."""
        window, workspace = self._window, self._session.workspace
        if window is None or workspace is None:
            return
        stack = window.docks.get("history").fill()
        window.docks.reveal("history")
        if not isinstance(stack, TabStack):
            return
        panel = self._history_panel(workspace, None, None)
        panel.scope_left.connect(stack.uncover)
        stack.cover(panel)
        panel.show_scope(scope)

    def look_again(self) -> None:
        """Runs may have been made elsewhere: read the history again, if somebody looks at it."""
        stack = self._window.docks.get("history").panel if self._window is not None else None
        panel = stack.currentWidget() if isinstance(stack, QStackedWidget) else None
        refresh = getattr(panel, "refresh", None)
        if panel is not None and panel.isVisible() and refresh is not None:
            refresh()

    def _history_panel(
        self, workspace: Workspace, document: OpenDocument | None, controller: RunController | None
    ) -> HistoryPanel:
        from desktop.panels.history import HistoryPanel

        panel = HistoryPanel(
            workspace, controller, document, self._bridge, self._themes, self._icons, now=_now, executed=self._executed
        )
        panel.opened.connect(self.run_wanted)
        if self._desk is not None:
            panel.again_wanted.connect(self._desk.reuse)
        panel.resume_wanted.connect(self.resume_wanted)
        panel.show_retention(workspace.settings.retention.runs, workspace.settings.retention.days)
        panel.retention_wanted.connect(lambda: self.setting_wanted.emit("retention.runs"))
        return panel

    def _executed(self) -> frozenset[str]:
        """The ids of the runs that this window executes."""
        return self._running.executed if self._running is not None else frozenset()

    # -- following -----------------------------------------------------------------------------------------------------

    def _opened(self, tab: WorkTab) -> None:
        from desktop.panels.problem_watch import ProblemWatch

        self._watches[tab] = watch = ProblemWatch(tab.document, self._types, self._bridge, tab)
        faults, activated = getattr(tab.canvas, "faults", None), getattr(tab.canvas, "activated", None)
        if faults is not None:
            watch.changed.connect(lambda found: faults.show(found.problems))
        if activated is not None:
            activated.connect(lambda step: self._enter(tab, step))
        selected = getattr(tab.canvas, "selection_changed", None)
        if selected is not None:
            selected.connect(lambda steps: self._selected(tab, steps))
        self._show()

    def _closed(self, tab: WorkTab) -> None:
        self._watches.pop(tab, None)
        self._values.pop(tab, None)
        for stack in self._stacks:
            stack.forget(tab)
        self._show()

    def _controller_made(self, tab: WorkTab, controller: RunController) -> None:
        for stack in self._stacks:
            stack.forget(tab)  # a panel of an earlier workspace
        controller.changed.connect(lambda: self._run_went_on(tab))
        controller.shown_changed.connect(lambda _: self._run_went_on(tab))
        self._show()

    def _show(self) -> None:
        """Show everywhere what belongs to the workflow in front."""
        if self._window is None or self._running is None:
            return
        tab = self._window.active
        controller = self._running.controller(tab) if tab is not None else None
        for stack in self._stacks:
            stack.show_tab(tab, controller, self._session.workspace)
        watch = self._watches.get(tab) if tab is not None else None
        if self._problems is not None:
            self._problems.show_watch(watch)
        if self._inspector is not None:
            self._inspect(self._inspector, tab, watch)
            if tab is not None:
                self._selected(tab, getattr(tab.canvas, "selected", frozenset()))
                self._run_went_on(tab)

    def _inspect(self, inspector: Inspector, tab: WorkTab | None, watch: ProblemWatch | None) -> None:
        """Show a workflow in the inspector, in new pages unless nothing but what finds its problems is another."""
        shown = (tab, self._session.workspace)
        if shown == self._inspected:
            inspector.follow(watch)
        else:
            self._inspected = shown
            inspector.show_document(tab.document if tab is not None else None, watch)

    def _selected(self, tab: WorkTab, steps: frozenset[str]) -> None:
        if self._inspector is not None and self._window is not None and self._window.active is tab:
            self._inspector.show_step(next(iter(steps)) if len(steps) == 1 else None)

    def _run_went_on(self, tab: WorkTab) -> None:
        from desktop.panels.last_run import last_run

        controller = self._running.controller(tab) if self._running is not None else None
        if self._inspector is None or self._window is None or self._window.active is not tab or controller is None:
            return
        parts = self._desk.parts(tab) if self._desk is not None else None
        pins = parts.pins.pins() if parts is not None else {}
        self._inspector.show_run(last_run(controller, pins))

    def _runs_changed(self) -> None:
        if self._window is not None and self._window.active is not None:
            self._run_went_on(self._window.active)

    # -- choosing ------------------------------------------------------------------------------------------------------

    def _add_step(self, type_name: str) -> None:
        from desktop.canvas.view import CanvasView

        window = self._window
        if window is not None and window.active is None:
            window.commands.run("file.new")  # a step that is wanted where nothing is open begins a workflow
        tab = window.active if window is not None else None
        if tab is None or not isinstance(tab.canvas, CanvasView):
            return
        canvas = tab.canvas
        add_after_selection(canvas, type_name)
        canvas.setFocus()

    def _choose_problem(self, step: object, field: str) -> None:
        tab = self._window.active if self._window is not None else None
        if tab is None:
            return
        if isinstance(step, str):
            self._focus(tab, step)
        if self._inspector is not None:
            self._inspector.show_step(step if isinstance(step, str) else None)
            self._inspector.focus(field)

    def _enter(self, tab: WorkTab, step: str) -> None:
        """Open the settings of a step, with the keyboard in the field that matters."""
        if self._window is None:
            return
        self._window.docks.reveal("inspector")
        self._selected(tab, frozenset((step,)))
        if self._inspector is not None:
            self._inspector.enter()

    def _show_attempt(self, tab: WorkTab, path: str, attempt: int) -> None:
        """Bring a step into view, and the exact values of one of its attempts."""
        self._focus(tab, path)
        if self._window is not None:
            self._window.docks.reveal("values")
        if tab in self._values:
            self._values[tab].show_step(path, attempt)

    def _focus(self, tab: WorkTab, path: str) -> None:
        tab.step_wanted.emit(path.rpartition("/")[2])

    def _say_refusal(self, text: str) -> None:
        if self._window is not None:
            self._window.toasts.show("That cannot be changed so", text, kind="failed")

    async def _read_file(self, blob_hash: str) -> bytes:
        workspace = self._session.workspace
        if workspace is None:
            from core.engine.errors import StepError

            raise StepError("The database is not open.", kind="not_found")
        return await workspace.read_file(blob_hash)

    @property
    def _types(self) -> StepTypes:
        types = self._session.types
        assert types is not None, "panels are made after the step types are there"
        return types


def add_after_selection(canvas: CanvasView, type_name: str) -> None:
    """Add a step to the right of the selected one and wire it, or in the middle of what is seen."""
    selected = next(iter(canvas.selected), None) if len(canvas.selected) == 1 else None
    box = canvas.diagram.boxes.get(selected) if selected is not None else None
    step = canvas.document.workflow.step(selected) if selected is not None else None
    if box is None or step is None:
        area = canvas.visible_area()
        canvas.commands.add(type_name, area.center)
        return
    kind = canvas.types.get(step.type)
    ports = tuple(kind.ports(step.config)) if kind is not None else ()
    after = (step.id, ports[0]) if ports else None
    canvas.commands.add(type_name, (box.rect.right + ROOM, box.rect.top + ROOM / 4), after=after)


def _now() -> datetime:
    return datetime.now(UTC)
