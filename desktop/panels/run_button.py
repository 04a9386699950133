"""The button at the top of a step's page that runs it, or a part of the workflow up to it or from it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop.panels.background import Surroundings
from desktop.panels.run_strip import Ask

_ENTRIES: Final[tuple[tuple[Ask, str, str] | None, ...]] = (
    ("alone", "Run this step alone…", "play"),
    ("until", "Run to here", "skip-forward"),
    ("from", "Run from here", "step-forward"),
    None,
    ("edit", "Edit the output…", "pencil"),
    ("pin", "Pin the output", "pin"),
)


class RunButton(QToolButton):
    """A menu of what can be run. asked: an Ask."""

    asked = Signal(str)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around = around
        self.actions_by_ask: dict[Ask, QAction] = {}
        self.setAccessibleName("Run this step")
        self.setToolTip("Run this step, to here, or from here")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setIconSize(QSize(16, 16))
        theme = around.themes.theme
        self.setIcon(around.icons.icon("play", theme, "accent"))
        menu = QMenu(self)
        for entry in _ENTRIES:
            if entry is None:
                menu.addSeparator()
                continue
            ask, title, icon = entry
            action = menu.addAction(around.icons.icon(icon, theme), title)
            action.triggered.connect(lambda _checked=False, what=ask: self.asked.emit(what))
            self.actions_by_ask[ask] = action
        self.setMenu(menu)

    def allow(self, *, run: bool, from_here: bool, pin: bool, pinned: bool) -> None:
        """What can be done now."""
        self.setEnabled(run)
        self.actions_by_ask["from"].setEnabled(from_here)
        action = self.actions_by_ask["pin"]
        action.setEnabled(pin)
        action.setText("Unpin the output" if pinned else "Pin the output")
        action.setIcon(self._around.icons.icon("pin-off" if pinned else "pin", self._around.themes.theme))
