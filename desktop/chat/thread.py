"""One conversation as rows: read in pages as they are looked at, grown by what happens while an answer is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal

from core.agents.attachments import Attachment
from core.agents.chat_events import (
    CallFinished,
    CallNeedsApproval,
    CallProgress,
    CallProposed,
    CallStarted,
    ChatEvent,
    ContextCompacted,
    HandedOver,
    MemoryRecalled,
    MessageSaved,
    Pending,
    ReasoningDelta,
    RequestSent,
    TextDelta,
    TurnEnded,
    TurnStarted,
    TurnWaiting,
)
from core.agents.kit import ModelFacts
from core.agents.reply import Reply
from core.store.conversation_records import Conversation, FunctionCall, StoredMessage
from core.store.conversations import Page
from desktop.bridge import Bridge, explain
from desktop.chat.shown import Face, Shown
from desktop.chat.source import ChatSource, face_of
from desktop.chat.wording import reasoning_of

PAGE: Final = 100
"""Messages that are read at once."""

TICK_MS: Final = 33
"""Least time between two repaints while an answer comes in: 30 a second."""


@dataclass(slots=True)
class Live:
    """The answer that is being made, as far as it is not kept yet."""

    agent: str = ""
    text: str = ""
    reasoning: str = ""
    note: str = "Thinking…"
    progress: dict[str, str] | None = None


class ChatThread(QObject):
    """The rows of one conversation.

    reset: all rows are others. rows_changed: first and last index of rows that are there now, or are others.
    live_changed: the answer in the making has grown. state_changed: it is answered now, or not; something waits;
    it is being read (is_reading) or was.
    facts_changed: title, cost, agent or context. trouble: what did not work, in words. found: the row of a
    message that was looked for.
    """

    reset = Signal()
    rows_changed = Signal(int, int)
    live_changed = Signal()
    state_changed = Signal()
    facts_changed = Signal()
    trouble = Signal(str)
    found = Signal(int)

    def __init__(self, source: ChatSource, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.source, self._bridge = source, bridge
        self.conversation: Conversation | None = None
        self.agent = ""
        self.workflow = ""
        self.model = ""
        self.face = Face()
        self.total = 0
        self.pending: tuple[Pending, ...] = ()
        self.live: Live | None = None
        self.request: RequestSent | None = None
        self.context: int | None = None
        self.facts: ModelFacts | None = None
        self._rows: dict[int, StoredMessage] = {}
        self._siblings: dict[int, tuple[int, ...]] = {}
        self._asked: set[int] = set()
        self._reply: Reply | None = None
        self._following: asyncio.Task[None] | None = None
        self._learning: asyncio.Task[None] | None = None
        self._wanted: int | None = None
        self.is_reading = False
        self._round = 0
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.live_changed)

    # -- what there is -------------------------------------------------------------------------------------------------

    @property
    def is_answering(self) -> bool:
        """Whether an answer is being made in this process."""
        return self._reply is not None and not self._reply.done

    @property
    def last(self) -> StoredMessage | None:
        """The newest message."""
        return self._rows.get(self.total - 1)

    @property
    def is_broken_off(self) -> bool:
        """Whether the conversation stands at something unfinished that can be gone on with."""
        last = self.last
        if last is None or self.is_answering or self.pending:
            return False
        return last.role != "assistant" or bool(last.calls) or last.status != "complete"

    def message(self, index: int) -> StoredMessage | None:
        """The message of a row, None as long as it was not read."""
        return self._rows.get(index)

    def index_of(self, message_id: int) -> int | None:
        """The row of a message that was read."""
        return next((index for index, message in self._rows.items() if message.id == message_id), None)

    def is_hidden(self, index: int) -> bool:
        """Whether a row shows nothing: results are shown with their calls."""
        message = self._rows.get(index)
        return message is not None and message.role == "tool"

    def shown(self, index: int) -> Shown | None:
        """What a row shows; None, and it is read, if it is not there yet."""
        message = self._rows.get(index)
        if message is None:
            self.want(index)
            return None
        progress = self.live.progress if self.live is not None and self.live.progress else {}
        return Shown(
            message,
            self._siblings.get(message.id, ()),
            begins=self._begins(index, message),
            face=self.face,
            reasoning=reasoning_of(message),
            progress={call.id: progress[call.id] for call in message.calls if call.id in progress},
        )

    def live_shown(self) -> Shown | None:
        """The answer in the making as a row; None if there is nothing of it to show."""
        live = self.live
        if live is None:
            return None
        last = self.last
        if not live.text and last is not None and last.calls and not live.reasoning:
            return None
        message = StoredMessage(0, None, "assistant", live.text, agent=live.agent)
        begins = last is None or last.role == "user" or not self._speaks_on(last, live.agent)
        return Shown(message, begins=begins, live=True, note=live.note, reasoning=live.reasoning, face=self.face)

    def want(self, index: int) -> None:
        """Have the page read that a row is on."""
        conversation = self.conversation
        page = index // PAGE
        if conversation is None or page in self._asked or not 0 <= index < self.total:
            return
        self._asked.add(page)
        round_ = self._round
        self._bridge.spawn(
            self.source.conversations.page(conversation.id, start=page * PAGE, count=PAGE),
            lambda found: self._take_page(found, round_),
            self._failed,
        )

    # -- what a person does --------------------------------------------------------------------------------------------

    def begin(self, agent: str = "", workflow: str = "") -> None:
        """Stand before a new conversation; it is kept from its first message on."""
        self._clear()
        self.conversation, self.agent, self.workflow, self.face = None, agent, workflow, Face()
        self.reset.emit()
        self.state_changed.emit()
        self._learn_about()

    def open(self, conversation_id: UUID, message_id: int | None = None) -> None:
        """Show a kept conversation, at its end. message_id: of a message to be found afterwards."""
        self._clear()
        self._wanted = message_id
        self.is_reading = True
        round_ = self._round
        self._bridge.spawn(
            self._read(conversation_id),
            lambda found: self._take(found, round_),
            lambda error: self._unread(error, round_),
            name="open conversation",
        )
        self.state_changed.emit()

    def send(self, text: str, attachments: Sequence[Attachment] = ()) -> None:
        """Say something."""
        if self.conversation is None:
            started = self.source.chat.start(self.agent, workflow=self.workflow)
            self._bridge.spawn(started, lambda made: self._started(made, text, attachments), self._failed)
            return
        self._answer(lambda held: self.source.chat.send(held, text, attachments))

    def edit(self, message_id: int, text: str) -> None:
        """Say something else instead of what was said."""
        self._cut(message_id, itself=True)
        self._answer(lambda held: self.source.chat.edit(held, message_id, text))

    def regenerate(self, message_id: int) -> None:
        """Have an answer made again."""
        index = self.index_of(message_id)
        while index is not None and index > 0:
            message = self._rows.get(index)
            if message is not None and message.role == "user":
                self._cut(message.id, itself=False)
                break
            index -= 1
        self._answer(lambda held: self.source.chat.regenerate(held, message_id))

    def go_on(self) -> None:
        """Go on with what was broken off."""
        last = self.last
        if last is not None and last.role == "assistant" and not last.calls and last.status != "complete":
            self._cut(last.id, itself=True)
        self._answer(lambda held: self.source.chat.resume(held))

    def stop(self) -> None:
        """Stop the answer; what had come of it is kept."""
        if self._reply is not None:
            self._reply.cancel()

    def notice(self, reply: Reply) -> bool:
        """Follow an answer that was begun by nobody here, if it belongs to this conversation; whether it does."""
        held = self.conversation
        if held is None or held.id != reply.conversation_id:
            return False
        if not self.is_answering:
            self._watch(reply)
        return True

    def decide(self, pending: Pending, allow: bool, reason: str = "", for_conversation: bool = False) -> None:
        """Allow or deny a call."""
        deciding = self.source.chat.answer_approval(pending.id, allow, reason=reason, for_conversation=for_conversation)
        self._bridge.spawn(deciding, self._watch, self._failed_at_pending)

    def say_outcome(self, pending: Pending, choice: str, result: str = "") -> None:
        """Say what to do about a call of which nobody knows whether it got through."""
        deciding = self.source.chat.answer_unknown(pending.id, choice, result=result)
        self._bridge.spawn(deciding, self._watch, self._failed_at_pending)

    def answer_question(self, pending: Pending, answer: dict[str, Any]) -> None:
        """Answer what a workflow asks."""
        self._bridge.spawn(self.source.chat.answer_question(pending.id, answer), self._watch, self._failed_at_pending)

    def switch(self, message_id: int) -> None:
        """Show the newest branch through a message."""
        held = self.conversation
        if held is None or self.is_answering:
            return
        self._bridge.spawn(
            self.source.conversations.switch(held.id, message_id), lambda _: self._reread(keep=True), self._failed
        )

    def refresh_facts(self) -> None:
        """Read title and cost again."""
        if self.conversation is not None:
            self._bridge.spawn(self.source.conversations.get(self.conversation.id), self._know, lambda _: None)

    def learn_again(self) -> None:
        """Look again at who answers: it may have another name, look or model by now."""
        if self.agent or self.conversation is not None:
            self._learn_about()

    def find(self, message_id: int) -> None:
        """Tell by `found` which row a message is, after showing the branch that it is on."""
        held = self.conversation
        if held is not None:
            self._bridge.spawn(
                self._find(held.id, message_id), lambda at: self._take_found(message_id, at), self._failed
            )

    def close(self) -> None:
        """Look away; what is being answered goes on."""
        self._round += 1
        self._tick.stop()
        self._let_go()

    async def _find(self, held: UUID, message_id: int) -> tuple[int, bool]:
        """The row of a message, and whether it is on the branch that is shown."""
        conversations = self.source.conversations
        index = (await conversations.page(held, leaf=message_id, count=1)).start
        shown = (await conversations.page(held, start=index, count=1)).messages
        if shown and shown[0].id == message_id:
            return index, True
        await conversations.switch(held, message_id)
        return index, False

    def _take_found(self, message_id: int, at: tuple[int, bool]) -> None:
        index, is_shown = at
        if is_shown:
            self.found.emit(index)
        elif self.conversation is not None:
            self.open(self.conversation.id, message_id)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def _read(self, conversation_id: UUID) -> tuple[Conversation, Page, tuple[Pending, ...]]:
        conversations = self.source.conversations
        conversation = await conversations.get(conversation_id)
        page = await conversations.page(conversation_id, count=PAGE)
        running = self.source.chat.running(conversation_id) is not None
        return conversation, page, () if running else await self.source.chat.pending(conversation_id)

    def _take(self, found: tuple[Conversation, Page, tuple[Pending, ...]], round_: int) -> None:
        if round_ != self._round:
            return
        self.is_reading = False
        self.conversation, page, self.pending = found
        self.workflow = self.conversation.workflow
        self.total = page.total
        self._keep_page(page)
        self.reset.emit()
        running = self.source.chat.running(self.conversation.id)
        if running is not None:
            self._watch(running)
        self.state_changed.emit()
        self._learn_about()
        if self._wanted is not None:
            self.find(self._wanted)

    def _unread(self, error: Exception, round_: int) -> None:
        if round_ == self._round:
            self.is_reading = False
            self.state_changed.emit()
        self._failed(error)

    def _take_page(self, page: Page, round_: int) -> None:
        self._asked.discard(page.start // PAGE)
        if round_ == self._round and page.messages:
            self._keep_page(page)
            self.rows_changed.emit(page.start, page.start + len(page.messages) - 1)

    def _keep_page(self, page: Page) -> None:
        self._rows.update(enumerate(page.messages, page.start))
        self._siblings.update(page.siblings)

    def _reread(self, *, keep: bool) -> None:
        """Read the end of the branch again. keep: what does not change stays on the screen meanwhile."""
        held = self.conversation
        if held is None:
            return
        if not keep:
            self._rows.clear()
        round_ = self._round
        self._bridge.spawn(self._read(held.id), lambda found: self._take_again(found, round_), self._failed)

    def _take_again(self, found: tuple[Conversation, Page, tuple[Pending, ...]], round_: int) -> None:
        if round_ != self._round or self.is_answering:
            return
        self.conversation, page, self.pending = found
        if page.total != self.total or any(
            self._rows.get(index) is None or self._rows[index].id != message.id
            for index, message in enumerate(page.messages, page.start)
        ):
            self._rows.clear()
            self._asked.clear()
            self.total = page.total
            self._keep_page(page)
            self.reset.emit()
        else:
            self._keep_page(page)
            self.rows_changed.emit(page.start, page.start + len(page.messages) - 1)
        self.state_changed.emit()
        self.facts_changed.emit()

    def _learn_about(self) -> None:
        self._learning = self._bridge.spawn(
            self._about(), self._told_about, lambda _: self.facts_changed.emit(), instead_of=self._learning
        )

    async def _about(self) -> tuple[str, Face, ModelFacts | None]:
        if self.workflow:
            return self.workflow, Face("workflow", "accent"), None
        held = self.conversation
        if held is not None and held.agent_id is not None:
            known = await self.source.numbered(held.agent_id)
        else:
            known = await self.source.named(self.agent)
        return known.agent.name, face_of(known.agent), await self.source.look_up(known.agent.model.model)

    def _told_about(self, about: tuple[str, Face, ModelFacts | None]) -> None:
        name, face, self.facts = about
        self.model = self.facts.id if self.facts is not None else ""
        self.context = self.facts.context if self.facts is not None else None
        self.agent = "" if self.workflow else name
        if face != self.face:
            self.face = face
            if self.total:
                self.rows_changed.emit(0, self.total - 1)
        self.facts_changed.emit()

    def _know(self, conversation: Conversation) -> None:
        if self.conversation is not None and conversation.id == self.conversation.id:
            self.conversation = conversation
            self.facts_changed.emit()

    # -- an answer in the making ---------------------------------------------------------------------------------------

    def _started(self, conversation: Conversation, text: str, attachments: Sequence[Attachment]) -> None:
        self.conversation = conversation
        self.facts_changed.emit()
        self._answer(lambda held: self.source.chat.send(held, text, attachments))

    def _answer(self, begin: Callable[[UUID], Reply]) -> None:
        assert self.conversation is not None
        held = self.conversation.id

        async def start() -> Reply:
            return begin(held)

        self._bridge.spawn(start(), self._watch, self._failed)

    def _watch(self, reply: Reply) -> None:
        self._let_go()
        self._reply = reply
        self.pending = ()
        self.live = Live(self.agent or self.workflow)
        self.state_changed.emit()
        self.live_changed.emit()
        round_ = self._round
        self._following = self._bridge.spawn(
            self._follow(reply, round_), lambda _: self._over(round_), lambda error: self._broke(error, round_)
        )

    async def _follow(self, reply: Reply, round_: int) -> None:
        async for event in reply:
            if round_ != self._round:
                return
            self._hear(event)

    def _hear(self, event: ChatEvent) -> None:
        live = self.live
        if live is None:
            return
        match event:
            case TextDelta(text=text):
                live.text += text
                live.note = "Writing…"
            case ReasoningDelta(text=text):
                live.reasoning += text
                live.note = f"Thinking: {' '.join(live.reasoning[-120:].split())}"
            case TurnStarted(agent=agent):
                live.agent = agent
            case MemoryRecalled(memories=memories) if memories:
                live.note = "Recalled 1 memory" if len(memories) == 1 else f"Recalled {len(memories)} memories"
            case ContextCompacted():
                live.note = "Made the conversation shorter for the model"
            case RequestSent():
                self.request = event
                self.context = event.context or self.context
                self.facts_changed.emit()
            case MessageSaved(message=message):
                self._append(message)
            case CallProposed(call=call) | CallStarted(call=call) | CallFinished(call=call):
                self._show_call(call)
            case CallNeedsApproval(pending=pending) if pending.call is not None:
                self._show_call(pending.call)
            case CallProgress(call_id=call_id, text=text, done=done, total=total):
                self._show_progress(call_id, text, done, total)
            case HandedOver(to=to):
                live.agent = to
            case TurnWaiting(pending=pending_all):
                self.pending = pending_all
            case TurnEnded():
                pass
        if not self._tick.isActive():
            self._tick.start()

    def _append(self, message: StoredMessage) -> None:
        index = self.total
        self._rows[index] = message
        self.total += 1
        if self.live is not None and message.role == "assistant":
            self.live.text = self.live.reasoning = ""
            self.live.note = "Working…"
        self.rows_changed.emit(index, index)

    def _show_call(self, call: FunctionCall) -> None:
        for index in range(self.total - 1, max(self.total - 60, -1), -1):
            message = self._rows.get(index)
            if message is None or message.role == "user":
                return
            if any(each.id == call.id for each in message.calls):
                calls = tuple(call if each.id == call.id else each for each in message.calls)
                self._rows[index] = replace(message, calls=calls)
                self.rows_changed.emit(index, index)
                return

    def _show_progress(self, call_id: str, text: str, done: float | None, total: float | None) -> None:
        assert self.live is not None
        share = f" {100 * done / total:.0f} %" if done is not None and total else ""
        self.live.progress = {**(self.live.progress or {}), call_id: f"{text}{share}"}
        self.live.note = f"{text}{share}"
        for index in range(self.total - 1, max(self.total - 60, -1), -1):
            message = self._rows.get(index)
            if message is not None and any(each.id == call_id for each in message.calls):
                self.rows_changed.emit(index, index)
                return

    def _over(self, round_: int) -> None:
        if round_ != self._round:
            return
        self._following = self._reply = None
        self.live = None
        self._tick.stop()
        self.live_changed.emit()
        self.state_changed.emit()
        self._reread(keep=True)

    def _broke(self, error: Exception, round_: int) -> None:
        """A turn that could not be worked on at all."""
        self._over(round_)
        if round_ == self._round:
            self.trouble.emit(explain(error))

    def _failed(self, error: Exception) -> None:
        self.trouble.emit(explain(error))

    def _failed_at_pending(self, error: Exception) -> None:
        self.trouble.emit(explain(error))
        self._reread(keep=True)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _cut(self, message_id: int, *, itself: bool) -> None:
        """Take away what will not be on the new branch."""
        index = self.index_of(message_id)
        if index is None:
            return
        keep = index if itself else index + 1
        for gone in range(keep, self.total):
            self._rows.pop(gone, None)
        self.total = keep
        self.pending = ()
        self.reset.emit()

    def _begins(self, index: int, message: StoredMessage) -> bool:
        before = index - 1
        while before >= 0:
            earlier = self._rows.get(before)
            if earlier is None or earlier.role != "tool":
                break
            before -= 1
        earlier = self._rows.get(before)
        return earlier is None or message.role == "user" or not self._speaks_on(earlier, message.agent)

    @staticmethod
    def _speaks_on(before: StoredMessage, agent: str) -> bool:
        return before.role == "tool" or (before.role == "assistant" and before.agent == agent and bool(before.calls))

    def _clear(self) -> None:
        self._round += 1
        self.is_reading = False
        self._let_go()
        self._rows.clear()
        self._siblings.clear()
        self._asked.clear()
        self.total, self.pending, self.live, self.request = 0, (), None, None

    def _let_go(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None
        self._reply = None
        self.live = None
