from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.engine.events import NO_USAGE, ErrorInfo, StepDelta, StepFailed, StepStarted
from core.workflow import edits
from core.workflow.model import Step, Wire, Workflow
from desktop.canvas.geometry import WirePath
from desktop.canvas.ink import Ink
from desktop.canvas.strands import paint_label
from desktop.canvas.view import CanvasView
from desktop.overlay import RunOverlay, StepView
from desktop.theme import Theme, add_fonts
from tests.support.canvas_hand import Hand, MakeHand, settled

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def picture(canvas: CanvasView) -> QImage:
    settled(canvas)
    return canvas.viewport().grab().toImage()


def fresh_picture(canvas: CanvasView) -> QImage:
    """What the canvas would show if it painted everything anew."""
    settled(canvas)
    canvas.picture.spoil()
    canvas.repaint_all()
    return picture(canvas)


def wide_workflow(count: int = 40) -> Workflow:
    steps = {f"s{i}": Step(f"s{i}", "value", f"Step {i}", {"value": i}) for i in range(count)}
    layout = {f"s{i}": (float(i % 4) * 320.0, float(i // 4) * 160.0 - 160.0) for i in range(count)}
    return Workflow("Wide", steps=steps, layout=layout)


def test_a_hundred_progress_events_paint_at_most_a_hundred_steps_and_never_everything(make_hand: MakeHand) -> None:
    canvas: CanvasView = make_hand(wide_workflow()).canvas
    before = canvas.picture.stats.full, canvas.picture.stats.faces
    for number in range(100):
        step = f"s{number % 16}"
        canvas.overlay(_started(step))
        canvas.overlay_changed()
        if number % 10 == 9:
            settled(canvas)
    settled(canvas)
    assert canvas.picture.stats.full == before[0]
    assert 16 <= canvas.picture.stats.faces - before[1] <= 100


def test_events_between_two_frames_paint_a_step_once(make_hand: MakeHand) -> None:
    canvas: CanvasView = make_hand(wide_workflow()).canvas
    before = canvas.picture.stats.faces
    canvas.overlay(_started("s5"))
    for _ in range(50):
        canvas.overlay(_delta("s5"))
        canvas.overlay_changed()
    settled(canvas)
    assert canvas.picture.stats.faces - before == 1


def test_a_ring_that_turns_paints_no_step_again(make_hand: MakeHand, qtbot: QtBot) -> None:
    canvas: CanvasView = make_hand(wide_workflow()).canvas
    canvas.overlay(_started("s5"))
    canvas.overlay_changed()
    settled(canvas)
    faces, frames = canvas.picture.stats.faces, canvas.picture.stats.frames
    qtbot.waitUntil(lambda: canvas.picture.stats.frames >= frames + 5)
    assert canvas.picture.stats.faces == faces


def test_what_runs_out_of_sight_paints_nothing(make_hand: MakeHand) -> None:
    canvas: CanvasView = make_hand(wide_workflow()).canvas
    canvas.overlay(_started("s39"))
    canvas.overlay_changed()
    settled(canvas)
    assert canvas.running_for("s39") is not None
    assert canvas.rings().isEmpty()
    canvas.fit(["s39"])
    assert not canvas.rings().isEmpty()


def test_panning_paints_only_what_comes_into_view(hand: Hand) -> None:
    canvas = hand.canvas
    settled(canvas)
    full = canvas.picture.stats.full
    for _ in range(10):
        canvas.pan(7, 3)
        QApplication.processEvents()
    assert canvas.picture.stats.full == full


@pytest.mark.parametrize("scale", [1.0, 0.6, 0.3, 0.1])
def test_after_panning_the_picture_is_the_same_as_one_painted_anew(hand: Hand, scale: float) -> None:
    canvas = hand.canvas
    canvas.camera.scale = scale
    canvas.camera_moved()
    for dx, dy in ((30, 0), (-11, 17), (0, -40), (3, 5)):
        canvas.pan(dx, dy)
        QApplication.processEvents()
    assert _differing(picture(canvas), fresh_picture(canvas)) < 200


def test_after_edits_the_picture_is_the_same_as_one_painted_anew(hand: Hand) -> None:
    canvas = hand.canvas
    changes = (
        lambda w: edits.move_steps(w, {"one": (40.0, 120.0)}),
        lambda w: edits.set_title(w, "choose", "Another title"),
        lambda w: edits.remove_steps(w, ["no"]),
        lambda w: edits.add_step(w, "add", at=(640.0, 200.0))[0],
        lambda w: edits.connect(w, "choose", "false", "add"),
        lambda w: edits.set_collapsed(w, ["yes"], True),
        lambda w: edits.add_group(w, ["one", "choose"], title="Beginning")[0],
    )
    for change in changes:
        assert canvas.apply("Edit", change)
        assert _differing(picture(canvas), fresh_picture(canvas)) == 0


def test_after_changes_of_state_the_picture_is_the_same_as_one_painted_anew(hand: Hand) -> None:
    canvas = hand.canvas
    for state in ("done", "failed", "waiting", "skipped", "cancelled", "queued", "idle"):
        for step in ("one", "choose", "yes", "inner", "loop"):
            canvas.overlay.by_id[step] = StepView(state=state, seconds=1.5, error="It failed.", ports=("out", "true"))
            canvas.overlay._dirty.add(step)
        canvas.overlay_changed()
        assert _differing(picture(canvas), fresh_picture(canvas)) == 0, state
    for number in (1, 250, 0):
        for step in ("one", "choose", "yes", "inner", "loop"):
            canvas.overlay.by_id[step].sent = {"out": number, "true": number}
            canvas.overlay._dirty.add(step)
        canvas.overlay_changed()
        assert _differing(picture(canvas), fresh_picture(canvas)) == 0, number


def test_a_drag_that_is_given_up_leaves_the_picture_as_it_was(hand: Hand) -> None:
    canvas = hand.canvas
    hand.canvas.select(["choose"])
    before = picture(canvas)
    x, y = hand.middle("choose")
    hand.press(x, y)
    hand.move(x + 60.0, y + 70.0, button=Qt.MouseButton.LeftButton)
    hand.move(x + 90.0, y + 70.0, button=Qt.MouseButton.LeftButton)
    assert _differing(before, picture(canvas)) > 500
    canvas.interactions.cancel()
    hand.move(-50.0, -150.0)
    assert _differing(before, picture(canvas)) == 0


def test_what_stands_in_a_corner_is_not_painted_with_every_frame(make_hand: MakeHand) -> None:
    canvas: CanvasView = make_hand(wide_workflow()).canvas
    corners = (_Paints(canvas.minimap), _Paints(canvas.zoom_pill))
    assert canvas.minimap.isVisible()
    faces = canvas.picture.stats.frames
    for _ in range(10):
        canvas.repaint_all()
        QApplication.processEvents()
    assert canvas.picture.stats.frames >= faces + 10
    assert [corner.count for corner in corners] == [0, 0]


def test_a_dragged_step_paints_only_where_it_was_and_is(make_hand: MakeHand) -> None:
    hand = make_hand(wide_workflow())
    canvas: CanvasView = hand.canvas
    x, y = hand.middle("s5")
    hand.press(x, y)
    hand.move(x + 40.0, y + 8.0, button=Qt.MouseButton.LeftButton)
    settled(canvas)
    paints = _Paints(canvas.viewport())
    hand.move(x + 48.0, y + 8.0, button=Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    hand.release(x + 48.0, y + 8.0)
    assert paints.count
    assert paints.largest < canvas.viewport().width() * canvas.viewport().height() / 3


@pytest.mark.parametrize("keys", [Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier])
def test_while_a_step_is_dragged_the_window_is_the_same_as_one_painted_anew(
    hand: Hand, keys: Qt.KeyboardModifier
) -> None:
    canvas = hand.canvas
    canvas.select(["yes"])
    x, y = hand.middle("choose")
    hand.press(x, y, keys)
    for place in ((60.0, 70.0), (90.0, 30.0), (8.0, 150.0)):
        hand.move(x + place[0], y + place[1], keys, Qt.MouseButton.LeftButton)
        bit_by_bit = _shown(canvas)
        canvas.repaint_all()
        assert _differing(bit_by_bit, _shown(canvas)) == 0, place
    canvas.interactions.cancel()


def test_a_canvas_can_be_closed_in_the_middle_of_a_drag(hand: Hand) -> None:
    x, y = hand.middle("choose")
    hand.press(x, y)
    hand.move(x + 60.0, y + 70.0, button=Qt.MouseButton.LeftButton)
    assert hand.canvas.close()
    assert hand.canvas.interactions.gesture is None
    assert hand.workflow().layout["choose"] == (320.0, 0.0)


def test_another_theme_repaints_everything_in_its_colours(hand: Hand) -> None:
    canvas = hand.canvas
    dark = picture(canvas).pixelColor(5, 5)
    canvas._themes.choose("light")
    light = picture(canvas).pixelColor(5, 5)
    assert dark.lightness() < 60 < 200 < light.lightness()


def test_a_past_run_is_shown_and_taken_off_again(hand: Hand) -> None:
    canvas = hand.canvas
    before = picture(canvas)
    run = RunOverlay()
    run(_started("one"))
    run(_failed("one"))
    canvas.show_run(run)
    assert canvas.look("one").state == "failed"
    assert _differing(before, picture(canvas)) > 100
    canvas.show_run(RunOverlay())
    assert _differing(before, picture(canvas)) == 0


def test_wires_of_a_finished_decision_show_which_way_it_went(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.overlay.by_id["choose"] = StepView(state="done", ports=("true",))
    true, false = sorted(
        (w for w in canvas.diagram.wires_of("choose") if w.source == "choose"), key=lambda w: w.port, reverse=True
    )
    assert (canvas.flow(true), canvas.flow(false)) == ("live", "dead")


def test_after_a_run_a_wire_says_how_much_went_along_it_also_while_it_is_pointed_at(hand: Hand) -> None:
    canvas, wire = hand.canvas, Wire("one", "out", "choose")
    path = canvas.diagram.wires[wire]
    middle = hand.at((path.x1 + path.x2) / 2, (path.y1 + path.y2) / 2)
    label = QRect(middle.x() - 30, middle.y() - 9, 60, 18)
    run = RunOverlay()
    for sent in (0, 1):
        run.by_id["one"] = StepView(state="done", ports=("out",), sent={"out": sent} if sent else {}, output={})
        canvas.show_run(run)
        shown = picture(canvas).copy(label)
        if not sent:
            bare = shown
    assert canvas.tally(wire) == "1 item"
    assert _differing(bare, shown) > 300
    hand.move((path.x1 + path.x2) / 2, path.y1)
    assert _differing(picture(canvas).copy(label), shown) < 60


def test_a_short_wire_says_the_number_alone_and_a_shorter_one_nothing() -> None:
    add_fonts()
    wire, ink = Wire("a", "out", "b"), Ink(Theme.dark())

    def wide(length: float) -> int:
        image = QImage(200, 40, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        paint_label(painter, WirePath(wire, 100 - length / 2, 20, 100 + length / 2, 20, "text"), "12 items", ink)
        painter.end()
        return sum(image.pixelColor(x, 20).alpha() > 0 for x in range(200))

    assert 50 < wide(100.0) < 80
    assert 18 <= wide(60.0) < 40
    assert wide(30.0) == 0


@pytest.mark.parametrize("scale", [0.4, 0.15])
def test_the_title_of_a_group_can_be_read_from_afar(hand: Hand, scale: float) -> None:
    canvas = hand.canvas
    canvas.apply("Group", lambda w: edits.add_group(w, ["one", "choose", "yes", "no"], title="Both")[0])
    canvas.zoom_to(scale)
    titled = picture(canvas)
    group = next(iter(hand.workflow().groups))
    canvas.apply("Rename", lambda w: edits.set_group(w, group, title=""))
    assert _differing(titled, picture(canvas)) > 200
    assert _differing(picture(canvas), fresh_picture(canvas)) == 0


def test_detail_does_not_flicker_around_its_border(hand: Hand) -> None:
    canvas = hand.canvas
    seen: list[str] = []
    for scale in (0.44, 0.48, 0.53, 0.46):
        canvas.zoom_to(scale)
        seen.append(canvas.picture.detail)
    assert seen == ["mid", "mid", "near", "near"]


class _Paints(QObject):
    """Counts a widget's paint events. largest: pixels in the region of the largest."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.count = 0
        self.largest = 0
        widget.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if isinstance(event, QPaintEvent):
            self.count += 1
            part = event.region().boundingRect()
            self.largest = max(self.largest, part.width() * part.height())
        return False


def _shown(canvas: CanvasView) -> QImage:
    """What the window shows now, with what was painted bit by bit."""
    settled(canvas)
    return canvas.screen().grabWindow(canvas.winId()).toImage()


def _differing(one: QImage, other: QImage) -> int:
    """How many pixels differ by more than rounding."""
    assert one.size() == other.size()
    first, second = _numbers(one), _numbers(other)
    return int((np.abs(first - second) > 8).any(axis=1).sum())


def _numbers(image: QImage) -> NDArray[np.int16]:
    data = bytes(image.convertToFormat(QImage.Format.Format_RGB32).constBits())
    return np.frombuffer(data, np.uint8).reshape(-1, 4).astype(np.int16)


def _started(step: str) -> StepStarted:
    return StepStarted("r", NOW, step, step, 1, "value", step, "first", "", {})


def _delta(step: str) -> StepDelta:
    return StepDelta("r", NOW, step, step, 1, "more ")


def _failed(step: str) -> StepFailed:
    return StepFailed("r", NOW, step, step, 1, ErrorInfo("failed", "It failed."), None, NO_USAGE, 0.5)
