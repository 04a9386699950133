"""One MCP server in full: how it does, how it is started, what it offers, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from core.agents.mcp.tool import McpTool
from desktop.agents.servers import ServerDesk
from desktop.agents.servers_page import how
from desktop.agents.tool_card import ToolCard
from desktop.icons import Icons
from desktop.panels.form import scrolled
from desktop.style import set_role
from desktop.theme import ThemeManager

STATES: Final = {
    "stopped": ("circle", "text.muted", "Not running; it is started when it is used"),
    "connecting": ("loader-circle", "state.running", "Starting…"),
    "ready": ("circle-check", "state.done", "Ready"),
    "waiting": ("clock", "state.waiting", "It went away and is tried again"),
    "failed": ("circle-x", "state.failed", "It could not be started"),
}
"""Sign, colour and words of each state."""


class ServerPage(QWidget):
    """Shows one server of a desk. edit_wanted: its entry is to be changed. remove_wanted: it is to be forgotten."""

    edit_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(self, desk: ServerDesk, themes: ThemeManager, icons: Icons) -> None:
        super().__init__()
        self._desk, self._themes, self._icons = desk, themes, icons
        self.server = ""
        self.cards: list[ToolCard] = []
        self.name = _label("heading")
        self._sign = QLabel()
        self.state = _label("secondary")
        self.how = _label("muted")
        self.how.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.error = _label("error")
        self.test = QPushButton("Test")
        self.test.setToolTip("Start it anew and see what it offers")
        self.test.setAutoDefault(False)
        self.test.clicked.connect(lambda: desk.test(self.server))
        self.more = QToolButton()
        self.more.setAccessibleName("More for this server")
        self.more.setToolTip("More")
        self.more.clicked.connect(self._open_menu)
        self.agree_all = QPushButton("Agree to all that are new")
        self.agree_all.setAutoDefault(False)
        self.agree_all.clicked.connect(self._agree_all)
        self.tools_title = _label("strong")
        self.about = _label("muted")
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self._lay_out()
        desk.stood.connect(lambda name: self.show_server(name) if name == self.server else None)
        themes.changed.connect(lambda _: self.show_server(self.server) if self.server else None)

    def show_server(self, server: str) -> None:
        """Show a server as it is now."""
        self.server = server
        desk, theme = self._desk, self._themes.theme
        config, problem, status = desk.servers.get(server), desk.problems.get(server, ""), desk.status(server)
        busy = desk.busy.get(server)
        self.name.setText(server)
        icon, colour, words = STATES[status.state]
        if config is not None and config.disabled:
            icon, colour, words = "power", "text.muted", "Switched off"
        if problem:
            icon, colour, words = "circle-alert", "state.failed", "Its entry cannot be used"
        elif status.state == "ready" and status.version:
            words = f"{words}: {status.version}"
        self._sign.setPixmap(self._icons.pixmap(icon, theme.color(colour), 16, self.devicePixelRatioF()))
        self.state.setText(busy or words)
        self.how.setText(how(config) if config is not None else "")
        trouble = problem or desk.errors.get(server) or status.error
        self.error.setText(trouble)
        self.error.setVisible(bool(trouble))
        self.test.setEnabled(busy is None and config is not None and not config.disabled)
        self.more.setIcon(self._icons.icon("ellipsis", theme))
        self._show_tools(desk.tools.get(server))

    def menu(self) -> QMenu:
        """What can be done with it, beside testing it."""
        desk, server = self._desk, self.server
        config = desk.servers.get(server)
        menu = QMenu(self)
        if config is not None:
            menu.addAction("Edit…", lambda: self.edit_wanted.emit(server))
            if desk.status(server).state in ("ready", "connecting", "waiting"):
                menu.addAction("Stop", lambda: desk.stop(server))
            title = "Switch on" if config.disabled else "Switch off"
            menu.addAction(title, lambda: desk.switch(server, config.disabled))
            if config.auth == "oauth":
                menu.addAction("Sign out", lambda: desk.sign_out(server))
            menu.addSeparator()
        menu.addAction("Remove…", lambda: self.remove_wanted.emit(server))
        return menu

    def card(self, tool: str) -> ToolCard:
        """The card of a tool. Raises KeyError."""
        for card in self.cards:
            if card.tool.name == tool:
                return card
        raise KeyError(tool)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.name, 1)
        top.addWidget(self.test)
        top.addWidget(self.more)
        state = QHBoxLayout()
        state.setSpacing(6)
        state.addWidget(self._sign)
        state.addWidget(self.state, 1)
        tools = QHBoxLayout()
        tools.addWidget(self.tools_title, 1)
        tools.addWidget(self.agree_all)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(20, 16, 20, 20)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(state)
        column.addWidget(self.how)
        column.addWidget(self.error)
        column.addSpacing(12)
        column.addLayout(tools)
        column.addWidget(self.about)
        column.addLayout(self._list)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner))

    def _show_tools(self, tools: Sequence[McpTool] | None) -> None:
        for card in self.cards:
            self._list.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = []
        new = [tool for tool in tools or () if tool.state == "new"]
        self.agree_all.setVisible(len(new) > 1)
        self.agree_all.setText(f"Agree to all {len(new)} that are new")
        self.tools_title.setText(f"Tools ({len(tools)})" if tools else "Tools")
        if tools is None:
            self.about.setText("Test it to see what it offers.")
        elif not tools:
            self.about.setText("It offers no tools.")
        else:
            self.about.setText(
                "A description goes to the model word for word, so a server could give orders with it. Read it before "
                "you agree. Whether an agent may call a tool is still its own policy."
            )
        order = {"changed": 0, "new": 1, "approved": 2}
        for tool in sorted(tools or (), key=lambda each: (order[each.state], each.name)):
            card = ToolCard(tool, self._themes.theme, self._icons)
            card.agreed.connect(partial(self._desk.approve, [tool]))
            card.taken_back.connect(partial(self._desk.revoke, tool.server, tool.name))
            self.cards.append(card)
            self._list.addWidget(card)

    def _agree_all(self) -> None:
        self._desk.approve([card.tool for card in self.cards if card.tool.state == "new"])

    def _open_menu(self) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))


def _label(kind: str) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    set_role(label, kind=kind)
    return label
