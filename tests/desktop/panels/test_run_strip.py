"""What the inspector says of a step's last run, and what it offers to do about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QWidget

from core.engine.errors import Question
from desktop.overlay import StepMark, StepView
from desktop.panels.background import Surroundings
from desktop.panels.run_button import RunButton
from desktop.panels.run_strip import RunStrip


@pytest.fixture
def strip(around: Surroundings, stand: Callable[..., QWidget]) -> RunStrip:
    made = RunStrip(around)
    stand(made)
    return made


def offered(strip: RunStrip) -> list[str]:
    asked: list[str] = []
    strip.asked.connect(asked.append)
    for button in strip.notices.buttons:
        button.click()
    strip.asked.disconnect(asked.append)
    return asked


@pytest.mark.parametrize(
    ("view", "mark", "problem", "resumable", "says", "offers"),
    [
        (StepView("failed", error="It broke."), None, "", True, "It broke.", ["retry", "settings", "sent"]),
        (StepView("done"), None, "No more.", False, "No more.", ["retry", "settings", "sent"]),
        (StepView("waiting", question=Question("Go?")), None, "", True, "Go?", ["answer"]),
        (StepView("cancelled"), None, "", True, "Cut short", ["resume"]),
        (StepView("done", cause="reused"), None, "", False, "earlier run still holds", []),
        (StepView("done", cause="edited"), None, "", False, "wrote this output", []),
        (StepView("done"), StepMark(stale="Stale: changed."), "", False, "Stale: changed.", ["from"]),
        (None, StepMark(pinned=True), "", False, "Pinned", ["pin", "edit"]),
    ],
)
def test_it_says_what_there_is_and_offers_the_next_move(
    strip: RunStrip,
    view: StepView | None,
    mark: StepMark | None,
    problem: str,
    resumable: bool,
    says: str,
    offers: list[str],
) -> None:
    strip.show_step(view, mark, problem, resumable=resumable)
    (text,) = strip.notices.texts
    assert says in text
    assert strip.isVisible()
    assert offered(strip) == offers


@pytest.mark.parametrize(
    "view", [None, StepView("done"), StepView("running"), StepView("queued"), StepView("cancelled")]
)
def test_it_is_not_there_when_there_is_nothing_to_say(strip: RunStrip, view: StepView | None) -> None:
    strip.show_step(StepView("failed", error="It broke."), None)
    strip.show_step(view, None)
    assert not strip.isVisible()


def test_a_failed_step_is_tried_again_one_way_only(strip: RunStrip) -> None:
    strip.show_step(StepView("failed", error="It broke."), StepMark(stale="Stale: changed."))
    assert strip.notices.texts == ["It broke.", "Stale: changed."]
    assert offered(strip) == ["retry", "settings", "sent"]


def test_a_long_error_is_cut(strip: RunStrip) -> None:
    strip.show_step(StepView("failed", error="x" * 5_000), None)
    assert len(strip.notices.texts[0]) == 401


def test_the_button_offers_what_can_be_done_now(around: Surroundings, stand: Callable[..., QWidget]) -> None:
    button, asked = RunButton(around), list[str]()
    stand(button)
    button.asked.connect(asked.append)
    button.allow(run=True, from_here=False, pin=True, pinned=True)
    actions = button.actions_by_ask
    assert (actions["from"].isEnabled(), actions["pin"].text()) == (False, "Unpin the output")
    actions["until"].trigger()
    assert asked == ["until"]
    button.allow(run=False, from_here=False, pin=False, pinned=False)
    assert not button.isEnabled()
