"""The first run: where models come from. Four ways as cards; each can be changed later in the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout

from desktop.icons import Icons
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from desktop.local_servers import LocalServer

WELCOME: Final = "Where should models come from? You can choose again at any time in the menu File."

SHORTEST_KEY: Final = 8
"""Characters; anything shorter is a slip of the hand."""


class FirstRun(QFrame):
    """sign_in_wanted, sign_in_given_up: of the browser sign-in. key_given: a pasted key. server_chosen: a LocalServer.

    probe_wanted: look for local servers again. demo_chosen: use the demo model.
    """

    sign_in_wanted = Signal()
    sign_in_given_up = Signal()
    key_given = Signal(str)
    server_chosen = Signal(object)
    probe_wanted = Signal()
    demo_chosen = Signal()

    def __init__(self, icons: Icons, themes: ThemeManager, title: str = "", text: str = "") -> None:
        super().__init__()
        self._icons, self._themes = icons, themes
        self._heading, self._lead = title or "Welcome to Steploom", text or WELCOME
        self._pictures: list[tuple[QLabel, str, str]] = []
        self._waits = False
        self._grid, self._cards = QGridLayout(), list[QFrame]()
        self.setAccessibleName("Where should models come from?")
        self.sign_in = _button("Sign in with OpenRouter", "primary")
        self.sign_in.clicked.connect(self._press_sign_in)
        self.key = QLineEdit()
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        self.key.setPlaceholderText("sk-or-…")
        self.key.setAccessibleName("OpenRouter key")
        self.use_key = _button("Use this key")
        self.key.textChanged.connect(self._key_typed)
        self.key.returnPressed.connect(self._press_key)
        self.use_key.setEnabled(False)
        self.use_key.clicked.connect(self._press_key)
        self.demo = _button("Use the demo model")
        self.demo.clicked.connect(self.demo_chosen)
        self.probe = _button("Look again")
        self.probe.clicked.connect(self.probe_wanted)
        self._servers = QVBoxLayout()
        self._servers.setSpacing(4)
        self.notice = QLabel()
        self.notice.setWordWrap(True)
        self.notice.hide()
        self._lay_out()
        themes.changed.connect(self._dress)
        self._dress()
        self.show_servers(None)

    def show_servers(self, servers: Sequence[LocalServer] | None) -> None:
        """Show the local servers that were found. None: they are being looked for."""
        while (item := self._servers.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        if not servers:
            text = "Looking…" if servers is None else "None answered. Start Ollama, LM Studio, llama.cpp or vLLM."
            words = _text(text)
            # A wrapped text in a grid of cards is given the height of its widest line only.
            words.setMinimumHeight(2 * words.fontMetrics().lineSpacing() + 4)
            self._servers.addWidget(words)
        for server in servers or ():
            number = len(server.models)
            button = _button(f"Use {server.title} ({number} model{'' if number == 1 else 's'})")
            button.clicked.connect(lambda _=False, s=server: self.server_chosen.emit(s))
            self._servers.addWidget(button)
        self.probe.setEnabled(servers is not None)

    def show_waiting(self, waits: bool) -> None:
        """Whether the browser is waited for."""
        self._waits = waits
        self.sign_in.setText("Waiting for the browser… Cancel" if waits else "Sign in with OpenRouter")

    def say(self, text: str, *, failed: bool = False) -> None:
        """Say what came of it, below the cards; '' for nothing."""
        self.notice.setText(text)
        self.notice.setProperty("kind", "error" if failed else "secondary")
        self.notice.style().unpolish(self.notice)
        self.notice.style().polish(self.notice)
        self.notice.setVisible(bool(text))

    def set_columns(self, number: int) -> None:
        """Lay the cards beside each other, or below each other (1) where there is no room for that."""
        for n, card in enumerate(self._cards):
            self._grid.addWidget(card, n // number, n % number)
        for n in range(2):
            self._grid.setColumnStretch(n, int(n < number))

    def _lay_out(self) -> None:
        title = QLabel(self._heading)
        title.setProperty("kind", "display")
        title.setWordWrap(True)
        subtitle = _text(self._lead)
        grid = self._grid
        grid.setSpacing(12)
        self._cards = [
            self._card("log-in", "accent", "Sign in", "One account for hundreds of models, paid as used.",
                       self.sign_in),
            self._card("key-round", "kind.logic", "Paste a key", "It goes into this computer's keyring.", self.key,
                       self.use_key),
            self._card("hard-drive", "kind.input", "A server on this computer", "Nothing leaves this machine.",
                       self._servers, self.probe),
            self._card("flask-conical", "kind.model", "Just try it",
                       "The demo model answers offline, without a key and without understanding.", self.demo),
        ]  # fmt: skip
        self.set_columns(2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addWidget(title)
        column.addWidget(subtitle)
        column.addSpacing(8)
        column.addLayout(grid)
        column.addWidget(self.notice)

    def _card(
        self, icon: str, colour: str, title: str, text: str, *content: QPushButton | QLineEdit | QVBoxLayout
    ) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        picture = QLabel()
        picture.setFixedSize(32, 32)
        picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._pictures.append((picture, icon, colour))
        heading = QLabel(title)
        heading.setProperty("kind", "title")
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(heading)
        words.addWidget(_text(text))
        words.addStretch()
        words.addSpacing(6)
        for each in content:
            if isinstance(each, QVBoxLayout):
                words.addLayout(each)
            else:
                words.addWidget(each)
        row = QHBoxLayout(card)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(14)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        return card

    def _dress(self) -> None:
        theme = self._themes.theme
        for picture, icon, colour in self._pictures:
            picture.setPixmap(self._icons.pixmap(icon, theme.color(colour), 18, self.devicePixelRatioF()))
            picture.setStyleSheet(f"background: {theme.css(colour, 0.16)}; border: none; border-radius: 8px;")

    def _press_sign_in(self) -> None:
        if self._waits:
            self.sign_in_given_up.emit()
        else:
            self.sign_in_wanted.emit()

    def _key_typed(self, text: str) -> None:
        self.use_key.setEnabled(len(text.strip()) >= SHORTEST_KEY)

    def _press_key(self) -> None:
        key = self.key.text().strip()
        if len(key) >= SHORTEST_KEY:
            self.key.clear()
            self.key_given.emit(key)


def _button(title: str, role: str = "") -> QPushButton:
    button = QPushButton(title)
    if role:
        button.setProperty("role", role)
    return button


def _text(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("kind", "muted")
    label.setWordWrap(True)
    return label
