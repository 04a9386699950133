"""The newest runs for the command palette; choosing one shows it on the workflow that it ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from desktop.bridge import Bridge
from desktop.palette_search import Entry, FunctionProvider, Provider

if TYPE_CHECKING:
    from core.engine.journal import RunRecord
    from core.workspace import Workspace

LISTED: Final = 50
ICONS: Final = {
    "queued": "clock",
    "running": "activity",
    "suspended": "hand",
    "completed": "circle-check",
    "failed": "circle-x",
    "cancelled": "circle-slash",
}
"""How a run stands, as an icon."""


class RecentRuns(QObject):
    """Knows the newest runs as of the last `refresh`. chosen: the RunRecord that a person wants to see."""

    chosen = Signal(object)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._runs: Sequence[RunRecord] = ()

    def refresh(self, workspace: Workspace) -> None:
        """Ask the journal again, in the background."""
        self._bridge.spawn(workspace.runs(LISTED), self._keep)

    def provider(self) -> Provider:
        """What the palette offers after `#`."""
        return FunctionProvider("Runs", "#", self._entries)

    def _keep(self, runs: Sequence[RunRecord]) -> None:
        self._runs = runs

    def _entries(self) -> Iterable[Entry]:
        for run in self._runs:
            when = f"{run.created.astimezone():%Y-%m-%d %H:%M}"
            yield Entry(
                f"run:{run.id}", f"{run.workflow.name}, {when}", partial(self.chosen.emit, run),
                ICONS.get(run.status, "history"), run.status, also=run.id,
            )  # fmt: skip
