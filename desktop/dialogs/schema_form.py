"""A form made from JSON Schemas: a labelled editor for each name, help below it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.workflow.model import Json
from core.workflow.schemas import value_flaw
from desktop.dialogs.value_editors import BLANK, NotAValue, ValueEditor, make_editor
from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import Theme

_WORDS = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no", "array": "list",
    "object": "object", "null": "null",
}  # fmt: skip


class FormRow(QWidget):
    """One value of a form."""

    def __init__(self, name: str, schema: Mapping[str, Json], theme: Theme, icons: Icons, *, required: bool) -> None:
        super().__init__()
        self.name = name
        self.required = required
        self.editor: ValueEditor = make_editor(schema, theme)
        title = str(schema.get("title") or name)
        help_text = str(schema.get("description") or "")
        label = QLabel(title)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setBuddy(self.editor)
        set_role(label, kind="strong")
        hint = QLabel(_hint(schema, required=required))
        set_role(hint, kind="caption")
        head = QHBoxLayout()
        head.addWidget(label)
        head.addStretch(1)
        head.addWidget(hint)
        self.problem = _ProblemLine(theme, icons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px("space.1"))
        layout.addLayout(head)
        layout.addWidget(self.editor)
        layout.addWidget(self.problem)
        if help_text:
            layout.addWidget(_help(help_text))
        keyboard = self.editor.focusProxy() or self.editor
        keyboard.setAccessibleName(f"{title}, required" if required else title)
        keyboard.setAccessibleDescription(help_text)
        self.editor.changed.connect(lambda: self.show_problem(""))

    def show_problem(self, text: str) -> None:
        """What is wrong with the value; '' for nothing."""
        self.problem.show_text(text)
        keyboard = self.editor.focusProxy() or self.editor
        set_role(keyboard, invalid=bool(text))


class _ProblemLine(QWidget):
    """A sentence with a sign before it; hidden while there is none."""

    def __init__(self, theme: Theme, icons: Icons) -> None:
        super().__init__()
        sign = QLabel()
        sign.setPixmap(icons.pixmap("circle-alert", theme.color("state.failed"), 14, self.devicePixelRatioF()))
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        set_role(self._label, kind="error")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setHorizontalSpacing(6)
        layout.addWidget(sign, 0, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._label, 0, 1)
        layout.setColumnStretch(1, 1)
        self.hide()

    @property
    def text(self) -> str:
        """What is said."""
        return self._label.text()

    def show_text(self, text: str) -> None:
        """Say that, or nothing."""
        self._label.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))


class SchemaForm(QWidget):
    """Editors for some named values. changed: the person changed one.

    properties: a JSON Schema for each name. required: names that must be entered.
    """

    changed = Signal()

    def __init__(
        self, properties: Mapping[str, Mapping[str, Json]], required: Collection[str], theme: Theme, icons: Icons
    ) -> None:
        super().__init__()
        self._properties = properties
        self.rows = {
            name: FormRow(name, schema, theme, icons, required=name in required)
            for name, schema in properties.items()
        }  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.px("space.4"))
        for row in self.rows.values():
            layout.addWidget(row)
            row.editor.changed.connect(self.changed)
        self.fill({})

    def fill(self, values: Mapping[str, Json]) -> None:
        """Show values; the schema's default, or nothing, where there is none."""
        for name, row in self.rows.items():
            row.editor.write(values.get(name, self._properties[name].get("default", BLANK)))
            row.show_problem("")

    def values(self) -> dict[str, Json] | None:
        """What was entered, blanks left out; None if something spells no value, which is then shown there."""
        entered: dict[str, Json] = {}
        spelled = True
        for name, row in self.rows.items():
            try:
                value = row.editor.read()
            except NotAValue as wrong:
                row.show_problem(str(wrong))
                spelled = False
                continue
            if value is not BLANK:
                entered[name] = value
        if not spelled:
            self.go_to_problem()
        return entered if spelled else None

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Show a sentence under each named value, and go to the first."""
        for name, row in self.rows.items():
            row.show_problem(problems.get(name, ""))
        self.go_to_problem()

    def go_to_problem(self) -> None:
        """Put the keyboard where the first problem is."""
        row = next((row for row in self.rows.values() if row.problem.text), None)
        if row is not None:
            row.editor.setFocus()


def form_problems(schema: Mapping[str, Json], values: Mapping[str, Json]) -> dict[str, str]:
    """What keeps values from fitting an object's schema, by name; under '' what belongs to none. For a thread."""
    properties = form_properties(schema)
    problems = {name: "This is needed." for name in form_required(schema) if name not in values}
    for name, value in values.items():
        if flaw := value_flaw(value, properties.get(name, {})):
            problems[name] = flaw
    if not problems and (flaw := value_flaw(dict(values), schema)):
        problems[""] = flaw
    return problems


def form_properties(schema: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """The named values of an object's schema, with the definitions that they may refer to."""
    properties = schema.get("properties")
    shared = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    named = properties.items() if isinstance(properties, dict) else ()
    return {name: {**each, **shared} if isinstance(each, dict) else {} for name, each in named}


def form_required(schema: Mapping[str, Json]) -> list[str]:
    """The names that an object's schema demands."""
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _hint(schema: Mapping[str, Json], *, required: bool) -> str:
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    word = "choice" if "enum" in schema else " or ".join(_WORDS[str(one)] for one in kinds if str(one) in _WORDS)
    return ", ".join(part for part in (word or "any value", "required" if required else "") if part)


def _help(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    set_role(label, kind="muted")
    return label
