from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.workflow import edits
from core.workflow.model import Wire
from desktop.canvas.drops import STEP_MIME
from desktop.canvas.layers import COLUMN_GAP
from tests.support.canvas_hand import Hand, settled

ALT, SHIFT, CTRL = (
    Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier,
)  # fmt: skip
NO_KEY = Qt.KeyboardModifier.NoModifier


def test_a_click_selects_a_step_and_a_click_on_the_void_selects_nothing(hand: Hand) -> None:
    hand.click(*hand.middle("one"))
    assert hand.canvas.selected == {"one"}
    hand.click(*hand.middle("yes"), SHIFT)
    assert hand.canvas.selected == {"one", "yes"}
    hand.click(*hand.middle("yes"), SHIFT)
    assert hand.canvas.selected == {"one"}
    hand.click(300.0, 200.0)
    assert hand.canvas.selected == set()


def test_a_rubber_band_selects_what_it_touches(hand: Hand) -> None:
    hand.drag((600.0, -150.0), (700.0, 120.0))
    assert hand.canvas.selected == {"yes", "no"}
    hand.drag((-40.0, 220.0), (20.0, 260.0), SHIFT)
    assert hand.canvas.selected == {"yes", "no", "free"}


def test_a_rubber_band_inside_a_loop_selects_the_steps_in_it_and_not_the_loop(hand: Hand) -> None:
    hand.drag((600.0, 380.0), (400.0, 320.0))
    assert hand.canvas.selected == {"inner"}


def test_dragging_a_step_moves_it_onto_the_grid_in_one_entry_of_undo(hand: Hand) -> None:
    x, y = hand.middle("free")
    hand.drag((x, y), (x - 3.0, y + 151.0))
    left, top = hand.workflow().layout["free"][:2]
    assert (left % 8, top % 8) == (0, 0)
    assert top == 392.0
    assert hand.canvas.document.stack.count() == 1
    hand.canvas.document.stack.undo()
    assert hand.canvas.diagram.boxes["free"].y == 240.0


def test_a_drag_changes_nothing_before_the_button_is_let_go_and_nothing_after_escape(hand: Hand) -> None:
    before = hand.workflow()
    x, y = hand.middle("free")
    hand.press(x, y)
    hand.move(x + 50.0, y + 50.0, button=Qt.MouseButton.LeftButton)
    hand.move(x + 90.0, y + 90.0, button=Qt.MouseButton.LeftButton)
    assert hand.workflow() is before
    assert hand.canvas.picture.lifted == {"free"}
    hand.key(Qt.Key.Key_Escape)
    hand.release(x + 90.0, y + 90.0)
    assert hand.workflow() is before
    assert hand.canvas.picture.lifted == frozenset()
    assert hand.canvas.interactions.gesture is None


def test_a_loop_takes_the_steps_inside_it_along(hand: Hand) -> None:
    x, y = hand.middle("loop")
    hand.drag((x, y), (x + 80.0, y + 160.0), CTRL)
    layout = hand.workflow().layout
    assert layout["inner"][0] - layout["loop"][0] == 24.0
    assert layout["inner"][1] - layout["loop"][1] == 64.0
    assert layout["loop"] != (320.0, 240.0)


def test_a_step_dropped_inside_a_loop_goes_into_it_and_comes_out_again(hand: Hand) -> None:
    hand.drag(hand.middle("free"), (620.0, 365.0))
    assert hand.body("loop") == {"inner", "free"}
    assert hand.canvas.diagram.boxes["loop"].rect.encloses(hand.canvas.diagram.boxes["free"].rect)
    hand.drag(hand.middle("free"), (60.0, 480.0))
    assert "free" in hand.workflow().steps


def test_a_free_step_dropped_on_a_wire_goes_between_its_ends(hand: Hand) -> None:
    hand.canvas.apply("Make room", lambda workflow: edits.move_steps(workflow, {"one": (-90.0, -40.0)}))
    box = hand.canvas.diagram.boxes["free"]
    path = hand.canvas.diagram.wires[Wire("one", "out", "choose")]
    target = ((path.x1 + path.x2) / 2, (path.y1 + path.y2) / 2)
    offset = (box.rect.center[0] - hand.middle("free")[0], box.rect.center[1] - hand.middle("free")[1])
    hand.drag(hand.middle("free"), (target[0] - offset[0], target[1] - offset[1]))
    assert hand.workflow().steps["one"].then == {"out": ("free",)}
    assert hand.workflow().steps["free"].then == {"out": ("choose",)}


def test_a_wire_is_drawn_from_port_to_port_and_sticks_to_an_input_nearby(hand: Hand) -> None:
    x, y = hand.port("free", "")
    hand.drag(hand.port("yes", "out"), (x - 15.0, y + 10.0))
    assert Wire("yes", "out", "free") in hand.canvas.diagram.wires
    assert hand.workflow().steps["yes"].then == {"out": ("free",)}


def test_a_wire_dropped_on_a_step_where_it_may_not_lead_says_why_and_is_not_drawn(hand: Hand) -> None:
    before = hand.workflow()
    hand.drag(hand.port("yes", "out"), hand.middle("one"))
    assert hand.workflow() is before
    assert len(hand.said) == 1
    assert "circle" in hand.said[0].lower() or "cycle" in hand.said[0].lower() or "before" in hand.said[0].lower()


def test_while_a_wire_is_drawn_only_the_steps_it_may_lead_to_are_targets(hand: Hand) -> None:
    x, y = hand.port("yes", "out")
    hand.press(x, y)
    hand.move(x + 30.0, y, button=Qt.MouseButton.LeftButton)
    targets = hand.canvas.marks.targets or frozenset()
    assert "no" in targets
    assert "one" not in targets
    assert "inner" not in targets
    hand.key(Qt.Key.Key_Escape)
    assert hand.canvas.marks.targets is None


def test_a_wire_dropped_in_the_void_asks_for_a_step_and_leads_to_it(hand: Hand) -> None:
    hand.drag(hand.port("no", "out"), (930.0, 300.0))
    assert "note" not in hand.offered()
    hand.choose("val")
    assert hand.workflow().steps["no"].then == {"out": ("value",)}
    assert hand.canvas.selected == {"value"}
    assert hand.canvas.document.stack.count() == 1


def test_the_wire_stays_to_be_seen_while_the_step_at_its_end_is_asked_for(hand: Hand) -> None:
    def colour_of_the_wire() -> str:
        settled(hand.canvas)
        x, y = hand.port("no", "out")
        return hand.canvas.viewport().grab().toImage().pixelColor(hand.at(x + 12.0, y)).name()

    bare = colour_of_the_wire()
    hand.drag(hand.port("no", "out"), (930.0, 122.0))
    assert colour_of_the_wire() != bare
    QTest.keyClick(hand.chooser().field, Qt.Key.Key_Escape)
    assert hand.canvas.marks.loose is None
    hand.move(300.0, 500.0)
    assert colour_of_the_wire() == bare


@pytest.mark.parametrize(("start", "is_moved"), [(("no", "out"), False), (("choose", ""), True)])
def test_while_a_wire_is_drawn_all_others_are_faint(hand: Hand, start: tuple[str, str], is_moved: bool) -> None:
    path = hand.canvas.diagram.wires[Wire("one", "out", "choose")]
    middle = hand.at((path.x1 + path.x2) / 2, path.y1)

    def stands_out() -> int:
        settled(hand.canvas)
        image = hand.canvas.viewport().grab().toImage()
        wire, ground = image.pixelColor(middle), image.pixelColor(middle.x() + 6, middle.y() - 6)
        return abs(wire.red() - ground.red()) + abs(wire.green() - ground.green()) + abs(wire.blue() - ground.blue())

    bare = stands_out()
    hand.press(*hand.port(*start))
    hand.move(700.0, 420.0, button=Qt.MouseButton.LeftButton)
    assert (stands_out() < bare / 2) != is_moved, "what is moved itself stays as it is"
    hand.key(Qt.Key.Key_Escape)
    hand.move(300.0, 500.0)
    assert stands_out() == bare


def test_a_click_on_an_open_port_asks_for_the_next_step(hand: Hand) -> None:
    hand.click(*hand.port("yes", "out"))
    hand.choose("add")
    assert hand.workflow().steps["yes"].then == {"out": ("add",)}
    (x, y), (start, level) = hand.port("add", ""), hand.port("yes", "out")
    assert (x - start, y) == (COLUMN_GAP, level), "the wire is as long and as straight as after tidying up"


def test_a_wire_taken_off_its_input_leads_elsewhere_or_is_cut_in_the_void(hand: Hand) -> None:
    hand.drag(hand.port("no", ""), hand.port("free", ""))
    assert hand.workflow().steps["choose"].then == {"true": ("yes",), "false": ("free",)}
    hand.drag(hand.port("free", ""), (250.0, 420.0))
    assert hand.workflow().steps["choose"].then == {"true": ("yes",)}


def test_with_shift_all_wires_of_an_input_are_taken_along(hand: Hand) -> None:
    hand.drag(hand.port("yes", "out"), hand.port("no", ""))
    hand.drag(hand.port("no", ""), hand.port("free", ""), SHIFT)
    assert hand.workflow().steps["choose"].then["false"] == ("free",)
    assert hand.workflow().steps["yes"].then == {"out": ("free",)}


def test_an_alt_drag_cuts_every_wire_it_crosses(hand: Hand) -> None:
    hand.drag((600.0, -140.0), (600.0, 170.0), ALT)
    assert hand.workflow().steps["choose"].then == {}
    assert Wire("one", "out", "choose") in hand.canvas.diagram.wires
    assert hand.canvas.document.stack.count() == 1


def test_a_click_on_a_wire_selects_it_and_delete_cuts_it(hand: Hand) -> None:
    hand.click(280.0, 18.0)
    assert hand.canvas.marks.wires == {Wire("one", "out", "choose")}
    hand.key(Qt.Key.Key_Delete)
    assert Wire("one", "out", "choose") not in hand.canvas.diagram.wires
    assert hand.canvas.marks.wires == set()


def test_a_double_click_on_the_void_adds_a_step_there(hand: Hand) -> None:
    hand.double_click(0.0, 420.0)
    hand.choose("note")
    assert hand.canvas.diagram.boxes["note"].x == 0.0


def test_a_double_click_on_a_wire_puts_the_new_step_into_it(hand: Hand) -> None:
    hand.double_click(280.0, 18.0)
    hand.choose("set")
    assert hand.workflow().steps["one"].then == {"out": ("set",)}
    assert hand.workflow().steps["set"].then == {"out": ("choose",)}


def test_a_double_click_on_a_step_opens_it(hand: Hand, qtbot: QtBot) -> None:
    with qtbot.waitSignal(hand.canvas.activated) as opened:
        hand.double_click(*hand.middle("one"))
    assert opened.args == ["one"]


def wheel(hand: Hand, delta: QPoint, at: tuple[float, float], keys: Qt.KeyboardModifier = NO_KEY) -> None:
    place = QPointF(hand.at(*at))
    view = hand.canvas.viewport()
    event = QWheelEvent(
        place, QPointF(view.mapToGlobal(place.toPoint())), QPoint(), delta, Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_the_wheel_pans_and_with_ctrl_zooms_around_the_pointer(hand: Hand) -> None:
    wheel(hand, QPoint(0, -120), (300.0, 100.0))
    assert hand.canvas.camera.y == -80.0
    place = hand.at(300.0, 100.0)
    wheel(hand, QPoint(0, 240), (300.0, 100.0), CTRL)
    assert hand.canvas.camera.scale > 1.2
    assert (hand.at(300.0, 100.0) - place).manhattanLength() <= 1


def test_two_fingers_zoom_around_the_place_between_them(hand: Hand) -> None:
    at = QPointF(600.0, 300.0)
    before = hand.canvas.canvas_point(at.toPoint())
    device = QPointingDevice.primaryPointingDevice()
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, device, 2, at, at, at, 0.25, QPointF(0.0, 0.0)
    )  # fmt: skip
    QApplication.sendEvent(hand.canvas.viewport(), event)
    assert hand.canvas.camera.scale == pytest.approx(1.25)
    assert hand.canvas.canvas_point(at.toPoint()) == pytest.approx(before)


@pytest.mark.parametrize("button", [Qt.MouseButton.MiddleButton, Qt.MouseButton.LeftButton])
def test_the_middle_button_or_space_drags_the_canvas(hand: Hand, button: Qt.MouseButton) -> None:
    if button == Qt.MouseButton.LeftButton:
        QTest.keyPress(hand.canvas, Qt.Key.Key_Space)
    x, y = hand.canvas.camera.x, hand.canvas.camera.y
    start = hand.at(100.0, 20.0)
    QTest.mousePress(hand.canvas.viewport(), button, NO_KEY, start)
    hand.move(140.0, 50.0, button=button)
    QTest.mouseRelease(hand.canvas.viewport(), button, NO_KEY, start + QPoint(40, 30))
    QTest.keyRelease(hand.canvas, Qt.Key.Key_Space)
    assert (hand.canvas.camera.x, hand.canvas.camera.y) == (x - 40.0, y - 30.0)
    assert hand.workflow().layout["one"] == (0.0, 0.0)


def drop(hand: Hand, type_name: str, at: tuple[float, float]) -> None:
    mime = QMimeData()
    mime.setData(STEP_MIME, type_name.encode())
    view, copy, left = hand.canvas.viewport(), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(hand.at(*at), copy, mime, left, NO_KEY)
    QApplication.sendEvent(view, enter)
    assert enter.isAccepted()
    event = QDropEvent(QPointF(hand.at(*at)), copy, mime, left, NO_KEY)
    QApplication.sendEvent(view, event)


def test_a_step_dragged_from_the_palette_lands_where_it_is_dropped(hand: Hand) -> None:
    drop(hand, "value", (120.0, 420.0))
    box = hand.canvas.diagram.boxes["value"]
    assert abs(box.rect.center[0] - 120.0) <= 8.0
    assert hand.canvas.selected == {"value"}


def test_a_step_dragged_from_the_palette_onto_a_wire_goes_into_it(hand: Hand) -> None:
    drop(hand, "value", (280.0, 18.0))
    assert hand.workflow().steps["one"].then == {"out": ("value",)}


def test_a_step_dragged_from_the_palette_into_a_loop_stands_in_it(hand: Hand) -> None:
    drop(hand, "value", (610.0, 380.0))
    assert "value" in hand.body("loop")


def test_something_else_dragged_over_the_canvas_is_left_to_the_window(hand: Hand) -> None:
    mime = QMimeData()
    mime.setText("hello")
    event = QDragEnterEvent(QPoint(10, 10), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NO_KEY)
    event.ignore()
    QApplication.sendEvent(hand.canvas.viewport(), event)
    assert not event.isAccepted()


def test_a_read_only_document_can_be_looked_at_but_not_changed(hand: Hand) -> None:
    hand.canvas.document.read_only = True
    before = hand.workflow()
    hand.drag(hand.middle("free"), (100.0, 420.0))
    hand.drag(hand.port("yes", "out"), hand.port("no", ""))
    hand.drag((600.0, -140.0), (600.0, 170.0), ALT)
    hand.click(*hand.middle("one"))
    hand.key(Qt.Key.Key_Delete)
    assert hand.workflow() is before
    assert hand.canvas.selected == {"one"}
    assert "read-only" in hand.said[-1]
