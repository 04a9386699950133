"""One conversation: its messages, where one writes, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QCursor, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from core.store.conversation_records import Conversation, SentRequest, StoredMessage
from desktop.chat.attaching import files_in
from desktop.chat.composer import Composer
from desktop.chat.context_meter import ContextMeter
from desktop.chat.conversation_list import title_of
from desktop.chat.link_card import LinkCard
from desktop.chat.message_actions import MessageActions
from desktop.chat.pictures import Pictures
from desktop.chat.sent_view import SentView
from desktop.chat.shown import ACTIONS, files_of
from desktop.chat.source import ChatAround, ChatSource
from desktop.chat.tail import ChatTail
from desktop.chat.thread import ChatThread
from desktop.chat.transcript import Transcript
from desktop.chat.wording import spent
from desktop.panels.empty_note import EmptyNote
from desktop.style import set_role

if TYPE_CHECKING:
    from core.agents.attachments import Attachment
    from core.store.conversations import Tree


class ChatView(QWidget):
    """Shows and continues one conversation. `begin` or `open` one, `close` it when done.

    run_wanted: the id of a run that a person wants to look at. conversation_changed: the Conversation that is shown
    now, or whose title or cost is another, None before the first message. forked: a new Conversation.
    """

    run_wanted = Signal(str)
    conversation_changed = Signal(object)
    forked = Signal(object)
    copied = Signal(str)

    def __init__(self, source: ChatSource, around: ChatAround, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source, self._around = source, around
        self.talk = ChatThread(source, around.bridge, self)
        self.pictures = Pictures(None if source.blobs is None else source.blobs.get, around.bridge, self)
        self.tail = ChatTail(self.talk, around)
        self.transcript = Transcript(self.talk, self.pictures, around.themes, around.icons, self.tail)
        self.actions_bar = MessageActions(self.transcript, around)
        self.meter = ContextMeter(around.themes)
        self.about = QLabel()
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self.about, kind="caption")
        foot = QWidget()
        line = QHBoxLayout(foot)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.about, 1)
        line.addWidget(self.meter)
        self.composer = Composer(around, foot)
        self.empty = EmptyNote("message-square", "", "", around.themes, around.icons)
        self._editing: int | None = None
        self._wants_focus = False
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.transcript)
        self.end_button = QToolButton(self)
        self._build()
        self._join()
        self._facts()

    def begin(self, agent: str = "", workflow: str = "") -> None:
        """A new conversation with that agent or workflow; nothing is kept before its first message."""
        self.composer.clear()
        self._editing = None
        self.talk.begin(agent, workflow)
        self.conversation_changed.emit(None)

    def open(self, conversation_id: UUID, message: int | None = None) -> None:
        """Show a kept conversation. message: the id of one to be shown and marked; None for the end."""
        self.composer.clear()
        self._editing = None
        self.talk.open(conversation_id, message)

    def focus(self) -> None:
        """Give the keyboard to where one writes."""
        self._wants_focus = not self.composer.isEnabled()
        self.composer.edit.setFocus()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Look away; what is being answered goes on."""
        self.talk.close()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files can be dropped on the whole conversation."""
        if files_in(event.mimeData()) or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Send along what was dropped."""
        self.composer.take(event.mimeData())
        event.acceptProposedAction()

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Keep the button to the end above the field."""
        super().resizeEvent(event)  # type: ignore[arg-type] # a QResizeEvent
        self._place_end()

    # -- making --------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.setAcceptDrops(True)
        self.setAccessibleName("Chat")
        margin = QVBoxLayout()
        margin.setContentsMargins(12, 4, 12, 12)
        middle = QHBoxLayout()
        middle.addStretch(1)
        self.composer.setMaximumWidth(784)
        middle.addWidget(self.composer, 1000)
        middle.addStretch(1)
        margin.addLayout(middle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._stack, 1)
        column.addLayout(margin)
        self.setMinimumWidth(300)
        self.end_button.setToolTip("To the newest message  End")
        self.end_button.setAccessibleName("To the newest message")
        self.end_button.setProperty("role", "round")
        self.end_button.setIconSize(QSize(16, 16))
        self.end_button.hide()
        self.end_button.clicked.connect(self.transcript.scroll_to_end)
        self._dress()

    def _join(self) -> None:
        thread, transcript, composer = self.talk, self.transcript, self.composer
        thread.reset.connect(self._facts)
        thread.reset.connect(self._told)
        thread.rows_changed.connect(lambda *_: self._facts())
        thread.state_changed.connect(self._state)
        thread.facts_changed.connect(self._facts)
        thread.facts_changed.connect(self._told)
        thread.found.connect(transcript.make_current)
        transcript.acted.connect(self.act)
        transcript.link_wanted.connect(self._show_link)
        transcript.run_wanted.connect(self.run_wanted)
        transcript.menu_wanted.connect(self._menu)
        transcript.file_wanted.connect(self._open_file)
        transcript.left.connect(self.focus)
        transcript.scrolled.connect(self._place_end)
        self.actions_bar.chosen.connect(self.act)
        self.tail.changed.connect(transcript.tail_changed)
        self.tail.changed.connect(self._facts)
        self.tail.run_wanted.connect(self.run_wanted)
        composer.sent.connect(self._send)
        composer.stopped.connect(thread.stop)
        composer.edit_ended.connect(self._edit_ended)
        composer.edit.walk_wanted.connect(transcript.walk)
        composer.edit.edit_last_wanted.connect(self._edit_last)
        self.meter.clicked.connect(self._show_last_sent)
        self._around.themes.changed.connect(lambda _: self._dress())

    # -- doing ---------------------------------------------------------------------------------------------------------

    def act(self, action: str, message_id: int) -> None:
        """Do something with a message. action: an id of ACTIONS, `key X`, `code N`, `before`, `after`,
        `copy_selected`."""
        if action.startswith("key "):
            known = next((each.id for each in ACTIONS if each.key == action[4:]), "")
            self.act(known, message_id) if known else None
            return
        index = self.talk.index_of(message_id)
        message = self.talk.message(index) if index is not None else None
        if message is None or index is None:
            return
        match action:
            case "copy":
                self._copy(message.text, "The message is copied")
            case "copy_selected":
                row = self.transcript.row_of(index)
                text = row.text_picked() if row is not None else ""
                self._copy(text or message.text, "Copied")
            case "copied":
                self.copied.emit("The code is copied")
            case "edit" if message.role == "user":
                self._edit(message)
            case "regenerate" if message.role == "assistant" and not self.talk.is_answering:
                self.talk.regenerate(message_id)
            case "fork":
                self._fork(message_id)
            case "open":
                self._open_file(index, 0)
            case "thought":
                row = self.transcript.row_of(index)
                if row is not None and row.thought is not None:
                    row.thought.set_open(not row.thought.is_open)
            case "sent" if message.model:
                self._show_sent(message_id)
            case "run" if message.run_id:
                self.run_wanted.emit(message.run_id)
            case "before" | "after":
                self._to_sibling(index, 1 if action == "after" else -1)
            case _ if action.startswith("code "):
                row = self.transcript.row_of(index)
                codes = row.codes() if row is not None else ()
                if codes:
                    self._copy(codes[int(action[5:])], "The code is copied")

    def _send(self, text: str, attachments: list[Attachment]) -> None:
        if self._editing is not None:
            message_id, self._editing = self._editing, None
            self.composer.end_edit()
            self.talk.edit(message_id, text)
        else:
            self.talk.send(text, attachments)
            self.composer.clear()
        self.transcript.scroll_to_end()

    def _edit(self, message: StoredMessage) -> None:
        self._editing = message.id
        self.composer.begin_edit(message.text)

    def _edit_ended(self) -> None:
        self._editing = None

    def _edit_last(self) -> None:
        for index in range(self.talk.total - 1, -1, -1):
            message = self.talk.message(index)
            if message is None:
                return
            if message.role == "user":
                self._edit(message)
                return

    def _to_sibling(self, index: int, step: int) -> None:
        shown = self.talk.shown(index)
        if shown is not None and 0 <= shown.place + step < len(shown.siblings):
            self.talk.switch(shown.siblings[shown.place + step])

    def _fork(self, message_id: int) -> None:
        held = self.talk.conversation
        if held is not None:
            forking = self._source.conversations.fork(held.id, message_id)
            self._around.bridge.spawn(forking, self._forked)

    def _forked(self, conversation: Conversation) -> None:
        self.forked.emit(conversation)
        self.open(conversation.id)
        self.focus()

    def _copy(self, text: str, said: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self.copied.emit(said)

    def _show_link(self, address: str) -> None:
        card = LinkCard(address, self._around, self)
        card.appear(self.mapFromGlobal(QCursor.pos()))

    def _open_file(self, index: int, place: int) -> None:
        """Show a kept file of a message large; the arrow keys lead to the others of the same message."""
        message = self.talk.message(index)
        files = files_of(message) if message is not None else []
        if place < len(files) and self._source.blobs is not None:
            from desktop.chat.file_window import FileWindow

            around = self._around
            read = self._source.blobs.get
            FileWindow(files, place, read, around.bridge, around.themes, around.icons, self).show()

    def show_branches(self) -> None:
        """Show all branches of the conversation, and what was forked from it."""
        held = self.talk.conversation
        if held is not None:
            self._around.bridge.spawn(self._source.conversations.tree(held.id), self._open_branches)

    def _open_branches(self, tree: Tree) -> None:
        from desktop.chat.branches import BranchesWindow

        held, last = self.talk.conversation, self.talk.last
        if held is None:
            return
        window = BranchesWindow(tree, last.id if last is not None else None, title_of(held), self._around, self)
        window.chosen.connect(self.talk.switch)
        window.fork_chosen.connect(self.open)
        window.show()

    def _menu(self, index: int, at: QPoint) -> None:
        row = self.transcript.row_of(index)
        if row is not None:
            self.actions_bar.open_menu(row.shown, row, at)

    def _show_last_sent(self) -> None:
        event = self.talk.request
        if self.talk.is_answering and event is not None:
            self._open_sent(SentRequest(event.body, event.sections))
            return
        for index in range(self.talk.total - 1, -1, -1):
            message = self.talk.message(index)
            if message is None:
                return
            if message.model:
                self._show_sent(message.id)
                return

    def _show_sent(self, message_id: int) -> None:
        self._around.bridge.spawn(self._source.conversations.request(message_id), self._open_sent)

    def _open_sent(self, request: SentRequest | None) -> None:
        if request is None:
            self.talk.trouble.emit("What was sent for this message is not kept.")
            return
        view = SentView(request, self._around, context=self.talk.context, parent=self)
        view.show()

    # -- showing -------------------------------------------------------------------------------------------------------

    def _state(self) -> None:
        self.composer.show_answering(self.talk.is_answering)
        self._facts()

    def _facts(self) -> None:
        thread = self.talk
        name = thread.agent or thread.workflow
        self.composer.show_hint(f"Write to {name}" if name else "Write a message")
        self.composer.facts = thread.facts
        self.composer.setEnabled(bool(name) or thread.conversation is not None)
        if self._wants_focus and self.composer.isEnabled():
            self.focus()
        usage = thread.conversation.usage if thread.conversation is not None else None
        parts = [thread.model.rpartition("/")[2], spent(usage) if usage is not None else ""]
        self.about.setText(" · ".join(part for part in parts if part))
        self.about.setToolTip("The model, and what this conversation has cost so far, all branches included.")
        used = thread.request.tokens if thread.request is not None else self._last_used()
        self.meter.show_use(used, thread.context)
        self._note(name)
        shown = thread.is_reading or thread.total or thread.live is not None or bool(self.tail.cards)
        self._stack.setCurrentWidget(self.transcript if shown else self.empty)

    def _last_used(self) -> int:
        for index in range(self.talk.total - 1, max(self.talk.total - 40, -1), -1):
            message = self.talk.message(index)
            if message is not None and message.model:
                return message.usage.tokens_in
        return 0

    def _note(self, name: str) -> None:
        if not name:
            self.empty.say("Nobody to talk to yet", "Agents answer here, and workflows that take a message.")
            return
        what = "Each message starts a run of it." if self.talk.workflow else "Files can be dropped here, too."
        self.empty.say(f"Talk with {name}", f"Write below and press Enter. {what}")

    def _told(self) -> None:
        self.conversation_changed.emit(self.talk.conversation)

    def _place_end(self) -> None:
        bar = self.transcript.verticalScrollBar()
        far = self._stack.currentWidget() is self.transcript and bar.maximum() - bar.value() > 200
        self.end_button.setVisible(far)
        if far:
            size = 34
            place = self._stack.geometry()
            self.end_button.setGeometry((self.width() - size) // 2, place.bottom() - size - 6, size, size)
            self.end_button.raise_()

    def _dress(self) -> None:
        theme = self._around.themes.theme
        self.end_button.setIcon(self._around.icons.icon("arrow-down", theme))
