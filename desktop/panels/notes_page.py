"""What the author remarks about a step: a text that means nothing for a run."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop.panels.background import Surroundings
from desktop.panels.text_edit import TextEdit
from desktop.style import set_role

_LINES = 40


class NotesPage(QWidget):
    """A text over the whole page. edited: the text, after each change by the person. left: it was left."""

    edited = Signal(str)
    left = Signal()

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = around.themes.theme
        self.text = TextEdit(theme, least=8, most=_LINES, parent=self)
        self.text.setPlaceholderText("Why this step is here, what to watch out for, where a prompt came from…")
        self.text.setAccessibleName("Notes")
        about = QLabel("Kept with the workflow. Notes change nothing about what a run does.")
        about.setWordWrap(True)
        set_role(about, kind="muted")
        layout = QVBoxLayout(self)
        side = theme.px("space.4")
        layout.setContentsMargins(side, theme.px("space.3"), side, side)
        layout.setSpacing(theme.px("space.2"))
        layout.addWidget(self.text)
        layout.addWidget(about)
        layout.addStretch(1)
        self.text.edited.connect(self.edited)
        self.text.left.connect(self.left)

    def show_notes(self, notes: str) -> None:
        """Show a text; where the cursor is stays, if it is that text already."""
        self.text.show_text(notes)
