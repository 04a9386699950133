"""The form that asks for a workflow's inputs before a run, with the last ones and saved sets of them."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Workflow
from core.workflow.problems import Problem
from desktop.bridge import Bridge
from desktop.dialogs.schema_form import SchemaForm
from desktop.dialogs.value_editors import ChoiceBox
from desktop.icons import Icons
from desktop.saved_inputs import InputSets, SavedInputs
from desktop.style import set_role
from desktop.theme import ThemeManager

_WIDTH = 520
_HIGHEST = 720


class InputsDialog(QDialog):
    """Asks for the inputs of one run; open it with `open`.

    run_requested: checked inputs. save_requested: a name and inputs to keep. remove_requested: the name of a set.
    """

    run_requested = Signal(object)
    save_requested = Signal(str, object)
    remove_requested = Signal(str)

    def __init__(
        self, workflow: Workflow, bridge: Bridge, themes: ThemeManager, icons: Icons, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workflow = workflow
        self._bridge = bridge
        self._sets = InputSets()
        theme = themes.theme
        required = [name for name, schema in workflow.inputs.items() if "default" not in schema]
        self.form = SchemaForm(workflow.inputs, required, theme, icons)
        self.setWindowTitle(f"Run {workflow.name}")
        title = self.heading = QLabel(f"Run “{workflow.name}”")
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setWordWrap(True)
        set_role(title, kind="heading")
        self.sets = ChoiceBox()
        self.sets.setAccessibleName("Saved inputs")
        self.sets.setPlaceholderText("Saved inputs")
        self.sets.activated.connect(self._choose)
        self.remove = _tool("trash-2", "Remove this set", icons, themes)
        self.remove.clicked.connect(self._ask_removal)
        self.keep = _tool("save", "Save these inputs under a name", icons, themes)
        self.keep.clicked.connect(self._ask_name)
        self.name = QLineEdit()
        self.name.setPlaceholderText("Name of the set, then Enter")
        self.name.setAccessibleName("Name of the set")
        self.name.returnPressed.connect(self._save)
        self.name.hide()
        chooser = QHBoxLayout()
        chooser.setSpacing(theme.px("space.1"))
        chooser.addWidget(self.sets, 1)
        chooser.addWidget(self.remove)
        chooser.addWidget(self.keep)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(2, 2, theme.px("space.3"), 2)
        column.addWidget(self.form)
        column.addStretch(1)
        area.setWidget(inside)
        self.run = QPushButton(" Run")
        self.run.setIcon(icons.icon("play", theme, "accent.on"))
        self.run.setAutoDefault(False)
        self.run.setToolTip("Run (Ctrl+Enter)")
        set_role(self.run, role="primary")
        self.run.clicked.connect(self.submit)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        hint = QLabel("Ctrl+Enter runs")  # Enter alone begins a line in a text
        set_role(hint, kind="caption")
        buttons = QHBoxLayout()
        buttons.addWidget(hint)
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.run)
        line = QFrame()
        set_role(line, role="line")
        layout = QVBoxLayout(self)
        side = theme.px("space.5")
        layout.setContentsMargins(side, side, side, theme.px("space.4"))
        layout.setSpacing(theme.px("space.3"))
        layout.addWidget(title)
        if workflow.description:
            about = QLabel(workflow.description)
            about.setTextFormat(Qt.TextFormat.PlainText)
            about.setWordWrap(True)
            set_role(about, kind="secondary")
            layout.addWidget(about)
        self.estimate = QLabel()
        self.estimate.setWordWrap(True)
        set_role(self.estimate, kind="muted")
        self.estimate.hide()
        layout.addWidget(self.estimate)
        self.reuse = QCheckBox()
        self.reuse.hide()
        layout.addWidget(self.reuse)
        layout.addLayout(chooser)
        layout.addWidget(self.name)
        layout.addWidget(area, 1)
        layout.addWidget(line)
        layout.addLayout(buttons)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.submit)
        self.show_sets(InputSets())
        self._area = area
        self.resize(_WIDTH, self._wanted_height())
        if self.form.rows:
            next(iter(self.form.rows.values())).editor.setFocus()

    def offer_sets(self, sets: InputSets, saved: SavedInputs, key: str) -> None:
        """Offer the sets that are kept under a key; keep there what the person names, and forget what they remove."""
        self.show_sets(sets)
        self.save_requested.connect(
            lambda name, values: self._bridge.in_thread(
                lambda: saved.save(key, name, values), lambda kept: self.show_sets(kept, name)
            )
        )
        self.remove_requested.connect(
            lambda name: self._bridge.in_thread(lambda: saved.remove(key, name), self.show_sets)
        )

    def show_sets(self, sets: InputSets, chosen: str = "") -> None:
        """Offer these sets. chosen: the one whose values the form holds."""
        self._sets = sets
        self.sets.clear()
        if sets.last:
            self.sets.addItem("Last inputs", "")
        for name in sorted(sets.named, key=str.casefold):
            self.sets.addItem(name, name)
        self.sets.setCurrentIndex(self.sets.findData(chosen) if chosen else -1)
        self.sets.setEnabled(self.sets.count() > 0)
        self.remove.setEnabled(bool(chosen))

    def show_estimate(self, words: str) -> None:
        """Say what the run will cost."""
        self.estimate.setText(words)
        self.estimate.show()
        self.resize(self.width(), max(self.height(), self._wanted_height()))

    def offer_reuse(self, words: str, help_text: str) -> None:
        """Offer to take over what an earlier run did, as far as it still holds; it is chosen at first."""
        self.reuse.setText(words)
        self.reuse.setToolTip(help_text)
        self.reuse.setAccessibleDescription(help_text)
        self.reuse.setChecked(True)
        self.reuse.show()
        self.resize(self.width(), max(self.height(), self._wanted_height()))

    def fill(self, values: Mapping[str, Json]) -> None:
        """Show values of an earlier run, as far as the workflow still has those inputs."""
        self.form.fill({name: value for name, value in values.items() if name in self._workflow.inputs})

    def submit(self) -> None:
        """Check what was entered and, if it fits, ask for the run."""
        values = self.form.values()
        if values is None:
            return
        self.run.setEnabled(False)
        self._bridge.in_thread(lambda: check_inputs(self._workflow, values), self._checked, self._not_checked)

    def show_problems(self, problems: list[Problem]) -> None:
        """Show what is wrong under the inputs that it is about."""
        told: dict[str, str] = {}
        for problem in problems:
            sentence = f"{problem.message.removeprefix('The input ')} {problem.fix}"
            told.setdefault(problem.field.removeprefix("inputs."), _capital(sentence))
        self.form.show_problems(told)
        self.resize(self.width(), max(self.height(), self._wanted_height()))

    def _checked(self, outcome: tuple[dict[str, Json], list[Problem]]) -> None:
        complete, problems = outcome
        self.run.setEnabled(True)
        if problems:
            self.show_problems(problems)
            return
        self.run_requested.emit(complete)
        self.accept()

    def _not_checked(self, error: Exception) -> None:
        self.run.setEnabled(True)
        self._bridge.tell(error)

    def _choose(self, row: int) -> None:
        name = self.sets.itemData(row)
        self.fill(self._sets.named[name] if name else self._sets.last)
        self.remove.setEnabled(bool(name))

    def _ask_name(self) -> None:
        self.name.setVisible(not self.name.isVisible())
        if self.name.isVisible():
            self.name.setText(self.sets.currentData() or "")
            self.name.selectAll()
            self.name.setFocus()

    def _save(self) -> None:
        name, values = self.name.text().strip(), self.form.values()
        if name and values is not None:
            self.name.hide()
            self.save_requested.emit(name, values)

    def _ask_removal(self) -> None:
        name = self.sets.currentData()
        if name:
            self.remove_requested.emit(name)

    def _wanted_height(self) -> int:
        """As high as all inputs need, up to what a small screen has."""
        layout = self.layout()
        assert layout is not None
        self.ensurePolished()
        layout.activate()
        inputs = self.form.heightForWidth(_WIDTH) if self.form.hasHeightForWidth() else self.form.sizeHint().height()
        around = layout.totalHeightForWidth(_WIDTH) - self._area.sizeHint().height()
        return min(_HIGHEST, around + inputs + 8)


def _tool(icon: str, name: str, icons: Icons, themes: ThemeManager) -> QToolButton:
    button = QToolButton()
    button.setIcon(icons.icon(icon, themes.theme))
    button.setIconSize(QSize(16, 16))
    button.setToolTip(name)
    button.setAccessibleName(name)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return button


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
