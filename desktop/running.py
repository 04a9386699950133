"""Run and Stop of the window: a controller for every open workflow, and what the frame says of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge, explain
from desktop.overlay import RunOverlay
from desktop.step_words import steps_on
from desktop.toasts import Toast
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.engine.lifecycle import RunResult
    from core.workflow.model import Workflow
    from core.workflow.problems import DocumentError
    from core.workspace import Workspace
    from desktop.dialogs.run_prompt import RunPrompt
    from desktop.run_controller import RunController
    from desktop.watched_run import WatchedRun


@runtime_checkable
class ShowsRuns(Protocol):
    """A canvas that shows how the steps of a run stand."""

    def show_run(self, overlay: RunOverlay) -> None:
        """Show this run instead."""

    def overlay_changed(self) -> None:
        """The shown run has gone on."""


class Running(QObject):
    """made: a WorkTab and its RunController, when a controller is there for it. ended: a run of this window is over.

    home: the folder in which the inputs of runs are kept.
    """

    made = Signal(object, object)
    ended = Signal()

    def __init__(self, window: MainWindow, bridge: Bridge, home: Path) -> None:
        super().__init__(window)
        self._window, self._bridge, self._home = window, bridge, home
        self._workspace: Workspace | None = None
        self._controllers: dict[WorkTab, RunController] = {}
        self._said: dict[WorkTab, Toast] = {}
        window.opened.connect(self._make)
        window.tab_closed.connect(self._close)

    def use(self, workspace: Workspace) -> None:
        """From now on runs are started there; controllers of another workspace are let go."""
        self.close()
        self._workspace = workspace
        for tab in self._window.all_tabs:
            self._make(tab)

    def controller(self, tab: WorkTab) -> RunController | None:
        """The controller of a tab, None until the workspace is open."""
        return self._controllers.get(tab)

    @property
    def executed(self) -> frozenset[str]:
        """The ids of all runs that this window executes."""
        return frozenset(run.id for controller in self._controllers.values() for run in controller.live)

    def start(self, tab: WorkTab) -> None:
        """Start a run of the tab's workflow, after asking for its inputs."""
        if (prompt := self.prompt(tab)) is not None:
            prompt.run()

    def start_again(self, tab: WorkTab) -> None:
        """Start a run with the inputs of the last one; they are asked for if there was none."""
        if (prompt := self.prompt(tab)) is not None:
            prompt.run_again()

    def stop(self, tab: WorkTab) -> None:
        """Stop the shown run of a tab so that it can be resumed."""
        controller = self._controllers.get(tab)
        if controller is not None:
            controller.stop()

    def close(self) -> None:
        """Let go of all runs."""
        for controller in self._controllers.values():
            controller.close()
        self._controllers.clear()

    def prompt(self, tab: WorkTab) -> RunPrompt | None:
        """What asks for the inputs of a tab's runs; None, which is said, as long as nothing can be run."""
        from desktop.dialogs.run_prompt import RunPrompt  # brings the validator, which the first paint does not need
        from desktop.saved_inputs import SavedInputs

        controller = self._controllers.get(tab)
        if controller is None:
            self._window.toasts.show("Nothing can be run yet", "The database is still being opened.", kind="failed")
            return None
        prompt = controller.findChild(RunPrompt)
        if prompt is None:
            saved, themes, icons = SavedInputs(self._home / "inputs"), self._window.themes, self._window.icons
            prompt = RunPrompt(
                tab.document, controller, saved, self._bridge, themes, icons, self._window, self._estimate
            )
            prompt.setParent(controller)
            prompt.refused.connect(lambda error: self.refuse(tab, error))
        return prompt

    async def _estimate(self, workflow: Workflow) -> str:
        """What a run of a workflow will cost, in words; '' if no workspace is open any more."""
        return await self._workspace.forecasts.words(workflow) if self._workspace is not None else ""

    def _make(self, tab: WorkTab) -> None:
        if self._workspace is None or tab in self._controllers:
            return
        from desktop.run_controller import RunController  # brings the engine, which the first paint does not need

        controller = RunController(self._workspace, tab.document, self._bridge, tab)
        self._controllers[tab] = controller
        canvas = tab.canvas
        if isinstance(canvas, ShowsRuns):
            shows = canvas
            controller.shown_changed.connect(lambda _run: shows.show_run(controller.overlay))
            shows.show_run(controller.overlay)
            controller.changed.connect(shows.overlay_changed)
        controller.state_changed.connect(lambda _: self._show(tab))
        controller.shown_changed.connect(lambda _: self._show(tab))
        controller.changed.connect(lambda: self._show(tab))
        controller.ended.connect(lambda result: self._over(tab, result))
        self.made.emit(tab, controller)

    def _close(self, tab: WorkTab) -> None:
        self._said.pop(tab, None)
        controller = self._controllers.pop(tab, None)
        if controller is not None:
            controller.close()
        self._count()

    def _show(self, tab: WorkTab) -> None:
        controller = self._controllers.get(tab)
        if controller is None:
            return
        live = len(controller.live)
        if live and (old := self._said.pop(tab, None)) is not None:
            self._window.toasts.remove(old)  # another try is under way
        note = standing(controller.shown) if not live else "Running…" if live == 1 else f"{live} runs…"
        shown = controller.shown
        tab.show_running(shown is not None and (shown.live or shown.status == "queued"), note)
        self._count()

    def _over(self, tab: WorkTab, result: RunResult) -> None:
        self._show(tab)
        self.ended.emit()
        if result.status == "failed":
            self._say_failed(tab, result)

    def _say_failed(self, tab: WorkTab, result: RunResult) -> None:
        """Tell that a run failed, and where; the message leads to the step."""
        text = result.error.message.partition("\n")[0] if result.error else ""
        steps = [step for _, step in steps_on(result.error_path, tab.document.workflow) if step is not None]
        if not steps:
            self._said[tab] = self._window.toasts.show(f"{tab.title} failed", text, kind="failed")
            return

        def show() -> None:
            self._window.tabs.setCurrentWidget(tab)
            tab.step_wanted.emit(steps[-1].id)

        self._said[tab] = self._window.toasts.show(
            f"{tab.title} failed", f"{steps[-1].name}: {text}", kind="failed", action="Show the step", on_action=show
        )

    def _count(self) -> None:
        self._window.status.show_running(sum(len(each.live) for each in self._controllers.values()))

    def refuse(self, tab: WorkTab, error: Exception) -> None:
        """Say why a run was not started."""
        problems = [one for one in error.problems if one.severity == "error"] if _is_document_error(error) else []
        if not problems:
            first, _, rest = explain(error).partition("\n")
            self._window.toasts.show(f"{tab.title} cannot run", f"{first}\n{rest}".strip(), kind="failed")
            return
        from desktop.panels.problems_model import lines_of

        line, *others = lines_of(tab.document.workflow, problems)
        text = f"{line.where}: {line.problem.words}"
        more = f"\nAnd {len(others)} more." if others else ""

        def show() -> None:
            self._window.docks.reveal("problems")
            if line.problem.step is not None:
                tab.step_wanted.emit(line.problem.step)

        self._window.toasts.show(
            f"{tab.title} cannot run", text + more, kind="failed", action="Show what is wrong", on_action=show
        )


def _is_document_error(error: Exception) -> TypeGuard[DocumentError]:
    return getattr(error, "code", "") == "document"


def standing(run: WatchedRun | None) -> str:
    """How a run that is not executed stands, in a few words; '' for none."""
    if run is None:
        return ""
    match run.status:
        case "completed":
            return f"Done in {_spent(run)}"
        case "failed":
            return "Failed"
        case "suspended" if run.wake_at is not None and not any(run.log.waiting()):
            return f"Waits until {run.wake_at.astimezone():%Y-%m-%d %H:%M}"
        case "suspended":
            return "Waits for you"
        case "queued":
            return "Queued"
        case "running":
            return "Interrupted"
        case _:
            return "Stopped" if run.resumable else "Cancelled"


def _spent(run: WatchedRun) -> str:
    from core.cli.wording import spent

    return spent(run.usage, run.duration_s)
