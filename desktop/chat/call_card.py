"""A function call inside an answer: one line that unfolds to its arguments and its result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QGuiApplication, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from core.agents.foreign_text import unmarked
from core.store.conversation_records import FunctionCall
from desktop.chat.blocks import Code
from desktop.chat.folding import Folding
from desktop.chat.laid import LaidCode
from desktop.chat.wording import CALL_STATES, CALL_WORDS, arguments_line, arguments_text, call_seconds, seconds, spent
from desktop.icons import Icons
from desktop.panels.wording import STATE_ICONS
from desktop.style import set_role
from desktop.theme import Theme

FOLDED: Final = 34
"""Height of the line, in logical pixels."""

_SHOWN: Final = 4_000
"""Characters of a result that are shown at first."""

_SIDE: Final = 10


class CallCard(Folding):
    """One call. run_wanted: the id of its run."""

    run_wanted = Signal(str)

    def __init__(self, call: FunctionCall, theme: Theme, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(FOLDED, theme, icons, parent)
        self.call = call
        self._all = False
        self._progress = ""
        self._parts: list[tuple[str, LaidCode]] = []
        self._buttons: QWidget | None = None
        self.folded.connect(self._fill)
        self._name()

    def show_call(self, call: FunctionCall, progress: str = "") -> None:
        """Show how it stands now. progress: what it tells of itself while it runs."""
        if call == self.call and progress == self._progress:
            return
        self.call, self._progress = call, progress
        self._fill()
        self.update()

    def fit(self, width: int) -> int:
        """Lay it out for a width; its height."""
        height = FOLDED
        if self.is_open:
            for _, part in self._parts:
                part.fit(width - 2 * _SIDE)
                height += int(part.height) + 8
            if self._buttons is not None:
                self._buttons.setGeometry(_SIDE, height - 2, width - 2 * _SIDE, 30)
                height += 32
        return height

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The line opens and closes; Copy copies."""
        if event.button() != Qt.MouseButton.LeftButton or event.position().y() <= FOLDED:
            super().mousePressEvent(event)
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        y = float(FOLDED)
        for _, part in self._parts:
            if part.is_copy(event.position() - QPointF(_SIDE, y)):
                QGuiApplication.clipboard().setText(part.text())
            y += part.height + 8

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the card."""
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = "focus" if self.hasFocus() else "border.subtle"
        painter.setPen(QPen(theme.color(edge), 2 if self.hasFocus() else 1))
        painter.setBrush(theme.color("surface.node"))
        radius = theme.px("radius.control")
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), radius, radius)
        self._paint_line(painter)
        y = float(FOLDED)
        for _, part in self._parts if self.is_open else ():
            painter.translate(_SIDE, y)
            part.paint(painter, QRectF(0, 0, part.height * 4 + 4000, part.height), None)
            painter.translate(-_SIDE, -y)
            y += part.height + 8
        painter.end()

    def _paint_line(self, painter: QPainter) -> None:
        theme, call, ratio = self._theme, self.call, self.devicePixelRatioF()
        state = CALL_STATES[call.status]
        chevron = "chevron-down" if self.is_open else "chevron-right"
        middle = FOLDED // 2
        painter.drawPixmap(8, middle - 7, self._icons.pixmap(chevron, theme.color("text.muted"), 14, ratio))
        painter.drawPixmap(
            28, middle - 8, self._icons.pixmap(STATE_ICONS[state], theme.color(f"state.{state}"), 16, ratio)
        )
        right = self._facts()
        caption = theme.font("caption", tabular=True)
        wide = QFontMetrics(caption).horizontalAdvance(right) + 12
        painter.setFont(caption)
        painter.setPen(theme.color("text.muted"))
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(0, 0, self.width() - 10, FOLDED), flags | Qt.AlignmentFlag.AlignRight, right)
        strong = theme.font("body.strong")
        painter.setFont(strong)
        painter.setPen(theme.color("text.primary"))
        left, room = 52, self.width() - 52 - wide
        name = QFontMetrics(strong).elidedText(call.name, Qt.TextElideMode.ElideMiddle, max(room, 40))
        painter.drawText(QRectF(left, 0, room, FOLDED), flags, name)
        after = QFontMetrics(strong).horizontalAdvance(name) + 8
        rest = self._progress or arguments_line(call)
        if rest and room - after > 40:
            mono = theme.font("mono")
            painter.setFont(mono)
            painter.setPen(theme.color("text.secondary"))
            line = QFontMetrics(mono).elidedText(rest, Qt.TextElideMode.ElideRight, room - after)
            painter.drawText(QRectF(left + after, 0, room - after, FOLDED), flags, line)

    def _facts(self) -> str:
        call = self.call
        done = spent(call.usage, call_seconds(call)) if call.usage.tokens else seconds(call_seconds(call))
        return (
            done if call.status == "completed" and done else " · ".join(p for p in (CALL_WORDS[call.status], done) if p)
        )

    def _name(self) -> None:
        call = self.call
        fold = "open" if self.is_open else "folded"
        self.setAccessibleName(f"Call of {call.name}, {CALL_WORDS[call.status]}, {fold}")
        described = [f"Arguments: {arguments_line(call) or 'none'}"]
        if call.result:
            described.append(f"{_title(call)}: {unmarked(call.result)[:500]}")
        self.setAccessibleDescription(". ".join(described))
        self.setToolTip(call.reason)

    def _fill(self) -> None:
        self._name()
        self._parts = []
        if self._buttons is not None:
            self._buttons.hide()
            self._buttons.deleteLater()
            self._buttons = None
        if not self.is_open:
            return
        call = self.call
        if call.reason and call.status in ("failed", "denied", "cancelled", "unknown", "waiting"):
            self._part("why", call.reason, "Why")
        self._part("arguments", arguments_text(call) or "{}", "Arguments", "json")
        cut = False
        if call.result:
            result, language = _readable(unmarked(call.result))
            cut = len(result) > _SHOWN and not self._all
            self._part("result", f"{result[:_SHOWN]}…" if cut else result, _title(call), language)
        self._add_buttons({"Show the run": call.run_id, "Show the whole result": "all" if cut else ""})

    def _part(self, key: str, text: str, title: str, language: str = "") -> None:
        part = LaidCode(Code(text, language), self._theme)
        part.language = title
        self._parts.append((key, part))

    def _add_buttons(self, wanted: Mapping[str, str]) -> None:
        if not any(wanted.values()):
            return
        self._buttons = QWidget(self)
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 4)
        for text, what in wanted.items():
            if what:
                button = QPushButton(text)
                set_role(button, role="link")
                button.setCursor(Qt.CursorShape.PointingHandCursor)
                press = self._show_all if what == "all" else lambda: self.run_wanted.emit(self.call.run_id)
                button.clicked.connect(press)
                row.addWidget(button)
        row.addStretch(1)
        self._buttons.show()

    def _show_all(self) -> None:
        self._all = True
        self.folded.emit()


def _title(call: FunctionCall) -> str:
    """What stands above a result. The marks by which a model tells foreign text apart are not for people."""
    return "Result, from outside" if call.tainted else "Result"


def _readable(result: str) -> tuple[str, str]:
    """A result as it is read best, and its language: JSON over several lines."""
    if result.startswith(("{", "[")):
        try:
            return json.dumps(json.loads(result), ensure_ascii=False, indent=2), "json"
        except (ValueError, RecursionError):
            return result, "json"
    return result, ""
