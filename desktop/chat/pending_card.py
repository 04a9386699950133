"""What a turn waits for, as a card to decide on: leave for a call, word on one that was interrupted, a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from core.agents.chat_events import Pending
from core.engine.errors import Question
from desktop.chat.flow_row import FlowRow
from desktop.chat.source import ChatAround
from desktop.chat.wording import arguments_text
from desktop.dialogs.approval import ApprovalCard
from desktop.dialogs.value_editors import GrowingText
from desktop.panels.wording import clock_time
from desktop.style import set_role

_MOST_LINES: Final = 14
_NARROW: Final = 42
"""Characters of a line where the chat stands beside the canvas."""


_AROUND: Final = 28
"""What frame and margins of the arguments take, in logical pixels."""


class PendingCard(QFrame):
    """Asks for leave to make a call, or what to do about one that was interrupted.

    decided: whether it is allowed, the reason, and whether for the rest of the conversation. outcome: what to do about
    an interrupted one, and its result. run_wanted: the id of its run.
    """

    decided = Signal(bool, str, bool)
    outcome = Signal(str, str)
    run_wanted = Signal(str)

    def __init__(self, pending: Pending, around: ChatAround) -> None:
        super().__init__()
        self.pending = pending
        self._around = around
        theme = around.themes.theme
        call = pending.call
        name = call.name if call is not None else pending.agent
        self.is_unknown = pending.kind == "unknown"
        self.setAccessibleName(f"{'Interrupted' if self.is_unknown else 'Approval'}: {name}")
        set_role(self, role="card")
        column = QVBoxLayout(self)
        side = theme.px("space.3")
        column.setContentsMargins(side, side, side, side)
        column.setSpacing(theme.px("space.2"))
        who = pending.agent or "The agent"
        title = f"{name} was interrupted" if self.is_unknown else f"{who} wants to call {name}"
        column.addLayout(self._head(title))
        self._say(column, pending.message, "secondary")
        for warning in pending.warnings:
            column.addWidget(self._warning(warning))
        self.arguments = self._arguments(arguments_text(call) if call is not None else "")
        column.addWidget(self.arguments)
        self.reason = GrowingText(theme)
        self.reason.setAccessibleName("Result, if it was done" if self.is_unknown else "Reason, for the agent")
        self.reason.setPlaceholderText(
            "What it gave, if it was done (optional)" if self.is_unknown else "Why not, for the agent (optional)"
        )
        self.buttons: list[QPushButton] = []
        if self.is_unknown:
            self._add("Run it again", lambda: self.outcome.emit("run_again", ""))
            self._add("It was done", lambda: self.outcome.emit("treat_as_done", self._reason()))
            self._add("Let it fail", lambda: self.outcome.emit("fail", ""))
        else:
            self._add("Allow once", lambda: self.decided.emit(True, "", False), role="primary")
            self._add("Allow in this conversation", lambda: self.decided.emit(True, "", True))
            self._add("Deny", lambda: self.decided.emit(False, self._reason(), False), role="danger")
        row = FlowRow(spacing=8)
        for button in self.buttons:
            row.add(button)
        column.addWidget(self.reason)
        column.addWidget(row)

    def allow(self, allowed: bool) -> None:
        """Whether it can be decided now."""
        for button in self.buttons:
            button.setEnabled(allowed)

    def _head(self, title: str) -> QHBoxLayout:
        theme = self._around.themes.theme
        sign = QLabel()
        sign.setPixmap(
            self._around.icons.pixmap("shield-alert", theme.color("state.waiting"), 18, self.devicePixelRatioF())
        )
        name = QLabel(title)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setWordWrap(True)
        set_role(name, kind="strong")
        head = QHBoxLayout()
        head.setSpacing(theme.px("space.2"))
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(name, 1)
        return head

    def _say(self, column: QVBoxLayout, text: str, kind: str) -> None:
        if text:
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            set_role(label, kind=kind)
            column.addWidget(label)

    def _warning(self, text: str) -> QWidget:
        theme = self._around.themes.theme
        sign, label = QLabel(), QLabel(text)
        sign.setPixmap(
            self._around.icons.pixmap("triangle-alert", theme.color("state.waiting"), 14, self.devicePixelRatioF())
        )
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label, 1)
        return line

    def _arguments(self, text: str) -> QPlainTextEdit:
        box = QPlainTextEdit(text or "{}")
        box.setReadOnly(True)
        box.setAccessibleName("All arguments")
        box.setFont(self._around.themes.theme.font("mono"))
        box.setTabChangesFocus(True)
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        lines = min(sum(1 + len(line) // _NARROW for line in text.split("\n")), _MOST_LINES)
        mono = QFontMetrics(self._around.themes.theme.font("mono"))
        box.setFixedHeight(lines * mono.lineSpacing() + _AROUND)
        return box

    def _add(self, text: str, press: Any, *, role: str = "") -> None:
        button = QPushButton(text)
        button.setAutoDefault(False)
        if role:
            set_role(button, role=role)

        def pressed() -> None:
            self.allow(False)
            press()

        button.clicked.connect(pressed)
        self.buttons.append(button)

    def _reason(self) -> str:
        return self.reason.toPlainText().strip()


class WaitNote(QFrame):
    """Says that a call goes on without the person: at a time, or when the program that asked has carried it out."""

    def __init__(self, pending: Pending, around: ChatAround) -> None:
        super().__init__()
        set_role(self, role="card")
        if pending.kind == "asker":
            how = "Write something to go on without it."
        else:
            when = clock_time(pending.until, around.now()) if pending.until is not None else "a later time"
            how = f"It goes on at {when}."
        label = QLabel(f"{pending.message}\n{how}".strip())
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(True)
        column = QVBoxLayout(self)
        column.addWidget(label)


def question_card(pending: Pending, around: ChatAround) -> ApprovalCard:
    """The card for what a workflow asks."""
    schema: Mapping[str, Any] | None = pending.schema
    return ApprovalCard(
        Question(pending.message, pending.choices, schema),
        around.bridge,
        around.themes,
        around.icons,
        title=pending.agent or "A workflow asks",
    )
