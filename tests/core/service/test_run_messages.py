"""What is told of runs through the database arrives as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.engine.errors import Question
from core.engine.events import (
    ErrorInfo,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
    Usage,
)
from core.engine.testing import ManualClock
from core.service.live_runs import TOLD_S, LiveRuns
from core.service.run_messages import RunMessage, message_of, texts_of
from core.store.run_news import LONGEST_TEXT

AT = datetime(2026, 11, 27, 9, 0, 0, 123456, tzinfo=UTC)
USAGE = Usage(3, 4, 0.5)
ERROR = ErrorInfo("http", "The site “x” is down", 2, {"status": 503})
STEP = ("run-1", AT, "each[3]/ask", "ask", 2)
EVENTS: list[Event] = [
    RunStarted("run-1", AT, "Triage", {"ticket": "It burns \x00 \ud800 🔥"}),
    RunResumed("run-1", AT, "Triage"),
    RunSuspended("run-1", AT, ("ask", "wait"), AT, USAGE, 1.5),
    RunCompleted("run-1", AT, {"n": [1, {"x": None}]}, USAGE, 1.5),
    RunFailed("run-1", AT, "ask", ERROR, USAGE, 1.5),
    RunCancelled("run-1", AT, USAGE, 1.5, True),
    StepStarted(*STEP, "chat", "Ask", "retry", "hash", {"prompt": "x"}),
    StepDelta(*STEP, "wo\n", "reasoning"),
    StepRetrying(*STEP, ERROR, 2.5, {"url": "y"}, USAGE, 0.1),
    StepCompleted(*STEP, {"text": "x"}, ("out", "error"), {"v": 1}, None, USAGE, 0.1, ERROR, True),
    StepFailed(*STEP, ERROR, None, USAGE, 0.1),
    StepSkipped(*STEP, "no wire is live", "Ask"),
    StepSuspended(*STEP, Question("Sure?", ("yes", "no"), {"type": "object"}), None, {"a": 1}, USAGE, 0.1),
    StepCancelled(*STEP, "a sibling failed", None, USAGE, 0.1),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_arrives_as_it_was(event: Event) -> None:
    (text,) = texts_of(RunMessage("worker", "run-1", event), 7)
    assert message_of(text) == RunMessage("worker", "run-1", event)


def test_every_kind_of_event_is_known() -> None:
    def kinds(base: type[Event]) -> set[type[Event]]:
        return {base} | {kind for below in base.__subclasses__() for kind in kinds(below)}

    named = {kind.__name__ for kind in kinds(Event) if kind.__module__ == "core.engine.events"}
    assert {type(event).__name__ for event in EVENTS} == named - {"Event", "StepEvent"}


def test_a_long_piece_of_an_answer_comes_in_several_texts_that_fit() -> None:
    piece = StepDelta(*STEP, "Mühle 🔥" * 3000)
    texts = list(texts_of(RunMessage("worker", "run-1", piece), 1))
    assert len(set(texts)) == len(texts) > 1
    assert all(len(text.encode()) <= LONGEST_TEXT for text in texts)
    events = [message.event for text in texts if (message := message_of(text)) is not None]
    assert "".join(event.text for event in events if isinstance(event, StepDelta)) == piece.text


def test_of_what_does_not_fit_it_is_told_that_the_journal_knows_it() -> None:
    big = StepCompleted(*STEP, {"text": "x" * 9000}, ("out",), {}, None, USAGE, 0.1)
    (text,) = texts_of(RunMessage("worker", "run-1", big), 1)
    assert message_of(text) == RunMessage("worker", "run-1", None, look=True)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"from": 1, "run": 2, "event": {"event": "nothing"}}', "[" * 9999]
)
def test_what_somebody_else_says_there_is_passed_over(text: str) -> None:
    assert message_of(text) is None


async def test_a_run_of_which_nobody_tells_is_looked_up_often() -> None:
    clock = ManualClock()
    live = LiveRuns(clock)
    looks: list[Event | None] = []
    with live.watching("run-1", looks.append):
        assert live.pause("run-1", 0.5, 5.0) == 0.5
        live.told_of("run-1", look=False)
        assert (looks, live.pause("run-1", 0.5, 5.0)) == ([None], 0.5)
        await clock.advance(4)
        live.told_of("run-1", look=False)
        assert (looks, live.pause("run-1", 0.5, 5.0)) == ([None], 5.0)
        live.told_of("run-1", look=True)
        assert (looks, live.pause("run-1", 0.5, 5.0)) == ([None, None], 0.5)
        await clock.advance(TOLD_S + 1)
        assert live.pause("run-1", 0.5, 5.0) == 0.5
    live.told_of("run-1", look=True)
    assert len(looks) == 2


def test_nobody_is_asked_to_tell_of_a_run_that_is_only_waited_for() -> None:
    live = LiveRuns(ManualClock())
    asked: list[str] = []
    live.began = asked.append
    with live.watching("run-1", lambda _event: None, asks=False):
        assert (asked, live.watched) == ([], ())
        with live.watching("run-1", lambda _event: None), live.watching("run-1", lambda _event: None):
            assert (asked, live.watched) == (["run-1"], ("run-1",))
        assert live.watched == ()
    assert live.watched == ()
