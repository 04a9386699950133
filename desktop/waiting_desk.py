"""Questions of runs, answered from the window: the list of them, the message when one arrives, and where answers go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from core.workflow.model import Json
from desktop.bridge import Bridge, OnError
from desktop.empty_state import EmptyState
from desktop.running import Running
from desktop.toasts import Toast
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.engine.lifecycle import RunResult
    from core.workspace import Workspace
    from desktop.panels.waiting import WaitingPanel
    from desktop.run_controller import RunController
    from desktop.waiting_list import Waiting, WaitingList

PANEL: Final = "waiting"


class WaitingDesk(QObject):
    """Knows what waits for a person. run_wanted: the id of a run that is to be looked at. counted: there are others.

    notify: says something where it is seen though the window is not: a title and words.
    """

    run_wanted = Signal(str)
    counted = Signal()

    def __init__(self, window: MainWindow, running: Running, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._running, self._bridge = window, running, bridge
        self._workspace: Workspace | None = None
        self._panel: WaitingPanel | None = None
        self._host: QWidget | None = None
        self._said: dict[object, Toast] = {}
        self.list: WaitingList | None = None
        self.notify: Callable[[str, str], object] = lambda _title, _text: None
        running.ended.connect(self.refresh)

    def use(self, workspace: Workspace) -> None:
        """From now on the questions of that workspace's runs are shown."""
        from desktop.waiting_list import WaitingList

        if self.list is not None:
            self.list.deleteLater()
        self._workspace = workspace
        self.list = WaitingList(workspace.journal, self._bridge, parent=self)
        self.list.changed.connect(self._count)
        self.list.arrived.connect(self._tell)
        self._window.docks.get(PANEL).renew()
        self.refresh()

    def refresh(self) -> None:
        """Look into the journal again."""
        if self.list is not None:
            self.list.refresh()

    def make_panel(self) -> QWidget:
        """The panel: cards to answer on, or why there are none yet."""
        from desktop.panels.waiting import WaitingPanel

        window = self._window
        if self.list is None or self._workspace is None:
            return EmptyState(
                window.icons, window.themes, icon="hand", title="Nothing waits for you",
                text="Approvals and questions of runs appear here.",
            )  # fmt: skip
        workspace = self._workspace
        panel = WaitingPanel(
            self.list, self, self._bridge, window.themes, window.icons, workspace.read_file, now=workspace.clock.now
        )
        panel.run_chosen.connect(self.run_wanted)
        return panel

    def answer(self, path: str, answer: Mapping[str, Json], run_id: str = "", on_error: OnError | None = None) -> None:
        """Give an answer to the run that asks, in its tab if it has one here, else behind the window."""
        workspace = self._workspace
        if workspace is None:
            return
        controller = self._controller_of(run_id)
        if controller is not None:
            controller.answer(path, answer, run_id, on_error)
            return
        self._bridge.spawn(workspace.answer(run_id, path, answer), self._went_on, on_error)

    def _controller_of(self, run_id: str) -> RunController | None:
        for tab in self._window.all_tabs:
            controller = self._running.controller(tab)
            if controller is not None and any(run.id == run_id for run in controller.runs):
                return controller
        return None

    def _went_on(self, result: RunResult) -> None:
        self.refresh()
        if result.status == "failed":
            text = result.error.message.partition("\n")[0] if result.error else ""
            self._window.toasts.show("The answered run failed", text, kind="failed")
        elif result.status == "completed":
            self._window.toasts.show("The answered run is done", kind="done")

    def _count(self) -> None:
        number = len(self.list.questions) if self.list is not None else 0
        self._window.status.show_waiting(number)
        self._window.docks.get(PANEL).count(number)
        standing = {each.key for each in self.list.questions} if self.list is not None else set()
        for answered in self._said.keys() - standing:
            self._window.toasts.remove(self._said.pop(answered))
        self.counted.emit()

    def _tell(self, waiting: Waiting) -> None:
        title, text = f"{waiting.workflow} waits for you", waiting.title
        self._said[waiting.key] = self._window.toasts.show(
            title, text, action="Answer", on_action=lambda: self._window.docks.reveal(PANEL)
        )
        if self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        self.notify(title, text)
