"""Something to be remembered, told by hand."""

from __future__ import annotations

from uuid import UUID

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.store.memory_records import Source
from desktop.bridge import explain
from desktop.memory_panel.around import Around, button, text_label
from desktop.memory_panel.memory_fields import MemoryFields
from desktop.memory_panel.owner_box import OwnerBox
from desktop.memory_panel.wording import kept_as

WIDTH = 460


class AddDialog(QDialog):
    """Stays open, with the reason, if what it says is refused. Show it with `open()`.

    owner: whose memory it is at first.
    """

    def __init__(self, parent: QWidget, around: Around, owner: UUID | None) -> None:
        super().__init__(parent)
        self._desk = around.desk
        self.setWindowTitle("Remember something")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        heading = QLabel("Remember something")
        heading.setProperty("kind", "title")
        self.owner = OwnerBox(around, "Who is to remember it", shared="Shared by all agents")
        self.owner.choose(owner)
        self.fields = MemoryFields(around)
        self.fields.show_values("", "fact", 0.5)
        self.fields.changed.connect(self._judge)
        self.fields.agreed.connect(self.remember)
        self.pinned = QCheckBox("Pin it: recalled whatever is asked")
        self.agree = button("Remember", self.remember, "primary")
        self.agree.setDefault(True)
        cancel = button("Cancel", self.reject)
        cancel.setAutoDefault(False)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self.agree)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(text_label("One statement, such as “Deliveries go to the back door on Mondays.” What it "
                                    "updates or contradicts is superseded, not lost.", "muted"))  # fmt: skip
        for widget in (self.owner, self.fields, self.pinned):
            column.addWidget(widget)
        column.addSpacing(8)
        column.addLayout(row)
        self.fields.words.setFocus()
        self._judge()

    def remember(self) -> None:
        """Put it up for remembering."""
        from core.memory.proposal import Proposed

        if not self.agree.isEnabled():
            return
        content, kind, importance = self.fields.values()
        self.agree.setEnabled(False)
        source = Source("user", "you")
        proposed = Proposed(
            content, kind, importance, source, pinned=self.pinned.isChecked(), explicit=True, author="you"
        )
        self._desk.add(self.owner.agent_id, proposed, self._came, self._failed)

    def _came(self, outcome: object, replaced: str) -> None:
        from core.memory.proposal import Outcome

        assert isinstance(outcome, Outcome)
        title, text = kept_as(outcome, replaced)
        if outcome.kind == "refused":
            self.fields.say(text)
            self._judge()
            return
        self._desk.tell(title, text)
        self.accept()

    def _failed(self, error: Exception) -> None:
        self.fields.say(explain(error))
        self._judge()

    def _judge(self) -> None:
        self.agree.setEnabled(bool(self.fields.values()[0]))
