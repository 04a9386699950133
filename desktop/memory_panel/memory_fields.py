"""What a person can set of a memory: its words, its type and how much it matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from desktop.dialogs.value_editors import ChoiceBox, GrowingText
from desktop.memory_panel.around import Around, text_label
from desktop.memory_panel.wording import TYPES, percent
from desktop.style import set_role

if TYPE_CHECKING:
    from core.store.memory_records import MemoryType

_STEP: Final = 5
"""Percent by which an arrow key moves the importance."""


class MemoryFields(QWidget):
    """changed: something was typed or chosen. agreed: Ctrl+S or Ctrl+Return was pressed in the words."""

    changed = Signal()
    agreed = Signal()

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._exact: tuple[int, float] = (0, 0.0)
        self.words = _Words(around.themes.theme, least=2, most=12)
        self.words.agreed.connect(self.agreed)
        self.words.setAccessibleName("What is remembered")
        self.words.setPlaceholderText("One statement that can be understood by itself")
        self.words.textChanged.connect(self.changed)
        self.kind = ChoiceBox()
        self.kind.setAccessibleName("Type")
        for each, (name, _) in TYPES.items():
            self.kind.addItem(name, each)
        self.kind.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.importance = QSlider(Qt.Orientation.Horizontal)
        self.importance.setAccessibleName("Importance in percent")
        self.importance.setRange(0, 100)
        self.importance.setSingleStep(_STEP)
        self.importance.setPageStep(4 * _STEP)
        self.importance.setMinimumWidth(60)
        self.importance.valueChanged.connect(self._slid)
        self._share = QLabel()
        self._share.setFixedWidth(44)
        self._share.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.problem = text_label("", "error", selectable=True)
        self.problem.hide()
        self._lay_out()

    def values(self) -> tuple[str, MemoryType, float]:
        """The words, the type and the importance, 0 to 1."""
        at, exact = self._exact
        share = exact if self.importance.value() == at else self.importance.value() / 100
        return self.words.toPlainText().strip(), self.kind.currentData(), share

    def show_values(self, content: str, kind: MemoryType, importance: float) -> None:
        """Show these."""
        blocked = self.blockSignals(True)
        if self.words.toPlainText().strip() != content:
            self.words.setPlainText(content)
        self.kind.setCurrentIndex(self.kind.findData(kind))
        # The slider knows whole percents only; what it cannot show must not count as a change.
        self._exact = (round(importance * 100), importance)
        self.importance.setValue(self._exact[0])
        self._share.setText(percent(importance))
        self.blockSignals(blocked)
        self.say("")

    def say(self, problem: str) -> None:
        """Say what is wrong with the words; '' if nothing is."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        set_role(self.words, invalid=bool(problem))

    def _slid(self, value: int) -> None:
        self._share.setText(f"{value} %")
        self.changed.emit()

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.kind)
        name = QLabel("Importance")
        name.setProperty("kind", "muted")
        below.addWidget(name)
        below.addWidget(self.importance, 1)
        below.addWidget(self._share)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.problem)
        column.addLayout(below)


class _Words(GrowingText):
    """Takes Ctrl+S and Ctrl+Return for itself: in the window around they save and run a workflow."""

    agreed = Signal()

    def event(self, event: QEvent) -> bool:
        """Claim the keys before the window's commands get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _agrees(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Tell that the person agrees, or type."""
        if _agrees(event):
            self.agreed.emit()
        else:
            super().keyPressEvent(event)


def _agrees(event: QKeyEvent) -> bool:
    keys = (Qt.Key.Key_S, Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier) and event.key() in keys
