"""What every panel is made with, for tests of panels: a bridge on the running loop, a theme, the icons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.theme import ThemeManager


@dataclass
class PanelParts:
    """The parts, and what was shown: closed and deleted at the end."""

    bridge: Bridge
    themes: ThemeManager
    icons: Icons
    shown: list[QWidget]

    def show(self, widget: QWidget, width: int = 800, height: int = 300) -> None:
        """Show a widget of that size and lay it out."""
        widget.resize(width, height)
        widget.show()
        QCoreApplication.sendPostedEvents()
        self.shown.append(widget)

    async def idle(self) -> None:
        """Wait until nothing runs in the background."""
        async with asyncio.timeout(20):
            while self.bridge.busy:  # noqa: ASYNC110 - Qt's own events must be handled between two looks
                await asyncio.sleep(0)


@asynccontextmanager
async def panel_parts(bridge: Bridge | None = None) -> AsyncIterator[PanelParts]:
    """Parts on the running loop. bridge: one that is there already and that its owner closes."""
    made = bridge or Bridge(asyncio.get_running_loop())
    parts = PanelParts(made, ThemeManager(), Icons(), [])
    try:
        yield parts
    finally:
        for widget in parts.shown:
            widget.close()
            widget.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if bridge is None:
            await made.close()
