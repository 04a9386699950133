"""The window of MCP servers: a list of them, and the chosen one in full."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.agents.server_add import ServerAdd
from desktop.agents.server_import import ServerImport
from desktop.agents.server_page import STATES, ServerPage
from desktop.agents.servers import ServerDesk
from desktop.dialogs.message import Choice, MessageDialog
from desktop.empty_state import EmptyState
from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import ThemeManager
from desktop.window import MainWindow

SIZE: Final = QSize(860, 620)


class ServerWindow(QDialog):
    """Shows a ServerDesk. Show it with `appear`."""

    def __init__(self, desk: ServerDesk, themes: ThemeManager, icons: Icons, window: MainWindow) -> None:
        super().__init__(window, Qt.WindowType.Window)
        self._desk, self._themes, self._icons, self._window = desk, themes, icons, window
        self.setWindowTitle("MCP servers")
        self.list = QListWidget()
        self.list.setAccessibleName("MCP servers")
        self.list.setIconSize(QSize(16, 16))
        self.list.currentItemChanged.connect(lambda item, _before: self._chosen(item))
        self.page = ServerPage(desk, themes, icons)
        self.page.edit_wanted.connect(self.ask_edit)
        self.page.remove_wanted.connect(self.ask_remove)
        self.add = QPushButton("Add…")
        self.add.clicked.connect(self.ask_add)
        self.bring = QPushButton("Import…")
        self.bring.clicked.connect(self.ask_import)
        for button in (self.add, self.bring):
            button.setAutoDefault(False)
        self.trouble = QLabel()
        self.trouble.setWordWrap(True)
        set_role(self.trouble, kind="error")
        self.dialog: QDialog | None = None
        self.question: MessageDialog | None = None
        self._empty = EmptyState(
            icons, themes, icon="plug", title="No MCP servers yet",
            text="MCP servers are programs that lend agents their tools: files, databases, search, and much more. Add "
            "one, or take over those that Claude Desktop, Cursor, VS Code and others have on this computer.",
            button="Import…", on_press=self.ask_import,
        )  # fmt: skip
        self._lay_out()
        QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.list, self._remove_chosen)
        self.resize(SIZE)
        desk.changed.connect(self._fill)
        desk.stood.connect(self._mark)
        themes.changed.connect(lambda _: self._fill())
        self._fill()

    def appear(self) -> None:
        """Show it, in front."""
        self.show()
        self.raise_()
        self.activateWindow()
        self.list.setFocus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read the file again: other programs may have changed it."""
        super().showEvent(event)
        self._desk.refresh()

    def choose(self, server: str) -> None:
        """Show a server."""
        for row in range(self.list.count()):
            if self.list.item(row).text() == server:
                self.list.setCurrentRow(row)

    def ask_add(self) -> None:
        """Ask for a new server."""
        self._open(ServerAdd(self._desk, self._themes, self))

    def ask_edit(self, server: str) -> None:
        """Change a server's entry."""
        config = self._desk.servers.get(server)
        if config is not None:
            self._open(ServerAdd(self._desk, self._themes, self, name=server, config=config))

    def ask_import(self) -> None:
        """Look for servers of other programs."""
        self._open(ServerImport(self._desk, self._themes, self))

    def ask_remove(self, server: str) -> None:
        """Ask before a server is forgotten: its keys cannot be brought back."""
        question = MessageDialog(
            self,
            title=f"Remove “{server}”?",
            text="Its entry, its own keys in the keyring, its sign-in, and what you agreed to are forgotten. Agents "
            "that use it say so when they are edited.",
            choices=[Choice("cancel", "Cancel"), Choice("remove", "Remove", "danger")],
        )
        question.chosen.connect(lambda key: self._desk.remove(server) if key == "remove" else None)
        self.question = question
        question.open()

    def _open(self, dialog: QDialog) -> None:
        self.dialog = dialog
        dialog.open()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setContentsMargins(12, 10, 12, 10)
        buttons.setSpacing(8)
        buttons.addWidget(self.add)
        buttons.addWidget(self.bring)
        buttons.addStretch()
        left = QWidget()
        left.setProperty("surface", "panel")
        left.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(buttons)
        column.addWidget(self.trouble)
        column.addWidget(self.list, 1)
        self.trouble.setContentsMargins(14, 0, 14, 8)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.page)
        self._stack.addWidget(self._empty)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(self._stack)
        split.setSizes([240, 620])
        split.setStretchFactor(1, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)

    def _fill(self) -> None:
        desk = self._desk
        names = sorted({*desk.servers, *desk.problems}, key=str.lower)
        chosen = self.list.currentItem().text() if self.list.currentItem() is not None else ""
        self.list.blockSignals(True)
        self.list.clear()
        for name in names:
            item = QListWidgetItem(name)
            item.setSizeHint(QSize(0, 34))
            self.list.addItem(item)
            self._mark(name)
        self.list.blockSignals(False)
        self.trouble.setText(desk.trouble)
        self.trouble.setVisible(bool(desk.trouble))
        self._stack.setCurrentWidget(self.page if names else self._empty)
        if names:
            self.list.setCurrentRow(names.index(chosen) if chosen in names else 0)
            self._chosen(self.list.currentItem())

    def _mark(self, server: str) -> None:
        """Show how a server does, beside its name."""
        theme = self._themes.theme
        config = self._desk.servers.get(server)
        icon, colour, words = STATES[self._desk.status(server).state]
        if server in self._desk.problems:
            icon, colour, words = "circle-alert", "state.failed", "its entry cannot be used"
        elif config is not None and config.disabled:
            icon, colour, words = "power", "text.muted", "switched off"
        for row in range(self.list.count()):
            item = self.list.item(row)
            if item.text() == server:
                item.setIcon(self._icons.icon(icon, theme, colour))
                item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{server}, {words}")

    def _chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.page.show_server(item.text())

    def _remove_chosen(self) -> None:
        if self.list.currentItem() is not None:
            self.ask_remove(self.list.currentItem().text())
