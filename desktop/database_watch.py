"""Whether the database is still there: asked every few seconds, told when it goes and when it comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.bridge import Bridge, explain

if TYPE_CHECKING:
    from core.workspace import Workspace

EVERY_MS: Final = 5_000
PATIENCE_S: Final = 4.0
"""Seconds that the database is given to answer."""


class DatabaseWatch(QObject):
    """lost: why the database does not answer. found: it answers again. Nothing is said of a workspace without one."""

    lost = Signal(str)
    found = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._workspace: Workspace | None = None
        self._asking: asyncio.Task[None] | None = None
        self.is_lost = False
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.ask)

    def use(self, workspace: Workspace | None) -> None:
        """Watch that workspace's database from now on; None watches nothing."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        self._workspace = workspace
        self._answered(None)
        if workspace is not None and workspace.store is not None:
            self._timer.start()
        else:
            self._timer.stop()

    def ask(self) -> None:
        """Ask now; a question that is on its way is not asked twice."""
        if self._asking is None and self._workspace is not None and self._workspace.store is not None:
            self._asking = self._bridge.spawn(_ping(self._workspace), self._answered, self._failed)

    def _answered(self, _: object) -> None:
        self._asking = None
        if self.is_lost:
            self.is_lost = False
            self.found.emit()

    def _failed(self, error: Exception) -> None:
        self._asking = None
        text = "It does not answer." if isinstance(error, TimeoutError) else explain(error)
        if not self.is_lost:
            self.is_lost = True
            self.lost.emit(text)


async def _ping(workspace: Workspace) -> None:
    assert workspace.store is not None
    async with asyncio.timeout(PATIENCE_S):
        await workspace.store.database.ping()
