"""The editor's page of MCP servers: which of those that are set up the agent may use as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from core.workflow.problems import Problem
from desktop.agents.draft import AgentDraft, Place
from desktop.panels.background import Surroundings
from desktop.panels.form import scrolled
from desktop.panels.notices import Notices
from desktop.style import set_role

if TYPE_CHECKING:
    from core.agents.mcp.server_config import ServerConfig


class ServersPage(QWidget):
    """A check box for each server. servers_wanted: the person wants to set servers up."""

    servers_wanted = Signal()

    def __init__(self, draft: AgentDraft, around: Surroundings) -> None:
        super().__init__()
        self._draft, self._around = draft, around
        self._known: Mapping[str, ServerConfig] = {}
        self.boxes: dict[str, QCheckBox] = {}
        about = QLabel(
            "All tools of a checked server that you have agreed to are offered to the model; each call asks first. "
            "For one tool with a policy of its own, add it as a function instead."
        )
        about.setWordWrap(True)
        set_role(about, kind="muted")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(10)
        self.notices = Notices(around, self)
        self.manage = QPushButton("Set up MCP servers…")
        self.manage.setIcon(around.icons.icon("plug", around.themes.theme))
        self.manage.clicked.connect(self.servers_wanted)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addWidget(about)
        column.addLayout(self._rows)
        column.addWidget(self.notices)
        column.addWidget(self.manage, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner))

    def show_servers(self, servers: Mapping[str, ServerConfig]) -> None:
        """Show these servers as those there are."""
        self._known = servers
        self._fill()

    def show_draft(self) -> None:
        """Show which ones the agent uses."""
        if set(self.boxes) != self._names():
            self._fill()
        for name, box in self.boxes.items():
            box.setChecked(name in self._draft.agent.servers)

    def show_problems(self, problems: Sequence[tuple[Place, Problem]]) -> None:
        """Show what is wrong with them."""
        self.notices.clear()
        for place, problem in problems:
            if place[0] == "servers":
                self.notices.add(problem.severity, problem.words)

    def focus(self, place: Place) -> None:
        """Enter the list."""
        (next(iter(self.boxes.values()), None) or self.manage).setFocus()

    def _names(self) -> set[str]:
        return {*self._known, *self._draft.agent.servers}

    def _fill(self) -> None:
        while self._rows.count():
            item = self._rows.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.boxes = {}
        for name in sorted(self._names(), key=str.lower):
            self._rows.addWidget(self._row(name))
        if not self.boxes:
            none = QLabel("No MCP server is set up yet.")
            set_role(none, kind="secondary")
            self._rows.addWidget(none)

    def _row(self, name: str) -> QWidget:
        row = QWidget()
        box = self.boxes[name] = QCheckBox(name)
        box.setChecked(name in self._draft.agent.servers)
        box.clicked.connect(lambda checked: self._toggle(name, checked))
        config = self._known.get(name)
        detail = QLabel("It is not set up on this computer." if config is None else how(config))
        detail.setTextFormat(Qt.TextFormat.PlainText)
        detail.setContentsMargins(26, 0, 0, 0)
        set_role(detail, kind="caption")
        box.setAccessibleDescription(detail.text())
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(box)
        column.addWidget(detail)
        return row

    def _toggle(self, name: str, used: bool) -> None:
        def change(servers: tuple[str, ...]) -> tuple[str, ...]:
            return (*servers, name) if used else tuple(each for each in servers if each != name)

        self._draft.edit("Change the MCP servers", lambda agent: replace(agent, servers=change(agent.servers)))


def how(config: ServerConfig) -> str:
    """How a server is started or reached, in a line. Keys stand there as references only."""
    text = config.url or " ".join([config.command, *config.args])
    off = "Switched off. " if config.disabled else ""
    return off + (text if len(text) <= 160 else f"{text[:159]}…")
