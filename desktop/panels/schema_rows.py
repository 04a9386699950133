"""The workflow's inputs or variables: name, type, default and description of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.workflow.model import Json
from core.workflow.problems import Problem
from desktop.panels.background import Surroundings
from desktop.panels.controls import ComboBox, FormContext, json_text, tool_button
from desktop.panels.field_row import Indented
from desktop.panels.lists import add_button
from desktop.panels.notices import Notices
from desktop.panels.text_edit import LineEdit
from desktop.style import set_role

TYPES: Final = {
    "string": "Text",
    "number": "Number",
    "integer": "Whole number",
    "boolean": "Yes or no",
    "array": "List",
    "object": "Object",
}
"""The types that can be chosen, as people call them."""

_EMPTY: Final[Mapping[str, Json]] = {
    "string": "", "number": 0, "integer": 0, "boolean": False, "array": [], "object": {},
}  # fmt: skip

Schemas = Mapping[str, Mapping[str, Json]]


class SchemaRows(QWidget):
    """A list of names with their JSON Schemas.

    edited: all of them as they should be, and whether that is being typed. renamed: the old and the new name.
    what: "input" or "variable".
    """

    edited = Signal(object, bool)
    renamed = Signal(str, str)
    left = Signal()

    def __init__(self, what: str, title: str, help_: str, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = what
        self._context = context
        self._schemas: dict[str, Mapping[str, Json]] = {}
        self.rows: dict[str, SchemaRow] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(context.theme.px("space.2"))
        label = QLabel(title, self)
        set_role(label, kind="secondary")
        self._layout.addWidget(label)
        self._help = QLabel(help_, self)
        self._help.setWordWrap(True)
        set_role(self._help, kind="caption")
        self._layout.addWidget(self._help)
        self.notices = Notices(context.around, self)
        self._layout.addWidget(self.notices)
        self.add_button = add_button(context, f"Add {'an' if what[0] in 'aeio' else 'a'} {what}", self)
        self.add_button.clicked.connect(self._add)
        self._layout.addWidget(self.add_button, 0, Qt.AlignmentFlag.AlignLeft)

    def show_schemas(self, schemas: Schemas) -> None:
        """Show what the document holds."""
        if list(schemas) != list(self.rows):
            for row in self.rows.values():
                self._layout.removeWidget(row)
                row.hide()
                row.deleteLater()
            self.rows = {name: self._row(name, place) for place, name in enumerate(schemas)}
        self._schemas = dict(schemas)
        for name, row in self.rows.items():
            row.show_schema(schemas[name])

    def show_problems(self, problems: Mapping[str, list[Problem]]) -> None:
        """Show what is wrong, by name."""
        for name, row in self.rows.items():
            row.notices.clear()
            for problem in problems.get(name, ()):
                row.notices.add(problem.severity, problem.words)

    def refuse(self, reason: str) -> None:
        """Say why a name cannot be changed."""
        self.notices.clear()
        self.notices.add("error", reason)

    def _row(self, name: str, place: int) -> SchemaRow:
        row = SchemaRow(name, self._what, self._context, self)
        row.edited.connect(lambda schema, typing: self._edited(name, schema, typing))
        row.renamed.connect(lambda new: self.renamed.emit(name, new))
        row.remove.clicked.connect(lambda: self._remove(name))
        row.left.connect(self.left)
        self._layout.insertWidget(3 + place, row)
        return row

    def _edited(self, name: str, schema: Mapping[str, Json], typing: bool) -> None:
        self._schemas[name] = schema
        self.edited.emit(dict(self._schemas), typing)

    def _add(self) -> None:
        name = self._what
        number = 1
        while name in self._schemas:
            number += 1
            name = f"{self._what}_{number}"
        schema: dict[str, Json] = {"type": "string"}
        if self._what == "variable":
            schema["default"] = ""
        self.edited.emit({**self._schemas, name: schema}, False)
        if name in self.rows:
            self.rows[name].name.setFocus()
            self.rows[name].name.selectAll()

    def _remove(self, name: str) -> None:
        self.edited.emit({key: schema for key, schema in self._schemas.items() if key != name}, False)
        self.add_button.setFocus()


class SchemaRow(QWidget):
    """One name. edited: its schema, and whether it is being typed. renamed: the new name, once confirmed."""

    edited = Signal(object, bool)
    renamed = Signal(str)
    left = Signal()

    def __init__(self, name: str, what: str, context: FormContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._name = name
        self._schema: dict[str, Json] = {}
        around: Surroundings = context.around
        self.name = LineEdit(self)
        self.name.setText(name)
        self.name.setAccessibleName(f"Name of the {what}")
        self.type = ComboBox(self)
        self.type.setAccessibleName(f"Type of {name}")
        for key, title in TYPES.items():
            self.type.addItem(title, key)
        self.remove = tool_button(context, "x", f"Remove {name}", self)
        self.has_default = QCheckBox("Default", self)
        self.has_default.setAccessibleName(f"{name} has a default")
        self.has_default.setToolTip("Without a default it has to be given for each run." if what == "input" else "")
        self.default = LineEdit(self)
        self.default.setAccessibleName(f"Default of {name}")
        self.description = LineEdit(self)
        self.description.setAccessibleName(f"Description of {name}")
        self.description.setPlaceholderText(
            "What it is, for the form that asks for it" if what == "input" else "What it is for"
        )
        self.notices = Notices(around, self)
        frame = Indented(context, self)
        frame.column.setSpacing(context.theme.px("space.1"))
        frame.column.setContentsMargins(context.theme.px("space.2") + 2, 0, 0, 0)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(4)
        second.setSpacing(4)
        first.addWidget(self.name, 3)
        first.addWidget(self.type, 2)
        first.addWidget(self.remove)
        second.addWidget(self.has_default)
        second.addWidget(self.default, 1)
        frame.column.addLayout(first)
        frame.column.addLayout(second)
        frame.column.addWidget(self.description)
        frame.column.addWidget(self.notices)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)
        self.name.left.connect(self._confirm)
        self.name.returnPressed.connect(self._confirm)
        self.type.activated.connect(self._typed)
        self.has_default.clicked.connect(self._default_switched)
        self.default.textEdited.connect(lambda text: self._set("default", self._meaning(text), typing=True))
        self.description.textEdited.connect(self._described)
        for edit in (self.name, self.default, self.description):
            edit.left.connect(self.left)

    def show_schema(self, schema: Mapping[str, Json]) -> None:
        """Show a schema; keywords beyond these fields are kept."""
        self._schema = dict(schema)
        at = self.type.findData(schema.get("type"))
        if at < 0:
            self.type.addItem("JSON Schema", schema.get("type"))
            at = self.type.count() - 1
        self.type.setCurrentIndex(at)
        has_default = "default" in schema
        self.has_default.setChecked(has_default)
        self.default.setEnabled(has_default)
        self.default.setPlaceholderText("empty" if has_default else "none, so it is needed")
        value = schema.get("default")
        if self._meaning(self.default.text()) != value or not has_default:
            self.default.setText("" if not has_default else value if isinstance(value, str) else json_text(value))
        description = schema.get("description")
        if self.description.text() != (description or ""):
            self.description.setText(description if isinstance(description, str) else "")

    def _confirm(self) -> None:
        text = self.name.text().strip()
        if text and text != self._name:
            self.renamed.emit(text)
        elif not text:
            self.name.setText(self._name)

    def _typed(self, row: int) -> None:
        kind = self.type.itemData(row)
        changed: dict[str, Json] = {**self._schema, "type": kind}
        if "default" in changed:
            changed["default"] = _EMPTY.get(str(kind))
        self.edited.emit(changed, False)

    def _default_switched(self, checked: bool) -> None:
        changed = {key: value for key, value in self._schema.items() if key != "default"}
        if checked:
            changed["default"] = _EMPTY.get(str(self._schema.get("type")), "")
        self.edited.emit(changed, False)
        if checked:
            self.default.setFocus()

    def _described(self, text: str) -> None:
        changed = {key: value for key, value in self._schema.items() if key != "description"}
        self.edited.emit({**changed, "description": text} if text else changed, True)

    def _set(self, key: str, value: Json, *, typing: bool) -> None:
        self.edited.emit({**self._schema, key: value}, typing)

    def _meaning(self, text: str) -> Json:
        """What a typed default means by the type; a text that does not fit stays a text, for validation to speak of."""
        if self._schema.get("type") == "string":
            return text
        try:
            value: Json = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value
