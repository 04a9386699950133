"""Where models come from: asked at the first run on the start page, and later in a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout

from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.connection import Connection
from desktop.first_run import FirstRun
from desktop.model_choice import ModelChoice
from desktop.window import MainWindow

if TYPE_CHECKING:
    from core.workspace import Workspace


AGAIN: Final = "What you choose counts for every run that begins from now on."


class ModelPages(QObject):
    """Shows the page with the four ways to models, and carries out what is chosen there."""

    def __init__(self, window: MainWindow, bridge: Bridge, connection: Connection) -> None:
        super().__init__(window)
        self._window, self._bridge, self._connection = window, bridge, connection
        self._workspace: Workspace | None = None
        self.choice: ModelChoice | None = None
        self.dialog: QDialog | None = None

    def commands(self) -> Sequence[Command]:
        """What the menu File offers."""
        return [
            Command("file.models", "Where models come from…", self.open, "key-round", (), "File", "settings",
                    help="Sign in, paste a key, use a server on this computer, or the demo model."),
        ]  # fmt: skip

    def show_first_run(self) -> None:
        """Ask on the start page."""
        page = FirstRun(self._window.icons, self._window.themes)
        self.choice = self._choice(page)
        self.choice.made.connect(self._hide_first_run)
        self._window.start_page.show_above(page, page.set_columns)
        page.sign_in.setFocus()

    def open(self) -> None:
        """Ask in a dialog."""
        if self.dialog is not None:
            return
        dialog = QDialog(self._window)
        dialog.setWindowTitle("Where models come from")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.resize(760, 420)
        page = FirstRun(self._window.icons, self._window.themes, title="Where models come from", text=AGAIN)
        column = QVBoxLayout(dialog)
        column.setContentsMargins(24, 24, 24, 20)
        column.addWidget(page)
        choice = self._choice(page)
        if self._workspace is not None:
            choice.use(self._workspace)
        choice.made.connect(dialog.accept)
        dialog.finished.connect(self._closed)
        self.dialog = dialog
        dialog.open()
        choice.probe()

    def probe(self) -> None:
        """Look for model servers on this computer, if somebody waits for them."""
        if self.choice is not None:
            self.choice.probe()

    def use(self, workspace: Workspace) -> None:
        """From now on what is chosen can be carried out. A machine that has a key already needs no first-run page."""
        self._workspace = workspace
        if self.choice is None:
            return
        self.choice.use(workspace)

        def found(key: str | None) -> None:
            if key is not None:
                self._hide_first_run()

        self._bridge.spawn(workspace.secrets.get(workspace.settings.model_server.secret), found)

    def _choice(self, page: FirstRun) -> ModelChoice:
        choice = ModelChoice(page, self._window.memory, self._bridge, self._connection.reopen)
        choice.made.connect(self._chosen)
        return choice

    def _chosen(self, text: str) -> None:
        self._window.toasts.show("Ready", text, kind="done")
        if self._workspace is not None:
            self._connection.show_server(self._workspace)

    def _hide_first_run(self) -> None:
        if self.choice is not None:
            self.choice = None
            self._window.start_page.clear_above()
            if self._window.start_page.isVisible():
                self._window.start_page.take_focus()

    def _closed(self) -> None:
        self.dialog = None
