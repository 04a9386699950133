"""The control for a JSON Schema: rows of named fields, or the schema's own text for everything that rows cannot say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from core.workflow.model import Json
from desktop.panels.code_controls import JsonControl
from desktop.panels.controls import ComboBox, Control, FormContext, Placed, tool_button
from desktop.panels.field_row import Indented
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.lists import add_button
from desktop.panels.text_edit import LineEdit

TYPES: Final = {
    "string": "Text",
    "number": "Number",
    "integer": "Whole number",
    "boolean": "Yes or no",
    "choice": "Choice",
    "array": "List of texts",
    "object": "Object",
}
"""What a field can be, as people call it. `choice`: a text of several that are given."""

_PLAIN: Final = frozenset({"type", "properties", "required", "additionalProperties", "title", "description"})
_PLAIN_FIELD: Final = frozenset({"type", "description", "title", "enum", "items"})


class SchemaControl(Control):
    """An object's fields as rows: name, type, whether it is needed, what it means."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self._value: dict[str, Json] = {}
        self.rows: list[SchemaFieldRow] = []
        self.text = JsonControl(field, context, self)
        self.text.hide()
        self.as_text = tool_button(context, "code", "Edit the schema as text", self)
        self.as_text.setCheckable(True)
        self.add_button = add_button(context, "Add a field", self)
        self.add_button.setAccessibleName(f"Add a field to {field.title}")
        self._column = QVBoxLayout()
        self._column.setSpacing(context.theme.px("space.2"))
        foot = QHBoxLayout()
        foot.addWidget(self.add_button)
        foot.addStretch(1)
        foot.addWidget(self.as_text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(context.theme.px("space.1"))
        layout.addLayout(self._column)
        layout.addWidget(self.text)
        layout.addLayout(foot)
        self.add_button.clicked.connect(self._add)
        self.as_text.clicked.connect(lambda _checked: self._lay_out())
        self.text.edited.connect(self.edited)
        self.text.left.connect(self.left)

    def show_value(self, value: Value) -> None:
        """Show a schema; as text if rows would lose something of it."""
        self.text.show_value(value)
        if value is ABSENT or value is None:
            self._value = {}
        elif isinstance(value, dict) and is_plain(value):
            self._value = value
        else:
            self._value = {}
            self.as_text.setChecked(True)
        self._lay_out()

    def keyboard(self) -> QWidget:
        """The first field's name, or the text."""
        if self.as_text.isChecked():
            return self.text.keyboard()
        return self.rows[0].name if self.rows else self.add_button

    def show_problems(self, problems: Sequence[Placed]) -> Sequence[Placed]:
        """All belong to the schema as a whole."""
        return problems

    def _lay_out(self) -> None:
        as_text = self.as_text.isChecked()
        self.text.setVisible(as_text)
        self.add_button.setVisible(not as_text)
        properties = _properties(self._value)
        if [row.key for row in self.rows] != list(properties):
            for row in self.rows:
                self._column.removeWidget(row)
                row.hide()
                row.deleteLater()
            self.rows = [self._row(name, place) for place, name in enumerate(properties)]
        needed = _required(self._value)
        for row in self.rows:
            row.setVisible(not as_text)
            row.show_field(properties[row.key], required=row.key in needed)

    def _row(self, name: str, place: int) -> SchemaFieldRow:
        row = SchemaFieldRow(name, self.context, self)
        row.edited.connect(lambda schema, typing: self._changed(name, schema, typing))
        row.needed.connect(lambda needed: self._need(name, needed))
        row.renamed.connect(lambda new: self._rename(name, new))
        row.remove.clicked.connect(lambda _checked=False: self._remove(name))
        row.left.connect(self.left)
        self._column.insertWidget(place, row)
        return row

    def _tell(self, properties: Mapping[str, Json], required: Sequence[str], *, typing: bool = False) -> None:
        if not properties:
            self.edited.emit(ABSENT, typing)
            return
        needed: list[Json] = [name for name in properties if name in required]
        schema: dict[str, Json] = {**self._value, "type": "object", "properties": dict(properties), "required": needed}
        if not needed:
            del schema["required"]
        self.edited.emit(schema, typing)

    def _changed(self, name: str, schema: Mapping[str, Json], typing: bool) -> None:
        self._tell({**_properties(self._value), name: dict(schema)}, _required(self._value), typing=typing)

    def _need(self, name: str, needed: bool) -> None:
        others = [each for each in _required(self._value) if each != name]
        self._tell(_properties(self._value), [*others, name] if needed else others)

    def _rename(self, old: str, new: str) -> None:
        properties = _properties(self._value)
        if new in properties:
            return
        renamed = {new if name == old else name: schema for name, schema in properties.items()}
        self._tell(renamed, [new if name == old else name for name in _required(self._value)])

    def _add(self) -> None:
        properties = _properties(self._value)
        name, number = "field", 1
        while name in properties:
            number += 1
            name = f"field_{number}"
        self._tell({**properties, name: {"type": "string"}}, [*_required(self._value), name])
        row = next((row for row in self.rows if row.key == name), None)
        if row is not None:
            row.name.setFocus()
            row.name.selectAll()

    def _remove(self, name: str) -> None:
        self._tell({key: each for key, each in _properties(self._value).items() if key != name}, _required(self._value))
        self.add_button.setFocus()


class SchemaFieldRow(QWidget):
    """One field. edited: its schema, and whether it is being typed. needed: whether it must be there.

    renamed: the new name, once confirmed.
    """

    edited = Signal(object, bool)
    needed = Signal(bool)
    renamed = Signal(str)
    left = Signal()

    def __init__(self, key: str, context: FormContext, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self._schema: dict[str, Json] = {}
        self.name = LineEdit(self)
        self.name.setText(key)
        self.name.setAccessibleName("Name of the field")
        self.type = ComboBox(self)
        self.type.setAccessibleName(f"Type of {key}")
        for kind, title in TYPES.items():
            self.type.addItem(title, kind)
        self.is_needed = QCheckBox("Needed", self)
        self.is_needed.setAccessibleName(f"{key} is needed")
        self.remove = tool_button(context, "x", f"Remove {key}", self)
        self.choices = LineEdit(self)
        self.choices.setPlaceholderText("Choices, separated by commas")
        self.choices.setAccessibleName(f"Choices of {key}")
        self.about = LineEdit(self)
        self.about.setPlaceholderText("What it means, for the model and for people")
        self.about.setAccessibleName(f"Description of {key}")
        frame = Indented(context, self)
        frame.column.setSpacing(context.theme.px("space.1"))
        frame.column.setContentsMargins(context.theme.px("space.2") + 2, 0, 0, 0)
        first, second = QHBoxLayout(), QHBoxLayout()
        for line in (first, second):
            line.setSpacing(4)
        first.addWidget(self.name, 3)
        first.addWidget(self.type, 3)
        first.addWidget(self.remove)
        second.addWidget(self.about, 1)
        second.addWidget(self.is_needed)
        frame.column.addLayout(first)
        frame.column.addWidget(self.choices)
        frame.column.addLayout(second)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame, 0, Qt.AlignmentFlag.AlignTop)
        self.name.left.connect(self._confirm)
        self.name.returnPressed.connect(self._confirm)
        self.type.activated.connect(self._typed)
        self.is_needed.clicked.connect(self.needed)
        self.choices.textEdited.connect(self._chosen)
        self.about.textEdited.connect(self._described)
        for edit in (self.name, self.choices, self.about):
            edit.left.connect(self.left)

    def show_field(self, schema: Mapping[str, Json], *, required: bool) -> None:
        """Show a field's schema."""
        self._schema = dict(schema)
        choices = schema.get("enum")
        self.type.setCurrentIndex(self.type.findData("choice" if isinstance(choices, list) else schema.get("type")))
        self.choices.setVisible(isinstance(choices, list))
        if isinstance(choices, list) and _split(self.choices.text()) != choices:
            self.choices.setText(", ".join(map(str, choices)))
        self.is_needed.setChecked(required)
        about = schema.get("description")
        if self.about.text() != (about or ""):
            self.about.setText(about if isinstance(about, str) else "")

    def _typed(self, row: int) -> None:
        kind = str(self.type.itemData(row))
        kept = {name: value for name, value in self._schema.items() if name in ("title", "description")}
        made: dict[str, Json] = {"type": "string" if kind == "choice" else kind}
        if kind == "choice":
            made["enum"] = []
        if kind == "array":
            made["items"] = {"type": "string"}
        self.edited.emit({**made, **kept}, False)
        if kind == "choice":
            self.choices.setFocus()

    def _chosen(self, text: str) -> None:
        self.edited.emit({**self._schema, "enum": _split(text)}, True)

    def _described(self, text: str) -> None:
        rest = {name: value for name, value in self._schema.items() if name != "description"}
        self.edited.emit({**rest, "description": text} if text else rest, True)

    def _confirm(self) -> None:
        text = self.name.text().strip()
        if text and text != self.key:
            self.renamed.emit(text)
        else:
            self.name.setText(self.key)


def is_plain(schema: Mapping[str, Json]) -> bool:
    """Whether rows say all of a schema: an object whose fields are plain texts, numbers, choices, lists and objects."""
    properties = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not schema.keys() <= _PLAIN or not isinstance(properties, dict):
        return False
    return all(isinstance(field, dict) and _is_plain_field(field) for field in properties.values())


def _is_plain_field(field: Mapping[str, Json]) -> bool:
    choices = field.get("enum")
    if choices is not None and not (isinstance(choices, list) and all(isinstance(each, str) for each in choices)):
        return False
    if any(isinstance(each, str) and ("," in each or each != each.strip()) for each in choices or ()):
        return False
    if "items" in field and (field.get("type") != "array" or field["items"] != {"type": "string"}):
        return False
    kind = field.get("type")
    return field.keys() <= _PLAIN_FIELD and isinstance(kind, str) and kind in TYPES and kind != "choice"


def _properties(schema: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    found = schema.get("properties")
    return {name: each for name, each in found.items() if isinstance(each, dict)} if isinstance(found, dict) else {}


def _required(schema: Mapping[str, Json]) -> list[str]:
    found = schema.get("required")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _split(text: str) -> list[Json]:
    return [part.strip() for part in text.split(",") if part.strip()]
