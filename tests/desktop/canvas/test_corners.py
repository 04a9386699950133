from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.workflow import edits
from core.workflow.model import Step, Workflow
from desktop.canvas.export import ExportFailed, export
from desktop.canvas.fitting import READABLE
from desktop.canvas.view import CanvasView
from desktop.canvas.zoom_pill import ZoomPill
from desktop.document import OpenDocument
from desktop.overlay import RunOverlay, StepView
from desktop.theme import ThemeManager
from tests.support.canvas_hand import Hand, MakeHand, settled
from tests.support.small_steps import small_step_types

LEFT, NO_KEY = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def large(count: int) -> Workflow:
    steps = {f"s{i}": Step(f"s{i}", "value", f"Step {i}") for i in range(count)}
    return Workflow("Large", steps=steps, layout={f"s{i}": (i * 400.0, 0.0) for i in range(count)})


def test_the_map_is_there_only_when_there_is_something_to_map(make_hand: MakeHand, qtbot: QtBot) -> None:
    assert not make_hand(large(11)).canvas.minimap.isVisible()
    canvas = make_hand(large(12)).canvas
    assert canvas.minimap.isVisible()
    canvas.apply("Delete", lambda workflow: edits.remove_steps(workflow, ["s3"]))
    qtbot.waitUntil(lambda: not canvas.minimap.isVisible())


def test_the_map_goes_when_all_is_in_view_and_comes_back(make_hand: MakeHand) -> None:
    canvas = make_hand(large(12)).canvas
    canvas.fit()
    assert not canvas.minimap.isVisible()
    canvas.zoom_to(1.0)
    assert canvas.minimap.isVisible()


def test_a_graph_that_was_fitted_stays_fitted_until_one_looks_elsewhere(make_hand: MakeHand) -> None:
    hand = make_hand(large(6))
    canvas = hand.canvas
    canvas.fit()
    area = canvas.diagram.bounds()
    assert area is not None
    canvas.resize(900, 700)
    assert canvas.visible_area().center == pytest.approx(area.center)
    assert canvas.visible_area().left < area.left
    scale = canvas.camera.scale
    canvas.pan(30, 0)
    corner = canvas.visible_area().left, canvas.visible_area().top
    canvas.resize(1200, 800)
    assert (canvas.camera.scale, canvas.visible_area().left, canvas.visible_area().top) == (scale, *corner)
    canvas.fit()
    canvas.apply("Add", lambda workflow: edits.move_steps(workflow, {"s0": (-500.0, 0.0)}))
    scale = canvas.camera.scale
    canvas.resize(1000, 800)
    assert canvas.camera.scale == scale


def test_a_graph_that_would_be_too_small_to_read_opens_where_it_begins(qtbot: QtBot) -> None:
    canvas = CanvasView(
        OpenDocument(large(6)), RunOverlay(), small_step_types(), ThemeManager(), now=lambda: 0.0
    )  # fmt: skip
    qtbot.addWidget(canvas)
    canvas.resize(470, 275)
    with qtbot.waitExposed(canvas):
        canvas.show()
    first, area = canvas.place_of("s0"), canvas.diagram.bounds()
    assert first is not None
    assert area is not None
    for width in (470, 700):
        canvas.resize(width, 275)
        assert canvas.camera.scale == READABLE
        assert canvas.visible_area().encloses(first)
        assert canvas.visible_area().left < first.left
    canvas.resize(2400, 800)
    assert canvas.camera.scale > READABLE
    assert canvas.visible_area().encloses(area), "all of it where there is room"
    canvas.resize(470, 275)
    canvas.fit()
    assert canvas.visible_area().encloses(area), "all of it where that is asked for"


def test_a_press_on_the_map_goes_there(make_hand: MakeHand) -> None:
    hand = make_hand(large(40))
    settled(hand.canvas)
    QTest.mouseClick(hand.canvas.minimap, LEFT, NO_KEY, QPoint(190, 65))
    assert hand.canvas.visible_area().center[0] > 14_000.0
    assert hand.canvas.selected == set()


def test_the_pill_shows_and_changes_the_scale(hand: Hand) -> None:
    pill: ZoomPill = hand.canvas.zoom_pill
    hand.canvas.zoom_to(0.5)
    assert pill.scale_button.text() == "50 %"
    QTest.mouseClick(pill.scale_button, LEFT)
    assert hand.canvas.camera.scale == 1.0
    assert all(button.accessibleName() for button in [pill.scale_button, *pill._icons])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_whole_graph_is_exported_whatever_is_in_view(hand: Hand, tmp_path: Path, suffix: str) -> None:
    hand.canvas.pan(9_000, 9_000)
    file = tmp_path / f"graph{suffix}"
    export(hand.canvas, file)
    assert file.stat().st_size > 2_000
    if suffix == ".png":
        image = QImage(str(file))
        area = hand.canvas.diagram.bounds()
        assert area is not None
        assert image.width() == 2 * (area.width + 96)
    if suffix == ".svg":
        assert "<title>Small</title>" in file.read_text(encoding="utf-8")


def test_an_export_that_cannot_be_made_says_why(hand: Hand, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match=r"\.png, \.svg or \.pdf"):
        export(hand.canvas, tmp_path / "graph.gif")
    with pytest.raises(ExportFailed, match="no folder"):
        export(hand.canvas, tmp_path / "nowhere" / "graph.png")


def test_the_states_that_steps_come_to_are_told_once(hand: Hand) -> None:
    told: list[tuple[str, str]] = []
    hand.canvas.stepped.connect(lambda step, state: told.append((step, state)))
    hand.canvas.overlay.by_id["one"] = StepView(state="done")
    for _ in range(2):
        hand.canvas.overlay._dirty.add("one")
        hand.canvas.overlay_changed()
        settled(hand.canvas)
    assert told == [("one", "done")]


def test_a_group_is_moved_and_renamed_by_its_title(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.apply("Group", lambda workflow: edits.add_group(workflow, ["yes", "no"], title="Ends")[0])
    left, top, _, _ = canvas.diagram.groups[0].rect
    hand.drag((left + 30.0, top + 10.0), (left + 30.0, top - 30.0))
    assert hand.workflow().layout["yes"][1] == -144.0
    assert hand.workflow().layout["no"][1] == 64.0
    hand.double_click(left + 30.0, top - 30.0)
    from PySide6.QtWidgets import QLineEdit

    editor = canvas.viewport().findChild(QLineEdit)
    assert isinstance(editor, QLineEdit)
    QTest.keyClicks(editor, "Both ways")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert [group.title for group in hand.workflow().groups.values()] == ["Both ways"]
