"""Help and About."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout

from desktop.commands import Command
from desktop.dialogs.message import Choice, MessageDialog
from desktop.help_page import help_text
from desktop.window import MainWindow


def help_commands(window: MainWindow) -> Sequence[Command]:
    """What the menu Help offers."""
    return [
        Command("help.page", "Help", lambda: help_dialog(window).open(), "book-open", ("F1",), "Help", "help"),
        Command("help.about", "About Steploom", lambda: _about(window).open(), "info", (), "Help", "about"),
    ]


def help_dialog(window: MainWindow) -> QDialog:
    """The help page in a dialog; show it with `open()`."""
    dialog = QDialog(window)
    dialog.setWindowTitle("Help")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.resize(760, 680)
    page = QTextBrowser()
    page.setAccessibleName("Help")
    page.setHtml(help_text(window.commands, window.themes.theme))
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(16, 16, 16, 16)
    column.setSpacing(12)
    column.addWidget(page)
    column.addWidget(buttons)
    return dialog


def _about(window: MainWindow) -> MessageDialog:
    return MessageDialog(
        window,
        title=f"Steploom {version('steploom')}",
        text="Draw AI workflows as graphs of steps; run, debug and reuse them on your own machine.\n\n"
        "MIT licence. Fonts: Inter and JetBrains Mono (OFL-1.1). Icons: Lucide (ISC). Qt by PySide6 (LGPL-3.0).",
        choices=[Choice("close", "Close", "primary")],
    )
