"""The editor of one agent: a window of its own with pages for everything it is made of, and a chat to try it in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.agents.check import ANYTHING, Available
from core.workflow.problems import Problem
from desktop.agents.agent_fields import ANSWER, LIMITS, MEMORY, MODEL, REACH
from desktop.agents.avatar import Avatar
from desktop.agents.draft import AgentDraft, Place, problems_of
from desktop.agents.functions_page import FunctionsPage
from desktop.agents.page import FormPage, ProfilePage
from desktop.agents.preview import PreviewPane
from desktop.agents.prompt_names import PromptNames
from desktop.agents.saving import AgentSaving
from desktop.agents.servers_page import ServersPage
from desktop.agents.try_page import TryPage
from desktop.bridge import Bridge
from desktop.dialogs.message import Choice, MessageDialog
from desktop.panels.background import Surroundings
from desktop.panels.notices import Notices
from desktop.panels.step_page import MarkedTabBar
from desktop.style import set_role

if TYPE_CHECKING:
    from core.agents.agent import Agent
    from core.agents.mcp.server_config import ServerConfig
    from core.workspace import Workspace
    from desktop.agents.function_form import ListTools

TABS: Final = ("Profile", "Model", "Functions", "MCP servers", "Memory", "Limits", "Try")
SIZE: Final = QSize(1180, 780)
CHECK_MS: Final = 150
"""Milliseconds after the last change until the agent is checked again."""

_TAB_OF: Final[Mapping[str, str]] = {
    "profile": "Profile", "prompt": "Profile", "colour": "Profile", "icon": "Profile", "model": "Model",
    "answer": "Model", "functions": "Functions", "servers": "MCP servers", "memory": "Memory", "limits": "Limits",
    "reach": "Limits",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EditorParts:
    """What an editor is made with. workspace: what is open now. tools: lists the tools of MCP servers."""

    around: Surroundings
    bridge: Bridge
    workspace: Callable[[], Workspace | None]
    tools: ListTools


class AgentEditor(QDialog):
    """Edits a draft. Show it with `show()`.

    closed: it is closed for good. saved: a SavedAgent. servers_wanted: MCP servers are to be set up. run_wanted: the id
    of a run. chat_wanted: the name of the agent to talk with in the chat window.
    """

    closed = Signal()
    saved = Signal(object)
    servers_wanted = Signal()
    run_wanted = Signal(str)
    chat_wanted = Signal(str)

    def __init__(self, draft: AgentDraft, parts: EditorParts, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.draft, self._parts = draft, parts
        draft.setParent(self)
        self._around = parts.around
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("surface", "window")
        self.names = PromptNames()
        self._available: Available = ANYTHING
        self._looking: tuple[asyncio.Task[None] | None, ...] = (None, None, None)
        self.problems: Sequence[tuple[Place, Problem]] = ()
        self.question: MessageDialog | None = None
        self._given_up = False
        self.saving = AgentSaving(draft, parts.bridge, parts.workspace, self)
        self.saving.saved.connect(self._saved)
        self.saving.refused.connect(self._refused)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_MS)
        self._timer.timeout.connect(self.check)
        self._build_head()
        self.tabs = QTabWidget()
        self.preview = PreviewPane(draft, parts)
        self.preview.run_wanted.connect(self.run_wanted)
        self._make_pages()
        self._lay_out()
        self._add_keys()
        draft.changed.connect(self._changed)
        draft.saved_changed.connect(lambda _: self._retitle())
        parts.around.themes.changed.connect(self._retheme)
        self.resize(SIZE)
        self._changed()
        self.look_around()
        self._enter_name()

    # -- showing -------------------------------------------------------------------------------------------------------

    def show_tab(self, name: str) -> None:
        """Bring a page to the front."""
        self.tabs.setCurrentIndex(TABS.index(name))

    def focus(self, place: Place) -> None:
        """Enter the field where something is wrong."""
        self.show_tab(_TAB_OF.get(str(place[0]), "Profile"))
        page: Any = self.pages[_TAB_OF.get(str(place[0]), "Profile")]
        page.focus(place)

    def show_versions(self) -> None:
        """Show what was saved before, and the way back to it."""
        from desktop.agents.versions import VersionsWindow

        VersionsWindow(self.draft, self._around, self._parts.bridge, self._parts.workspace, self).show()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Who comes back from the window may have made there what is called here."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.look_around()

    def look_around(self) -> None:
        """Look anew at the workflows, agents and servers that there are."""
        workspace = self._parts.workspace()
        if workspace is None:
            return
        spawn, (names, servers, variables) = self._parts.bridge.spawn, self._looking
        self._looking = (
            spawn(workspace.available(), self._know, _unsaid, instead_of=names),
            spawn(_servers(workspace), self._know_servers, _unsaid, instead_of=servers),
            spawn(_variables(workspace, self.draft), self._know_variables, _unsaid, instead_of=variables),
        )
        self.functions.look_again()

    def _enter_name(self) -> None:
        """Begin at the name; that of a new agent is a suggestion to type over."""
        self.pages["Profile"].focus(("profile", "name"))
        field = self.focusWidget()
        if isinstance(field, QPlainTextEdit) and not self.draft.version:
            field.selectAll()

    def check(self) -> None:
        """Look for all that is wrong, in a thread."""
        agent, unfinished, available = self.draft.agent, self.draft.unfinished, self._available
        others = {name: each for name, each in (available.agents or {}).items() if name != self.draft.name}
        known = Available(available.workflows, None if available.agents is None else others, available.servers)
        self._parts.bridge.in_thread(lambda: problems_of(agent, unfinished, known), partial(self._found, agent))

    def _found(self, agent: Agent, problems: Sequence[tuple[Place, Problem]]) -> None:
        if agent is self.draft.agent:
            self._show_problems(problems)

    def _changed(self) -> None:
        agent = self.draft.agent
        self.avatar.show_look(agent.colour, agent.icon)
        for page in self.pages.values():
            page.show_draft()
        self.notices.clear()
        self._retitle()
        self._timer.start()

    def _retitle(self) -> None:
        name = self.draft.agent.name.strip() or "Agent without a name"
        unsaved = not self.draft.is_saved
        self.setWindowTitle(f"{name}[*] — Agent")
        self.setWindowModified(unsaved)
        self.title.setText(name)
        version = f"Version {self.draft.version}" if self.draft.version else "Not saved yet"
        self.about.setText(f"{version}, changed since" if unsaved and self.draft.version else version)
        self.save_button.setEnabled(unsaved or not self.draft.version)
        self.versions.setEnabled(bool(self.draft.version))

    def _show_problems(self, problems: Sequence[tuple[Place, Problem]]) -> None:
        self.problems = problems
        for page in self.pages.values():
            page.show_problems(problems)
        errors = [place for place, problem in problems if problem.severity == "error"]
        wrong = {_TAB_OF.get(str(place[0]), "Profile") for place in errors}
        for number, name in enumerate(TABS):
            self.bar.mark(number, name in wrong)
            self.bar.setAccessibleTabName(number, f"{name}, has errors" if name in wrong else name)
        count = len(errors)
        self.mend.setVisible(bool(count))
        self.mend.setText("1 thing to mend" if count == 1 else f"{count} things to mend")

    def _to_first(self) -> None:
        for place, problem in self.problems:
            if problem.severity == "error":
                self.focus(place)
                return

    # -- saving and closing --------------------------------------------------------------------------------------------

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save as the next version."""
        self.draft.end_merging()
        self.saving.save(then)

    def let_go(self) -> None:
        """Close without a question."""
        self._given_up = True
        self.close()

    def ask_to_close(self, then: Callable[[], object]) -> None:
        """Ask what becomes of unsaved work; `then` is called once the editor may be closed."""
        if self.question is not None:
            self.question.raise_()
            return
        self.show()
        self.raise_()
        question = MessageDialog(
            self,
            title=f"Save “{self.draft.agent.name or 'the agent'}” first?",
            text="What was not saved yet will be lost otherwise.",
            choices=[
                Choice("discard", "Discard", "danger"),
                Choice("keep", "Keep editing"),
                Choice("save", "Save", "primary"),
            ],
        )
        question.chosen.connect(lambda key: self._answered(key, then))
        self.question = question
        question.open()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask about unsaved work first."""
        if not self._given_up and not self.draft.is_saved:
            event.ignore()
            self.ask_to_close(self.let_go)
            return
        self.preview.close_chat()
        event.accept()
        self.closed.emit()

    def reject(self) -> None:
        """Escape closes it like its own button does."""
        self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter presses no button from afar."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
            return
        super().keyPressEvent(event)

    def _answered(self, key: str, then: Callable[[], object]) -> None:
        self.question = None
        if key == "save":
            self.save(then)
        elif key == "discard":
            self._given_up = True
            then()

    def _saved(self, saved: Any) -> None:
        self.notices.clear()
        self._retitle()
        self.saved.emit(saved)
        self.look_around()

    def _refused(self, text: str) -> None:
        self.notices.clear()
        self.notices.add("error", text)
        self._to_first()

    # -- making --------------------------------------------------------------------------------------------------------

    def _build_head(self) -> None:
        icons, themes = self._around.icons, self._around.themes
        self.avatar = Avatar(icons, themes, 36)
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.title, kind="title")
        self.title.setMinimumWidth(80)
        self.about = QLabel()
        set_role(self.about, kind="caption")
        self.mend = QPushButton()
        self.mend.setToolTip("Go to the first")
        set_role(self.mend, role="link")
        self.mend.clicked.connect(self._to_first)
        self.mend.hide()
        self.undo, self.redo, self.side, self.versions = (QToolButton() for _ in range(4))
        named = ((self.undo, "Undo"), (self.redo, "Redo"), (self.versions, "Versions"), (self.side, "Chat beside it"))
        for button, name in named:
            button.setToolTip(name)
            button.setAccessibleName(name)
        self.undo.setEnabled(self.draft.stack.canUndo())
        self.redo.setEnabled(self.draft.stack.canRedo())
        self.draft.stack.canUndoChanged.connect(self.undo.setEnabled)
        self.draft.stack.canRedoChanged.connect(self.redo.setEnabled)
        self.undo.clicked.connect(self.draft.stack.undo)
        self.redo.clicked.connect(self.draft.stack.redo)
        self.versions.clicked.connect(self.show_versions)
        self.side.setCheckable(True)
        self.side.setChecked(True)
        self.side.toggled.connect(lambda shown: self.preview.setVisible(shown))
        self.save_button = QPushButton("Save")
        set_role(self.save_button, role="primary")
        self.save_button.setAutoDefault(False)
        self.save_button.clicked.connect(lambda: self.save())
        self.saving.busy.connect(lambda busy: self.save_button.setText("Saving…" if busy else "Save"))
        self.notices = Notices(self._around, self)

    def _make_pages(self) -> None:
        """Make all pages; again when the theme changes, because forms are made in one theme."""
        around, parts, draft = self._around, self._parts, self.draft
        at = self.tabs.currentIndex()
        while self.tabs.count():
            old = self.tabs.widget(0)
            self.tabs.removeTab(0)
            if old is not None:
                old.hide()
                old.deleteLater()
        self.functions = FunctionsPage(draft, around, parts.bridge, parts.workspace, parts.tools)
        self.functions.run_wanted.connect(self.run_wanted)
        self.servers = ServersPage(draft, around)
        self.servers.servers_wanted.connect(self.servers_wanted)
        model = FormPage(draft, around, [("model", MODEL, ""), ("answer", ANSWER, "")])
        memory_about = "What it knows from earlier conversations. The Memory panel shows and corrects it."
        limit_about = "Where a turn ends by itself, and what it may use in a day."
        reach_about = (
            "Where what it calls may go: addresses in workflows, MCP servers on the web, and agents that work for it. "
            "With hosts listed here it is offered nothing that could go elsewhere, programs on this machine included."
        )
        self.pages: dict[str, Any] = {
            "Profile": ProfilePage(draft, around, self.names),
            "Model": model,
            "Functions": self.functions,
            "MCP servers": self.servers,
            "Memory": FormPage(draft, around, [("memory", MEMORY, memory_about)]),
            "Limits": FormPage(draft, around, [("limits", LIMITS, limit_about), ("reach", REACH, reach_about)]),
            "Try": TryPage(draft, around, parts.bridge, parts.workspace),
        }
        self.bar = MarkedTabBar(around.themes.theme)
        self.tabs.setTabBar(self.bar)
        self.tabs.setDocumentMode(True)
        self.bar.setAccessibleName("Parts of the agent")
        for name in TABS:
            page = self.pages[name]
            page.setProperty("surface", "panel")
            page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
            self.tabs.addTab(page, name)
        self.tabs.setCurrentIndex(max(at, 0))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 12, 16, 8)
        head.setSpacing(12)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.about)
        head.addWidget(self.avatar)
        head.addLayout(words, 1)
        for widget in (self.mend, self.undo, self.redo, self.versions, self.side, self.save_button):
            head.addWidget(widget)
        strip = QVBoxLayout()
        strip.setContentsMargins(16, 0, 16, 0)
        strip.addWidget(self.notices)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.tabs)
        self.split.addWidget(self.preview)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.split.setSizes([700, 480])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(strip)
        column.addWidget(self.split, 1)
        self._dress()

    def _add_keys(self) -> None:
        for key, act in (
            (QKeySequence.StandardKey.Save, self.save),
            (QKeySequence.StandardKey.Undo, self.draft.stack.undo),
            (QKeySequence.StandardKey.Redo, self.draft.stack.redo),
            (QKeySequence.StandardKey.Close, self.close),
        ):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(lambda act=act: act())

    def _dress(self) -> None:
        theme, icons = self._around.themes.theme, self._around.icons
        signs = ((self.undo, "undo-2"), (self.redo, "redo-2"), (self.versions, "history"), (self.side, "panel-right"))
        for button, icon in signs:
            button.setIcon(icons.icon(icon, theme))
            button.setIconSize(QSize(16, 16))

    def _retheme(self) -> None:
        self._dress()
        self._make_pages()
        self._changed()
        self.look_around()

    # -- knowing -------------------------------------------------------------------------------------------------------

    def _know(self, available: Available) -> None:
        self._available = available
        self.check()

    def _know_servers(self, servers: Mapping[str, ServerConfig]) -> None:
        self.servers.show_servers(servers)

    def _know_variables(self, variables: Mapping[str, str]) -> None:
        self.names.variables = variables


def _unsaid(_error: Exception) -> None:
    """What could not be looked up is not checked."""


async def _servers(workspace: Workspace) -> Mapping[str, ServerConfig]:
    return await workspace.mcp.servers()


async def _variables(workspace: Workspace, draft: AgentDraft) -> Mapping[str, str]:
    """The variables of the workflows that the agent calls, with what they are for."""
    found: dict[str, str] = {}
    if workspace.store is None:
        return found
    known = {entry.name for entry in await workspace.store.workflows.list()}
    for function in draft.agent.functions:
        if function.kind == "workflow" and function.target in known:
            workflow = (await workspace.store.workflows.get(function.target)).workflow
            for name, schema in workflow.variables.items():
                found.setdefault(name, str(schema.get("description") or f"Set by {workflow.name}."))
    return found
