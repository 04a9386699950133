"""A chat on the screen with scripted models behind it, and hands for it: keys, clicks, and waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.agents.agent import Agent
from core.store.conversation_records import StoredMessage
from desktop.bridge import Bridge
from desktop.chat.pending_card import PendingCard
from desktop.chat.source import ChatAround, ChatSource
from desktop.chat.view import ChatView
from desktop.icons import Icons
from desktop.theme import ThemeManager
from tests.support.agent_rig import AgentRig
from tests.support.desktop_program import until


def source_of(rig: AgentRig) -> ChatSource:
    """What a ChatView needs of a rig."""

    async def agents() -> Sequence[Agent]:
        return [known.agent for known in rig.agents.by_name.values()]

    async def none() -> Sequence[str]:
        return ()

    return ChatSource(
        rig.chat, rig.conversations, rig.blobs, rig.agents.named, rig.agents.numbered, rig.kit.look_up, agents, none
    )


class ChatScreen:
    """A ChatView, driven as a person does it. troubles: what was said to have gone wrong."""

    def __init__(self, rig: AgentRig, bridge: Bridge, *, size: tuple[int, int] = (600, 700)) -> None:
        self.rig, self.bridge = rig, bridge
        self.themes = ThemeManager()
        self.around = ChatAround(self.themes, Icons(), bridge, rig.clock.now)
        self.source = source_of(rig)
        self.view = ChatView(self.source, self.around)
        self.troubles: list[str] = []
        self.view.talk.trouble.connect(self.troubles.append)
        bridge.failed.connect(self.troubles.append)
        self.view.resize(*size)
        self.view.show()

    async def begin(self, agent: str = "Ada") -> None:
        """Stand before a new conversation."""
        self.view.begin(agent)
        await until(lambda: self.view.talk.face.icon != "" and self.view.composer.isEnabled())

    async def open(self, conversation: UUID) -> None:
        """Show a kept conversation and wait until it is there."""
        self.view.open(conversation)
        await until(lambda: self.view.talk.conversation is not None and bool(self.view.transcript.visible_rows()))

    def write(self, text: str) -> None:
        """Type into the field."""
        self.view.focus()
        QTest.keyClicks(self.view.composer.edit, text)

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where one writes."""
        QTest.keyClick(self.view.composer.edit, key, modifier)

    def press_on_row(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key on the message that the keys speak of."""
        row = self.view.transcript.row_of(self.view.transcript.current)
        assert row is not None
        QTest.keyClick(row, key, modifier)

    async def say(self, text: str) -> None:
        """Type it, press Enter, and wait until the turn is over and shown."""
        self.write(text)
        self.press(Qt.Key.Key_Return)
        await self.over()

    async def over(self) -> None:
        """Wait until nothing is being answered and all of it was read again."""
        await until(lambda: self.view.talk.total > 0 or bool(self.troubles))
        await until(lambda: not self.view.talk.is_answering and self.view.talk.live is None)
        await until(lambda: self.bridge.busy == 0)
        self.view.transcript.place()

    @property
    def texts(self) -> list[str]:
        """What the rows say, in order; rows that show nothing are left out."""
        thread = self.view.talk
        found = [thread.message(index) for index in range(thread.total) if not thread.is_hidden(index)]
        return [message.text for message in found if message is not None]

    @property
    def cards(self) -> list[PendingCard]:
        """What waits for a decision."""
        return [card for card in self.view.tail.cards if isinstance(card, PendingCard)]


def click(widget: QWidget, at: QPoint | None = None) -> None:
    """Click a widget in its middle, or at a point."""
    if at is None:
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
    else:
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at)


@asynccontextmanager
async def chat_screen(rig: AgentRig, **more: Any) -> AsyncIterator[ChatScreen]:
    """A ChatScreen, taken apart afterwards."""
    import asyncio

    bridge = Bridge(asyncio.get_running_loop())
    made = ChatScreen(rig, bridge, **more)
    try:
        yield made
    finally:
        await rig.chat.stop()
        made.view.close()
        await bridge.close()
        made.view.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


async def long_conversation(rig: AgentRig, count: int, text: str = "Line one.\n\nLine two of {n}.") -> UUID:
    """A kept conversation of so many messages, questions and answers in turn."""
    conversation = await rig.conversation()
    log = await rig.conversations.write(conversation.id)
    for number in range(count):
        role: Any = "assistant" if number % 2 else "user"
        said = text.format(n=number)
        await log.add(
            StoredMessage(
                0,
                None,
                role,
                said,
                {"role": role, "content": said},
                agent="Ada",
                model="m" if role == "assistant" else "",
            )
        )
    await log.close()
    return conversation.id
