from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from core.engine.step_type import StepTypes
from core.steps import discover
from core.workflow.problems import Problem
from desktop.panels.background import Surroundings
from desktop.panels.code_controls import CodeControl
from desktop.panels.controls import ChoiceControl, Control, SwitchControl, TextControl
from desktop.panels.fields import ABSENT, FormField, Value, fields_of
from desktop.panels.form import Form
from desktop.panels.lists import GroupControl, ListControl
from desktop.panels.name_values import KeyValuesControl
from desktop.panels.schema_control import SchemaControl
from desktop.panels.step_templates import StepTemplates
from desktop.panels.value_controls import NumberControl, ValueControl
from tests.support.panel_documents import triage

# Qt's offscreen platform says of every window that pops up what it cannot do with it.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

Stand = Callable[..., QWidget]

TYPE_NAMES = discover(plug_ins=[]).names()


class Heard(QObject):
    """What a form told, the last value by key."""

    def __init__(self, form: Form) -> None:
        super().__init__(form)
        self._values: dict[str, Value] = {}
        self._typing: dict[str, bool] = {}
        self.count = 0
        form.edited.connect(self._note)

    def last(self, key: str) -> Value:
        return self._values[key]

    def was_typing(self, key: str) -> bool:
        return self._typing[key]

    def _note(self, key: str, value: Value, typing: bool) -> None:
        self._values[key], self._typing[key] = value, typing
        self.count += 1


@pytest.fixture
def make(around: Surroundings, types: StepTypes, stand: Stand) -> Callable[[Sequence[FormField]], Form]:
    def made(fields: Sequence[FormField]) -> Form:
        source = StepTemplates(triage(), types)
        source.step = "reply"
        form = Form(fields, around, source, lambda _source: None)
        stand(form, (340, 2_000))
        return form

    return made


def control(form: Form, key: str) -> Control:
    found = form.rows[key].shown_control
    assert found is not None
    return found


def text_of(form: Form, key: str) -> TextControl:
    found = control(form, key)
    assert isinstance(found, TextControl)
    return found


Make = Callable[[Sequence[FormField]], Form]


@pytest.mark.parametrize("type_name", TYPE_NAMES)
def test_every_step_type_has_a_form_that_shows_without_changing_anything(
    types: StepTypes, make: Make, type_name: str
) -> None:
    kind = types.get(type_name)
    assert kind is not None
    form = make(fields_of(kind.config_model))
    heard = Heard(form)
    form.show_values({})
    form.check()
    assert heard.count == 0
    for row in form.rows.values():
        assert row.keyboard().focusPolicy() & Qt.FocusPolicy.TabFocus
        shown = row.shown_control
        if shown is not None:
            assert shown.keyboard().accessibleName() or isinstance(
                shown, SwitchControl | ListControl | KeyValuesControl | GroupControl
            )


def test_typing_into_a_text_tells_each_letter_as_typing(make: Make) -> None:
    form = make([FormField("prompt", "multiline", "Prompt")])
    heard = Heard(form)
    QTest.keyClicks(text_of(form, "prompt").editor, "Hey")
    assert (heard.last("prompt"), heard.was_typing("prompt"), heard.count) == ("Hey", True, 3)


def test_an_emptied_text_leaves_the_setting_out(make: Make) -> None:
    form = make([FormField("system", "text", "System")])
    heard = Heard(form)
    form.show_values({"system": "a"})
    editor = text_of(form, "system").editor
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Delete)
    assert heard.last("system") is ABSENT


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("integer", "12", 12),
        ("integer", "-3", -3),
        ("integer", "1.5", "1.5"),
        ("number", "0.5", 0.5),
        ("number", "2", 2),
        ("number", "nan", "nan"),
        ("number", "{{ vars.tone }}", "{{ vars.tone }}"),
        ("duration", "30s", "30s"),
    ],
)
def test_a_number_is_a_number_and_everything_else_stays_as_it_was_typed(
    make: Make, kind: str, typed: str, value: object
) -> None:
    form = make([FormField("n", kind, "N")])  # type: ignore[arg-type] # kinds from the table
    heard = Heard(form)
    QTest.keyClicks(text_of(form, "n").editor, typed)
    QTest.keyClick(text_of(form, "n").editor, Qt.Key.Key_Escape)
    assert heard.last("n") == value
    assert type(heard.last("n")) is type(value)


def test_the_arrow_keys_count_within_the_limits(make: Make) -> None:
    form = make([FormField("n", "integer", "N", default=4, low=1, high=6)])
    heard = Heard(form)
    form.show_values({})
    number = control(form, "n")
    assert isinstance(number, NumberControl)
    for _ in range(5):
        QTest.keyClick(number.editor, Qt.Key.Key_Up)
    assert heard.last("n") == 6
    QTest.keyClick(number.editor, Qt.Key.Key_PageDown)
    assert heard.last("n") == 1


def test_fine_numbers_are_counted_in_tenths(make: Make) -> None:
    form = make([FormField("t", "number", "T", low=0, high=2)])
    heard = Heard(form)
    form.show_values({"t": 0.7})
    QTest.keyClick(text_of(form, "t").editor, Qt.Key.Key_Up)
    assert heard.last("t") == 0.8
    assert text_of(form, "t").editor.toPlainText() == "0.8"


def test_a_line_that_is_broken_in_a_narrow_form_is_seen_whole(make: Make) -> None:
    form = make([FormField("values", "key_values", "Values", item=FormField("", "value"))])
    form.show_values({"values": {"lines": "{{ classify.text }} and some more words that need a second line"}})
    QCoreApplication.sendPostedEvents()
    pairs = control(form, "values")
    assert isinstance(pairs, KeyValuesControl)
    ((name, value),) = pairs.pairs
    assert isinstance(value, TextControl)
    editor, before = value.editor, value.editor.height()
    assert value.mapTo(form, value.rect().topLeft()).y() > name.mapTo(form, name.rect().bottomLeft()).y()
    form.resize(200, 2_000)
    QCoreApplication.sendPostedEvents()
    assert editor.height() > before
    assert editor.document().size().height() * editor.fontMetrics().lineSpacing() < editor.height()


def test_a_large_number_that_holds_if_none_is_set_can_be_read(make: Make) -> None:
    form = make([FormField("most", "integer", "Most", default=10_000_000), FormField("part", "number", default=0.5)])
    assert text_of(form, "most").editor.placeholderText() == "10,000,000"
    assert text_of(form, "part").editor.placeholderText() == "0.5"


def test_a_choice_is_said_in_plain_words_and_its_tip_says_the_word_of_the_document(make: Make) -> None:
    kind = discover(plug_ins=[]).get("condition")
    assert kind is not None
    (operator,) = [field for field in fields_of(kind.config_model) if field.key == "operator"]
    form = make([operator])
    heard = Heard(form)
    form.show_values({"operator": "greater_than"})
    choice = control(form, "operator")
    assert isinstance(choice, ChoiceControl)
    assert (choice.box.currentText(), choice.box.toolTip()) == ("is greater than", "In the document: greater_than")
    row = choice.box.findText("is not empty")
    assert choice.box.itemData(row, Qt.ItemDataRole.ToolTipRole) == "In the document: is_not_empty"
    choice.box.setFocus()
    QTest.keyClick(choice.box, Qt.Key.Key_Down)
    assert heard.last("operator") == "less_than"
    assert choice.box.toolTip() == "In the document: less_than"


def test_every_choice_of_a_step_reads_as_words() -> None:
    raw = [
        f"{kind.type}: {label}"
        for kind in discover(plug_ins=[])
        for field in _all_fields(fields_of(kind.config_model))
        for label in field.labels
        if "_" in label or (label.islower() and field.key != "operator")
    ]
    assert raw == []


def _all_fields(fields: Sequence[FormField]) -> Iterator[FormField]:
    for field in fields:
        yield field
        yield from _all_fields((*field.fields, *((field.item,) if field.item else ())))


def test_choosing_the_default_leaves_the_setting_out(make: Make) -> None:
    form = make([FormField("mode", "choice", "Mode", default="all", choices=("all", "any_of_them"))])
    heard = Heard(form)
    form.show_values({})
    choice = control(form, "mode")
    assert isinstance(choice, ChoiceControl)
    assert [choice.box.itemText(n) for n in range(2)] == ["All", "Any of them"]
    choice.box.setFocus()
    QTest.keyClick(choice.box, Qt.Key.Key_Down)
    assert heard.last("mode") == "any_of_them"
    QTest.keyClick(choice.box, Qt.Key.Key_Up)
    assert heard.last("mode") is ABSENT


def test_a_choice_that_is_none_of_the_known_ones_is_shown_and_kept(make: Make) -> None:
    form = make([FormField("mode", "choice", "Mode", default="all", choices=("all", "any"))])
    heard = Heard(form)
    form.show_values({"mode": "some"})
    choice = control(form, "mode")
    assert isinstance(choice, ChoiceControl)
    assert choice.box.currentText() == "some (unknown)"
    assert heard.count == 0


def test_a_switch_is_turned_by_space(make: Make) -> None:
    form = make([FormField("on", "switch", "On", default=False)])
    heard = Heard(form)
    form.show_values({})
    switch = control(form, "on")
    QTest.keyClick(switch.keyboard(), Qt.Key.Key_Space)
    assert heard.last("on") is True
    QTest.keyClick(switch.keyboard(), Qt.Key.Key_Space)
    assert heard.last("on") is ABSENT


@pytest.mark.parametrize(
    "field",
    [
        FormField("f", "choice", "F", default="a", choices=("a", "b")),
        FormField("f", "switch", "F", default=False),
        FormField("f", "list", "F", item=FormField("", "text")),
        FormField("f", "key_values", "F", item=FormField("", "value")),
    ],
    ids=lambda field: field.kind,
)
def test_a_field_with_a_control_of_its_own_can_be_a_template_instead(make: Make, field: FormField) -> None:
    form = make([field])
    heard = Heard(form)
    form.show_values({})
    row = form.rows["f"]
    assert row.braces is not None
    QTest.mouseClick(row.braces, Qt.MouseButton.LeftButton)
    QTest.keyClicks(text_of(form, "f").editor, "{{ vars.tone }}")
    assert heard.last("f") == "{{ vars.tone }}"
    form.show_values({"f": "{{ vars.tone }}"})
    assert isinstance(row.shown_control, TextControl)
    QTest.mouseClick(row.braces, Qt.MouseButton.LeftButton)
    assert heard.last("f") is ABSENT
    assert row.shown_control is row.control


def test_a_template_in_the_document_is_shown_as_text_at_once(make: Make) -> None:
    form = make([FormField("f", "choice", "F", default="a", choices=("a", "b"))])
    form.show_values({"f": "{{ input.ticket }}"})
    assert text_of(form, "f").editor.toPlainText() == "{{ input.ticket }}"
    form.show_values({"f": "b"})
    assert isinstance(control(form, "f"), ChoiceControl)


def test_any_value_is_text_until_it_is_called_json(make: Make) -> None:
    form = make([FormField("v", "value", "V")])
    heard = Heard(form)
    value = control(form, "v")
    assert isinstance(value, ValueControl)
    QTest.keyClicks(value.editor, "3")
    assert heard.last("v") == "3"
    QTest.mouseClick(value.as_json, Qt.MouseButton.LeftButton)
    assert heard.last("v") == 3
    QTest.keyClicks(value.editor, ",")
    assert heard.last("v") == "3,"
    assert value.notices.texts


def test_a_value_that_is_no_text_is_shown_as_json(make: Make) -> None:
    form = make([FormField("v", "value", "V")])
    form.show_values({"v": {"a": [1, None]}})
    value = control(form, "v")
    assert isinstance(value, ValueControl)
    assert value.as_json.isChecked()
    assert value.editor.toPlainText() == '{"a": [1, null]}'
    form.show_values({"v": "text"})
    assert not value.as_json.isChecked()


def test_json_that_is_not_finished_is_kept_as_text_and_explained(make: Make) -> None:
    form = make([FormField("schema", "json_schema", "Schema", template=False)])
    heard = Heard(form)
    schema = control(form, "schema")
    assert isinstance(schema, SchemaControl)
    schema.as_text.click()
    editor = schema.text
    QTest.keyClicks(editor.editor, '{"type": ')
    assert heard.last("schema") == '{"type": '
    assert "Line 1, column" in editor.notices.texts[0]
    form.show_values({"schema": '{"type": '})
    QTest.keyClicks(editor.editor, '"nonsense"}')
    assert heard.last("schema") == {"type": "nonsense"}
    assert "no JSON Schema" in editor.notices.texts[0]


def test_code_keeps_its_indent_and_tab_leaves_it_after_escape(make: Make) -> None:
    form = make([FormField("source", "code", "Python", template=False), FormField("next", "text", "Next")])
    heard = Heard(form)
    code = control(form, "source")
    assert isinstance(code, CodeControl)
    code.editor.setFocus()
    QTest.keyClicks(code.editor, "def run(inputs):")
    QTest.keyClick(code.editor, Qt.Key.Key_Return)
    QTest.keyClicks(code.editor, "return 1")
    QTest.keyClick(code.editor, Qt.Key.Key_Tab)
    assert heard.last("source") == "def run(inputs):\n    return 1    "
    QTest.keyClick(code.editor, Qt.Key.Key_Escape)
    QTest.keyClick(code.editor, Qt.Key.Key_Tab)
    assert text_of(form, "next").editor.hasFocus()


def test_tab_goes_through_the_fields_in_their_order(make: Make) -> None:
    form = make([
        FormField("a", "multiline", "A"),
        FormField("b", "choice", "B", choices=("x",), template=False),
        FormField("c", "integer", "C"),
        FormField("d", "switch", "D", template=False),
    ])  # fmt: skip
    keyboards = [form.rows[key].keyboard() for key in "abcd"]
    keyboards[0].setFocus()
    for here, after in pairwise(keyboards):
        assert here.hasFocus()
        QTest.keyClick(here, Qt.Key.Key_Tab)
        assert after.hasFocus()


def test_a_label_leads_to_its_control(make: Make) -> None:
    form = make([FormField("a", "text", "Address")])
    row = form.rows["a"]
    assert row.label is not None
    assert row.label.buddy() is text_of(form, "a").editor
    assert text_of(form, "a").editor.accessibleName() == "Address"


def test_problems_stand_at_their_field_with_what_to_do(make: Make) -> None:
    form = make([FormField("a", "text", "A"), FormField("b", "text", "B")])
    form.show_problems([(("a",), Problem("x", "It is wrong.", "Mend it.")), ((), Problem("y", "All of it.", ""))])
    assert form.rows["a"].notices.texts == ["It is wrong. Mend it."]
    assert form.rows["b"].notices.texts == []
    assert form.notices.texts == ["All of it."]
    form.show_problems([])
    assert form.rows["a"].notices.texts == form.notices.texts == []


def test_a_problem_of_a_reference_is_said_once_with_its_cure(make: Make) -> None:
    form = make([FormField("a", "text", "A")])
    form.show_values({"a": "{{ clasify.text }}"})
    form.check()
    message = "There is no step or name 'clasify' here."
    form.show_problems([(("a",), Problem("unknown_name", message, "Did you mean 'classify'?"))])
    assert form.rows["a"].notices.texts == []
    (button,) = text_of(form, "a").flaws.buttons
    assert button.text() == "Use classify.text"
    heard = Heard(form)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert heard.last("a") == "{{ classify.text }}"
    assert text_of(form, "a").flaws.texts == []


def test_a_closed_group_opens_when_something_inside_is_wrong(make: Make) -> None:
    inner = (FormField("kind", "choice", "Kind", default="x", choices=("x",)), FormField("token", "text", "Token"))
    form = make([FormField("auth", "group", "Auth", fields=inner)])
    form.show_values({})
    assert not form.rows["auth"].findChildren(GroupControl)
    form.show_problems([(("auth", "token"), Problem("x", "It is missing."))])
    group = form.rows["auth"].control
    assert isinstance(group, GroupControl)
    assert group.isVisible()
    assert group.rows["token"].notices.texts == ["It is missing."]


def test_a_group_that_is_emptied_leaves_the_document(make: Make) -> None:
    form = make([FormField("auth", "group", "Auth", fields=(FormField("token", "text", "Token"),))])
    heard = Heard(form)
    form.show_values({"auth": {"token": "a"}})
    group = form.rows["auth"].control
    assert isinstance(group, GroupControl)
    editor = group.rows["token"].keyboard()
    QTest.keyClick(editor, Qt.Key.Key_End)
    QTest.keyClicks(editor, "b")
    assert heard.last("auth") == {"token": "ab"}
    QTest.keyClick(editor, Qt.Key.Key_Backspace)
    QTest.keyClick(editor, Qt.Key.Key_Backspace)
    assert heard.last("auth") is ABSENT
