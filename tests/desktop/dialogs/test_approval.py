"""The card that asks a person: choices, comments, forms."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from core.engine.errors import Question
from core.workflow.model import Json
from desktop.dialogs.approval import ApprovalCard
from tests.support.panel_parts import PanelParts, panel_parts

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

FORM: dict[str, Json] = {
    "type": "object",
    "properties": {"group": {"$ref": "#/$defs/group"}, "note": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["group"],
    "dependentRequired": {"note": ["days"]},
    "$defs": {"group": {"enum": ["all", "team"]}},
}


@pytest.fixture
async def parts(qapp: QApplication) -> AsyncIterator[PanelParts]:
    async with panel_parts() as made:
        yield made


def card_for(parts: PanelParts, question: Question, answers: list[object], answered_by: str = "") -> ApprovalCard:
    card = ApprovalCard(question, parts.bridge, parts.themes, parts.icons, title="Publish?", answered_by=answered_by)
    card.answered.connect(answers.append)
    parts.show(card, 420, 300)
    return card


async def test_a_choice_is_answered_with_the_comment_once(parts: PanelParts) -> None:
    answers: list[object] = []
    card = card_for(parts, Question("Publish?", ("publish", "give_up")), answers, answered_by="ann")
    assert card.comment is not None
    QTest.keyClicks(card.comment, " looks good ")
    assert [button.text() for button in card.buttons] == ["publish", "give up"]
    card.buttons[1].click()
    card.buttons[0].click()

    assert answers == [{"choice": "give_up", "comment": "looks good", "answered_by": "ann"}]


async def test_a_form_is_checked_before_it_is_sent(parts: PanelParts) -> None:
    answers: list[object] = []
    card = card_for(parts, Question("Who?", (), FORM), answers)
    assert card.form is not None
    (send,) = card.buttons
    send.click()
    await parts.idle()
    assert answers == []
    assert card.form.rows["group"].problem.text == "This is needed."
    assert send.isEnabled()

    card.form.rows["group"].editor.write("team")
    send.click()
    await parts.idle()
    assert answers == [{"form": {"group": "team"}}]


async def test_what_no_single_field_is_to_blame_for_is_said_below_the_form(parts: PanelParts) -> None:
    answers: list[object] = []
    card = card_for(parts, Question("Who?", (), FORM), answers)
    assert card.form is not None
    card.form.fill({"group": "all", "note": "x"})
    card.buttons[0].click()
    await parts.idle()

    assert answers == []
    assert "days" in card.trouble


async def test_a_question_without_choices_can_still_be_answered(parts: PanelParts) -> None:
    answers: list[object] = []
    card = card_for(parts, Question("Go on?"), answers)
    card.buttons[0].click()

    assert answers == [{"choice": "continue", "comment": ""}]


async def test_the_keyboard_alone_answers(parts: PanelParts) -> None:
    answers: list[object] = []
    card = card_for(parts, Question("Publish?", ("yes", "no")), answers)
    card.buttons[1].setFocus()
    QTest.keyClick(card.buttons[1], Qt.Key.Key_Space)

    assert answers == [{"choice": "no", "comment": ""}]


async def test_cheaper_models_are_one_button_with_a_menu_between_going_on_and_stopping(parts: PanelParts) -> None:
    answers: list[object] = []
    offered = ("continue", "use openai/gpt-5-nano", "use google/flash", "stop")
    card = card_for(parts, Question("Too much.", offered), answers)
    assert [button.text() for button in card.buttons] == ["continue", "Cheaper model", "stop"]
    menu = card.buttons[1].menu()
    assert isinstance(menu, QMenu)
    assert [action.text() for action in menu.actions()] == ["openai/gpt-5-nano", "google/flash"]
    menu.actions()[1].trigger()
    assert answers == [{"choice": "use google/flash", "comment": ""}]
    assert not any(button.isEnabled() for button in card.buttons)
