"""Controls for several values: lists, names with values, and groups of fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.panels.controls import Control, FormContext, Placed, TextControl, tool_button
from desktop.panels.field_row import SHOWN_BY_EDITOR, FieldRow, Indented
from desktop.panels.fields import ABSENT, FormField, Value, new_item
from desktop.panels.notices import Notices
from desktop.style import set_role

ONE: Final = {
    "Rules": "rule", "Cases": "case", "Files": "file", "Images": "image", "Choices": "choice", "Items": "item",
    "Tags": "tag", "References": "picture", "Fallback models": "model", "Expected statuses": "status",
}  # fmt: skip
"""What one element of a list is called; elsewhere it is just one."""


class GroupControl(Control):
    """Fields that make up one object."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self._value: dict[str, Json] = {}
        frame = Indented(context, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        self.rows: dict[str, FieldRow] = {}
        for one in field.fields:
            row = self.rows[one.key] = FieldRow(one, context, frame)
            row.edited.connect(lambda value, typing, key=one.key: self._edited(key, value, typing))
            row.left.connect(self.left)
            frame.column.addWidget(row)

    def show_value(self, value: Value) -> None:
        """Show the object's parts."""
        self._value = dict(value) if isinstance(value, dict) else {}
        for key, row in self.rows.items():
            row.show_value(self._value.get(key, ABSENT))

    def keyboard(self) -> QWidget:
        """The first field's."""
        return next(iter(self.rows.values())).keyboard()

    def check(self) -> None:
        """Look at references and previews again."""
        for row in self.rows.values():
            row.check()

    def show_problems(self, problems: Sequence[Placed]) -> Sequence[Placed]:
        """Give each part its own."""
        rest = [one for one in problems if not one[0] or one[0][0] not in self.rows]
        for key, row in self.rows.items():
            row.show_problems([(path[1:], problem) for path, problem in problems if path and path[0] == key])
        return rest

    def _edited(self, key: str, value: Value, typing: bool) -> None:
        changed = {name: one for name, one in self._value.items() if name != key}
        if value is not ABSENT:
            order = [one.key for one in self.field.fields]
            changed = {**changed, key: value}
            changed = dict(sorted(changed.items(), key=lambda one: order.index(one[0]) if one[0] in order else 99))
        self._value = changed
        self.edited.emit(changed if changed or self.field.keep_empty else ABSENT, typing)


class ListControl(Control):
    """Any number of values, each with a control of its own. Alt with Up and Down moves one."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        assert field.item is not None
        self._item = replace(field.item, keep_empty=True)
        self._values: list[Json] = []
        self.lines: list[_Line] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(context.theme.px("space.1"))
        self.add_button = add_button(context, f"Add {_one(field)}", self)
        self.add_button.setAccessibleDescription(f"To {field.title}")
        self.add_button.clicked.connect(self._add)
        self._layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)

    @property
    def items(self) -> list[Control]:
        """The controls of the values, in order."""
        return [line.control for line in self.lines]

    def show_value(self, value: Value) -> None:
        """Show the values; what is no list is shown as a list of it, as steps take it."""
        if value is ABSENT or value is None:
            value = self.field.default
        self._values = list(value) if isinstance(value, list) else [] if value in (None, "") else [value]
        if len(self._values) != len(self.lines):
            self._rebuild()
        for line, one in zip(self.lines, self._values, strict=True):
            line.control.show_value(one)

    def keyboard(self) -> QWidget:
        """The first value's, or the button that adds one."""
        return self.lines[0].control.keyboard() if self.lines else self.add_button

    def check(self) -> None:
        """Look at references and previews again."""
        for line in self.lines:
            line.control.check()

    def show_problems(self, problems: Sequence[Placed]) -> Sequence[Placed]:
        """Give each value its own."""
        rest = [one for one in problems if not one[0] or one[0][0] not in range(len(self.lines))]
        for index, line in enumerate(self.lines):
            line.show_problems([(path[1:], problem) for path, problem in problems if path and path[0] == index])
        return rest

    def _rebuild(self) -> None:
        for line in self.lines:
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()
        self.lines = []
        for index in range(len(self._values)):
            line = _Line(self._item, self.context, f"{_one(self.field).capitalize()} {index + 1}", self)
            line.control.edited.connect(lambda value, typing, index=index: self._edited(index, value, typing))
            line.control.left.connect(self.left)
            line.remove.clicked.connect(lambda _checked=False, index=index: self._remove(index))
            line.up.clicked.connect(lambda _checked=False, index=index: self._move(index, -1))
            line.down.clicked.connect(lambda _checked=False, index=index: self._move(index, 1))
            line.up.setEnabled(index > 0)
            line.down.setEnabled(index < len(self._values) - 1)
            self._layout.insertWidget(index, line)
            self.lines.append(line)

    def _edited(self, index: int, value: Value, typing: bool) -> None:
        self._values[index] = "" if value is ABSENT else value
        self._tell(typing)

    def _add(self) -> None:
        self._change([*self._values, new_item(self.field)])
        self.lines[-1].control.keyboard().setFocus()

    def _remove(self, index: int) -> None:
        self._change([*self._values[:index], *self._values[index + 1 :]])
        at = min(index, len(self.lines) - 1)
        (self.lines[at].control.keyboard() if self.lines else self.add_button).setFocus()

    def _move(self, index: int, by: int) -> None:
        values = list(self._values)
        values.insert(index + by, values.pop(index))
        self._change(values)
        line = self.lines[index + by]
        again = line.up if by < 0 else line.down
        (again if again.isEnabled() else line.control.keyboard()).setFocus()

    def _change(self, values: list[Json]) -> None:
        self._values = values
        self._rebuild()
        for line, one in zip(self.lines, values, strict=True):
            line.control.show_value(one)
        self._tell(typing=False)

    def _tell(self, typing: bool) -> None:
        is_default = not self._values and not self.field.required and not self.field.default
        self.edited.emit(ABSENT if is_default and not self.field.keep_empty else list(self._values), typing)


class _Line(QWidget):
    """One value of a list with its buttons: beside a text, above a group."""

    def __init__(self, item: FormField, context: FormContext, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.control = context.make(replace(item, title=name) if item.kind != "group" else item, context, self)
        self.up = tool_button(context, "chevron-up", f"Move {name} up", self)
        self.down = tool_button(context, "chevron-down", f"Move {name} down", self)
        self.remove = tool_button(context, "x", f"Remove {name}", self)
        self._notices = Notices(context.around, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, context.theme.px("space.2") if item.kind == "group" else 0)
        layout.setSpacing(context.theme.px("space.1"))
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        if isinstance(self.control, TextControl):
            for button in (self.up, self.down):
                button.hide()
            self.control.row.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignTop)
        else:
            label = QLabel(name, self)
            set_role(label, kind="secondary")
            buttons.addWidget(label)
            buttons.addStretch(1)
            for button in (self.up, self.down, self.remove):
                button.setFixedSize(24, 24)
                buttons.addWidget(button)
            layout.addLayout(buttons)
        layout.addWidget(self.control)
        layout.addWidget(self._notices)

    def show_problems(self, problems: Sequence[Placed]) -> None:
        """Show what is wrong with the value."""
        self._notices.clear()
        for problem in of_the_line(self.control, problems):
            self._notices.add(problem.severity, problem.words)


def of_the_line(control: Control, problems: Sequence[Placed]) -> list[Problem]:
    """The problems that a line has to show: neither its control's parts nor a template's editor shows them."""
    rest = [problem for _, problem in control.show_problems(problems)]
    return [one for one in rest if not isinstance(control, TextControl) or one.code not in SHOWN_BY_EDITOR]


def add_button(context: FormContext, text: str, parent: QWidget) -> QPushButton:
    """A quiet button that adds a line."""
    button = QPushButton(text, parent)
    button.setIcon(context.around.icons.icon("plus", context.theme))
    set_role(button, role="link")
    return button


def _one(field: FormField) -> str:
    return ONE.get(field.title, "one")
