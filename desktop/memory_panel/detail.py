"""One memory whole: its words to be corrected, where it comes from, how it stands, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.memory.decision import says_otherwise
from core.store.memory_records import Change, Memory
from desktop.bridge import explain
from desktop.empty_state import EmptyState
from desktop.memory_panel.around import Around, button, text_label, tool
from desktop.memory_panel.history_view import HistoryView
from desktop.memory_panel.memory_fields import MemoryFields
from desktop.memory_panel.wording import SHARED, STATES, said_by, used
from desktop.panels.wording import clock_time
from desktop.style import set_role


class MemoryDetail(QWidget):
    """back_wanted: the list is to be seen again. other_wanted: the id of a memory that is to be shown instead.

    erase_wanted: memories to be forgotten for good.
    """

    back_wanted = Signal()
    other_wanted = Signal(object)
    erase_wanted = Signal(list)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around, self._desk = around, around.desk
        self._wanted: UUID | None = None
        self.memory: Memory | None = None
        self._before: Sequence[Memory] = ()
        self._dirty = False
        self._drafts: dict[UUID, dict[str, Any]] = {}
        self.fields = MemoryFields(around)
        self.fields.changed.connect(self._edited)
        self.fields.agreed.connect(self.save)
        self.history = HistoryView(around)
        self.history.revert_wanted.connect(self._revert)
        self._parts()
        self._lay_out()
        self._desk.changed.connect(self.refresh)
        self._desk.owners_changed.connect(self._show_facts)
        around.themes.changed.connect(self._dress)
        self._dress()
        self.show_memory(None)

    def show_memory(self, memory: Memory | None) -> None:
        """Show a memory; None says that none is chosen. What was typed and not saved comes back with its memory."""
        self._keep_draft()
        self._wanted = memory.id if memory is not None else None
        self.memory, self._before = memory, ()
        if memory is None:
            self._stack.setCurrentWidget(self._none)
            return
        self.history.show_changes(())
        self._fill(memory, anew=True)
        self._stack.setCurrentWidget(self._scroll)
        self._scroll.verticalScrollBar().setValue(0)
        self.refresh()

    def show_id(self, memory_id: UUID) -> None:
        """Show the memory of that id, read now."""
        self._keep_draft()
        self._wanted, self.memory, self._before = memory_id, None, ()
        self.refresh()

    def refresh(self) -> None:
        """Read the memory and its history again."""
        if self._wanted is not None:
            wanted = self._wanted
            self._desk.look_at(wanted, lambda found: self._got(wanted, *found), lambda error: self._lost(wanted, error))

    def save(self) -> None:
        """Keep what was typed, or say why that cannot be."""
        memory = self.memory
        if memory is None or not self.save_button.isEnabled():
            return
        self.fields.say("")
        self.save_button.setEnabled(False)
        content, kind, importance = self.fields.values()
        supersede = self.keep_old.isChecked() if self.keep_old.isVisibleTo(self) else False
        self._desk.edit(
            memory, self._saved, self._refused, content=content, type=kind, importance=importance, supersede=supersede,
        )  # fmt: skip

    def discard(self) -> None:
        """Take back what was typed."""
        if self.memory is not None:
            self._drafts.pop(self.memory.id, None)
            self._fill(self.memory, anew=True)

    def set_narrow(self, narrow: bool) -> None:
        """Whether there is no room for the list beside it."""
        self.back.setVisible(narrow)

    def _got(self, wanted: UUID, memory: Memory, changes: Sequence[Change], before: Sequence[Memory]) -> None:
        if wanted != self._wanted:
            return
        anew = self.memory is None
        self.memory, self._before = memory, before
        self._fill(memory, anew=anew)
        self.history.show_changes(changes)
        self._stack.setCurrentWidget(self._scroll)

    def _lost(self, wanted: UUID, error: Exception) -> None:
        """It was forgotten for good, or cannot be read."""
        if wanted == self._wanted:
            self._wanted = self.memory = None
            self._drafts.pop(wanted, None)
            self._stack.setCurrentWidget(self._none)
            self.back_wanted.emit()
            if getattr(error, "code", "") != "memory_not_found":
                self.fields.say(explain(error))

    def _saved(self, memory: Memory) -> None:
        changed = self.memory
        if changed is not None:
            self._drafts.pop(changed.id, None)
        if memory.id == self._wanted:
            self.memory = memory
            self._fill(memory, anew=True)
        elif changed is not None and changed.id == self._wanted:
            self._fill(changed, anew=True)
            self.other_wanted.emit(memory.id)

    def _refused(self, error: Exception) -> None:
        self.fields.say(explain(error))
        self._edited()

    def _fill(self, memory: Memory, *, anew: bool) -> None:
        """Show a memory. anew: also in the fields, which may hold what was typed since."""
        if anew or not self._dirty:
            self.fields.show_values(memory.content, memory.type, memory.importance)
            if draft := self._drafts.pop(memory.id, None):
                self.fields.show_values(**draft)
        self._edited()
        name, icon, colour = STATES[memory.state]
        theme = self._around.themes.theme
        self.state.setText(name)
        self.state.setStyleSheet(f"color: {theme.css(colour)};")
        self.state_icon.setPixmap(self._around.icons.pixmap(icon, theme.color(colour), 16, self.devicePixelRatioF()))
        self.pin.setChecked(memory.pinned)
        self.pin.setText(" Pinned" if memory.pinned else " Pin")
        self.pin.setEnabled(memory.state == "live" or memory.pinned)
        self.forget.setVisible(memory.state in ("live", "replaced"))
        self._show_standing(memory)
        self._show_facts()

    def _show_standing(self, memory: Memory) -> None:
        """Why agents do not recall it, if they do not, and the cure."""
        live = memory.state == "live"
        self._standing.setVisible(not live)
        self.confirm.setVisible(memory.state == "quarantined")
        self.reject.setVisible(memory.state == "quarantined")
        self.bring_back.setVisible(memory.state == "forgotten")
        self.newer.setVisible(memory.state == "replaced" and memory.superseded_by is not None)
        match memory.state:
            case "quarantined":
                where = said_by(memory.source)
                text = f"It came from outside ({where}). Agents do not recall it until you confirm it."
            case "replaced":
                text = "A newer memory holds instead. This one is kept for its history only."
            case _:
                text = "Agents recall it no more."
        self._standing_text.setText(text)

    def _show_facts(self) -> None:
        memory = self.memory
        if memory is None:
            return
        now = self._around.now()
        since = clock_time(memory.valid_from, now)
        until = f" until {clock_time(memory.valid_to, now)}" if memory.valid_to else ""
        found = f"by meaning and words ({memory.embedding_model})" if memory.embedding_model else (
            "by words only: it has no vector yet, so other words for it do not find it"
        )  # fmt: skip
        owner = self._desk.owner_name(memory.agent_id) if memory.agent_id else SHARED
        self._facts["Whose"].setText(owner)
        self._facts["From"].setText(said_by(memory.source))
        self._facts["Holds"].setText(f"since {since}{until}")
        self._facts["Used"].setText(used(memory, now))
        self._facts["Found"].setText(found)
        older = [f"“{each.content}”{_until(each, now)}" for each in self._before[:3]]
        self._facts["Before"].setText("\n".join(older))
        self._rows["Before"].setVisible(bool(older))
        self.conversation.setVisible(bool(memory.source.conversation))
        self.conversation.setText("Open the message" if memory.source.message else "Open the conversation")
        self.run.setVisible(bool(memory.source.run))

    def _edited(self) -> None:
        memory = self.memory
        dirty = memory is not None and self.fields.values() != (memory.content, memory.type, memory.importance)
        self._dirty = dirty
        self._saving.setVisible(dirty)
        content = self.fields.values()[0]
        changes = memory is not None and memory.state == "live" and bool(content)
        self.keep_old.setVisible(changes and memory is not None and says_otherwise(content, memory.content))
        self.save_button.setEnabled(dirty and bool(self.fields.values()[0]))

    def _keep_draft(self) -> None:
        memory = self.memory
        if memory is not None:
            content, kind, importance = self.fields.values()
            if (content, kind, importance) != (memory.content, memory.type, memory.importance):
                self._drafts[memory.id] = {"content": content, "kind": kind, "importance": importance}

    def _revert(self, number: int) -> None:
        if self.memory is not None:
            self._drafts.pop(self.memory.id, None)
            self._dirty = False
            self._desk.revert(self.memory.id, number)

    def _with_memory(self, act: Any) -> Any:
        def run() -> None:
            if self.memory is not None:
                act(self.memory)

        return run

    # -- looks ---------------------------------------------------------------------------------------------------------

    def _parts(self) -> None:
        desk = self._desk
        self.back = tool("Back to the list", self.back_wanted.emit)
        self.state_icon, self.state = QLabel(), QLabel()
        set_role(self.state, kind="strong")
        self.pin = button(" Pin", self._with_memory(lambda m: desk.pin([m], not m.pinned)), "quiet")
        self.pin.setCheckable(True)
        self.pin.setToolTip("Recalled whatever is asked, and kept by all limits")
        self.forget = button(" Forget", self._with_memory(lambda m: desk.forget([m])), "quiet")
        self.erase = button(" Forget for good…", self._with_memory(lambda m: self.erase_wanted.emit([m])), "quiet")
        self.confirm = button("Confirm", self._with_memory(lambda m: desk.confirm([m])), "primary")
        self.reject = button("Reject", self._with_memory(lambda m: desk.forget([m], cause="rejected")))
        self.bring_back = button(" Bring back", self._with_memory(lambda m: desk.bring_back([m.id])), "primary")
        self.newer = button("Show what holds", self._with_memory(lambda m: self.other_wanted.emit(m.superseded_by)))
        self.save_button = button("Save", self.save, "primary")
        self.discard_button = button("Discard", self.discard, "quiet")
        self.keep_old = QCheckBox("It has changed: keep what held until now")
        self.keep_old.setToolTip("Leave it out to correct what was wrong from the start. Its history keeps both.")
        self.keep_old.setChecked(True)
        self.older = button("Show it", self._show_before, "link")
        self.conversation = button("Open the conversation", self._with_memory(self._open_conversation), "link")
        self.run = button("Open the run", self._with_memory(lambda m: desk.run_wanted.emit(m.source.run)), "link")

    def _show_before(self) -> None:
        if self._before:
            self.other_wanted.emit(self._before[0].id)

    def _open_conversation(self, memory: Memory) -> None:
        self._desk.conversation_wanted.emit(memory.source.conversation, memory.source.message)

    def _lay_out(self) -> None:
        self._none = EmptyState(
            self._around.icons, self._around.themes, icon="brain", title="No memory is chosen",
            text="Choose one to see where it comes from, to correct it, and to see what it said before.",
        )  # fmt: skip
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 8, 14, 16)
        column.setSpacing(8)
        column.addLayout(_row(self.back, self.state_icon, self.state, None, self.pin))
        column.addWidget(self._made_standing())
        column.addWidget(self.fields)
        self._saving = QWidget()
        saving = QVBoxLayout(self._saving)
        saving.setContentsMargins(0, 0, 0, 4)
        saving.addWidget(self.keep_old)
        saving.addLayout(_row(self.save_button, self.discard_button, None))
        column.addWidget(self._saving)
        column.addWidget(_line())
        self._add_facts(column)
        column.addWidget(_line())
        title = QLabel("History")
        title.setProperty("kind", "strong")
        column.addWidget(title)
        column.addWidget(self.history)
        column.addWidget(_line())
        column.addLayout(_row(self.forget, self.erase, None))
        column.addStretch()
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(inner)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._none)
        self._stack.addWidget(self._scroll)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._stack)

    def _made_standing(self) -> QWidget:
        self._standing = QFrame()
        set_role(self._standing, role="card")
        self._standing_text = text_label("", "secondary")
        inside = QVBoxLayout(self._standing)
        inside.setContentsMargins(12, 10, 12, 10)
        inside.addWidget(self._standing_text)
        inside.addLayout(_row(self.confirm, self.reject, self.bring_back, self.newer, None))
        return self._standing

    def _add_facts(self, column: QVBoxLayout) -> None:
        self._facts: dict[str, QLabel] = {}
        self._rows: dict[str, QWidget] = {}
        for name in ("Whose", "From", "Holds", "Before", "Used", "Found"):
            label = QLabel(name)
            label.setProperty("kind", "muted")
            label.setFixedWidth(56)
            self._facts[name] = text_label("", "secondary", selectable=True)
            self._rows[name] = QWidget()
            row = QHBoxLayout(self._rows[name])
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(self._facts[name], 1)
            column.addWidget(self._rows[name])
            if name == "Before":
                row.addWidget(self.older, 0, Qt.AlignmentFlag.AlignTop)
            if name == "From":
                row.addWidget(self.conversation, 0, Qt.AlignmentFlag.AlignTop)
                row.addWidget(self.run, 0, Qt.AlignmentFlag.AlignTop)

    def _dress(self, _theme: object = None) -> None:
        icons, theme = self._around.icons, self._around.themes.theme
        self.back.setIcon(icons.icon("chevron-left", theme))
        signs: dict[QPushButton, str] = {
            self.pin: "pin", self.forget: "archive", self.erase: "trash-2", self.bring_back: "undo-2",
        }  # fmt: skip
        for each, sign in signs.items():
            each.setIcon(icons.icon(sign, theme))
        for each in (self.forget, self.erase):
            each.setStyleSheet(
                "QPushButton { padding-left: 4px; padding-right: 10px; }"
            )  # in line with the words above
        if self.memory is not None:
            self._fill(self.memory, anew=False)


def _until(memory: Memory, now: datetime) -> str:
    return f", until {clock_time(memory.valid_to, now)}" if memory.valid_to is not None else ""


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Widgets side by side; None is room that is left."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        if widget is None:
            row.addStretch()
        else:
            row.addWidget(widget)
    return row


def _line() -> QFrame:
    line = QFrame()
    set_role(line, role="line")
    return line
