"""At the start: runs that were cut short because their process died, and the offer to go on with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge
from desktop.dialogs.message import Choice, MessageDialog

if TYPE_CHECKING:
    from core.engine.journal import Journal, RunRecord

NAMED: Final = 5
"""How many of the interrupted runs are named."""


class Keeps(Protocol):
    """What keeps runs; the workspace does."""

    journal: Journal


class RunOffers(QObject):
    """resume_wanted, show_wanted: the RunRecord of an interrupted run that a person wants to go on with, or to see.

    question: the offer, while it stands.
    """

    resume_wanted = Signal(object)
    show_wanted = Signal(object)

    def __init__(self, window: QWidget, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._offered: set[str] = set()
        self.question: MessageDialog | None = None

    def look(self, workspace: Keeps) -> None:
        """Offer what was interrupted; each run once."""
        self._bridge.spawn(workspace.journal.interrupted(), self._offer, lambda _error: None)

    def _offer(self, found: Sequence[RunRecord]) -> None:
        runs = [run for run in found if run.id not in self._offered]
        if not runs or self.question is not None:
            return
        self._offered |= {run.id for run in runs}
        several = len(runs) > 1
        dialog = self.question = MessageDialog(
            self._window,
            title=f"{len(runs)} runs were interrupted" if several else "A run was interrupted",
            text=(
                f"{_named(runs)} {'were' if several else 'was'} cut short when the program ended. What was done is "
                "kept; going on runs none of it again."
            ),
            choices=[
                Choice("later", "Later"),
                Choice("show", "Show it" if not several else "Show the newest"),
                Choice("resume", "Go on" if not several else "Go on with all", "primary"),
            ],
        )
        dialog.chosen.connect(lambda key: self._chosen(key, runs))
        dialog.open()

    def _chosen(self, key: str, runs: Sequence[RunRecord]) -> None:
        self.question = None
        if key == "resume":
            for run in reversed(runs):
                self.resume_wanted.emit(run)
        elif key == "show":
            self.show_wanted.emit(runs[0])


def _named(runs: Sequence[RunRecord]) -> str:
    names = [f"“{run.workflow.name}” of {run.created.astimezone():%Y-%m-%d %H:%M}" for run in runs[:NAMED]]
    if len(runs) > NAMED:
        names.append(f"{len(runs) - NAMED} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
