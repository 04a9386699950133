"""A tool of an MCP server: what it says of itself, and whether somebody agreed to that."""

from __future__ import annotations

import difflib
import html
import re
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.agents.mcp.tool import McpTool
from desktop.agents.function_form import parameter_words
from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import Theme

STATES: Final = {
    "new": ("circle-dot", "state.waiting", "New: read it"),
    "approved": ("circle-check", "state.done", "Agreed"),
    "changed": ("triangle-alert", "state.failed", "Changed since you agreed"),
}


class ToolCard(QFrame):
    """One tool. agreed: the person agrees to it. taken_back: no longer."""

    agreed = Signal()
    taken_back = Signal()

    def __init__(self, tool: McpTool, theme: Theme, icons: Icons) -> None:
        super().__init__()
        self.tool = tool
        self.setProperty("role", "agent")
        icon, colour, words = STATES[tool.state]
        name = QLabel(tool.name)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(name, kind="strong")
        sign = QLabel()
        sign.setPixmap(icons.pixmap(icon, theme.color(colour), 14, self.devicePixelRatioF()))
        self.state = QLabel(words)
        self.state.setStyleSheet(f"color: {theme.css(colour)};")
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(name, 1)
        head.addWidget(sign)
        head.addWidget(self.state)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(6)
        column.addLayout(head)
        if tool.state == "changed":
            column.addWidget(self._comparison(theme))
        else:
            column.addWidget(_words(tool.description or "It says nothing of itself.", "secondary"))
        column.addWidget(_words(f"Takes: {parameter_words(tool.parameters)}{_hints(tool)}", "caption"))
        column.addLayout(self._buttons())
        self.setAccessibleName(f"{tool.name}, {words}")

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addStretch()
        if self.tool.state == "approved":
            self.button = QPushButton("Take back")
            self.button.clicked.connect(self.taken_back)
        else:
            self.button = QPushButton("Agree" if self.tool.state == "new" else "Agree to the change")
            self.button.clicked.connect(self.agreed)
        self.button.setAccessibleName(f"{self.button.text()}: {self.tool.name}")
        self.button.setAutoDefault(False)
        set_role(self.button, role="small")
        row.addWidget(self.button)
        return row

    def _comparison(self, theme: Theme) -> QWidget:
        """What was agreed to and what it says now, side by side, with the words that differ marked."""
        before, after = self.tool.approved_description, self.tool.description
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        old, new = marked(before, after, theme.css("state.failed", 0.25), theme.css("state.done", 0.25))
        same = before == after
        for title, text in (("When you agreed", old), ("Now", new)):
            column = QVBoxLayout()
            column.setSpacing(2)
            column.addWidget(_words(title, "caption"))
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            set_role(label, kind="secondary")
            column.addWidget(label)
            column.addStretch(1)
            row.addLayout(column, 1)
        if not same:
            return both
        wrapper = QWidget()
        column = QVBoxLayout(wrapper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(_words(after or "It says nothing of itself.", "secondary"))
        column.addWidget(
            _words(
                "The words are the same; its parameters, its hints, or how the server is started are not.", "caption"
            )
        )
        both.deleteLater()
        return wrapper


def marked(before: str, after: str, gone: str, come: str) -> tuple[str, str]:
    """Both texts as HTML, the words that differ on a ground. gone, come: colours as style sheets write them."""
    old, new = re.findall(r"\s+|\S+", before), re.findall(r"\s+|\S+", after)
    left: list[str] = []
    right: list[str] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        for out, part, colour in ((left, "".join(old[a:b]), gone), (right, "".join(new[c:d]), come)):
            text = html.escape(part).replace("\n", "<br>")
            out.append(text if kind == "equal" or not part else f'<span style="background:{colour}">{text}</span>')
    return "".join(left) or "<i>nothing</i>", "".join(right) or "<i>nothing</i>"


def _hints(tool: McpTool) -> str:
    """What the server says of the tool's effects; its own word."""
    said = []
    if tool.read_only_hint is not None:
        said.append("it says that it only reads" if tool.read_only_hint else "it says that it changes things")
    if tool.destructive_hint:
        said.append("that it can destroy something")
    return f" — {', and '.join(said)}." if said else ""


def _words(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    set_role(label, kind=kind)
    return label
