"""What a run of the workflow in front will cost, said beside the Run button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer

from desktop.bridge import Bridge
from desktop.running import Running
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.monitoring.forecast import Forecast
    from core.workspace import Workspace

CALM_MS: Final = 1_500
"""Milliseconds without an edit after which the workflow's models are looked at again."""


class RunEstimates(QObject):
    """Keeps the estimate of the workflow in front up to date: by its runs, its edits, and the kept prices."""

    def __init__(self, window: MainWindow, running: Running, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._workspace: Workspace | None = None
        self._asked = 0
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(CALM_MS)
        self._calm.timeout.connect(self.refresh)
        window.active_changed.connect(lambda _: self.refresh())
        window.opened.connect(lambda tab: tab.document.changed.connect(lambda _changes: self._calm.start()))
        running.ended.connect(self.refresh)

    def use(self, workspace: Workspace) -> None:
        """From now on the runs and prices are that workspace's."""
        self._workspace = workspace
        self.refresh()

    def refresh(self) -> None:
        """Reckon again."""
        tab, workspace = self._window.active, self._workspace
        if tab is None or workspace is None or workspace.store is None:
            return
        self._asked += 1
        number = self._asked
        if workspace.demo:
            self._show(tab, number, None)
            return
        self._bridge.spawn(
            workspace.forecasts.of(tab.document.workflow),
            lambda known: self._show(tab, number, known),
            lambda _error: None,  # a guess that is missing needs no message
            name="estimate",
        )

    def _show(self, tab: WorkTab, number: int, known: Forecast | None) -> None:
        if number != self._asked or tab not in self._window.all_tabs:
            return
        from core.monitoring.forecast import forecast_words, short_words

        short = short_words(known)
        tab.bar.show_estimate(short, forecast_words(tab.document.workflow, known) if short else "")
