"""The agents panel: a card for each agent, with search, the bin, and files to import by a drop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.agents.card import AgentCard, CardList
from desktop.agents.desk import SUFFIX, AgentDesk
from desktop.empty_state import EmptyState
from desktop.fuzzy import match
from desktop.icons import Icons
from desktop.looked_at import is_looked_at
from desktop.panels.form import scrolled
from desktop.panels.shelf_bar import ShelfBar
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.agents.agent import Agent

FILES: Final = f"Agents (*{SUFFIX} *.yaml *.yml);;All files (*)"


class AgentsPanel(QWidget):
    """Shows an AgentDesk. servers_wanted: the person wants to set MCP servers up."""

    servers_wanted = Signal()

    def __init__(self, desk: AgentDesk, themes: ThemeManager, icons: Icons) -> None:
        super().__init__()
        self._desk, self._themes, self._icons = desk, themes, icons
        self._in_bin = False
        self.setAcceptDrops(True)
        self.bar = ShelfBar(
            icons, themes, new="New agent",
            search=("Search agents", "Search agents by name, description, functions or model"),
            entries=(("Import…", self.ask_files), ("MCP servers…", self.servers_wanted.emit), ("", self.ask_files)),
        )  # fmt: skip
        self.search, self.bin = self.bar.search, self.bar.bin
        self.bar.searched.connect(self._fill)
        self.bar.new_wanted.connect(desk.new)
        self.bar.bin_turned.connect(self._show_bin)
        self.list = CardList()
        self.list.setAccessibleName("Agents")
        self._page = scrolled(self.list)
        self._examples = _Examples(desk, themes, icons, self.ask_files)
        self._none = EmptyState(
            icons, themes, icon="database", title="No agents", text="They need the database, which is not there now."
        )
        self._nothing = EmptyState(icons, themes, icon="search", title="Nothing fits", text="Try fewer letters.")
        self._empty_bin = EmptyState(
            icons, themes, icon="trash-2", title="The bin is empty", text="Deleted agents can be taken back here."
        )
        self._stack = QStackedWidget()
        for page in (self._page, self._examples.area, self._none, self._nothing, self._empty_bin):
            self._stack.addWidget(page)
        self._lay_out()
        desk.changed.connect(self._fill)
        self._fill()

    @property
    def examples(self) -> CardList:
        """The cards of the agents that come with the program."""
        return self._examples.list

    @property
    def page(self) -> QWidget:
        """What is shown below the search."""
        return self._stack.currentWidget() or self

    def event(self, event: QEvent) -> bool:
        """Look at the agents whenever they are looked at."""
        if is_looked_at(self, event):
            self._desk.refresh()
        return super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files may be dropped anywhere on the panel."""
        if _files(event) and self._desk.available:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Take the files in."""
        if files := _files(event):
            event.acceptProposedAction()
            self._desk.import_files(files)

    def ask_files(self) -> None:
        """Ask for files to import."""
        dialog = QFileDialog(self, "Import agents", "", FILES)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self._desk.import_files([Path(name) for name in names]))
        dialog.open()

    def ask_export(self, agent: Agent) -> None:
        """Ask where to, and export an agent."""
        from core.agents.agent_file import file_name

        dialog = QFileDialog(self, f"Export {agent.name}", "", FILES)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.selectFile(file_name(agent))
        dialog.fileSelected.connect(lambda chosen: self._desk.export(agent.name, Path(chosen)))
        dialog.open()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)

    def _fill(self) -> None:
        known = [saved.agent for saved in (self._desk.deleted if self._in_bin else self._desk.agents)]
        query = self.bar.query
        shown = [agent for agent in known if match(query, searchable(agent)) is not None] if query else known
        if shown != [card.agent for card in self.list.cards] or self._in_bin is not self.list.property("bin"):
            self.list.setProperty("bin", self._in_bin)
            self.list.show_cards([self._card(agent) for agent in shown])
        page: QWidget = self._page
        if not self._desk.available:
            page = self._none
        elif not known and self._desk.is_read:
            page = self._empty_bin if self._in_bin else self._examples.area
        elif not shown and known:
            page = self._nothing
        self._stack.setCurrentWidget(page)
        self._examples.fill()

    def _card(self, agent: Agent) -> AgentCard:
        if self._in_bin:
            card = AgentCard(agent, self._icons, self._themes, acts=(("restore", "Take back"),), menu=())
        else:
            card = AgentCard(agent, self._icons, self._themes)
        card.asked.connect(partial(self._asked, agent))
        return card

    def _asked(self, agent: Agent, what: str) -> None:
        match what:
            case "edit":
                self._desk.edit(agent.name)
            case "chat":
                self._desk.chat(agent.name)
            case "duplicate":
                self._desk.duplicate(agent.name)
            case "export":
                self.ask_export(agent)
            case "delete":
                self._desk.delete([agent.name])
            case "restore":
                self._desk.restore([agent.name])

    def _show_bin(self, shown: bool) -> None:
        self._in_bin = shown
        self._fill()


class _Examples:
    """What stands there while there are no agents: how to make one, and those that come with the program."""

    def __init__(self, desk: AgentDesk, themes: ThemeManager, icons: Icons, ask_files: object) -> None:
        self._desk, self._themes, self._icons = desk, themes, icons
        self.list = CardList()
        self.area = QWidget()
        title = QLabel("No agents yet")
        title.setProperty("kind", "title")
        text = QLabel(
            "An agent is a model with instructions, memory and functions, which can be your workflows. Make one, drop "
            "an .agent.yaml file here, or begin with one of these:"
        )
        text.setProperty("kind", "muted")
        text.setWordWrap(True)
        new = QPushButton("New agent")
        new.setProperty("role", "primary")
        new.clicked.connect(desk.new)
        head = QVBoxLayout()
        head.setContentsMargins(14, 12, 14, 4)
        head.setSpacing(8)
        head.addWidget(title)
        head.addWidget(text)
        head.addWidget(new, 0, Qt.AlignmentFlag.AlignLeft)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(head)
        column.addWidget(self.list, 1)
        outer = QVBoxLayout(self.area)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner))

    def fill(self) -> None:
        """Show the examples that are known."""
        if list(self._desk.examples) == [card.agent for card in self.list.cards]:
            return
        cards = []
        for agent in self._desk.examples:
            card = AgentCard(agent, self._icons, self._themes, acts=(("add", "Add"),), menu=())
            card.asked.connect(lambda _what, agent=agent: self._desk.add_example(agent))
            cards.append(card)
        self.list.show_cards(cards)


def searchable(agent: Agent) -> str:
    """What a search goes through."""
    functions = " ".join(f"{each.name} {each.target}" for each in agent.functions)
    return f"{agent.name} {agent.description} {functions} {agent.model.model} {' '.join(agent.servers)}"


def _files(event: QDragEnterEvent | QDropEvent) -> Sequence[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
