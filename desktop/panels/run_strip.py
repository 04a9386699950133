"""What the shown run says of a step, above its settings: why it failed or waits, what is stale, what is pinned."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.markdown_text import unmarked
from desktop.overlay import StepMark, StepView
from desktop.panels.background import Surroundings
from desktop.panels.notices import Notices

Ask: TypeAlias = Literal["alone", "until", "from", "retry", "resume", "edit", "pin", "settings", "sent", "answer"]
"""What can be asked for a step."""

_LONGEST: Final = 400
"""Characters of an error that are shown here; the rest is read in its record."""


class RunStrip(QWidget):
    """Hidden while there is nothing to say. asked: an Ask."""

    asked = Signal(str)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[object, ...] = ()
        self.notices = Notices(around, self)
        theme = around.themes.theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.px("space.4"), 0, theme.px("space.3"), theme.px("space.2"))
        layout.addWidget(self.notices)
        self.hide()

    def show_step(
        self, view: StepView | None, mark: StepMark | None, problem: str = "", *, resumable: bool = False
    ) -> None:
        """Say what there is to say of a step. view: its state in the shown run, None if there is none.

        problem: why the run ended, if this step ended it. resumable: whether the run can go on.
        """
        said = _facts(view, mark, problem, resumable)
        if said == self._shown:
            return
        self._shown = said
        self.notices.clear()
        state, text, cause, stale, pinned, sent = said
        if state == "failed":
            self.notices.add(
                "error", str(text), "Retry from here", lambda: self.asked.emit("retry"),
                also=[
                    ("Open settings", lambda: self.asked.emit("settings")),
                    ("Request" if sent else "Input", lambda: self.asked.emit("sent")),
                ],
            )  # fmt: skip
        elif state == "cancelled":
            self.notices.add(
                "info", "Cut short before it was done.", "Resume the run", lambda: self.asked.emit("resume")
            )
        elif state == "waiting":
            self.notices.add("warning", str(text), "Answer…", lambda: self.asked.emit("answer"))
        if pinned:
            self.notices.add(
                "info", "Pinned: runs take the pinned output instead of running this step.",
                "Unpin", lambda: self.asked.emit("pin"), also=[("Edit…", lambda: self.asked.emit("edit"))],
            )  # fmt: skip
        elif cause in _NOT_MADE:
            self.notices.add("info", _NOT_MADE[str(cause)])
        if stale and state == "failed":
            self.notices.add("warning", str(stale))
        elif stale:
            self.notices.add("warning", str(stale), "Run from here", lambda: self.asked.emit("from"))
        self.setVisible(bool(self.notices.texts))


_NOT_MADE: Final = {
    "reused": "Not run again: the output of an earlier run still holds.",
    "edited": "Not run: a person wrote this output for this run.",
}


def _facts(view: StepView | None, mark: StepMark | None, problem: str, resumable: bool) -> tuple[object, ...]:
    state, text, cause, sent = "", "", "", False
    if view is not None:
        if view.state == "failed" or problem:
            error = problem or view.error
            state, text = "failed", error if len(error) <= _LONGEST else f"{error[:_LONGEST]}…"
            sent = bool(view.request)
        elif view.state == "cancelled" and resumable:
            state = "cancelled"
        elif view.state == "waiting" and view.question is not None:
            state, text = "waiting", "\n".join(unmarked(view.question.message).split("\n\n")).strip()
        cause = view.cause if view.state == "done" else ""
    return state, text, cause, mark.stale if mark else "", bool(mark and mark.pinned), sent
