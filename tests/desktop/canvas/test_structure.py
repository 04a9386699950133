from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPlainTextEdit

from core.workflow import edits
from core.workflow.model import Group, Step, Workflow
from desktop.canvas.note_editor import NoteEditor
from desktop.canvas.title_editor import TitleEditor
from tests.support.canvas_hand import Hand, MakeHand, settled, small_workflow

Key = Qt.Key
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def note_editor(hand: Hand) -> NoteEditor:
    found = hand.canvas.viewport().findChild(NoteEditor)
    assert isinstance(found, NoteEditor)
    return found


@pytest.fixture
def noted(make_hand: MakeHand) -> Hand:
    note = Step("remark", "note", config={"text": "Why five?", "colour": "blue"})
    return make_hand(Workflow("Noted", steps={"remark": note}, layout={"remark": (0.0, 0.0)}))


def test_c_asks_for_the_port_first_where_there_are_several(hand: Hand) -> None:
    hand.canvas.focus_on("choose")
    hand.key(Key.Key_C)
    assert hand.offered() == ["true", "false"]
    hand.choose("false")
    hand.choose("Free")
    assert hand.workflow().steps["choose"].then["false"] == ("no", "free")


def test_shift_c_cuts_the_wire_that_is_named(hand: Hand) -> None:
    hand.canvas.focus_on("choose")
    hand.key(Key.Key_C, SHIFT)
    assert len(hand.offered()) == 3
    hand.choose("To No")
    assert hand.workflow().steps["choose"].then == {"true": ("yes",)}
    assert hand.canvas.hasFocus()


def test_shift_c_on_a_step_without_wires_says_that_there_are_none(hand: Hand) -> None:
    hand.canvas.focus_on("free")
    hand.key(Key.Key_C, SHIFT)
    assert hand.said == ["No wire begins or ends at this step."]


def test_w_selects_a_wire_by_name_and_tab_puts_a_step_into_it(hand: Hand) -> None:
    hand.canvas.focus_on("choose")
    hand.key(Key.Key_W)
    hand.choose("To No")
    hand.key(Key.Key_Tab)
    hand.choose("add")
    assert hand.workflow().steps["choose"].then == {"true": ("yes",), "false": ("add",)}
    assert hand.workflow().steps["add"].then == {"out": ("no",)}


def test_tab_on_a_selected_wire_puts_a_step_into_it(hand: Hand) -> None:
    wire = next(iter(hand.canvas.diagram.wires_of("one")))
    hand.canvas.select((), [wire])
    hand.key(Key.Key_Tab)
    hand.choose("add")
    assert hand.workflow().steps["one"].then == {"out": ("add",)}
    assert hand.workflow().steps["add"].then == {"out": ("choose",)}


def test_l_puts_the_selected_steps_into_a_new_loop_and_undo_takes_it_back(hand: Hand) -> None:
    hand.canvas.select(["yes"])
    hand.key(Key.Key_L)
    hand.choose("loop")
    (made,) = hand.canvas.selected
    assert hand.body(made) == {"yes"}
    assert hand.workflow().steps["choose"].then["true"] == (made,)
    assert hand.canvas.diagram.boxes[made].rect.encloses(hand.canvas.diagram.boxes["yes"].rect)
    hand.key(Key.Key_Z, CTRL)
    assert hand.workflow().steps.keys() == small_workflow().steps.keys()


def test_steps_are_moved_into_a_loop_that_is_named_and_stand_free_in_it(hand: Hand) -> None:
    hand.canvas.select(["free"])
    hand.canvas.commands.ask_into_loop()
    hand.choose("Each")
    boxes = hand.canvas.diagram.boxes
    assert hand.body("loop") == {"inner", "free"}
    assert boxes["loop"].rect.encloses(boxes["free"].rect)
    assert not boxes["free"].rect.intersects(boxes["inner"].rect)
    assert hand.canvas.document.stack.count() == 1


def test_steps_are_taken_out_of_their_loop_and_stand_below_it(hand: Hand) -> None:
    hand.canvas.select(["inner"])
    hand.canvas.commands.take_out_of_loop()
    boxes = hand.canvas.diagram.boxes
    assert "inner" in hand.workflow().steps
    assert not boxes["loop"].rect.intersects(boxes["inner"].rect)
    assert hand.canvas.document.stack.count() == 1


def test_taking_out_of_no_loop_says_why_it_cannot_be_done(hand: Hand) -> None:
    hand.canvas.select(["one"])
    hand.canvas.commands.take_out_of_loop()
    assert "no loop" in hand.said[0]


def test_a_loop_is_dissolved_and_its_steps_stay(hand: Hand) -> None:
    hand.canvas.select(["loop"])
    hand.canvas.commands.dissolve_loop()
    assert hand.canvas.selected == {"inner"}
    assert "loop" not in hand.workflow().steps
    hand.canvas.commands.dissolve_loop()
    assert hand.said == ["Select one loop to dissolve it."]


def test_a_group_gets_another_colour(hand: Hand) -> None:
    hand.canvas.select(["yes", "no"])
    hand.key(Key.Key_G)
    hand.canvas.commands.colour_group("green")
    assert [group.colour for group in hand.workflow().groups.values()] == ["green"]
    hand.canvas.select(["one"])
    hand.canvas.commands.colour_group("blue")
    assert "no group" in hand.said[0]


def test_a_right_click_on_a_groups_title_selects_its_steps(hand: Hand) -> None:
    hand.canvas.apply("Group", lambda w: edits.add_group(w, ["yes", "no"], title="Ends")[0])
    left, top, _, _ = hand.canvas.diagram.groups[0].rect
    asked: list[str] = []
    hand.canvas.menu_requested.connect(lambda _at, hit: asked.append(hit.group))
    QTest.mouseClick(
        hand.canvas.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, hand.at(left + 40, top + 8)
    )
    assert hand.canvas.selected == {"yes", "no"}
    assert asked == [*hand.workflow().groups]


def test_a_folded_loop_hides_its_steps_and_takes_them_along(hand: Hand) -> None:
    canvas = hand.canvas
    before = hand.workflow().layout
    canvas.focus_on("loop")
    hand.key(Key.Key_H)
    assert "inner" not in canvas.diagram.boxes
    assert canvas.diagram.boxes["loop"].height == 36.0
    x, y = hand.middle("loop")
    hand.drag((x, y), (x + 80.0, y + 160.0))
    hand.key(Key.Key_H)
    moved = [hand.workflow().layout[step] for step in ("loop", "inner")]
    assert moved == [(before[step][0] + 80.0, before[step][1] + 160.0) for step in ("loop", "inner")]
    assert canvas.diagram.boxes["loop"].rect.encloses(canvas.diagram.boxes["inner"].rect)


def test_what_a_folded_loop_hides_is_found_at_the_loop(hand: Hand) -> None:
    hand.canvas.select(["loop"])
    hand.key(Key.Key_H)
    hand.canvas.select(())
    hand.canvas.focus_on("inner")
    assert hand.canvas.selected == {"loop"}
    hand.canvas.focus_on("nowhere")
    assert hand.canvas.selected == set()


def test_a_double_click_on_a_note_edits_its_text_where_it_stands(noted: Hand) -> None:
    noted.double_click(60.0, 60.0)
    editor = note_editor(noted)
    assert editor.toPlainText() == "Why five?"
    QTest.keyClicks(editor, " Because.")
    QTest.keyClick(editor, Key.Key_Return)
    QTest.keyClicks(editor, "Really.")
    QTest.keyClick(editor, Key.Key_Return, CTRL)
    assert noted.workflow().steps["remark"].config["text"] == "Why five? Because.\nReally."
    assert noted.canvas.hasFocus()
    noted.key(Key.Key_Z, CTRL)
    assert noted.workflow().steps["remark"].config["text"] == "Why five?"


def test_escape_leaves_a_note_as_it_was_and_enter_edits_it_by_keyboard(noted: Hand) -> None:
    noted.canvas.focus_on("remark")
    noted.key(Key.Key_Return)
    editor = note_editor(noted)
    QTest.keyClicks(editor, "Never mind")
    QTest.keyClick(editor, Key.Key_Escape)
    assert noted.workflow().steps["remark"].config["text"] == "Why five?"
    assert noted.canvas.document.stack.count() == 0


def test_a_note_that_is_edited_is_done_when_the_view_moves(noted: Hand) -> None:
    noted.double_click(60.0, 60.0)
    QTest.keyClicks(note_editor(noted), " Moved on")
    noted.canvas.zoom(1.5)
    assert noted.workflow().steps["remark"].config["text"] == "Why five? Moved on"
    assert noted.canvas.hasFocus()


def test_a_note_is_made_larger_by_its_corner(noted: Hand) -> None:
    box = noted.canvas.diagram.boxes["remark"].rect
    noted.drag((box.right - 4.0, box.bottom - 4.0), (box.right + 76.0, box.bottom + 60.0))
    assert noted.workflow().layout["remark"] == (0.0, 0.0, 288.0, 192.0)
    assert noted.canvas.diagram.boxes["remark"].height == 192.0
    assert noted.canvas.document.stack.undoText() == "Resize the note"


def test_a_loop_is_made_larger_by_its_corner_but_never_smaller_than_what_it_holds(hand: Hand) -> None:
    box = hand.canvas.diagram.boxes["loop"].rect
    hand.drag((box.right - 4.0, box.bottom - 4.0), (box.right + 100.0, box.bottom + 92.0))
    larger = hand.canvas.diagram.boxes["loop"].rect
    assert (larger.right, larger.bottom) == (box.right + 104.0, box.bottom + 96.0)
    hand.drag((larger.right - 4.0, larger.bottom - 4.0), (box.left + 10.0, box.top + 10.0))
    assert hand.canvas.diagram.boxes["loop"].rect.encloses(hand.canvas.diagram.boxes["inner"].rect)


def test_resizing_given_up_with_escape_changes_nothing(noted: Hand) -> None:
    box = noted.canvas.diagram.boxes["remark"].rect
    noted.press(box.right - 4.0, box.bottom - 4.0)
    noted.move(box.right + 90.0, box.bottom + 50.0, button=Qt.MouseButton.LeftButton)
    noted.key(Key.Key_Escape)
    noted.release(box.right + 90.0, box.bottom + 50.0)
    assert noted.canvas.document.stack.count() == 0


def test_what_is_pasted_into_another_workflow_comes_into_view(hand: Hand, make_hand: MakeHand) -> None:
    hand.canvas.select(["one", "choose"])
    hand.key(Key.Key_C, CTRL)
    far = make_hand(Workflow("Other", steps={"far": Step("far", "value")}, layout={"far": (9_000.0, 9_000.0)}))
    far.canvas.fit()
    far.key(Key.Key_V, CTRL)
    assert len(far.canvas.selected) == 2
    seen = far.canvas.visible_area()
    assert all(seen.encloses(far.canvas.diagram.boxes[step].rect) for step in far.canvas.selected)


def test_what_is_pasted_into_an_empty_workflow_is_seen_whole(hand: Hand, make_hand: MakeHand) -> None:
    hand.canvas.select(["one", "choose", "yes", "no"])
    hand.canvas.commands.copy()
    other = make_hand(Workflow("Empty"))
    other.canvas.resize(500, 300)
    other.key(Key.Key_V, CTRL)
    assert other.said == []
    area = other.canvas.diagram.bounds()
    assert area is not None
    assert other.canvas.visible_area().encloses(area)


def test_a_menus_paste_puts_steps_where_it_was_opened_also_into_a_loop(hand: Hand) -> None:
    QGuiApplication.clipboard().setText("type: value\nconfig: {value: 7}\n")
    loop = hand.canvas.diagram.boxes["loop"].rect
    place = (loop.right - 40.0, loop.bottom - 40.0)
    QTest.mouseClick(
        hand.canvas.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, hand.at(*place)
    )
    hand.canvas.commands.paste()
    (made,) = hand.canvas.selected
    assert made in hand.body("loop")
    assert hand.workflow().layout[made][:2] == (round(place[0] / 8) * 8, round(place[1] / 8) * 8)


def test_text_that_holds_no_steps_is_refused_with_a_sentence(hand: Hand) -> None:
    QGuiApplication.clipboard().setText("Hello world")
    hand.key(Key.Key_V, CTRL)
    assert "holds no steps" in hand.said[0]
    assert hand.canvas.document.stack.count() == 0


def test_nothing_of_it_changes_a_read_only_document(make_hand: MakeHand) -> None:
    hand = make_hand(small_workflow())
    hand.canvas.document.read_only = True
    hand.canvas.select(["choose"])
    for key in (Key.Key_C, Key.Key_L):
        hand.key(key)
    hand.key(Key.Key_C, SHIFT)
    hand.canvas.commands.edit_note("choose")
    hand.canvas.commands.tidy()
    hand.canvas.commands.colour_group("blue")
    settled(hand.canvas)
    assert hand.workflow() == small_workflow()
    assert not hand.canvas.viewport().findChildren(QPlainTextEdit)


def test_a_new_group_asks_for_its_title_where_it_stands(hand: Hand) -> None:
    hand.canvas.select(["yes", "no"])
    hand.key(Key.Key_G)
    (title,) = hand.canvas.viewport().findChildren(TitleEditor)
    assert title.hasFocus()
    QTest.keyClicks(title, "Both ways")
    QTest.keyClick(title, Key.Key_Return)
    assert [group.title for group in hand.workflow().groups.values()] == ["Both ways"]
    assert hand.canvas.hasFocus()
    hand.key(Key.Key_Z, CTRL)
    hand.key(Key.Key_Z, CTRL)
    assert hand.workflow() == small_workflow()


def test_a_new_note_is_written_at_once(hand: Hand) -> None:
    hand.canvas.commands.add("note", (900.0, 300.0))
    (text,) = hand.canvas.viewport().findChildren(NoteEditor)
    assert text.hasFocus()
    QTest.keyClicks(text, "Why?")
    QTest.keyClick(text, Key.Key_Return, CTRL)
    assert hand.workflow().steps["note"].config["text"] == "Why?"


def test_a_field_that_is_left_for_another_takes_its_text_and_leaves_the_keyboard_there(make_hand: MakeHand) -> None:
    small = small_workflow()
    note = Step("why", "note", config={"text": "Because"})
    hand = make_hand(replace(small, steps={**small.steps, "why": note}, layout={**small.layout, "why": (0.0, -300.0)}))
    hand.canvas.select(["one"])
    hand.canvas.commands.rename()
    title = hand.canvas.viewport().findChildren(TitleEditor)[0]
    title.setText("Second")
    hand.canvas.commands.edit_note("why")
    text = hand.canvas.viewport().findChildren(NoteEditor)[0]
    assert hand.workflow().steps["one"].title == "Second"
    assert text.isVisible()
    assert text.hasFocus()
    QTest.keyClicks(text, " nobody knows")
    QTest.keyClick(text, Key.Key_Return, CTRL)
    assert hand.workflow().steps["why"].config["text"] == "Because nobody knows"
    assert hand.canvas.hasFocus()


def test_groups_and_their_colours_are_painted(make_hand: MakeHand) -> None:
    workflow = small_workflow()
    grouped = Workflow(
        "G", steps=workflow.steps, layout=workflow.layout, groups={"g": Group("Ends", "green", ("yes", "no"))}
    )
    canvas = make_hand(grouped).canvas
    left, top, right, _ = canvas.diagram.groups[0].rect
    x, y = canvas.camera.to_window(right - 30.0, top + 6.0)
    inside = canvas.viewport().grab().toImage().pixelColor(round(x), round(y))
    assert inside.green() > inside.red()
    assert right > left
