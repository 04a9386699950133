"""The audit: what is amiss with what an agent remembers, the graver first, each finding with its cure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.store.memory_records import Memory
from desktop.bridge import explain
from desktop.empty_state import EmptyState
from desktop.memory_panel.around import Around, button, text_label
from desktop.memory_panel.cures import Cure, cures
from desktop.memory_panel.owner_box import OwnerBox
from desktop.memory_panel.results import Results
from desktop.memory_panel.wording import FINDINGS, SHARED, count_of, used
from desktop.panels.wording import ago

if TYPE_CHECKING:
    from core.memory.audit import Audit, Finding, FindingKind

SHOWN: Final = 10
"""Findings of a kind that are shown at once."""

TOGETHER: Final = 6
"""Memories of one finding that are shown."""

_ALL_AT_ONCE: Final = ("never_recalled", "raw_data")
"""Kinds of which all may be forgotten at once."""


class AuditPage(QWidget):
    """opened: the Memory that the person wants to see whole. erase_wanted: memories to be forgotten for good."""

    opened = Signal(object)
    erase_wanted = Signal(list)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around, self._desk = around, around.desk
        self._looking: asyncio.Task[None] | None = None
        self.found: Audit | None = None
        self.groups: list[FindingGroup] = []
        self.owner = OwnerBox(around, "Whose memories are looked over", shared="Shared memories alone")
        self.owner.chosen.connect(self._forget_result)
        self.look_button = button("Look them over", self.look, "primary")
        self.stop_button = button("Stop", self.stop)
        self.stop_button.hide()
        self.summary = text_label("", "secondary")
        self._lay_out()
        self._desk.changed.connect(self._look_again)
        around.themes.changed.connect(self._fill)

    def look(self) -> None:
        """Look the memories over; nothing is changed by it."""
        self._give_up()
        self.summary.setText("Looking them over…")
        self._looking = self._desk.audit(self.owner.agent_id, self._show, self._failed)
        self._show_looking()

    def stop(self) -> None:
        """Look no further; what was found before stays."""
        self._give_up()
        self.summary.setText("Stopped before all were looked over.")

    def _give_up(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        self._show_looking()

    def _show_looking(self) -> None:
        had_focus = self.look_button.hasFocus() or self.stop_button.hasFocus()
        looking = self._looking is not None
        self.stop_button.setVisible(looking)
        self.look_button.setVisible(not looking)
        if had_focus:
            (self.stop_button if looking else self.look_button).setFocus()

    def _look_again(self) -> None:
        if self.found is not None and self.isVisible():
            self.look()

    def _forget_result(self) -> None:
        self.found = None
        self._give_up()
        self.summary.setText("")
        self._results.show_start()

    def _show(self, found: Audit) -> None:
        self.found, self._looking = found, None
        self._show_looking()
        number = len(found.findings) - len(found.of("changed"))  # which is to be known, and nothing amiss
        looked = f"{count_of(found.looked_at)} looked over"
        said = count_of(number, "finding", "findings") if number else "nothing amiss"
        self.summary.setText(f"{looked}  ·  {said}" if found.looked_at else "")
        self._fill()

    def _failed(self, error: Exception) -> None:
        self._looking = None
        self._show_looking()
        self.summary.setText(explain(error))

    def _fill(self, _theme: object = None) -> None:
        if self.found is None:
            return
        shown = {group.kind: group.shown for group in self.groups}
        self.groups = []
        for kind in FINDINGS:
            if findings := self.found.of(kind):
                group = FindingGroup(self._around, kind, findings, shown.get(kind, SHOWN))
                group.opened.connect(self.opened)
                group.erase_wanted.connect(self.erase_wanted)
                self.groups.append(group)
        self._results.show_cards(self.groups, stay=True)
        if not self.found.looked_at:
            self._results.setCurrentWidget(self.nothing)

    def _lay_out(self) -> None:
        around = self._around
        start = EmptyState(
            around.icons, around.themes, icon="list-checks", title="Are the memories in order?",
            text="Finds secrets, contradictions, doubles, and what is never recalled or out of date. Nothing is "
            "changed before you press a button.",
            button="Look them over", on_press=self.look,
        )  # fmt: skip
        clean = EmptyState(
            around.icons, around.themes, icon="circle-check", title="Nothing is amiss",
            text="No secrets, no contradictions, no doubles, nothing unused for long.",
        )  # fmt: skip
        self.nothing = EmptyState(
            around.icons, around.themes, icon="brain", title="Nothing is remembered here yet",
            text="Agents remember what matters of their conversations. There is nothing to look over before that.",
        )  # fmt: skip
        self._results = Results(start, clean, gap=16)
        self._results.addWidget(self.nothing)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.owner, 1)
        top.addWidget(self.look_button)
        top.addWidget(self.stop_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.summary)
        column.addWidget(self._results, 1)


class FindingGroup(QWidget):
    """All findings of a kind. shown: how many of them are to be seen."""

    opened = Signal(object)
    erase_wanted = Signal(list)

    def __init__(self, around: Around, kind: FindingKind, findings: Sequence[Finding], shown: int) -> None:
        super().__init__()
        self._around, self.kind, self._findings, self.shown = around, kind, findings, 0
        self.cards: list[FindingCard] = []
        name, icon, colour = FINDINGS[kind]
        theme = around.themes.theme
        picture = QLabel()
        picture.setPixmap(around.icons.pixmap(icon, theme.color(colour), 16, self.devicePixelRatioF()))
        title = QLabel(f"{name} ({len(findings):,})")
        title.setProperty("kind", "strong")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(picture)
        head.addWidget(title, 1)
        if kind in _ALL_AT_ONCE and len(findings) > 1:
            head.addWidget(button(f"Forget all {len(findings):,}", self._forget_all, "link"))
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addLayout(head)
        self._column.addWidget(text_label(findings[0].advice, "muted"))
        self._more = button("", self._show_more, "link")
        self._column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        self._reveal(shown)

    def _show_more(self) -> None:
        self._reveal(self.shown + SHOWN)

    def _reveal(self, number: int) -> None:
        for finding in self._findings[self.shown : number]:
            card = FindingCard(self._around, finding, self.opened.emit, self.erase_wanted.emit)
            self.cards.append(card)
            self._column.insertWidget(self._column.count() - 1, card)
        self.shown = max(self.shown, min(number, len(self._findings)))
        left = len(self._findings) - self.shown
        self._more.setText(f"Show {min(SHOWN, left)} more of {left:,}")
        self._more.setVisible(left > 0)

    def _forget_all(self) -> None:
        self._around.desk.forget([finding.memories[0] for finding in self._findings])


class FindingCard(QFrame):
    """One finding: the memories concerned, and the buttons that mend it."""

    def __init__(self, around: Around, finding: Finding, show: object, ask: object) -> None:
        super().__init__()
        self._around = around
        self.setProperty("role", "card")
        offered = cures(finding, around.desk, ask, show)  # type: ignore[arg-type] # signals' emit has no exact type
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(6)
        for place, memory in enumerate(finding.memories[:TOGETHER]):
            if place:
                line = QFrame()
                line.setProperty("role", "line")
                column.addWidget(line)
            self._add_memory(column, memory, [cure for cure in offered if cure.of == memory], finding)
        if (more := len(finding.memories) - TOGETHER) > 0:
            column.addWidget(text_label(f"And {more:,} more that say the same.", "muted"))
        whole = QHBoxLayout()
        whole.setSpacing(8)
        self.buttons = [self._made(cure, finding) for cure in offered if cure.of is None]
        for each in self.buttons:
            whole.addWidget(each)
        if len(finding.memories) == 1 and not any(cure.title == "Rewrite" for cure in offered):
            whole.addWidget(button("Open", lambda: show(finding.memories[0]), "link"))  # type: ignore[operator]
        whole.addStretch()
        if self.buttons:
            column.addLayout(whole)

    def _add_memory(self, column: QVBoxLayout, memory: Memory, here: Sequence[Cure], finding: Finding) -> None:
        column.addWidget(text_label(memory.content[:600], selectable=True))
        now = self._around.now()
        owner = self._around.desk.owner_name(memory.agent_id) if memory.agent_id else SHARED
        said = f"{owner}  ·  {ago(memory.created, now)}  ·  {used(memory, now)}"
        if memory.state == "replaced" and memory.valid_to is not None:
            said = f"{owner}  ·  held until {ago(memory.valid_to, now)}  ·  {used(memory, now)}"
        if finding.similarity is not None and memory is finding.memories[0]:
            said += f"  ·  {finding.similarity:.2f} alike"
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(text_label(said, "caption"), 1)
        for cure in here:
            row.addWidget(self._made(cure, finding))
        column.addLayout(row)

    def _made(self, cure: Cure, finding: Finding) -> QPushButton:
        about = (cure.of or finding.memories[0]).content
        made = button(cure.title, cure.press, "link", name=f"{cure.title}: {about[:60]}")
        if cure.ends:
            made.clicked.connect(lambda _checked=False: self.setEnabled(False))
        return made
