from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import psutil
import pytest
from PySide6.QtCore import QEvent, QObject, QProcess
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.workflow.model import Step, Workflow
from desktop.app import main
from desktop.canvas.dot_child import LAYOUT_ARGUMENT
from desktop.canvas.layers import Place
from desktop.canvas.levels import Cable, Level, placed
from desktop.canvas.tidying import Arranger
from desktop.canvas.view import CanvasView
from tests.support.canvas_hand import Hand, MakeHand

PATIENT_MS = 20_000

LEVEL = Level(["a", "b"], {"a": (240.0, 80.0), "b": (240.0, 120.0)}, [Cable("a", "b")])


def arrangement(qtbot: QtBot, arranger: Arranger, level: Level = LEVEL) -> dict[str, Place]:
    given: list[dict[str, Place]] = []
    arranger.arrange(level, given.append)
    assert arranger.is_busy
    qtbot.waitUntil(lambda: bool(given) and not arranger.is_busy, timeout=PATIENT_MS)
    return given[0]


@pytest.fixture
def owner() -> QObject:
    return QObject()


def test_a_process_of_its_own_arranges_with_dot(qtbot: QtBot, owner: QObject) -> None:
    places = arrangement(qtbot, Arranger(owner))
    assert places["a"] == (0.0, 0.0)
    assert places["b"] == (320.0, 0.0)


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit(3)",
        "import os; os.abort()",
        "print('nonsense')",
        f"print({json.dumps(json.dumps({'a': [1, 2]}))})",
        "print('[1, 2]')",
    ],
    ids=["ends", "crashes", "babbles", "knows_half", "answers_otherwise"],
)
def test_what_goes_wrong_in_the_process_leaves_the_arrangement_in_columns(
    qtbot: QtBot, owner: QObject, program: str
) -> None:
    arranger = Arranger(owner, command=(sys.executable, "-c", program))
    assert arrangement(qtbot, arranger) == placed(LEVEL)[0]


def test_a_program_that_cannot_be_started_leaves_the_arrangement_in_columns(qtbot: QtBot, owner: QObject) -> None:
    assert arrangement(qtbot, Arranger(owner, command=("/nowhere/dot",))) == placed(LEVEL)[0]


def test_what_takes_too_long_is_given_up(qtbot: QtBot, owner: QObject) -> None:
    arranger = Arranger(owner, command=(sys.executable, "-c", "import time; time.sleep(600)"), patience_ms=50)
    assert arrangement(qtbot, arranger) == placed(LEVEL)[0]


def test_nothing_is_left_running_and_nobody_told_when_the_canvas_goes(qtbot: QtBot) -> None:
    owner, told = QObject(), list[dict[str, Place]]()
    arranger = Arranger(owner, command=(sys.executable, "-c", "import time; time.sleep(600)"))
    arranger.arrange(LEVEL, told.append)
    (process,) = arranger._processes
    qtbot.waitUntil(lambda: process.state() == QProcess.ProcessState.Running, timeout=PATIENT_MS)
    number = process.processId()
    owner.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not psutil.pid_exists(number)
    assert told == []


def test_a_new_arrangement_takes_the_place_of_the_one_at_work(qtbot: QtBot, owner: QObject) -> None:
    arranger = Arranger(owner)
    first: list[dict[str, Place]] = []
    arranger.arrange(LEVEL, first.append)
    assert arrangement(qtbot, arranger).keys() == {"a", "b"}
    assert first == []


def settled_after(qtbot: QtBot, canvas: CanvasView, act: Callable[[], object]) -> None:
    act()
    qtbot.waitUntil(lambda: not canvas.is_busy, timeout=PATIENT_MS)


def test_tidying_up_is_one_edit_that_can_be_undone_and_moves_every_step_to_a_place_of_its_own(
    hand: Hand, qtbot: QtBot
) -> None:
    canvas = hand.canvas
    before = dict(hand.workflow().layout)
    settled_after(qtbot, canvas, canvas.commands.tidy)
    boxes = [box for box in canvas.diagram.boxes.values() if not box.is_frame]
    assert not any(a.rect.intersects(b.rect) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    assert canvas.document.stack.count() == 1
    assert hand.workflow().layout != before
    canvas.document.stack.undo()
    assert hand.workflow().layout == before
    assert canvas.diagram.boxes["yes"].rect[:2] == before["yes"]


def test_steps_glide_to_their_places_and_arrive_exactly(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    seen: list[tuple[float, float]] = []
    canvas.drawn.connect(lambda _: seen.append(canvas.diagram.boxes["no"].rect[:2]))
    settled_after(qtbot, canvas, canvas.commands.tidy)
    assert len(set(seen)) > 2
    assert canvas.diagram.boxes["no"].rect[:2] == hand.workflow().layout["no"]
    frame = canvas.diagram.boxes["loop"].rect
    assert frame.encloses(canvas.diagram.boxes["inner"].rect)


def test_with_reduced_motion_steps_are_simply_there(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    canvas._themes.reduce_motion(True)
    seen: list[bool] = []
    canvas.drawn.connect(lambda _: seen.append(canvas.glide.is_active))
    settled_after(qtbot, canvas, canvas.commands.tidy)
    assert True not in seen


def test_an_edit_in_the_middle_of_the_way_finds_everything_in_its_place(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    canvas.commands.tidy()
    qtbot.waitUntil(lambda: canvas.glide.is_active, timeout=PATIENT_MS)
    canvas.document.stack.undo()
    assert not canvas.glide.is_active
    assert canvas.diagram.boxes["no"].rect[:2] == (640.0, 104.0)


def test_only_several_selected_steps_of_one_level_are_tidied(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    canvas.select(["choose", "yes", "no"])
    before = dict(hand.workflow().layout)
    settled_after(qtbot, canvas, canvas.commands.tidy)
    moved = {step for step, place in hand.workflow().layout.items() if before[step] != place}
    assert moved
    assert moved <= {"choose", "yes", "no"}
    assert hand.workflow().layout["yes"][1] < hand.workflow().layout["no"][1]


def test_tidying_what_is_tidy_says_so(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    for _ in range(2):
        settled_after(qtbot, canvas, canvas.commands.tidy)
    assert hand.said == ["Everything is in its place already."]
    assert canvas.document.stack.count() == 1


def test_a_thousand_steps_are_tidied_without_gliding(make_hand: MakeHand, qtbot: QtBot) -> None:
    steps = {f"s{i}": Step(f"s{i}", "value", then={"out": (f"s{i + 7}",)} if i < 993 else {}) for i in range(1_000)}
    canvas = make_hand(Workflow("Large", steps=steps, layout=dict.fromkeys(steps, (0.0, 0.0)))).canvas
    gliding: list[bool] = []
    canvas.drawn.connect(lambda _: gliding.append(canvas.glide.is_active))
    settled_after(qtbot, canvas, canvas.commands.tidy)
    assert True not in gliding
    assert len({box.rect[:2] for box in canvas.diagram.boxes.values()}) == 1_000


def test_a_frozen_program_stands_in_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(LEVEL.as_json())))
    monkeypatch.setattr(sys, "stdout", answer)
    assert main([LAYOUT_ARGUMENT]) == 0
    assert json.loads(answer.getvalue())["b"] == [320.0, 0.0]
