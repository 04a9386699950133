"""A question or a report over the window: a title, some words, details if there are any, and a row of buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

WIDTH = 460


@dataclass(frozen=True, slots=True)
class Choice:
    """A button. key: what is told when it is pressed."""

    key: str
    title: str
    role: Literal["", "primary", "danger", "quiet"] = ""


class MessageDialog(QDialog):
    """chosen: the key of the button, '' if the dialog was closed otherwise. Show it with `open()`; never with exec.

    text: what is said below the title. Where something would be destroyed and nothing else is meant to be pressed, the
    first button is the one that Return presses.
    """

    chosen = Signal(str)

    def __init__(
        self, parent: QWidget | None, *, title: str, text: str, choices: Sequence[Choice], detail: str = ""
    ) -> None:
        super().__init__(parent)
        self._key = ""
        self.text = text
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        heading = QLabel(title)
        heading.setProperty("kind", "title")
        body = QLabel(text)
        body.setProperty("kind", "secondary")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(8)
        for label in (heading, body):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            column.addWidget(label)
        if detail:
            column.addWidget(self._detail(detail))
        column.addSpacing(12)
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        for choice in choices:
            row.addWidget(self._button(choice))
        column.addLayout(row)
        roles = [choice.role for choice in choices]
        if "danger" in roles and "primary" not in roles:  # Return must not be what destroys
            safe = self.buttons[choices[0].key]
            safe.setProperty("role", "primary")
            safe.setDefault(True)
        self.finished.connect(lambda _: self.chosen.emit(self._key))

    def _button(self, choice: Choice) -> QPushButton:
        button = QPushButton(choice.title)
        button.setAutoDefault(choice.role == "primary")
        button.setDefault(choice.role == "primary")
        if choice.role:
            button.setProperty("role", choice.role)
        button.clicked.connect(lambda: self._press(choice.key))
        self.buttons[choice.key] = button
        return button

    def _press(self, key: str) -> None:
        self._key = key
        self.accept()

    def _detail(self, text: str) -> QWidget:
        view = QPlainTextEdit(text)
        view.setReadOnly(True)
        view.setAccessibleName("Details")
        view.setTabChangesFocus(True)
        view.setMinimumHeight(120)
        return view
