"""The chat as a panel: conversations beside the one that is open, or before it where there is little room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.agents.agent import Agent
from core.store.conversation_records import Conversation
from core.store.conversations import Found
from desktop.chat.bin import ConversationBin
from desktop.chat.conversation_list import ConversationList, title_of
from desktop.chat.source import ChatAround, ChatSource, face_of
from desktop.chat.view import ChatView
from desktop.dialogs.text_prompt import TextPrompt
from desktop.looked_at import is_looked_at
from desktop.style import set_role
from desktop.toasts import Toasts

WIDE: Final = 700
"""From this width on, in logical pixels, list and conversation stand beside each other."""


class ChatPanel(QWidget):
    """The list of conversations and the one that is open.

    run_wanted: the id of a run. full_wanted: it should have the whole window, or stand beside the canvas again. toasts:
    for what can be undone. make_first: makes an agent where there is none, then calls back with its name.
    """

    run_wanted = Signal(str)
    full_wanted = Signal()

    def __init__(
        self,
        source: ChatSource,
        around: ChatAround,
        bin_: ConversationBin,
        toasts: Toasts,
        *,
        make_first: Callable[[Callable[[str], None]], None],
        is_full: bool = False,
    ) -> None:
        super().__init__()
        self._source, self._around, self._bin, self._toasts = source, around, bin_, toasts
        self._make_first = make_first
        self._is_full = is_full
        self._wide: bool | None = None
        self._chosen = False
        self._agents: Sequence[Agent] = ()
        self._workflows: Sequence[str] = ()
        self._naming: asyncio.Task[None] | None = None
        self.list = ConversationList(source, around)
        self.view = ChatView(source, around)
        self.first_button = QPushButton("Make a first agent")
        self.title = QLabel()
        self.list_button, self.new_button, self.more_button, self.full_button = (QToolButton() for _ in range(4))
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._pages = QStackedWidget()
        self._right = QWidget()
        self._build()
        self._join()
        self._dress()

    @property
    def is_wide(self) -> bool:
        """Whether list and conversation stand beside each other."""
        return bool(self._wide)

    def refresh(self) -> None:
        """Look anew which conversations, agents and workflows there are."""
        self.list.hidden = self._bin.ids
        self.list.refresh()
        self._naming = self._around.bridge.spawn(self._read_names(), self._take_names, instead_of=self._naming)

    def look_again(self) -> None:
        """Agents may have been made or changed elsewhere, or talked with."""
        self.refresh()
        self.view.talk.learn_again()

    def event(self, event: QEvent) -> bool:
        """Look at what is there now whenever it is looked at."""
        if is_looked_at(self, event):
            self.look_again()
        return super().event(event)

    def begin(self, agent: str = "", workflow: str = "") -> None:
        """A new conversation."""
        self._chosen = True
        self.view.begin(agent, workflow)
        self.list.mark(None)
        self.show_conversation()
        self.view.focus()

    def open(self, conversation_id: UUID, message: int | None = None) -> None:
        """A kept conversation. message: one to be shown."""
        self._chosen = True
        self.view.open(conversation_id, message)
        self.list.mark(conversation_id)
        self.show_conversation()
        if message is None:
            self.view.focus()

    def show_list(self) -> None:
        """Show the list, where there is room for one of the two only."""
        if not self._wide:
            self._pages.setCurrentIndex(0)
            self.list.search.setFocus()

    def show_conversation(self) -> None:
        """Show the conversation, where there is room for one of the two only."""
        if not self._wide:
            self._pages.setCurrentIndex(1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Put list and conversation beside each other if there is room."""
        super().resizeEvent(event)
        wide = event.size().width() >= WIDE
        if wide != self._wide:
            self._wide = wide
            self._arrange()

    # -- making --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        set_role(self.title, kind="strong")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        names = (
            "Conversations",
            "A new conversation",
            "What can be done with this conversation",
            "In the whole window",
        )
        if self._is_full:
            names = (*names[:3], "Beside the canvas again")
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 8, 6)
        head.setSpacing(2)
        head.addWidget(self.list_button)
        head.addWidget(self.title, 1)
        for button, name in zip(
            (self.list_button, self.new_button, self.more_button, self.full_button), names, strict=True
        ):
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.setIconSize(QSize(16, 16))
            if button is not self.list_button:
                head.addWidget(button)
        line = QWidget()
        set_role(line, role="line")
        line.setFixedHeight(1)
        right = QVBoxLayout(self._right)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addLayout(head)
        right.addWidget(self.view, 1)
        set_role(self.first_button, role="primary")
        self.first_button.hide()
        self.more_button.setEnabled(False)
        empty = self.view.empty.layout()
        assert isinstance(empty, QVBoxLayout)
        empty.insertSpacing(empty.count() - 1, 12)
        empty.insertWidget(empty.count() - 1, self.first_button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._split.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)
        whole.addWidget(self._split)
        self.setMinimumWidth(320)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

    def _arrange(self) -> None:
        if self._wide:
            self._split.addWidget(self.list)
            self._split.addWidget(self._right)
            self._split.setStretchFactor(1, 1)
            self._split.setSizes([260, max(self.width() - 260, 400)])
            self.list.show()
            self._right.show()
        else:
            self._pages.addWidget(self.list)
            self._pages.addWidget(self._right)
            self._pages.setCurrentIndex(1)
        self._split.setVisible(bool(self._wide))
        self._pages.setVisible(not self._wide)
        self.list_button.setVisible(not self._wide)

    def _join(self) -> None:
        self.list.chosen.connect(self.open)
        self.list.new_wanted.connect(self.ask_new)
        self.list.asked.connect(self._do)
        self.view.run_wanted.connect(self.run_wanted)
        self.view.conversation_changed.connect(self._conversation_changed)
        self.view.forked.connect(lambda _: self.list.refresh())
        self.view.copied.connect(lambda text: self._toasts.show(text, kind="done"))
        self.view.talk.state_changed.connect(self._answered)
        self.list_button.clicked.connect(self.show_list)
        self.new_button.clicked.connect(lambda: self.ask_new(self._below(self.new_button)))
        self.more_button.clicked.connect(self._ask_more)
        self.full_button.clicked.connect(self.full_wanted)
        self.first_button.clicked.connect(lambda: self._make_first(self.begin))
        self._bin.changed.connect(self.refresh)
        self._around.themes.changed.connect(lambda _: self._dress())
        context = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for keys, press in (
            ("Ctrl+Shift+F", self._search),
            ("Ctrl+Shift+N", lambda: self.ask_new(self._below(self.new_button))),
        ):
            QShortcut(QKeySequence(keys), self, context=context).activated.connect(press)

    # -- doing ---------------------------------------------------------------------------------------------------------

    def ask_new(self, at: QPoint) -> None:
        """Offer the agents and workflows that one can talk with; begin at once where there is one only."""
        if len(self._agents) == 1 and not self._workflows:
            self.begin(self._agents[0].name)
            return
        menu = self.new_menu()
        menu.popup(at)

    def new_menu(self) -> QMenu:
        """Agents and workflows to begin a conversation with."""
        icons, theme = self._around.icons, self._around.themes.theme
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for agent in self._agents:
            face = face_of(agent)
            menu.addAction(
                icons.icon(face.icon, theme, face.colour), agent.name, partial(self._begin_agent, agent.name)
            )
        if self._workflows:
            menu.addSection("Workflows that answer")
        for name in self._workflows:
            menu.addAction(icons.icon("workflow", theme, "accent"), name, partial(self._begin_workflow, name))
        if not self._agents:
            menu.addAction(icons.icon("plus", theme), "Make a first agent", lambda: self._make_first(self.begin))
        return menu

    def _begin_agent(self, name: str, _checked: bool = False) -> None:
        self.begin(name)

    def _begin_workflow(self, name: str, _checked: bool = False) -> None:
        self.begin(workflow=name)

    def _ask_more(self) -> None:
        held = self.view.talk.conversation
        if held is None:
            return
        icons, theme = self._around.icons, self._around.themes.theme
        found = Found(held)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        away = (
            ("restore", "Take out of the archive", "archive-restore")
            if held.archived
            else ("archive", "Archive", "archive")
        )
        menu.addAction(icons.icon("git-branch", theme), "Branches…", self.view.show_branches)
        for what, title, icon in (("rename", "Rename…", "pencil"), away, ("delete", "Delete", "trash-2")):
            menu.addAction(icons.icon(icon, theme), title, partial(self._do_now, what, found))
        menu.popup(self._below(self.more_button))

    def _do_now(self, what: str, found: Found, _checked: bool = False) -> None:
        self._do(what, found)

    def _do(self, what: str, found: Found) -> None:
        held = found.conversation
        conversations, bridge = self._source.conversations, self._around.bridge
        match what:
            case "rename":
                prompt = TextPrompt(
                    self, title="Rename the conversation", label="Its title", text=held.title, action="Rename"
                )
                prompt.given.connect(lambda title: bridge.spawn(conversations.rename(held.id, title), self._renamed))
                prompt.open()
            case "archive" | "restore":
                away = what == "archive"
                bridge.spawn(conversations.archive(held.id, away), lambda _: self._archived(held, away))
            case "delete":
                self._delete(held)

    def _delete(self, held: Conversation) -> None:
        open_now = self.view.talk.conversation
        if open_now is not None and open_now.id == held.id:
            self.view.talk.stop()
            self.view.begin(self.view.talk.agent, self.view.talk.workflow)
            self.show_list()
        self._bin.put(held.id)
        self._toasts.show(
            "The conversation is deleted", title_of(held), action="Undo", on_action=lambda: self._bin.take_out(held.id)
        )

    def _archived(self, held: Conversation, away: bool) -> None:
        self.list.refresh()
        self.view.talk.refresh_facts()
        if not away:
            return
        back = self._source.conversations.archive

        def undo() -> None:
            self._around.bridge.spawn(back(held.id, False), lambda _: self._archived(held, False))

        self._toasts.show("The conversation is archived", title_of(held), action="Undo", on_action=undo)

    def _renamed(self, _: Any) -> None:
        self.list.refresh()
        self.view.talk.refresh_facts()

    # -- showing -------------------------------------------------------------------------------------------------------

    async def _read_names(self) -> tuple[Sequence[Agent], Sequence[str], list[tuple[str, UUID]]]:
        agents, workflows = await self._source.agents(), await self._source.workflows()
        ids = [(agent.name, (await self._source.named(agent.name)).id) for agent in agents]
        return agents, workflows, ids

    def _take_names(self, names: tuple[Sequence[Agent], Sequence[str], list[tuple[str, UUID]]]) -> None:
        self._agents, self._workflows, ids = names
        self.list.show_agents(ids)
        self.first_button.setVisible(not self._agents and not self._workflows)
        if not self._chosen and (self._agents or self._workflows):
            self._chosen = True
            if self._agents:
                self.view.begin(self._agents[0].name)
            else:
                self.view.begin(workflow=self._workflows[0])

    def _conversation_changed(self, conversation: Conversation | None) -> None:
        thread = self.view.talk
        name = thread.agent or thread.workflow
        title = title_of(conversation) if conversation is not None else (f"New with {name}" if name else "Chat")
        self.title.setText(title)
        self.title.setToolTip(f"{title}\nWith {name}" if name else title)
        self.more_button.setEnabled(conversation is not None)
        self.list.mark(conversation.id if conversation is not None else None)

    def _answered(self) -> None:
        if not self.view.talk.is_answering:
            self.list.refresh()

    def _search(self) -> None:
        self.show_list()
        self.list.search.setFocus()

    def _below(self, button: QWidget) -> QPoint:
        return button.mapToGlobal(button.rect().bottomLeft())

    def _dress(self) -> None:
        icons, theme = self._around.icons, self._around.themes.theme
        full = "minimize" if self._is_full else "maximize"
        for button, icon in (
            (self.list_button, "list"),
            (self.new_button, "plus"),
            (self.more_button, "ellipsis"),
            (self.full_button, full),
        ):
            button.setIcon(icons.icon(icon, theme))
