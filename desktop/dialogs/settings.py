"""The settings dialog, made from the settings model: a section for each group, a field for each setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.fuzzy import match
from desktop.setting_editors import Editor, editor_for
from desktop.settings_fields import SettingField, SettingGroup, nested, value_at
from desktop.style import set_role

WIDTH, HEIGHT = 800, 640
SECTIONS = 176
"""Width of the list of sections."""


class _Row(QWidget):
    """A setting: its title, its editor, its help, and what is wrong with it."""

    def __init__(self, field: SettingField) -> None:
        super().__init__()
        self.field = field
        self.editor: Editor = editor_for(field)
        title = QLabel(field.title)
        title.setProperty("kind", "strong")
        title.setBuddy(self.editor.widget)
        self.problem = QLabel()
        self.problem.setProperty("kind", "error")
        self.problem.setWordWrap(True)
        self.problem.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 14)
        column.setSpacing(4)
        column.addWidget(title)
        column.addWidget(self.editor.widget)
        if field.help and field.kind != "switch":
            text = QLabel(field.help)
            text.setProperty("kind", "muted")
            text.setWordWrap(True)
            column.addWidget(text)
        column.addWidget(self.problem)

    def say(self, problem: str) -> None:
        """Show what is wrong; '' for nothing."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        set_role(self.editor.widget, invalid="true" if problem else "false")


class SettingsDialog(QDialog):
    """Shows settings and collects changes. Show it with `open()`.

    wanted: the changed top-level settings by name, when the person presses Save. check: what is wrong with settings,
    by the dotted name of the setting.
    """

    wanted = Signal(dict)

    def __init__(
        self,
        parent: QWidget | None,
        groups: Sequence[SettingGroup],
        values: Mapping[str, Any],
        *,
        check: Callable[[Mapping[str, Any]], Mapping[str, str]],
        note: str = "",
    ) -> None:
        super().__init__(parent)
        self._values, self._check = values, check
        self._rows: list[_Row] = []
        self._parts: list[tuple[QLabel, list[_Row]]] = []
        self._changed: set[tuple[str, ...]] = set()
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a setting")
        self.search.setAccessibleName("Find a setting")
        self.search.setClearButtonEnabled(False)
        self.search.textChanged.connect(self._filter)
        self.save = QPushButton("Save")
        self.save.setProperty("role", "primary")
        self.save.setDefault(True)
        self.save.setEnabled(False)
        self.save.clicked.connect(self._save)
        self._scroll = QScrollArea()
        self.sections = QListWidget()
        self._is_following = False
        self._lay_out(groups, note)
        self._set_up_sections()

    def row(self, name: str) -> _Row:
        """The row of a setting by its dotted name. Raises KeyError."""
        for row in self._rows:
            if row.field.name == name:
                return row
        raise KeyError(name)

    def go_to(self, name: str) -> None:
        """Bring a setting into view and give it the focus."""
        row = self.row(name)
        self._scroll.ensureWidgetVisible(row)
        row.editor.widget.setFocus(Qt.FocusReason.OtherFocusReason)

    def say(self, problems: Mapping[str, str]) -> None:
        """Show what is wrong, each beside its setting."""
        for row in self._rows:
            own = [text for name, text in problems.items() if name == row.field.name or _inside(name, row.field.name)]
            row.say("\n".join(own))

    def _lay_out(self, groups: Sequence[SettingGroup], note: str) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(24, 8, 24, 8)
        column.setSpacing(0)
        self.nothing = QLabel()
        self.nothing.setProperty("kind", "muted")
        self.nothing.setTextFormat(Qt.TextFormat.PlainText)
        self.nothing.setWordWrap(True)
        self.nothing.hide()
        column.addWidget(self.nothing)
        for group in groups:
            column.addLayout(self._group(group))
        column.addStretch()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidget(inner)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        hint = QLabel(note)
        hint.setProperty("kind", "caption")
        hint.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(24, 12, 24, 16)
        buttons.setSpacing(8)
        buttons.addWidget(hint, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.save)
        top = QVBoxLayout()
        top.setContentsMargins(24, 20, 24, 12)
        top.addWidget(self.search)
        line = QFrame()
        line.setProperty("role", "line")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        middle = QHBoxLayout()
        middle.setContentsMargins(16, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.sections)
        middle.addWidget(self._scroll, 1)
        outer.addLayout(top)
        outer.addLayout(middle, 1)
        outer.addWidget(line)
        outer.addLayout(buttons)

    def _set_up_sections(self) -> None:
        """A list of the sections beside them: it goes to one, and shows which one is in view."""
        self.sections.setAccessibleName("Sections of the settings")
        self.sections.setFixedWidth(SECTIONS)
        self.sections.setProperty("role", "sections")
        self.sections.setFrameShape(QFrame.Shape.NoFrame)
        self.sections.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for heading, _rows in self._parts:
            self.sections.addItem(heading.text())
        self.sections.setCurrentRow(0)
        self.sections.currentRowChanged.connect(self._go_to_section)
        self._scroll.verticalScrollBar().valueChanged.connect(lambda _: self._follow())

    def _go_to_section(self, number: int) -> None:
        if number >= 0 and not self._is_following:
            self._scroll.verticalScrollBar().setValue(self._top(self._parts[number][0]))

    def _follow(self) -> None:
        """Mark the section that is in view: the last one whose heading has come to the top, and the last at the end."""
        bar = self._scroll.verticalScrollBar()
        shown = [n for n, (heading, _) in enumerate(self._parts) if not heading.isHidden()]
        passed = [n for n in shown if self._top(self._parts[n][0]) <= bar.value() + 8]
        if not shown or self.sections.hasFocus():  # then it leads, and is not led
            return
        self._is_following = True
        at_the_end = bar.value() == bar.maximum() > 0
        self.sections.setCurrentRow(shown[-1] if at_the_end else passed[-1] if passed else shown[0])
        self._is_following = False

    def _top(self, heading: QLabel) -> int:
        return heading.y() - 8

    def _group(self, group: SettingGroup) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        heading = QLabel(group.title)
        heading.setProperty("kind", "title")
        heading.setContentsMargins(0, 8, 0, 10)
        column.addWidget(heading)
        rows = []
        for field in group.fields:
            row = _Row(field)
            row.editor.show(value_at(self._values, field.path))
            row.editor.changed.connect(lambda path=field.path: self._edited(path))
            column.addWidget(row)
            rows.append(row)
        self._rows += rows
        self._parts.append((heading, rows))
        return column

    def _edited(self, path: tuple[str, ...]) -> None:
        self._changed.add(path)
        problems = self._check(self._wanted())
        self.say(problems)
        self.save.setEnabled(not problems)

    def _wanted(self) -> dict[str, Any]:
        changes = {row.field.path: row.editor.value for row in self._rows if row.field.path in self._changed}
        return nested(changes, self._values)

    def _save(self) -> None:
        self.wanted.emit(self._wanted())
        self.accept()

    def _filter(self, text: str) -> None:
        wanted = text.casefold().split()
        held = {
            row
            for heading, rows in self._parts
            for row in rows
            if all(word in f"{_words(row.field)} {heading.text()}".casefold() for word in wanted)
        }
        # Few letters stand in that order in almost any sentence: they count only where no setting holds the words.
        found = held or {row for row in self._rows if match(text, row.field.title)}
        for heading, rows in self._parts:
            for row in rows:
                row.setVisible(row in found)
            heading.setVisible(any(row in found for row in rows))
        for n, (heading, _rows) in enumerate(self._parts):
            self.sections.item(n).setHidden(heading.isHidden())
        self._follow()
        self.nothing.setText(f"No setting is called “{text.strip()}”. Try fewer letters.")
        self.nothing.setVisible(not found)


def _words(field: SettingField) -> str:
    """All that a setting may be searched by: what it is called here, in its file, and what it is for."""
    return f"{field.title} {field.help} {field.name.replace('_', ' ').replace('.', ' ')} {field.name}"


def _inside(name: str, parent: str) -> bool:
    return name.startswith(f"{parent}.")
