"""Asks for one line of text: a new name, a folder, tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCompleter, QDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

WIDTH = 420


class TextPrompt(QDialog):
    """given: the text, when the person agrees. Show it with `open()`.

    known: texts that are offered while one is typed. check: what is wrong with a text, '' if nothing is.
    """

    given = Signal(str)

    def __init__(
        self,
        parent: QWidget | None,
        *,
        title: str,
        label: str,
        text: str = "",
        action: str = "OK",
        known: Sequence[str] = (),
        check: Callable[[str], str] = lambda _: "",
    ) -> None:
        super().__init__(parent)
        self._check = check
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        heading = QLabel(title)
        heading.setProperty("kind", "title")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        help_text = QLabel(label)
        help_text.setProperty("kind", "muted")
        help_text.setWordWrap(True)
        self.field = QLineEdit(text)
        self.field.setAccessibleName(label)
        self.field.selectAll()
        self.field.textChanged.connect(lambda _: self._judge())
        if known:
            completer = QCompleter(list(known), self)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            self.field.setCompleter(completer)
        self.problem = QLabel()
        self.problem.setProperty("kind", "error")
        self.problem.setWordWrap(True)
        self.agree = QPushButton(action)
        self.agree.setProperty("role", "primary")
        self.agree.setDefault(True)
        self.agree.clicked.connect(self._agreed)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self.agree)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(8)
        for widget in (heading, help_text, self.field, self.problem):
            column.addWidget(widget)
        column.addSpacing(8)
        column.addLayout(row)
        self._judge()

    def _judge(self) -> None:
        problem = self._check(self.field.text().strip())
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.agree.setEnabled(not problem)

    def _agreed(self) -> None:
        self.given.emit(self.field.text().strip())
        self.accept()
