"""Chats in the window: makes the panel when it is first seen, opens conversations from anywhere, owns the bin.

Nothing of agents is imported before somebody looks at a chat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop.bridge import Bridge
from desktop.commands import Command
from desktop.empty_state import EmptyState
from desktop.window import MainWindow

if TYPE_CHECKING:
    import asyncio

    from core.agents.reply import Outcome, Reply
    from core.store.conversation_records import Conversation
    from core.store.conversations import WaitingRun
    from core.workspace import Workspace
    from desktop.chat.bin import ConversationBin
    from desktop.chat.panel import ChatPanel
    from desktop.chat.source import ChatAround, ChatSource

PANEL: Final = "chat"
PAGE_TITLE: Final = "Chat"

WIDTH: Final = 420
"""Of the panel beside the canvas, at least, in logical pixels."""


class ChatDesk(QObject):
    """All chats of a window. run_wanted: the id of a run that is to be looked at."""

    run_wanted = Signal(str)

    def __init__(self, window: MainWindow, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._bridge = window, bridge
        self._workspace: Workspace | None = None
        self._source: ChatSource | None = None
        self._bin: ConversationBin | None = None
        self._waking: asyncio.Task[None] | None = None
        self.panel: ChatPanel | None = None
        self.page: ChatPanel | None = None

    def use(self, workspace: Workspace) -> None:
        """From now on one talks with the agents of that workspace."""
        self._workspace, self._source, self._bin = workspace, None, None
        self.panel = None
        if self.page is not None:
            self._window.close_page(self.page)
        self._window.docks.get(PANEL).renew()
        self._window.commands.refresh()
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        if workspace.store is not None:  # where nothing is kept, nothing waits from before
            self._bridge.in_thread(_load_conversations, lambda _: self._look_for_waiting(workspace))

    def make_panel(self) -> QWidget:
        """The panel, or why there is none yet."""
        if self._workspace is None:
            return EmptyState(
                self._window.icons, self._window.themes, icon="message-square", title="Nobody to talk to yet",
                text="The database is still being opened.",
            )  # fmt: skip
        self.panel = self._make(is_full=False)
        return self.panel

    def look_again(self) -> None:
        """There are other agents now: show them wherever somebody looks."""
        for panel in (self.panel, self.page):
            if panel is not None and panel.isVisible():
                panel.look_again()

    def commands(self) -> Sequence[Command]:
        """Talking: menu Chat, and the palette."""

        def ready() -> bool:
            return self._workspace is not None

        return [
            Command("chat.open", "Talk with an agent or a workflow", self._open, "message-square", (), "Agents", "chat",
                    ready, help="Shows the chat, and gives it the keyboard."),
            Command("chat.new", "New conversation", self._new, "plus", (), "Agents", "chat", ready),
            Command("chat.branches", "Branches of the conversation…", self._branches, "git-branch", ("Ctrl+Shift+B",),
                    "Agents", "chat", ready, help="Shows all branches as a tree, with what was forked from them."),
            Command("chat.full", "Chat in the whole window", self.toggle_full, "maximize", ("Ctrl+Shift+J",), "Agents",
                    "chat", ready, help="Shows the chat in a tab of its own, or beside the canvas again."),
        ]  # fmt: skip

    def show(self) -> ChatPanel | None:
        """Bring the chat to the front, where it is now, with the keyboard in it."""
        if self._workspace is None:
            return None
        if self.page is not None:
            self._window.tabs.setCurrentWidget(self.page)
            self.page.view.focus()
            return self.page
        dock = self._window.docks.get(PANEL)
        self._window.docks.reveal(PANEL)
        if not dock.isFloating() and dock.width() < WIDTH:
            self._window.resizeDocks([dock], [WIDTH], Qt.Orientation.Horizontal)
        if self.panel is None:
            if dock.panel is not None:
                dock.renew()
            dock.fill()
        if self.panel is not None:
            self.panel.view.focus()
        return self.panel

    def _open(self) -> None:
        self.show()

    def _new(self) -> None:
        if (panel := self.show()) is not None:
            panel.ask_new(panel.mapToGlobal(panel.rect().center()))

    def _branches(self) -> None:
        if (panel := self.show()) is not None:
            panel.view.show_branches()

    def open_chat(self, agent_name: str) -> None:
        """A new conversation with an agent."""
        if (panel := self.show()) is not None:
            panel.begin(agent_name)

    def open_conversation(self, conversation_id: UUID, message: int | None = None) -> None:
        """A kept conversation. message: one to be shown."""
        if (panel := self.show()) is not None:
            panel.open(conversation_id, message)

    def toggle_full(self) -> None:
        """Chat in a tab of the whole middle, or beside the canvas again, with the same conversation."""
        before = self.page or self.panel or self.show()
        if before is None:
            return
        held, thread = before.view.talk.conversation, before.view.talk
        draft = before.view.composer.edit.toPlainText()
        if self.page is None:
            self.page = after = self._make(is_full=True)
            self._window.open_page(after, PAGE_TITLE, "message-square", self._page_closed)
            self._window.docks.get(PANEL).close()
        else:
            self._window.close_page(self.page)
            shown = self.show()
            assert shown is not None
            after = shown
        if held is not None:
            after.open(held.id)
        elif thread.agent or thread.workflow:
            after.begin(thread.agent, thread.workflow)
        after.view.composer.edit.setPlainText(draft)
        after.view.focus()

    def _look_for_waiting(self, workspace: Workspace) -> None:
        if workspace is self._workspace:
            self._bridge.spawn(workspace.conversations.waiting_runs(), self._know_waiting, lambda _error: None)

    def _know_waiting(self, runs: Sequence[WaitingRun]) -> None:
        """Conversations that wait for something are gone on with though nobody looks at a chat."""
        if runs and self._waking is None:
            self._bridge.in_thread(_load_waker, lambda _: self._begin_waking())

    def _begin_waking(self) -> None:
        """Go on with conversations whose wait has ended, from now on."""
        workspace = self._workspace
        if workspace is None or self._waking is not None:
            return
        from core.agents.waker import ChatWaker

        waker = ChatWaker(
            workspace.chat, workspace.conversations, workspace.journal, workspace.clock, told=self._gone_on
        )
        self._waking = self._bridge.keep(waker.run(), name="conversations that wait")

    def _gone_on(self, reply: Reply) -> None:
        """A conversation goes on by itself: shown where it is open, else said when the answer is there."""
        shown = [panel.view.talk.notice(reply) for panel in (self.panel, self.page) if panel is not None]
        if not any(shown):
            self._bridge.spawn(self._answered(reply), self._say_answered, lambda _error: None)

    async def _answered(self, reply: Reply) -> tuple[Conversation, Outcome]:
        outcome = await reply.outcome()
        assert self._workspace is not None
        return await self._workspace.conversations.get(reply.conversation_id), outcome

    def _say_answered(self, what: tuple[Conversation, Outcome]) -> None:
        from core.agents.chat_events import TurnEnded

        conversation, outcome = what
        if isinstance(outcome, TurnEnded):
            title, text = f"“{conversation.title}” has an answer", " ".join(outcome.text.split())[:120]
        elif all(pending.kind in ("later", "asker") for pending in outcome.pending):
            return
        else:
            title, text = f"“{conversation.title}” waits for you", "It went on by itself."
        self._window.toasts.show(title, text, action="Open", on_action=lambda: self.open_conversation(conversation.id))

    async def close(self) -> None:
        """Forget what is in the bin."""
        if self._bin is not None:
            await self._bin.empty()

    def _make(self, *, is_full: bool) -> ChatPanel:
        from desktop.chat.panel import ChatPanel

        panel = ChatPanel(
            self._known_source(),
            self._around(),
            self._known_bin(),
            self._window.toasts,
            make_first=self._make_first,
            is_full=is_full,
        )
        panel.run_wanted.connect(self.run_wanted)
        panel.full_wanted.connect(self.toggle_full)
        return panel

    def _page_closed(self) -> None:
        if self.page is not None:
            self.page.view.close()
            self.page = None

    def _known_source(self) -> ChatSource:
        from desktop.chat.source import of_workspace

        assert self._workspace is not None
        if self._source is None:
            self._source = of_workspace(self._workspace)
            self._begin_waking()
        return self._source

    def _known_bin(self) -> ConversationBin:
        from desktop.chat.bin import ConversationBin

        assert self._workspace is not None
        if self._bin is None:
            self._bin = ConversationBin(self._workspace.conversations, self._bridge, self._forget)
        return self._bin

    def _around(self) -> ChatAround:
        from desktop.chat.source import ChatAround

        assert self._workspace is not None
        return ChatAround(self._window.themes, self._window.icons, self._bridge, self._workspace.clock.now)

    def _forget(self, conversation_id: UUID) -> None:
        """What waits to be learned from a conversation that is gone is not learned any more."""
        learner = self._workspace.learner if self._workspace is not None else None
        if learner is not None:
            self._bridge.spawn(learner.forget(str(conversation_id)))

    def _make_first(self, made: Callable[[str], None]) -> None:
        from core.agents.agent import Agent

        if self._workspace is not None:
            agent = Agent(
                "Assistant",
                "Answers questions and helps with texts.",
                prompt="You are a helpful assistant. Answer briefly and say so when you do not know.",
            )
            self._bridge.spawn(
                self._workspace.agents.save(agent, 0), lambda saved: self._made_first(saved.agent.name, made)
            )

    def _made_first(self, name: str, made: Callable[[str], None]) -> None:
        made(name)
        for panel in (self.panel, self.page):
            if panel is not None:
                panel.refresh()


def _load_conversations() -> None:
    import core.store.postgres_conversations  # noqa: F401 - loaded here, because it takes longer than a frame


def _load_waker() -> None:
    import core.agents.waker  # noqa: F401 - loaded here, because it takes longer than a frame
