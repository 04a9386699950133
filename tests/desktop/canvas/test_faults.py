"""What is wrong with steps is shown on them before anything runs, said in the tip, and read aloud."""

from __future__ import annotations

from core.workflow.model import Wire
from core.workflow.problems import Problem
from desktop.canvas.accessibility import describe
from desktop.canvas.hit import Hit
from desktop.canvas.tips import tip
from desktop.overlay import StepView
from tests.support.canvas_hand import Hand, settled

MISSING = Problem("missing", "The prompt is missing.", "Write one.", step="one", field="config.prompt")
ODD = Problem("odd", "That is odd.", step="one", severity="warning")


def test_the_gravest_problem_of_a_step_is_shown_and_said(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.faults.show([ODD, MISSING, Problem("name", "The workflow has no name.")])
    assert (canvas.look("one").fault, canvas.look("choose").fault) == ("error", None)
    assert tip(canvas, Hit("step", step="one")) == "First\nThe prompt is missing. Write one."
    assert "needs mending: The prompt is missing. Write one" in describe(canvas, "one")
    canvas.faults.show([ODD])
    assert canvas.look("one").fault == "warning"
    canvas.faults.show([])
    assert canvas.look("one").fault is None
    assert tip(canvas, Hit("step", step="one")) == "First"


def test_only_steps_whose_problems_are_others_are_painted_anew(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.faults.show([MISSING])
    settled(canvas)
    kept, painted = canvas.look("one"), canvas.look("choose")
    canvas.faults.show([MISSING])
    assert canvas.look("one") is kept
    canvas.faults.show([MISSING, Problem("odd", "Odd.", step="yes")])
    assert canvas.look("one") is kept
    assert canvas.look("choose") is painted


def test_a_problem_of_a_step_that_is_gone_harms_nothing(hand: Hand) -> None:
    hand.canvas.faults.show([Problem("odd", "Odd.", step="gone")])
    hand.canvas.faults.show([])


def test_a_failure_of_the_run_is_told_before_the_problem(hand: Hand) -> None:
    hand.canvas.faults.show([MISSING])
    hand.canvas.overlay.by_id["one"] = StepView(state="failed", error="No money")
    assert tip(hand.canvas, Hit("step", step="one")) == "No money"


def test_the_tip_of_a_wire_names_its_steps_as_they_are_called(hand: Hand) -> None:
    wire = Wire("one", "out", "choose")
    assert tip(hand.canvas, Hit("wire", wire=wire)) == "First → Decide"
