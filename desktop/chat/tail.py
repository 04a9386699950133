"""What stands below the last message: what waits for a person, and how to go on with what broke off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from core.agents.chat_events import Pending
from core.workflow.model import Json
from desktop.chat.files_strip import LARGE
from desktop.chat.flow_row import FlowRow
from desktop.chat.pending_card import PendingCard, WaitNote, question_card
from desktop.chat.source import ChatAround
from desktop.chat.thread import ChatThread
from desktop.dialogs.approval import ApprovalCard
from desktop.made_pictures import PictureRoom, pictures_of
from desktop.style import set_role


class ChatTail(QWidget):
    """changed: it is higher or lower now. run_wanted: the id of a run."""

    changed = Signal()
    run_wanted = Signal(str)

    def __init__(self, thread: ChatThread, around: ChatAround) -> None:
        super().__init__()
        self._thread, self._around = thread, around
        self.cards: list[QWidget] = []
        self._shown: object = None
        self._trouble = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 6, 0, 12)
        self._column.setSpacing(10)
        self.setProperty("empty", True)
        thread.state_changed.connect(self.refresh)
        thread.reset.connect(self._forget_trouble)
        thread.trouble.connect(self._say)
        around.themes.changed.connect(lambda _: self._rebuild())

    def refresh(self) -> None:
        """Show what there is to decide now."""
        thread = self._thread
        if thread.is_answering:
            self._trouble = ""
        wanted = (thread.pending, thread.is_broken_off, self._trouble)
        if wanted == self._shown:
            for card in self.cards:
                if isinstance(card, PendingCard):
                    card.allow(True)
            return
        self._shown = wanted
        for card in self.cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = [self._card(pending) for pending in thread.pending]
        if self._trouble or (thread.is_broken_off and not thread.pending):
            self.cards.append(self._broken())
        for card in self.cards:
            self._column.addWidget(card)
        self.setProperty("empty", not self.cards)
        self._column.activate()
        self.changed.emit()

    def _card(self, pending: Pending) -> QWidget:
        match pending.kind:
            case "question":
                card = question_card(pending, self._around)
                card.answered.connect(lambda answer: self._thread.answer_question(pending, answer))
                if pending.run_id:
                    link = QPushButton("Show the run")
                    set_role(link, role="link")
                    link.clicked.connect(lambda: self.run_wanted.emit(pending.run_id))
                    card.add_beside(link)
                    self._around.bridge.spawn(
                        self._made(pending.run_id), partial(self._show_made, card), lambda _error: None
                    )
                return card
            case "later" | "asker":
                return WaitNote(pending, self._around)
            case _:
                made = PendingCard(pending, self._around)
                made.decided.connect(lambda allow, reason, always: self._thread.decide(pending, allow, reason, always))
                made.outcome.connect(lambda choice, result: self._thread.say_outcome(pending, choice, result))
                return made

    async def _made(self, run_id: str) -> Sequence[Mapping[str, Json]]:
        return pictures_of(await self._thread.source.chat.parts.runs.journal.steps(run_id))

    def _show_made(self, card: ApprovalCard, made: Sequence[Mapping[str, Json]]) -> None:
        blobs, around = self._thread.source.blobs, self._around
        if blobs is None or card not in self.cards:
            return
        box = PictureRoom(blobs.get, around.bridge, around.themes, around.icons).add(card, made, LARGE)
        if box is not None:
            box.resized.connect(self.changed)
            self._column.activate()
            self.changed.emit()

    def _broken(self) -> QFrame:
        thread = self._thread
        last = thread.last
        frame = QFrame()
        stopped = last is not None and last.status == "partial"
        crashed = last is not None and (last.role != "assistant" or bool(last.calls))
        text = self._trouble
        if not text and crashed:
            text = "Steploom ended before the answer was there. Nothing that was done is done again when it goes on."
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        label.setVisible(bool(text))
        if text:
            set_role(frame, role="card")
        row = FlowRow(spacing=8)
        if thread.is_broken_off and thread.conversation is not None:
            on = QPushButton("Go on" if crashed or stopped else "Try again")
            set_role(on, role="primary")
            on.clicked.connect(thread.go_on)
            row.add(on)
        if self._trouble:
            close = QPushButton("Close")
            close.clicked.connect(self._forget_trouble)
            row.add(close)
        column = QVBoxLayout(frame)
        column.setContentsMargins(*((12, 10, 12, 10) if text else (0, 0, 0, 0)))
        column.addWidget(label)
        column.addWidget(row)
        frame.setAccessibleName(text or "How to go on")
        return frame

    def _say(self, text: str) -> None:
        self._trouble = text
        self.refresh()

    def _forget_trouble(self) -> None:
        if self._trouble:
            self._trouble = ""
        self.refresh()

    def _rebuild(self) -> None:
        self._shown = None
        self.refresh()
