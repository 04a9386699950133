"""Editing a JSON Schema by rows, and as text where rows cannot say it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.engine.step_type import StepTypes
from core.workflow.model import Json
from desktop.panels.background import Surroundings
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.form import Form
from desktop.panels.schema_control import SchemaControl, is_plain
from desktop.panels.step_templates import StepTemplates
from tests.support.panel_documents import triage

URGENCY: dict[str, Json] = {
    "type": "object",
    "properties": {
        "urgency": {"type": "integer", "description": "1 to 5"}, "team": {"type": "string", "enum": ["a", "b"]},
    },
    "required": ["urgency"],
}  # fmt: skip


class Rig:
    """A form of one schema, which the document takes as it is told."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.value: Value = ABSENT
        form.edited.connect(self._take)

    @property
    def control(self) -> SchemaControl:
        found = self.form.rows["f"].control
        assert isinstance(found, SchemaControl)
        return found

    @property
    def is_absent(self) -> bool:
        return self.value is ABSENT

    def show(self, value: Value) -> None:
        self.value = value
        self.form.show_values({} if value is ABSENT else {"f": value})

    def _take(self, _key: str, value: Value, _typing: bool) -> None:
        self.show(value)


@pytest.fixture
def rig(around: Surroundings, types: StepTypes, stand: Callable[..., QWidget]) -> Rig:
    field = FormField("f", "json_schema", "Structured answer", template=False)
    form = Form([field], around, StepTemplates(triage(), types), lambda _source: None)
    stand(form)
    return Rig(form)


def test_fields_are_added_named_described_and_taken_away(rig: Rig) -> None:
    rig.show(ABSENT)
    QTest.mouseClick(rig.control.add_button, Qt.MouseButton.LeftButton)
    (row,) = rig.control.rows
    assert row.name.hasFocus()
    QTest.keyClicks(row.name, "urgency")
    QTest.keyClick(row.name, Qt.Key.Key_Return)
    (row,) = rig.control.rows
    row.type.setCurrentIndex(row.type.findData("integer"))
    row.type.activated.emit(row.type.currentIndex())
    (row,) = rig.control.rows
    row.about.setFocus()
    QTest.keyClicks(row.about, "1 to 5")
    assert rig.value == {
        "type": "object",
        "properties": {"urgency": {"type": "integer", "description": "1 to 5"}},
        "required": ["urgency"],
    }
    rig.control.rows[0].remove.click()
    assert rig.is_absent


def test_choices_are_written_with_commas(rig: Rig) -> None:
    rig.show(URGENCY)
    team = rig.control.rows[1]
    assert team.type.currentData() == "choice"
    assert team.choices.text() == "a, b"
    team.choices.setFocus()
    team.choices.end(False)
    QTest.keyClicks(team.choices, ", c")
    assert isinstance(rig.value, dict)
    properties = rig.value["properties"]
    assert isinstance(properties, dict)
    assert properties["team"] == {"type": "string", "enum": ["a", "b", "c"]}


def test_a_field_is_needed_or_not(rig: Rig) -> None:
    rig.show(URGENCY)
    assert [row.is_needed.isChecked() for row in rig.control.rows] == [True, False]
    rig.control.rows[1].is_needed.click()
    assert isinstance(rig.value, dict)
    assert rig.value["required"] == ["urgency", "team"]
    for row in rig.control.rows:
        row.is_needed.click()
    assert "required" not in rig.value


def test_a_name_that_is_taken_changes_nothing(rig: Rig) -> None:
    rig.show(URGENCY)
    row = rig.control.rows[1]
    row.name.setText("urgency")
    QTest.keyClick(row.name, Qt.Key.Key_Return)
    assert rig.value == URGENCY


def test_what_rows_cannot_say_is_shown_as_text_and_nothing_of_it_is_lost(rig: Rig) -> None:
    deep: dict[str, Json] = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    rig.show(deep)
    assert rig.control.as_text.isChecked()
    assert rig.control.text.isVisible()
    assert not rig.control.add_button.isVisible()
    assert '"anyOf"' in rig.control.text.editor.toPlainText()


def test_a_schema_is_edited_as_text_and_the_rows_follow(rig: Rig) -> None:
    rig.show(URGENCY)
    rig.control.as_text.click()
    assert rig.control.text.isVisible()
    rig.control.text.editor.setPlainText('{"type": "object", "properties": {"only": {"type": "boolean"}}}')
    rig.control.as_text.click()
    assert [row.key for row in rig.control.rows] == ["only"]
    assert rig.control.rows[0].type.currentData() == "boolean"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        {"type": "object", "properties": {"a": {"type": "string", "enum": ["a, b"]}}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number"}}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "$defs": {}},
    ],
)
def test_these_schemas_are_for_the_text(schema: dict[str, Json]) -> None:
    assert not is_plain(schema)
    assert is_plain(URGENCY)
