from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.workflow import edits
from core.workflow.model import Step, Workflow
from desktop.canvas.diagram import Diagram
from desktop.canvas.finder import Finder
from desktop.overlay import RunOverlay, StepView
from tests.support.canvas_hand import Hand, MakeHand
from tests.support.small_steps import small_step_types

WORKFLOW = Workflow(
    "w",
    steps={
        "greet": Step("greet", "value", "Say hello", {"value": "Good morning, dear reader of this letter"}),
        "sum_up": Step("sum_up", "value", "Total", {"value": {"deep": ["nothing", "morning glory"]}}),
        "other": Step("other", "value", "Other"),
    },
)


def finder(overlay: RunOverlay | None = None) -> Finder:
    return Finder(Diagram(small_step_types(), WORKFLOW), overlay or RunOverlay())


def test_titles_and_ids_come_first() -> None:
    assert [choice.key for choice in finder()("total")] == ["sum_up"]
    assert [choice.key for choice in finder()("sum_up")] == ["sum_up"]
    assert [choice.key for choice in finder()("")] == ["greet", "sum_up", "other"]


def test_settings_are_searched_and_the_hit_is_shown() -> None:
    found = finder()("morning")
    assert {choice.key: choice.detail for choice in found} == {
        "greet": "value: Good morning, dear reader of this letter",
        "sum_up": "value: morning glory",
    }


def test_a_hit_far_into_a_line_is_shown_with_what_is_around_it() -> None:
    (found,) = finder()("this letter")
    assert found.detail == "value: …morning, dear reader of this letter"


def test_last_values_and_errors_are_searched() -> None:
    overlay = RunOverlay()
    overlay.by_id["other"] = StepView(state="done", output={"text": "The invoice is 4711", "n": {"k": "Zebra"}})
    overlay.by_id["greet"] = StepView(state="failed", error="Rate limit reached")
    find = finder(overlay)
    assert [(choice.key, choice.detail) for choice in find("4711")] == [("other", "last text: The invoice is 4711")]
    assert [choice.key for choice in find("zebra")] == ["other"]
    assert [choice.detail for choice in find("rate limit")] == ["error: Rate limit reached"]


def test_a_step_is_listed_once_and_a_single_letter_searches_names_alone() -> None:
    assert [choice.key for choice in finder()("o")] == [
        choice.key for choice in finder()("o") if "o" in f"{choice.title} {choice.key}".lower()
    ]
    assert len({choice.key for choice in finder()("other")}) == len(finder()("other"))


def test_ctrl_f_goes_to_the_step_whose_last_value_holds_the_text(make_hand: MakeHand) -> None:
    hand: Hand = make_hand(WORKFLOW)
    hand.canvas.overlay.by_id["other"] = StepView(state="done", output={"text": "The invoice is 4711"})
    hand.key(Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    field = hand.chooser().field
    QTest.keyClicks(field, "invoice")
    assert hand.offered() == ["other"]
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert hand.canvas.selected == {"other"}
    assert hand.canvas.hasFocus()


def test_what_enter_would_go_to_is_seen_while_one_types_and_walks_through_the_hits(make_hand: MakeHand) -> None:
    hand: Hand = make_hand(WORKFLOW)
    hand.canvas.select(["sum_up"])
    hand.key(Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert hand.canvas.selected == {"sum_up"}, "nothing is typed yet"
    field = hand.chooser().field
    QTest.keyClicks(field, "morning")
    assert hand.offered() == ["greet", "sum_up"]
    assert hand.canvas.selected == {"greet"}
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert hand.canvas.selected == {"sum_up"}
    assert field.hasFocus()


def test_what_is_found_does_not_lie_under_the_list(make_hand: MakeHand) -> None:
    hand: Hand = make_hand(WORKFLOW)
    hand.canvas.apply("Lay out", lambda workflow: edits.move_steps(workflow, {"other": (300.0, -60.0)}))
    hand.key(Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(hand.chooser().field, "other")
    place = hand.canvas.place_of("other")
    assert place is not None
    assert hand.canvas.visible_area().encloses(place)
    assert hand.at(place.left, place.top).y() > hand.chooser().geometry().bottom()


def test_an_untitled_step_is_listed_by_what_stands_on_its_face_with_its_id_beside_it(make_hand: MakeHand) -> None:
    steps = {"value_2": Step("value_2", "value", then={"out": ("b",)}), "b": Step("b", "add")}
    hand = make_hand(Workflow("w", steps=steps))
    line = Finder(hand.canvas.diagram, RunOverlay())("")[0]
    assert (line.title, line.detail) == (hand.canvas.look("value_2").title, "value_2") == ("Value", "value_2")
    hand.canvas.select(["b"])
    hand.key(Qt.Key.Key_W)
    assert hand.chooser().list.item(0).text() == "From Value"
