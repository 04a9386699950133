from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.workflow import edits
from core.workflow.document import loads
from desktop.canvas.chooser import Chooser
from desktop.canvas.title_editor import TitleEditor
from tests.support.canvas_hand import Hand

Key = Qt.Key
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def test_arrows_nudge_by_the_grid_and_with_shift_by_a_pixel_in_one_entry_of_undo(hand: Hand) -> None:
    hand.canvas.select(["one"])
    for _ in range(3):
        hand.key(Key.Key_Right)
    hand.key(Key.Key_Down, SHIFT)
    assert hand.workflow().layout["one"][:2] == (24.0, 1.0)
    assert hand.canvas.document.stack.count() == 1


def test_ctrl_and_arrows_walk_along_wires_and_show_where_the_keyboard_is(hand: Hand) -> None:
    hand.canvas.focus_on("one")
    hand.key(Key.Key_Right, CTRL)
    assert hand.canvas.selected == {"choose"}
    hand.key(Key.Key_Right, CTRL)
    hand.key(Key.Key_Down, CTRL)
    assert hand.canvas.selected == {"no"}
    assert hand.canvas.interactions.by_keyboard


def test_without_a_selection_an_arrow_takes_the_keyboard_to_a_step(hand: Hand) -> None:
    hand.key(Key.Key_Right)
    assert len(hand.canvas.selected) == 1


def test_tab_adds_a_step_after_the_selected_one(hand: Hand) -> None:
    hand.canvas.focus_on("yes")
    hand.key(Key.Key_Tab)
    hand.choose("value")
    assert hand.workflow().steps["yes"].then == {"out": ("value",)}
    assert hand.canvas.hasFocus()


def test_tab_on_an_empty_selection_adds_a_step_in_the_middle(hand: Hand) -> None:
    hand.key(Key.Key_Tab)
    hand.choose("add")
    assert "add" in hand.workflow().steps


def test_a_step_that_is_added_out_of_sight_comes_into_view(hand: Hand) -> None:
    hand.canvas.focus_on("yes")
    area = hand.canvas.diagram.boxes["yes"].rect
    hand.canvas.camera.center_on(area.right - 400.0, area.center[1])
    hand.canvas.camera_moved()
    x, y = hand.port("yes", "out")
    added = hand.canvas.commands.add("value", (x + 80.0, y), after=("yes", "out"))
    assert added is not None
    assert hand.canvas.visible_area().encloses(hand.canvas.diagram.boxes[added].rect)
    corner = hand.canvas.visible_area().left
    hand.canvas.commands.add("value", hand.canvas.visible_area().center)
    assert hand.canvas.visible_area().left == corner


def test_tab_adds_a_step_where_the_pointer_is(hand: Hand) -> None:
    hand.canvas.select(())
    hand.move(520.0, 60.0)
    hand.key(Key.Key_Tab)
    chooser = hand.chooser()
    place = hand.at(520.0, 60.0)
    assert (chooser.x(), chooser.y()) == (place.x(), place.y())
    QTest.keyClicks(chooser.field, "value")
    QTest.keyClick(chooser.field, Key.Key_Return)
    (added,) = hand.canvas.selected
    box = hand.canvas.diagram.boxes[added]
    assert abs(box.x - 520.0) <= 24.0
    QApplication.sendEvent(hand.canvas, QEvent(QEvent.Type.Leave))
    assert hand.canvas.interactions.pointer is None


def test_escape_closes_the_list_and_adds_nothing(hand: Hand) -> None:
    before = hand.workflow()
    hand.key(Key.Key_Tab)
    QTest.keyClick(hand.chooser().field, Key.Key_Escape)
    assert not [c for c in hand.canvas.viewport().findChildren(Chooser) if c.isVisible()]
    assert hand.workflow() is before


def test_the_list_says_so_when_nothing_fits(hand: Hand) -> None:
    hand.key(Key.Key_Tab)
    chooser = hand.chooser()
    QTest.keyClicks(chooser.field, "zzzz")
    assert chooser.empty.isVisible()
    QTest.keyClick(chooser.field, Key.Key_Return)
    assert chooser.isVisible()
    chooser.dismiss()


def test_up_and_down_go_through_the_list(hand: Hand) -> None:
    hand.key(Key.Key_Tab)
    chooser = hand.chooser()
    first = chooser.list.currentRow()
    QTest.keyClick(chooser.field, Key.Key_Down)
    assert chooser.list.currentRow() == first + 1
    QTest.keyClick(chooser.field, Key.Key_Up)
    assert chooser.list.currentRow() == first
    chooser.dismiss()


def test_c_leads_the_selected_step_to_the_one_that_is_named(hand: Hand) -> None:
    hand.canvas.focus_on("yes")
    hand.key(Key.Key_C)
    hand.choose("No")
    assert hand.workflow().steps["yes"].then == {"out": ("no",)}


def test_c_offers_no_step_that_a_wire_may_not_lead_to(hand: Hand) -> None:
    hand.canvas.focus_on("yes")
    hand.key(Key.Key_C)
    assert set(hand.offered()) == {"no", "free", "loop"}
    hand.chooser().dismiss()


def test_f2_edits_the_title_where_it_stands(hand: Hand) -> None:
    hand.canvas.focus_on("one")
    hand.key(Key.Key_F2)
    editor = hand.canvas.viewport().findChild(TitleEditor)
    assert isinstance(editor, TitleEditor)
    QTest.keyClicks(editor, "Start here")
    QTest.keyClick(editor, Key.Key_Return)
    assert hand.workflow().steps["one"].title == "Start here"
    assert hand.canvas.hasFocus()


def test_an_untitled_step_is_renamed_from_what_stands_on_its_face_and_stays_untitled_if_that_is_kept(
    hand: Hand,
) -> None:
    hand.canvas.apply("Untitled", lambda workflow: edits.set_title(workflow, "one", ""))
    before = hand.workflow()
    hand.canvas.focus_on("one")
    hand.key(Key.Key_F2)
    editor = hand.canvas.viewport().findChild(TitleEditor)
    assert isinstance(editor, TitleEditor)
    assert editor.text() == "Value"
    QTest.keyClick(editor, Key.Key_Return)
    assert hand.workflow() is before


def test_escape_leaves_the_title_as_it_was(hand: Hand) -> None:
    hand.canvas.focus_on("one")
    hand.key(Key.Key_F2)
    editor = hand.canvas.viewport().findChild(TitleEditor)
    assert isinstance(editor, TitleEditor)
    QTest.keyClicks(editor, "Never")
    QTest.keyClick(editor, Key.Key_Escape)
    assert hand.workflow().steps["one"].title == "First"


def test_delete_removes_and_with_ctrl_joins_what_was_around(hand: Hand) -> None:
    hand.canvas.select(["choose"])
    hand.key(Key.Key_Delete, CTRL)
    assert hand.workflow().steps["one"].then == {"out": ("yes", "no")}
    hand.canvas.document.stack.undo()
    hand.canvas.select(["choose"])
    hand.key(Key.Key_Delete)
    assert hand.workflow().steps["one"].then == {}
    assert hand.canvas.selected == set()


def test_the_clipboard_holds_text_that_pastes_as_steps(hand: Hand) -> None:
    hand.canvas.select(["one", "choose"])
    hand.key(Key.Key_C, CTRL)
    assert set(loads(QGuiApplication.clipboard().text()).steps) == {"one", "choose"}
    hand.key(Key.Key_V, CTRL)
    assert len(hand.canvas.selected) == 2
    assert hand.canvas.selected.isdisjoint({"one", "choose"})
    hand.key(Key.Key_X, CTRL)
    assert len(hand.workflow().steps) == 6


def test_pasting_what_is_no_steps_says_so_and_changes_nothing(hand: Hand) -> None:
    before = hand.workflow()
    QGuiApplication.clipboard().setText("just some words")
    hand.key(Key.Key_V, CTRL)
    assert hand.workflow() is before
    assert len(hand.said) == 1


def test_ctrl_d_duplicates_and_selects_the_copies(hand: Hand) -> None:
    hand.canvas.select(["yes", "no"])
    hand.key(Key.Key_D, CTRL)
    assert len(hand.workflow().steps) == 8
    assert hand.canvas.selected.isdisjoint({"yes", "no"})
    assert len(hand.canvas.selected) == 2


def test_m_disables_all_selected_steps_and_enables_them_again(hand: Hand) -> None:
    hand.canvas.select(["yes", "no"])
    hand.key(Key.Key_M)
    assert hand.workflow().steps["yes"].disabled
    assert hand.workflow().steps["no"].disabled
    hand.key(Key.Key_M)
    assert not hand.workflow().steps["yes"].disabled


def test_h_folds_and_g_groups_the_selected_steps(hand: Hand) -> None:
    hand.canvas.select(["yes", "no"])
    hand.key(Key.Key_H)
    assert hand.workflow().collapsed == {"yes", "no"}
    hand.key(Key.Key_G)
    assert [group.steps for group in hand.workflow().groups.values()] == [("yes", "no")]


def test_shift_and_digits_show_everything_the_selection_or_a_hundred_percent(hand: Hand) -> None:
    hand.canvas.select(["yes"])
    hand.key(Key.Key_1, SHIFT)
    assert hand.canvas.visible_area().encloses(hand.canvas.diagram.bounds())  # type: ignore[arg-type]  # there are steps
    hand.canvas.zoom(0.5)
    hand.key(Key.Key_2, SHIFT)
    center = hand.canvas.visible_area().center
    assert center == pytest.approx(hand.canvas.diagram.boxes["yes"].rect.center)
    hand.canvas.zoom(0.5)
    hand.key(Key.Key_0, SHIFT)
    assert hand.canvas.camera.scale == 1.0


def test_ctrl_f_goes_to_the_step_that_is_named(hand: Hand) -> None:
    hand.canvas.pan(5_000, 5_000)
    hand.key(Key.Key_F, CTRL)
    hand.choose("inner")
    assert hand.canvas.selected == {"inner"}
    assert hand.canvas.visible_area().encloses(hand.canvas.diagram.boxes["inner"].rect)


def test_enter_opens_the_selected_step(hand: Hand, qtbot: QtBot) -> None:
    hand.canvas.focus_on("one")
    with qtbot.waitSignal(hand.canvas.activated) as opened:
        hand.key(Key.Key_Return)
    assert opened.args == ["one"]


def test_everything_can_be_undone_and_redone_by_keys(hand: Hand) -> None:
    hand.key(Key.Key_A, CTRL)
    assert len(hand.canvas.selected) == 7
    hand.key(Key.Key_Delete)
    assert hand.workflow().steps == {}
    hand.key(Key.Key_Z, CTRL)
    assert len(hand.canvas.diagram.boxes) == 7
    hand.key(Key.Key_Z, CTRL | SHIFT)
    assert hand.canvas.diagram.boxes == {}


def test_a_key_that_means_nothing_here_is_left_to_the_window(hand: Hand) -> None:
    event = QKeyEvent(QKeyEvent.Type.KeyPress, Key.Key_F9, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(hand.canvas, event)
    assert not event.isAccepted()


def test_alignment_is_one_edit(hand: Hand) -> None:
    hand.canvas.select(["yes", "no", "choose"])
    hand.canvas.commands.align("top")
    assert {hand.canvas.diagram.boxes[step].y for step in ("yes", "no", "choose")} == {-104.0}
    hand.canvas.commands.distribute("across")
    assert hand.canvas.document.stack.count() >= 1


def test_escape_deselects_first_and_is_left_to_the_window_when_it_has_nothing_to_do(hand: Hand) -> None:
    def escape() -> bool:
        event = QKeyEvent(QEvent.Type.KeyPress, Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(hand.canvas, event)
        return event.isAccepted()

    hand.canvas.select(["one"])
    assert escape()
    assert hand.canvas.selected == set()
    assert not escape()
