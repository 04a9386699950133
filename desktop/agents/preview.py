"""The chat beside the editor: it talks with the agent as it stands there, saved or not, and keeps nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.agents.draft import AgentDraft
from desktop.empty_state import EmptyState
from desktop.style import set_role

if TYPE_CHECKING:
    import asyncio

    from desktop.agents.editor import EditorParts
    from desktop.chat.source import ChatSource
    from desktop.chat.view import ChatView


RENAME_MS: Final = 200
"""Milliseconds after the last change until the chat shows the agent's new name, look and model."""


class PreviewPane(QWidget):
    """A throw-away conversation. run_wanted: the id of a run that it made."""

    run_wanted = Signal(str)

    def __init__(self, draft: AgentDraft, parts: EditorParts) -> None:
        super().__init__()
        self._draft, self._parts = draft, parts
        around = parts.around
        self.view: ChatView | None = None
        self.source: ChatSource | None = None
        self._waking: asyncio.Task[None] | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(RENAME_MS)
        self._soon.timeout.connect(self._look_again)
        draft.changed.connect(self._soon.start)
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(320)
        title = QLabel("Preview")
        set_role(title, kind="strong")
        about = QLabel("Answers as it stands here. Nothing is kept or remembered; functions really run.")
        about.setWordWrap(True)
        set_role(about, kind="caption")
        self.again = QPushButton("Start again")
        set_role(self.again, role="small")
        self.again.clicked.connect(self.begin)
        head = QHBoxLayout()
        head.setContentsMargins(16, 10, 12, 8)
        head.setSpacing(12)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(title)
        words.addWidget(about)
        head.addLayout(words, 1)
        head.addWidget(self.again, 0, Qt.AlignmentFlag.AlignTop)
        self._none = EmptyState(
            around.icons, around.themes, icon="database", title="Not yet", text="The database is still being opened."
        )
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(head)
        self._column.addWidget(self._none, 1)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Make the chat when it is first seen."""
        super().showEvent(event)
        if self.view is None:
            self.begin()

    def begin(self) -> None:
        """Begin a new conversation."""
        workspace = self._parts.workspace()
        if workspace is None:
            return
        from core.agents.waker import ChatWaker
        from desktop.chat.source import ChatAround, throw_away
        from desktop.chat.view import ChatView

        self.close_chat()
        around = self._parts.around
        self.source = source = throw_away(workspace, lambda: self._draft.agent)
        view = ChatView(source, ChatAround(around.themes, around.icons, self._parts.bridge, around.now), self)
        view.run_wanted.connect(self.run_wanted)
        self._none.hide()
        self._column.addWidget(view, 1)
        view.begin(agent=self._draft.agent.name)
        self.view = view
        waker = ChatWaker(
            source.chat, source.conversations, workspace.journal, workspace.clock,
            told=lambda reply: view.talk.notice(reply),
        )  # fmt: skip
        self._waking = self._parts.bridge.keep(waker.run(), name="what the preview waits for")

    def _look_again(self) -> None:
        """The agent may be called otherwise by now, or answer by another model."""
        if self.view is not None:
            self.view.talk.learn_again()

    def close_chat(self) -> None:
        """Stop what is being answered and let the conversation go."""
        if self._waking is not None:
            self._waking.cancel()
            self._waking = None
        if self.view is not None:
            self.view.close()
            self.view.hide()
            self._column.removeWidget(self.view)
            self.view.deleteLater()
            self.view = None
