"""Every change of a memory: what it said then, why it was changed and by whom, and the way back to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.store.memory_records import Change
from desktop.memory_panel.around import Around, button, text_label
from desktop.memory_panel.wording import CHANGES, TYPES, percent
from desktop.panels.wording import clock_time

MOST: Final = 30
"""Changes that are shown at once."""


class HistoryView(QWidget):
    """revert_wanted: the number of a change that the memory is to be as after."""

    revert_wanted = Signal(int)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around = around
        self._changes: Sequence[Change] = ()
        self._all = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        around.themes.changed.connect(self._fill)

    def show_changes(self, changes: Sequence[Change]) -> None:
        """Show a history, newest first."""
        self._changes, self._all = changes, False
        self._fill()

    def _fill(self, _theme: object = None) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        shown = self._changes if self._all else self._changes[:MOST]
        for place, change in enumerate(shown):
            before = self._changes[place + 1] if place + 1 < len(self._changes) else None
            self._column.addWidget(self._line(change, before, newest=place == 0))
        if len(shown) < len(self._changes):
            more = button(f"Show all {len(self._changes):,} changes", self._show_all, "link")
            self._column.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)

    def _show_all(self) -> None:
        self._all = True
        self._fill()

    def _line(self, change: Change, before: Change | None, *, newest: bool) -> QWidget:
        theme = self._around.themes.theme
        name, icon = CHANGES[change.kind]
        line = QWidget()
        picture = QLabel()
        picture.setPixmap(self._around.icons.pixmap(icon, theme.color("text.muted"), 14, self.devicePixelRatioF()))
        picture.setContentsMargins(0, 2, 0, 0)
        head = QLabel(name)
        head.setProperty("kind", "strong")
        when = QLabel(clock_time(change.at, self._around.now()))
        when.setProperty("kind", "caption")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(head)
        top.addWidget(when, 1)
        if not newest and change.content:
            back = button("Back to this", lambda: self.revert_wanted.emit(change.number), "link")
            back.setAccessibleName(f"Back to this: {change.content[:60]}")
            top.addWidget(back)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addLayout(top)
        if because := _because(change):
            words.addWidget(text_label(because, "muted"))
        for text in _differences(change, before):
            words.addWidget(text_label(text, "secondary", selectable=True))
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        return line


def _because(change: Change) -> str:
    """Who changed it, and why: `Ada: corrected`."""
    who = "You" if change.who == "you" else change.who
    if not change.cause:
        return f"By {who}" if who and who != "You" else who
    return f"{who}: {change.cause}" if who else change.cause


def _differences(change: Change, before: Change | None) -> Sequence[str]:
    """What it says since, where that is not what it said before."""
    said = []
    if change.content and (before is None or before.content != change.content):
        said.append(f"“{change.content}”")
    if before is not None and before.content:
        if before.type != change.type:
            said.append(f"Type: {TYPES[before.type][0]} → {TYPES[change.type][0]}")
        if before.importance != change.importance:
            said.append(f"Importance: {percent(before.importance)} → {percent(change.importance)}")
    return said
