"""Nothing unsaved goes without a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from desktop.dialogs.message import Choice, MessageDialog
from desktop.filing import Filing
from desktop.window import MainWindow
from desktop.work_tab import WorkTab


class UnsavedGuard:
    """Asks what becomes of unsaved work before tabs or the window are closed."""

    def __init__(self, window: MainWindow, filing: Filing) -> None:
        self._window = window
        self._filing = filing
        self._given_up: set[int] = set()
        self.question: MessageDialog | None = None

    def clear(self, tabs: Sequence[WorkTab], then: Callable[[], object]) -> bool:
        """Whether these may be closed now; else the person is asked, and `then` is called once they may."""
        unsaved = [tab for tab in tabs if not tab.document.is_saved and id(tab) not in self._given_up]
        if not unsaved:
            return True
        if self.question is None:
            self._ask(unsaved, then)
        return False

    def _ask(self, tabs: Sequence[WorkTab], then: Callable[[], object]) -> None:
        question = MessageDialog(
            self._window,
            title=_title(tabs),
            text="What was not saved yet will be lost otherwise.",
            choices=[
                Choice("discard", "Discard", "danger"),
                Choice("cancel", "Cancel"),
                Choice("save", "Save" if len(tabs) == 1 else "Save all", "primary"),
            ],
        )
        self.question = question
        question.chosen.connect(lambda key: self._answered(key, tabs, then))
        question.open()

    def _answered(self, key: str, tabs: Sequence[WorkTab], then: Callable[[], object]) -> None:
        self.question = None
        if key == "save":
            self._filing.save_all(tabs, then)
        elif key == "discard":
            self._given_up.update(map(id, tabs))
            then()


def _title(tabs: Sequence[WorkTab]) -> str:
    if len(tabs) == 1:
        return f"Save “{tabs[0].title}” first?"
    return f"Save {len(tabs)} workflows first?"
