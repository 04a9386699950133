"""Runs of parts, pins and marks for every open workflow of the window, and the commands that make them reachable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.running import Running
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.engine.journal import RunRecord
    from core.workspace import Workspace
    from desktop.run_cards import QuestionCards
    from desktop.run_controller import RunController
    from desktop.run_marks import RunMarks
    from desktop.run_parts import RunParts
    from desktop.watched_run import WatchedRun


class RunDesk(QObject):
    """changed: what can be run of the workflow in front may be something else.

    home: the folder in which typed inputs are kept.
    """

    changed = Signal()

    def __init__(self, window: MainWindow, running: Running, bridge: Bridge, home: Path) -> None:
        super().__init__(window)
        self._window, self._running, self._bridge, self._home = window, running, bridge, home
        self._workspace: Workspace | None = None
        self._parts: dict[WorkTab, RunParts] = {}
        self._marks: dict[WorkTab, RunMarks] = {}
        self._cards: dict[WorkTab, QuestionCards] = {}
        running.made.connect(self._made)
        window.tab_closed.connect(self._closed)

    def use(self, workspace: Workspace) -> None:
        """Pins are kept there; called before controllers are made."""
        self._workspace = workspace

    def parts(self, tab: WorkTab | None) -> RunParts | None:
        """What can be run of a workflow, None until the workspace is open."""
        return self._parts.get(tab) if tab is not None else None

    def allowed(self, step_id: str) -> tuple[bool, bool, bool, bool]:
        """Of a step in front: whether it can run, run with earlier results, be pinned or unpinned, and is pinned."""
        parts = self.parts(self._window.active)
        if parts is None or not parts.can_run(step_id):
            return False, False, False, False
        return True, parts.can_run_from(step_id), parts.can_pin(step_id), parts.is_pinned(step_id)

    def do(self, ask: str, step_id: str) -> None:
        """Do what is asked for a step of the workflow in front. ask: an Ask."""
        parts = self.parts(self._window.active)
        tab = self._window.active
        if ask == "answer" and tab in self._cards:
            self._cards[tab].open(step_id)
        if ask == "resume":
            self.resume()
        if parts is None:
            return
        actions: dict[str, Callable[[str], None]] = {
            "alone": parts.run_alone,
            "until": parts.run_until,
            "from": parts.run_from,
            "retry": parts.retry,
            "edit": parts.edit_output,
            "pin": parts.toggle_pin,
        }
        if ask in actions:
            actions[ask](step_id)

    def can_resume(self) -> bool:
        """Whether the run that is shown in front was stopped or failed, and can go on; one that asks goes on by an
        answer."""
        run = self._shown()
        asks = run is not None and run.status == "suspended" and any(run.log.waiting())
        return run is not None and run.resumable and not run.live and not asks

    def resume(self) -> None:
        """Go on with the run that is shown in front."""
        tab, run = self._window.active, self._shown()
        controller = self._running.controller(tab) if tab is not None else None
        if controller is not None and run is not None:
            controller.resume(run.id)

    def can_reuse(self) -> bool:
        """Whether the workflow in front can be run with what an earlier run left."""
        tab = self._window.active
        parts = self.parts(tab)
        if tab is None or parts is None or tab.document.is_newer:
            return False
        return bool(tab.document.workflow.steps) and parts.can_reuse()

    def reuse(self, record: RunRecord | None = None) -> None:
        """Run the workflow in front anew with what still holds of a run. record: which; None for the shown one."""
        parts = self.parts(self._window.active)
        if parts is not None:
            parts.run_reusing(record)

    def _shown(self) -> WatchedRun | None:
        tab = self._window.active
        controller = self._running.controller(tab) if tab is not None else None
        return controller.shown if controller is not None else None

    def commands(self) -> Sequence[Command]:
        """The commands of the menu Run that are about the selected step."""

        def on_step(ask: str) -> Callable[[], None]:
            return lambda: self.do(ask, self._selected() or "")

        def can(index: int) -> Callable[[], bool]:
            return lambda: (step := self._selected()) is not None and self.allowed(step)[index]

        return [
            Command(
                "run.resume", "Resume the run", self.resume, "circle-play", ("Ctrl+F5",), "Run", "run", self.can_resume,
                help="Goes on with the shown run where it was stopped or failed; what is done is not run again.",
            ),
            Command(
                "run.reuse", "Run what changed…", self.reuse, "rotate-cw", ("Ctrl+Shift+F5",), "Run", "run",
                self.can_reuse, help="Runs with other inputs, or after edits; steps that are as they were in the shown "
                "run and are given the same keep its outputs.",
            ),
            Command(
                "run.step", "Run this step alone…", on_step("alone"), "play", ("Alt+Return",), "Run", "part", can(0),
                help="Runs the selected step by itself, with values of the last run or typed ones.", scope="canvas",
            ),
            Command(
                "run.to_here", "Run to here", on_step("until"), "skip-forward", ("Shift+Return",), "Run", "part",
                can(0), scope="canvas",
                help="Runs what leads to the selected step, and the step; what still holds is not run again.",
            ),
            Command(
                "run.from_here", "Run from here", on_step("from"), "step-forward", ("Ctrl+Alt+Return",), "Run", "part",
                can(1), scope="canvas",
                help="Runs the selected step and what follows it, with the results of the run before.",
            ),
            Command(
                "run.edit_output", "Edit the output…", on_step("edit"), "pencil", (), "Run", "pin", can(0),
                help="Writes what the selected step gives by hand, for one run or for all.", scope="canvas",
            ),
            Command(
                "run.pin", "Pin the output", on_step("pin"), "pin", ("P",), "Run", "pin", can(2),
                checked=lambda: (step := self._selected()) is not None and self.allowed(step)[3], scope="canvas",
                help="Lets runs take the selected step's last output instead of running it.",
            ),
        ]  # fmt: skip

    def _selected(self) -> str | None:
        tab = self._window.active
        selected: frozenset[str] = getattr(tab.canvas, "selected", frozenset()) if tab is not None else frozenset()
        return next(iter(selected)) if len(selected) == 1 else None

    def _made(self, tab: WorkTab, controller: RunController) -> None:
        from desktop.made_pictures import PictureRoom
        from desktop.run_cards import QuestionCards, StepPlaces
        from desktop.run_chooser import RunChooser
        from desktop.run_marks import RunMarks
        from desktop.run_parts import RunParts
        from desktop.run_pins import RunPins
        from desktop.saved_inputs import SavedInputs

        workspace = self._workspace
        if workspace is None:
            return
        pins = RunPins(workspace.pins, tab.document, self._bridge, controller)
        controller.pins = pins.pins
        parts = RunParts(
            tab.document, controller, lambda: self._running.prompt(tab), pins, workspace.types,
            SavedInputs(self._home / "inputs"), self._bridge,
            self._window.themes, self._window.icons, self._window,
        )  # fmt: skip
        parts.refused.connect(lambda error: self._running.refuse(tab, error))
        self._parts[tab] = parts
        self._marks[tab] = RunMarks(tab.document, controller, pins, self._bridge, controller)
        self._marks[tab].changed.connect(self.changed)
        if isinstance(tab.canvas, StepPlaces):
            room = PictureRoom(workspace.read_file, self._bridge, self._window.themes, self._window.icons)
            cards = QuestionCards(tab.canvas, controller, room)
            self._cards[tab] = cards
        chooser = RunChooser(
            controller, lambda: self._window.docks.reveal("history"), self._window.themes, self._window.icons
        )
        tab.bar.place(chooser)
        controller.destroyed.connect(chooser.deleteLater)
        controller.state_changed.connect(lambda _: self.changed.emit())
        controller.shown_changed.connect(lambda _: self._window.commands.refresh())
        pins.changed.connect(self.changed)

    def _closed(self, tab: WorkTab) -> None:
        self._parts.pop(tab, None)
        self._marks.pop(tab, None)
        self._cards.pop(tab, None)
