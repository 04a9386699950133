from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core.engine.step_type import StepTypes
from core.workflow.problems import Problem
from desktop.panels.background import Surroundings
from desktop.panels.fields import ABSENT, FormField, Value
from desktop.panels.form import Form
from desktop.panels.lists import GroupControl, ListControl
from desktop.panels.name_values import KeyValuesControl
from desktop.panels.step_templates import StepTemplates
from tests.support.panel_documents import triage

RULE = FormField(
    "",
    "group",
    fields=(FormField("value", "value", "Value"), FormField("operator", "choice", "Operator", choices=("a", "b"))),
)


class Rig:
    """A form of one field, and what it told."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.told: list[Value] = []
        form.edited.connect(lambda _key, value, _typing: self.told.append(value))

    def last(self) -> Value:
        return self.told[-1]

    @property
    def list(self) -> ListControl:
        found = self.form.rows["f"].control
        assert isinstance(found, ListControl)
        return found

    @property
    def pairs(self) -> KeyValuesControl:
        found = self.form.rows["f"].control
        assert isinstance(found, KeyValuesControl)
        return found


@pytest.fixture
def make(around: Surroundings, types: StepTypes, stand: Callable[..., QWidget]) -> Callable[[FormField], Rig]:
    def made(field: FormField) -> Rig:
        form = Form([field], around, StepTemplates(triage(), types), lambda _source: None)
        stand(form)
        return Rig(form)

    return made


Make = Callable[[FormField], Rig]
LIST = FormField("f", "list", "Names", item=FormField("", "text"))
PAIRS = FormField("f", "key_values", "Headers", item=FormField("", "value"))


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_lines_are_added_filled_and_removed(make: Make, qtbot: QtBot) -> None:
    rig = make(LIST)
    rig.form.show_values({})
    click(rig.list.add_button)
    assert rig.told == [[""]]
    assert rig.list.items[0].keyboard().hasFocus()
    QTest.keyClicks(rig.list.items[0].keyboard(), "a")
    click(rig.list.add_button)
    QTest.keyClicks(rig.list.items[1].keyboard(), "b")
    assert rig.last() == ["a", "b"]
    click(rig.list.lines[0].remove)
    assert rig.last() == ["b"]
    click(rig.list.lines[0].remove)
    assert rig.last() is ABSENT
    assert rig.list.add_button.hasFocus()


def test_groups_in_a_list_can_be_put_in_another_order(make: Make, qtbot: QtBot) -> None:
    rig = make(FormField("f", "list", "Rules", item=RULE))
    rig.form.show_values({"f": [{"value": "1"}, {"value": "2"}]})
    assert not rig.list.lines[0].up.isEnabled()
    click(rig.list.lines[0].down)
    assert rig.last() == [{"value": "2"}, {"value": "1"}]
    group = rig.list.items[0]
    assert isinstance(group, GroupControl)
    assert group.rows["value"].keyboard().toPlainText() == "2"  # type: ignore[attr-defined] # a text editor


def test_a_group_in_a_list_tells_the_whole_list(make: Make) -> None:
    rig = make(FormField("f", "list", "Rules", item=RULE))
    rig.form.show_values({"f": [{"value": "1"}]})
    group = rig.list.items[0]
    assert isinstance(group, GroupControl)
    box = group.rows["operator"].keyboard()
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert rig.last() == [{"value": "1", "operator": "a"}]


def test_problems_in_a_list_stand_at_the_field_inside(make: Make) -> None:
    rig = make(FormField("f", "list", "Rules", item=RULE))
    rig.form.show_values({"f": [{}, {}]})
    rig.form.show_problems([(("f", 1, "operator"), Problem("x", "Operator is missing."))])
    first, second = rig.list.items
    assert isinstance(first, GroupControl)
    assert isinstance(second, GroupControl)
    assert first.rows["operator"].notices.texts == []
    assert second.rows["operator"].notices.texts == ["Operator is missing."]


def test_one_value_instead_of_a_list_is_shown_as_a_list_of_it(make: Make) -> None:
    rig = make(LIST)
    rig.form.show_values({"f": "alone"})
    assert len(rig.list.items) == 1
    assert rig.told == []


def test_names_get_values_and_a_line_without_a_name_is_not_kept(make: Make, qtbot: QtBot) -> None:
    rig = make(PAIRS)
    rig.form.show_values({"f": {"a": "1"}})
    click(rig.pairs.add_button)
    assert rig.told == []
    key, value = rig.pairs.pairs[1]
    assert key.hasFocus()
    QTest.keyClicks(value.keyboard(), "2")
    assert rig.last() == {"a": "1"}
    QTest.keyClicks(key, "b")
    assert rig.last() == {"a": "1", "b": "2"}


def test_the_document_coming_back_keeps_the_line_that_has_no_name_yet(make: Make, qtbot: QtBot) -> None:
    rig = make(PAIRS)
    rig.form.show_values({"f": {"a": "1"}})
    click(rig.pairs.add_button)
    rig.form.show_values({"f": {"a": "1"}})
    assert len(rig.pairs.pairs) == 2


def test_a_name_that_stands_twice_is_pointed_out(make: Make) -> None:
    rig = make(PAIRS)
    rig.form.show_values({"f": {"a": "1", "b": "2"}})
    key, _ = rig.pairs.pairs[1]
    key.selectAll()
    QTest.keyClicks(key, "a")
    assert rig.pairs.notices.texts == ["The name 'a' stands twice; the last one counts."]
    assert rig.last() == {"a": "2"}


def test_renaming_keeps_the_order_and_the_keyboard(make: Make) -> None:
    rig = make(PAIRS)
    rig.form.show_values({"f": {"a": "1", "b": "2"}})
    key, _ = rig.pairs.pairs[0]
    key.setFocus()
    QTest.keyClicks(key, "x")
    rig.form.show_values({"f": {"ax": "1", "b": "2"}})
    assert rig.last() == {"ax": "1", "b": "2"}
    assert rig.pairs.pairs[0][0] is key
    assert key.hasFocus()


def test_removing_a_pair_by_keyboard(make: Make) -> None:
    rig = make(PAIRS)
    rig.form.show_values({"f": {"a": "1"}})
    remove = rig.pairs.lines[0].remove
    remove.setFocus()
    QTest.keyClick(remove, Qt.Key.Key_Space)
    assert rig.told == [ABSENT]
