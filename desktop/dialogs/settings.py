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
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.fuzzy import match
from desktop.setting_editors import Editor, editor_for
from desktop.settings_fields import SettingField, SettingGroup, nested, value_at
from desktop.style import set_role

WIDTH, HEIGHT = 620, 640


class _Row(QWidget):
    """A setting: its title, its editor, its help, and what is wrong with it."""

    def __init__(self, field: SettingField) -> None:
        super().__init__()
        self.field = field
        self.editor: Editor = editor_for(field)
        title = QLabel(field.title)
        title.setProperty("kind", "strong")
        title.setBuddy(self.editor.widget)
        self._problem = QLabel()
        self._problem.setProperty("kind", "error")
        self._problem.setWordWrap(True)
        self._problem.hide()
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
        column.addWidget(self._problem)

    def say(self, problem: str) -> None:
        """Show what is wrong; '' for nothing."""
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
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
        self._lay_out(groups, note)

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
        outer.addLayout(top)
        outer.addWidget(self._scroll, 1)
        outer.addWidget(line)
        outer.addLayout(buttons)

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
        self.nothing.setText(f"No setting is called “{text.strip()}”. Try fewer letters.")
        self.nothing.setVisible(not found)


def _words(field: SettingField) -> str:
    """All that a setting may be searched by: what it is called here, in its file, and what it is for."""
    return f"{field.title} {field.help} {field.name.replace('_', ' ').replace('.', ' ')} {field.name}"


def _inside(name: str, parent: str) -> bool:
    return name.startswith(f"{parent}.")
