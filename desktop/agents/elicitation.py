"""What an MCP server asks the person: a form to fill in, or a page to open, never without being asked."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlsplit

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from core.agents.mcp.errors import NotSignedIn
from core.agents.mcp.exchange import Elicitation, ElicitationAnswer
from desktop.dialogs.schema_form import SchemaForm, form_problems, form_properties, form_required
from desktop.panels.form import scrolled
from desktop.style import set_role
from desktop.window import MainWindow

WIDTH: Final = 480

T = TypeVar("T")


class Questions(QObject):
    """Asks over a window, each question in a dialog of its own. asked: a dialog is shown. All on the window's loop."""

    asked = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    async def ask(self, elicitation: Elicitation) -> ElicitationAnswer:
        """What the person answers. The question goes away if the call ends before."""
        if elicitation.mode == "url":
            agreed = await self._page(
                f"{elicitation.server} wants to open a page", elicitation.message, elicitation.url, "Decline"
            )
            return ElicitationAnswer("accept" if agreed else "decline")
        dialog = ElicitationDialog(elicitation, self._window)
        answer: asyncio.Future[ElicitationAnswer] = asyncio.get_running_loop().create_future()
        dialog.answered.connect(partial(_settle, answer))
        return await self._shown(dialog, answer)

    async def open_page(self, address: str) -> None:
        """Open the page on which a person signs in. Raises NotSignedIn if the person does not want to."""
        text = "An MCP server wants you to sign in. The page is opened in your browser; what you enter there does not "
        if not await self._page("Sign in through the browser?", f"{text}pass through this program.", address, "Cancel"):
            raise NotSignedIn("You did not open the page to sign in, so the server cannot be used yet.")

    async def _page(self, title: str, text: str, address: str, refuse: str) -> bool:
        dialog = PageDialog(title, text, address, refuse, self._window)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        dialog.answered.connect(partial(_settle, answer))
        agreed = await self._shown(dialog, answer)
        if agreed:
            QDesktopServices.openUrl(QUrl(address))
        return agreed

    async def _shown(self, dialog: QDialog, answer: asyncio.Future[T]) -> T:
        dialog.open()
        self.asked.emit(dialog)
        try:
            return await answer
        finally:
            if isValid(dialog):
                dialog.close()


class ElicitationDialog(QDialog):
    """A form that a server wants filled in. answered: an ElicitationAnswer. Show it with `open()`."""

    answered = Signal(object)

    def __init__(self, elicitation: Elicitation, window: MainWindow) -> None:
        super().__init__(window)
        self._schema = elicitation.schema
        self.setWindowTitle(f"{elicitation.server} asks you")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        self._answer = ElicitationAnswer("cancel")
        theme = window.themes.theme
        self.form = SchemaForm(
            form_properties(self._schema), form_required(self._schema), theme, window.icons
        )  # fmt: skip
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        set_role(self.problem, kind="error")
        self.problem.hide()
        self.send = _button("Send", "primary", self._send)
        self.decline = _button("Decline", "", self._decline)
        column = _column(self)
        column.addWidget(_words(f"{elicitation.server} asks you", "title"))
        if elicitation.tool:
            column.addWidget(_words(f"For its tool {elicitation.tool}.", "muted"))
        column.addWidget(_quoted(elicitation.message))
        area = scrolled(self.form)
        area.setMinimumHeight(min(self.form.sizeHint().height() + 4, 380))
        column.addWidget(area, 1)
        column.addWidget(self.problem)
        column.addWidget(
            _words("These are the server's own words. What you send goes to it: no passwords, no keys.", "caption")
        )
        column.addLayout(_row(self.decline, self.send))
        self.finished.connect(lambda _: self.answered.emit(self._answer))

    def _send(self) -> None:
        values = self.form.values()
        if values is None:
            return
        problems = form_problems(self._schema, values)
        self.form.show_problems(problems)
        self.problem.setText(problems.get("", ""))
        self.problem.setVisible("" in problems)
        if not problems:
            self._answer = ElicitationAnswer("accept", values)
            self.accept()

    def _decline(self) -> None:
        self._answer = ElicitationAnswer("decline")
        self.accept()


class PageDialog(QDialog):
    """Asks whether a page may be opened, with its whole address. answered: whether it may."""

    answered = Signal(bool)

    def __init__(self, title: str, text: str, address: str, refuse: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        self._agreed = False
        parts = urlsplit(address)
        self.address = QPlainTextEdit(address)
        self.address.setReadOnly(True)
        self.address.setTabChangesFocus(True)
        self.address.setAccessibleName("The whole address")
        self.address.setFixedHeight(92)
        self.open_page = _button("Open in the browser", "primary", self._agree)
        self.open_page.setEnabled(parts.scheme in ("https", "http"))
        self.open_page.setAutoDefault(False)  # Enter must not open what a server sent
        self.refuse = _button(refuse, "", self.reject)
        self.refuse.setDefault(True)
        column = _column(self)
        column.addWidget(_words(title, "title"))
        column.addWidget(_quoted(text))
        column.addWidget(_words(f"It leads to {parts.hostname or 'no host'}:", "secondary"))
        column.addWidget(self.address)
        if parts.scheme != "https":
            unsafe = "It is not encrypted (http)." if parts.scheme == "http" else "Only web pages can be opened."
            column.addWidget(_words(unsafe, "error"))
        column.addLayout(_row(self.refuse, self.open_page))
        self.finished.connect(lambda _: self.answered.emit(self._agreed))

    def _agree(self) -> None:
        self._agreed = True
        self.accept()


def _settle(answer: asyncio.Future[T], given: T) -> None:
    if not answer.done():
        answer.set_result(given)


def _words(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    set_role(label, kind=kind)
    return label


def _quoted(text: str) -> QWidget:
    """Words that are not the program's own."""
    frame = QFrame()
    set_role(frame, role="quote")
    label = _words(text, "secondary")
    inner = QVBoxLayout(frame)
    inner.setContentsMargins(12, 6, 12, 6)
    inner.addWidget(label)
    return frame


def _button(title: str, role: str, press: object) -> QPushButton:
    button = QPushButton(title)
    button.setAutoDefault(role == "primary")
    if role:
        set_role(button, role=role)
    button.clicked.connect(press)
    return button


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addStretch()
    for button in buttons:
        row.addWidget(button)
    return row


def _column(dialog: QDialog) -> QVBoxLayout:
    column = QVBoxLayout(dialog)
    column.setContentsMargins(24, 20, 24, 20)
    column.setSpacing(10)
    return column
