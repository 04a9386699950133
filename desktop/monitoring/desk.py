"""Reads the panel's numbers in the background, and counts what is not counted yet while somebody looks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge, explain
from desktop.commands import Command
from desktop.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.store.store import Store
    from core.workspace import Workspace
    from desktop.monitoring.numbers import Numbers
    from desktop.monitoring.panel import MonitoringPanel
    from desktop.monitoring.ranges import Range

PANEL: Final = "monitoring"


class MonitoringDesk(QObject):
    """runs_wanted: a RunScope whose runs are to be listed. step_wanted: a workflow's name and the id of its step."""

    runs_wanted = Signal(object)
    step_wanted = Signal(str, str)

    def __init__(self, window: MainWindow, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._workspace: Workspace | None = None
        self._panel: MonitoringPanel | None = None
        self._reading = self._again = False
        self._counting: asyncio.Task[None] | None = None

    def use(self, workspace: Workspace) -> None:
        """From now on the numbers are that workspace's."""
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None
        self._workspace, self._panel = workspace, None
        self._reading = self._again = False
        self._window.docks.get(PANEL).renew()

    def make_panel(self) -> QWidget:
        """The panel, or why there is none."""
        from desktop.empty_state import EmptyState

        window, workspace = self._window, self._workspace
        if workspace is None or workspace.store is None:
            return EmptyState(
                window.icons, window.themes, icon="chart-line", title="Nothing is counted",
                text="Numbers need the database, which is not there now.",
            )  # fmt: skip
        from desktop.monitoring.panel import MonitoringPanel

        types = workspace.types

        def title_of(step_type: str) -> str:
            kind = types.get(step_type)
            return kind.title if kind is not None else step_type

        self._panel = panel = MonitoringPanel(
            window.themes,
            window.icons,
            title_of=title_of,
            now=workspace.clock.now,
            lost_after_s=workspace.settings.workers.lost_after_s,
        )
        panel.wanted.connect(self.refresh)
        panel.runs_wanted.connect(self._list)
        panel.step_wanted.connect(self.step_wanted)
        return panel

    def commands(self) -> list[Command]:
        """What can be done from anywhere in the window."""

        def show() -> None:
            self._window.docks.reveal(PANEL)
            self.refresh()

        return [
            Command(
                "monitoring.refresh", "Open Monitoring", show, "chart-line", (), "View", "monitoring",
                lambda: self._workspace is not None and self._workspace.store is not None,
                help="Shows runs, durations, spending, failures and workers as charts, read anew.",
            )
        ]  # fmt: skip

    def refresh(self) -> None:
        """Read the numbers that are chosen, if anybody looks; calls meanwhile make one more reading."""
        panel, store = self._panel, self._store
        if panel is None or store is None or not panel.isVisible():
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        range_, workflow = panel.bar.range, panel.bar.workflow
        self._bridge.spawn(_read(store, range_, workflow), self._show, self._failed, name="numbers")

    @property
    def _store(self) -> Store | None:
        return self._workspace.store if self._workspace is not None else None

    def _show(self, numbers: Numbers) -> None:
        self._reading = False
        panel = self._panel
        if panel is None:
            return
        if self._again:
            self._again = False
            self.refresh()
            return
        panel.show_numbers(numbers)
        if not numbers.uncounted:
            panel.say_left(0)
        elif self._counting is None and self._store is not None:
            panel.say_left(numbers.uncounted)
            self._counting = self._bridge.spawn(
                _count(self._store, panel.say_left), self._counted, self._count_failed, name="counting"
            )

    def _counted(self, _: object) -> None:
        self._counting = None
        self.refresh()

    def _count_failed(self, error: Exception) -> None:
        self._counting = None
        if self._panel is not None:
            self._panel.bar.say(explain(error))

    def _failed(self, error: Exception) -> None:
        self._reading = self._again = False
        if self._panel is not None:
            self._panel.bar.say(explain(error))

    def _list(self, range_: Range, state: str) -> None:
        from desktop.monitoring.panel import scope_title
        from desktop.panels.run_scope import RunScope

        workflow = self._panel.bar.workflow if self._panel is not None else ""
        status: Any = state or None  # the states of bars are all ways to stand
        self.runs_wanted.emit(
            RunScope(range_.since, range_.until, workflow, status, scope_title(range_, state, workflow))
        )


async def _read(store: Store, range_: Range, workflow: str) -> Numbers:
    from desktop.monitoring.numbers import read

    return await read(store, range_, workflow)


async def _count(store: Store, tell: Callable[[int], None]) -> None:
    """Count all that is not counted yet, a batch at a time so that nothing else has to wait for it."""
    while await store.statistics.count():
        tell(await store.statistics.uncounted())
