"""Exactly what a model was sent for one answer: its parts by tokens, and the request as it went out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from core.store.conversation_records import Section, SentRequest
from desktop.chat.source import ChatAround
from desktop.chat.wording import SECTIONS, tokens
from desktop.style import set_role
from desktop.theme import Theme

COLOURS: Final = {
    "system": "kind.model",
    "memory": "kind.loop",
    "summary": "kind.logic",
    "history": "kind.output",
    "functions": "kind.tool",
}
_WHOLE: Final = "The whole request"


class SentView(QDialog):
    """A window beside the chat; open it with `show`. context: tokens that fit into the model, None if unknown."""

    def __init__(
        self, request: SentRequest, around: ChatAround, *, context: int | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._request = request
        theme = around.themes.theme
        self.setWindowTitle("What the model was sent")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        total = sum(section.tokens for section in request.sections)
        share = f", {100 * total / context:.0f} % of the {tokens(context)} that fit" if context else ""
        title = QLabel(f"About {total:,} tokens{share}")
        set_role(title, kind="title")
        self.bar = _Shares(request.sections, theme)
        self.list = QListWidget()
        self.list.setAccessibleName("Parts of the request")
        self.list.setMinimumWidth(190)
        self.list.setSpacing(2)
        for section in request.sections:
            name = SECTIONS.get(section.name, section.name)
            item = QListWidgetItem(f"{name}\n{section.tokens:,} tok")
            item.setIcon(around.icons.icon("square", theme, COLOURS.get(section.name, "text.muted")))
            self.list.addItem(item)
        self.list.addItem(QListWidgetItem(around.icons.icon("braces", theme), f"{_WHOLE}\nas it was sent"))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(theme.font("mono"))
        self.text.setAccessibleName("Text of the part")
        copy = QPushButton("Copy")
        copy.setAutoDefault(False)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.list)
        split.addWidget(self.text)
        split.setStretchFactor(1, 1)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(copy)
        column = QVBoxLayout(self)
        side = theme.px("space.4")
        column.setContentsMargins(side, side, side, side)
        column.setSpacing(theme.px("space.3"))
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(split, 1)
        self.list.currentRowChanged.connect(self._show)
        self.list.setCurrentRow(0)
        self.resize(760, 520)

    def _show(self, row: int) -> None:
        sections = self._request.sections
        if 0 <= row < len(sections) and sections[row].text:
            self.text.setPlainText(sections[row].text)
        else:
            part: object = self._request.body
            if 0 <= row < len(sections):
                part = _part_of(self._request, sections[row].name)
            self.text.setPlainText(json.dumps(part, ensure_ascii=False, indent=2, default=str))


class _Shares(QWidget):
    """The parts beside each other, as wide as they have tokens."""

    def __init__(self, sections: Sequence[Section], theme: Theme) -> None:
        super().__init__()
        self._sections, self._theme = sections, theme
        self.setFixedHeight(10)
        self.setAccessibleName(", ".join(f"{SECTIONS.get(s.name, s.name)} {s.tokens:,} tokens" for s in sections))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(300, 10)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        total = sum(section.tokens for section in self._sections) or 1
        x, room = 0.0, self.width() - 2.0 * max(len(self._sections) - 1, 0)
        for section in self._sections:
            wide = max(room * section.tokens / total, 2.0 if section.tokens else 0.0)
            painter.fillRect(QRectF(x, 0, wide, 10), self._theme.color(COLOURS.get(section.name, "text.muted")))
            x += wide + 2
        painter.end()


def _part_of(request: SentRequest, name: str) -> object:
    """What of the request is a section whose text was not kept apart."""
    messages = request.body.get("messages")
    listed = messages if isinstance(messages, list) else []
    roles = {"system": ("system", "developer"), "memory": ("system", "developer")}.get(name)
    if name == "functions":
        return request.body.get("tools") or []
    if roles is not None:
        return [each for each in listed if isinstance(each, dict) and each.get("role") in roles]
    return [each for each in listed if isinstance(each, dict) and each.get("role") not in ("system", "developer")]
