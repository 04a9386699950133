"""Which of a workflow's runs is shown: a button above the canvas with the runs that are at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMenu, QToolButton

from desktop.icons import Icons
from desktop.panels.wording import RUN_STATES, STATE_ICONS, part_words
from desktop.run_controller import RunController
from desktop.theme import ThemeManager
from desktop.watched_run import WatchedRun

LISTED: Final = 12


class RunChooser(QToolButton):
    """Hidden as long as there is no run. history: shows all that are kept."""

    def __init__(
        self, controller: RunController, history: Callable[[], object], themes: ThemeManager, icons: Icons
    ) -> None:
        super().__init__()
        self._controller, self._history = controller, history
        self._themes, self._icons = themes, icons
        self.setAccessibleName("Run that is shown")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(14, 14))
        self.choices = QMenu(self)
        self.choices.aboutToShow.connect(self.build)
        self.setMenu(self.choices)
        controller.shown_changed.connect(lambda _: self.refresh())
        controller.state_changed.connect(lambda _: self.refresh())
        controller.ended.connect(lambda _: self.refresh())
        themes.changed.connect(lambda _: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Say which run is shown, and how many others are executed."""
        shown = self._controller.shown
        others = sum(1 for run in self._controller.live if run is not shown)
        self.setVisible(bool(self._controller.runs))
        text = _title(shown) if shown is not None else "No run shown"
        self.setText(f" {text}{f' · {others} more running' if others else ''}")
        self._sign(shown)
        self.setToolTip("Show another run")

    def build(self) -> None:
        """Fill the menu."""
        self.choices.clear()
        theme = self._themes.theme
        for run in list(reversed(self._controller.runs))[:LISTED]:
            state = RUN_STATES[run.status]
            icon = self._icons.icon(STATE_ICONS[state], theme, f"state.{state}")
            action = self.choices.addAction(icon, f"{_title(run)}   {_word(run)}")
            action.setCheckable(True)
            action.setChecked(run is self._controller.shown)
            font = action.font()
            font.setBold(action.isChecked())  # beside an icon no tick is seen
            action.setFont(font)
            action.triggered.connect(lambda _checked=False, run_id=run.id: self._controller.show(run_id))
        self.choices.addSeparator()
        nothing = self.choices.addAction("Show no run", lambda: self._controller.show(""))
        nothing.setEnabled(self._controller.shown is not None)
        self.choices.addAction("All kept runs…", self._history)

    def _sign(self, shown: WatchedRun | None) -> None:
        theme = self._themes.theme
        if shown is None:
            self.setIcon(self._icons.icon("history", theme, "text.muted", 14))
        else:
            state = RUN_STATES[shown.status]
            self.setIcon(self._icons.icon(STATE_ICONS[state], theme, f"state.{state}", 14))


def _title(run: WatchedRun) -> str:
    about = part_words(run.part, run.workflow)
    at = f"{run.created.astimezone():%H:%M:%S}"
    return f"{at} · {about}" if about else at


def _word(run: WatchedRun) -> str:
    if run.status == "cancelled":
        return "stopped" if run.resumable else "cancelled"
    return {"suspended": "waiting"}.get(run.status, run.status)
