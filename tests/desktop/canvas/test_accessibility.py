from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent
from PySide6.QtWidgets import QApplication

from core.workflow import edits
from core.workflow.model import Wire
from desktop.canvas import accessibility
from desktop.canvas.accessibility import CanvasInterface, Speaker, describe
from desktop.canvas.chooser import Chooser
from desktop.canvas.zoom_pill import ZoomPill
from desktop.overlay import StepState, StepView
from tests.support.canvas_hand import Hand, MakeHand, settled, small_workflow


def names(tree: CanvasInterface) -> list[str]:
    found = [tree.child(place) for place in range(tree.childCount())]
    return [child.text(QAccessible.Text.Name) for child in found if child is not None]


def test_every_step_is_a_child_with_its_name_its_state_and_where_it_leads(hand: Hand) -> None:
    canvas = hand.canvas
    tree = CanvasInterface(canvas)
    assert names(tree)[:7] == [
        "First", "Decide", "Yes", "No", "Free", "Each", "Inner",
    ]  # fmt: skip
    child = tree.step("choose")
    assert tree.indexOfChild(child) == list(canvas.diagram.boxes).index("choose")
    assert child.text(QAccessible.Text.Name) == "Decide"
    canvas.overlay.by_id["choose"] = StepView(state="failed", error="It failed.")
    assert child.text(QAccessible.Text.Description) == "Choose, failed, It failed., leads to Yes, No"
    assert describe(canvas, "free") == "Add, leads nowhere"


def test_a_removed_step_is_no_longer_valid(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    child = tree.step("free")
    assert child.isValid()
    hand.canvas.apply("Delete", lambda workflow: edits.remove_steps(workflow, ["free"]))
    assert not child.isValid()
    assert child.text(QAccessible.Text.Name) == ""


def test_nothing_of_a_canvas_that_is_gone_stays_with_qt(make_hand: MakeHand) -> None:
    canvas = make_hand(small_workflow()).canvas
    tree = CanvasInterface(canvas)
    ids = [QAccessible.uniqueId(part) for part in (tree.step("one"), tree.wire(Wire("choose", "true", "yes")))]
    assert all(QAccessible.accessibleInterface(each) is not None for each in ids)
    canvas.deleteLater()
    QApplication.sendPostedEvents(canvas, QEvent.Type.DeferredDelete)
    assert [QAccessible.accessibleInterface(each) for each in ids] == [None, None]


def test_a_selected_step_says_that_it_is(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    hand.canvas.focus_on("one")
    assert tree.step("one").state().selected
    assert not tree.step("yes").state().selected


def test_wires_are_children_that_say_from_where_to_where_they_lead(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    assert names(tree)[7:10] == [
        "Wire from First to Decide", "Wire from Decide (true) to Yes", "Wire from Decide (false) to No",
    ]  # fmt: skip
    wire = Wire("choose", "true", "yes")
    child = tree.wire(wire)
    assert tree.indexOfChild(child) == 8
    assert child.text(QAccessible.Text.Description) == ""
    hand.canvas.overlay.by_id["choose"] = StepView(state="done", ports=("true",))
    assert child.text(QAccessible.Text.Description) == "was taken"
    assert tree.wire(Wire("choose", "false", "no")).text(QAccessible.Text.Description) == "was not taken"
    hand.canvas.select((), [wire])
    assert child.state().selected


def test_a_cut_wire_is_no_longer_valid_and_the_list_is_up_to_date(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    before, child = tree.childCount(), tree.wire(Wire("choose", "true", "yes"))
    hand.canvas.apply("Cut", lambda w: edits.disconnect(w, [Wire("choose", "true", "yes")]))
    assert tree.childCount() == before - 1
    assert not child.isValid()
    assert tree.indexOfChild(child) == -1


def test_a_step_tells_what_it_leads_to_and_comes_from(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    flags = QAccessible.RelationFlag
    related = [(one.text(QAccessible.Text.Name), flag) for one, flag in tree.step("choose").relations()]
    assert sorted(related, key=str) == sorted(
        [("First", flags.FlowsFrom), ("Yes", flags.FlowsTo), ("No", flags.FlowsTo)], key=str
    )
    assert len(tree.step("choose").relations(flags.FlowsTo)) == 2


def test_what_is_at_a_place_on_the_screen_is_found(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)

    def at(x: float, y: float) -> str:
        place = hand.canvas.viewport().mapToGlobal(hand.at(x, y))
        child = tree.childAt(place.x(), place.y())
        return child.text(QAccessible.Text.Name) if child is not None else ""

    assert at(*hand.middle("yes")) == "Yes"
    assert at(*hand.middle("inner")) == "Inner"
    assert at(280.0, 18.0) == "Wire from First to Decide"
    assert at(-60.0, 500.0) == ""


def test_lists_that_are_open_and_the_zoom_are_children_too(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    before = tree.childCount()
    hand.key(Qt.Key.Key_Tab)
    assert tree.childCount() == before + 1
    found = [tree.child(place) for place in range(tree.childCount())]
    objects = [child.object() for child in found if child is not None]
    assert any(isinstance(one, Chooser) for one in objects)
    assert any(isinstance(one, ZoomPill) for one in objects)
    last = tree.child(tree.childCount() - 1)
    assert last is not None
    assert tree.indexOfChild(last) == tree.childCount() - 1
    hand.chooser().dismiss()


def test_qt_finds_the_canvas_by_the_factory(hand: Hand) -> None:
    accessibility.install()
    found = QAccessible.queryAccessibleInterface(hand.canvas)
    assert isinstance(found, CanvasInterface)
    assert found.text(QAccessible.Text.Description) == "7 steps, 3 wires"
    assert found.role() == QAccessible.Role.List


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What assistive technology is told, in words."""
    found: list[str] = []

    def update(event: QAccessibleEvent) -> None:
        if isinstance(event, QAccessibleAnnouncementEvent):
            urgent = event.politeness() == QAccessible.AnnouncementPoliteness.Assertive
            found.append(f"{event.message()}{'!' if urgent else ''}")
        else:
            found.append(event.type().name)

    monkeypatch.setattr(QAccessible, "updateAccessibility", update)
    monkeypatch.setattr(QAccessible, "isActive", lambda: True)
    return found


def reach(hand: Hand, step: str, state: StepState, error: str = "") -> None:
    hand.canvas.overlay.by_id[step] = StepView(state=state, error=error)
    hand.canvas.overlay._dirty.add(step)
    hand.canvas.overlay_changed()
    settled(hand.canvas)


def test_states_are_spoken_those_that_need_a_person_at_once(hand: Hand, told: list[str]) -> None:
    canvas = hand.canvas
    speaker = Speaker(canvas, CanvasInterface(canvas))
    reach(hand, "one", "done")
    reach(hand, "yes", "failed", "Rate limit reached")
    reach(hand, "no", "waiting")
    reach(hand, "free", "skipped")
    assert told == ["First: done", "Yes: failed, Rate limit reached!", "No: waits for a person!"]
    assert speaker.parent() is canvas


def test_that_a_step_runs_is_said_of_the_selected_one_alone(hand: Hand, told: list[str]) -> None:
    canvas = hand.canvas
    Speaker(canvas, CanvasInterface(canvas))
    canvas.focus_on("one")
    reach(hand, "one", "running")
    reach(hand, "yes", "running")
    assert told == ["Focus", "First: running"]
    canvas.overlay.by_id.clear()


def test_where_a_step_is_on_the_screen_is_told(hand: Hand) -> None:
    tree = CanvasInterface(hand.canvas)
    corner = hand.canvas.viewport().mapToGlobal(QPoint(0, 0))
    rect = tree.step("one").rect()
    assert (rect.x() - corner.x(), rect.y() - corner.y()) == (98, 198)
    assert not tree.step("one").state().offscreen
    hand.canvas.pan(5_000, 0)
    assert tree.step("one").state().offscreen
