"""Running from the window: starting, watching, stopping, resuming, answering; a real engine on Qt's loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from core.engine.errors import InputError
from core.engine.events import NO_USAGE, StepDelta, StepStarted
from core.workflow.model import Workflow
from core.workflow.problems import DocumentError
from desktop.run_controller import FRAME_MS
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.qt_loop import next_signal

TWO = workflow(
    step("a", config={"value": "{{ input.x }}", "tokens": 10}, then="b"), step("b", config={"gate": True}), name="Two"
)
ASKING = workflow(
    step("ask", "ask", then={"answered": "b"}), step("b", config={"value": "{{ ask.choice }}"}), name="Asking"
)


def with_input(document: Workflow) -> Workflow:
    return Workflow(document.name, inputs={"x": {"type": "integer"}}, steps=document.steps)


@pytest.fixture
async def desk(qapp: QApplication, home: Path) -> AsyncIterator[RunDesk]:
    async with open_run_desk(with_input(TWO), home) as made:
        yield made


@pytest.fixture
async def asking(qapp: QApplication, home: Path) -> AsyncIterator[RunDesk]:
    async with open_run_desk(ASKING, home) as made:
        yield made


async def test_a_run_shows_its_steps_from_the_first_event_to_the_last(desk: RunDesk) -> None:
    shown: list[object] = []
    desk.controller.shown_changed.connect(shown.append)
    run = await desk.begin({"x": 3})
    assert run.live
    await desk.stage_reached("b")
    assert (run.overlay.by_id["a"].state, run.overlay.by_id["b"].state) == ("done", "running")
    desk.stage.gate("b").set()
    ended = await desk.over()

    assert ended is run
    assert (run.status, run.live) == ("completed", False)
    assert run.overlay.by_id["b"].state == "done"
    assert run.usage.tokens == 10
    assert [record.path for record in run.log.records.values()] == ["a", "b"]
    assert shown == [run]


async def test_wrong_inputs_are_refused_before_anything_runs(desk: RunDesk) -> None:
    errors: list[Exception] = []
    desk.controller.start({"x": "three"}, on_error=errors.append)
    await desk.idle()

    assert isinstance(errors[0], InputError)
    assert [problem.field for problem in errors[0].problems] == ["inputs.x"]
    assert desk.controller.runs == ()
    assert desk.failures == []


async def test_a_document_with_problems_is_refused_with_all_of_them(desk: RunDesk) -> None:
    desk.document.apply("Break", lambda w: w.with_step(step("a", "no_such_type")))
    errors: list[Exception] = []
    desk.controller.start({"x": 1}, on_error=errors.append)
    await desk.idle()

    assert isinstance(errors[0], DocumentError)
    assert "a" in {problem.step for problem in errors[0].problems}


async def test_an_error_that_nobody_asked_for_becomes_a_text_for_the_window(desk: RunDesk) -> None:
    desk.controller.resume("no-such-run")
    await desk.idle()

    assert len(desk.failures) == 1
    assert "no-such-run" in desk.failures[0]


async def test_a_stopped_run_can_be_resumed_and_repeats_nothing(desk: RunDesk) -> None:
    run = await desk.begin({"x": 1})
    await desk.stage_reached("b")
    desk.controller.stop()
    stopped = await desk.over()
    assert (stopped.status, stopped.resumable) == ("cancelled", True)
    assert run.overlay.by_id["b"].state == "cancelled"

    desk.stage.gate("b").set()
    desk.controller.resume(run.id)
    again = await desk.over()

    assert again.status == "completed"
    assert desk.controller.shown is again
    assert desk.stage.times["a"] == 1
    assert again.overlay.by_id["a"].done == 1
    assert again.usage.tokens == 10


async def test_several_runs_have_a_face_each_and_the_newest_is_shown(desk: RunDesk) -> None:
    first = await desk.begin({"x": 1})
    second = await desk.begin({"x": 2})
    assert desk.controller.shown is second
    assert set(desk.controller.live) == {first, second}
    desk.controller.show(first.id)
    desk.stage.gate("b").set()
    await desk.idle()

    assert desk.controller.shown is first
    assert first.overlay is not second.overlay
    assert (first.inputs, second.inputs) == ({"x": 1}, {"x": 2})
    assert first.log.newest("a").inputs["value"] == 1  # type: ignore[union-attr] # it ran
    assert second.log.newest("a").inputs["value"] == 2  # type: ignore[union-attr] # it ran


async def test_an_edit_while_a_run_is_going_does_not_touch_the_run(desk: RunDesk) -> None:
    run = await desk.begin({"x": 1})
    desk.document.apply("Add", lambda w: w.with_step(step("c")))
    desk.stage.gate("b").set()
    await desk.over()

    assert "c" not in run.workflow.steps
    assert run.status == "completed"


async def test_a_question_waits_and_an_answer_goes_on(asking: RunDesk) -> None:
    run = await asking.finish()
    assert (run.status, run.live) == ("suspended", False)
    assert run.overlay.by_id["ask"].state == "waiting"
    assert [record.path for record in run.log.waiting()] == ["ask"]

    asking.controller.answer("ask", {"choice": "yes"})
    after = await asking.over()

    assert after.status == "completed"
    assert after.log.newest("b").inputs["value"] == "yes"  # type: ignore[union-attr] # it ran
    assert after.log.waiting() == []


async def test_the_second_answer_to_a_question_is_refused_in_words(asking: RunDesk) -> None:
    run = await asking.finish()
    asking.controller.answer("ask", {"choice": "yes"})
    await asking.over()
    asking.controller.answer("ask", {"choice": "no"}, run.id)
    await asking.idle()

    assert len(asking.failures) == 1
    assert asking.controller.shown is not None
    assert asking.controller.shown.status == "completed"


async def test_an_answer_while_other_steps_work_is_used_when_they_are_through(qapp: QApplication, home: Path) -> None:
    document = workflow(step("ask", "ask", then={"answered": "b"}), step("b"), step("slow", config={"gate": True}))
    async with open_run_desk(document, home) as desk:
        run = await desk.begin()
        await desk.stage_reached("slow")
        desk.controller.answer("ask", {"choice": "yes"})
        await desk.answered(run.id, "ask")
        desk.stage.gate("slow").set()
        assert (await desk.over()).status == "suspended"
        after = await desk.over()

    assert after.status == "completed"
    assert desk.stage.times["slow"] == 1


async def test_a_run_whose_time_has_come_goes_on_by_itself(qapp: QApplication, home: Path) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=200)
    document = workflow(step("ask", "ask", config={"until": soon.isoformat()}, then={"late": "b"}), step("b"))
    async with open_run_desk(document, home) as desk:
        assert (await desk.finish()).status == "suspended"
        after = await desk.over()

    assert after.status == "completed"
    assert after.overlay.by_id["b"].state == "done"


async def test_a_past_run_is_shown_as_it_was_and_executes_nothing(desk: RunDesk) -> None:
    desk.stage.gate("b").set()
    run = await desk.finish({"x": 1})
    ran = list(desk.stage.ran)
    desk.controller.show("")
    assert desk.controller.shown is None
    desk.controller.open_past(run.id)
    (past,) = await next_signal(desk.controller.shown_changed)

    assert past is not run
    assert past.overlay.by_id["b"].state == "done"
    assert past.overlay.by_id["b"].output == run.overlay.by_id["b"].output
    assert past.usage == run.usage
    assert (past.live, past.resumable) == (False, False)
    assert desk.stage.ran == ran


async def test_however_many_events_come_the_panels_hear_of_them_thirty_times_a_second(
    qapp: QApplication, home: Path
) -> None:
    words = ["word "] * 2_000
    document = workflow(
        step("a", config={"deltas": words, "gate": True}, then="b"),
        step("b", config={"deltas": words, "gate": True}, then="c"),
        step("c", config={"deltas": words, "gate": True}),
    )
    async with open_run_desk(document, home) as desk:
        run = await desk.begin()
        told: list[float] = []
        desk.controller.changed.connect(lambda: told.append(desk.controller.now()))
        for name in "abc":
            await next_signal(desk.controller.changed)
            desk.stage.gate(name).set()
        await desk.over()

    assert 3 <= len(told) <= 7  # each step's burst and perhaps its end, and the run's end
    assert all(later - earlier > FRAME_MS / 1000 * 0.95 for earlier, later in pairwise(told[:-1]))
    assert run.overlay.by_id["b"].text.startswith("word ")


async def test_what_is_streamed_is_kept_short(desk: RunDesk) -> None:
    run = await desk.begin({"x": 1})
    for _ in range(3_000):
        run.take(StepDelta(run.id, run.created, "b", "b", 1, "word "), 0.0)

    assert len(run.overlay.by_id["b"].text) == 4_000


async def test_closing_leaves_nothing_running_and_everything_resumable(desk: RunDesk) -> None:
    run = await desk.begin({"x": 1})
    await desk.stage_reached("b")
    desk.controller.close()
    await desk.bridge.close()
    await desk.workspace.stop_runs()
    record = await desk.workspace.journal.run(run.id)

    assert (record.status, record.resumable) == ("cancelled", True)
    assert not run.overlay.by_id["b"].usage.tokens


async def test_an_interrupted_step_is_not_shown_as_running(desk: RunDesk) -> None:
    run = await desk.begin({"x": 1})
    await desk.stage_reached("b")
    records = list(run.log.records.values())
    run.overlay.load(records, running=False)

    assert records[1].status == "started"
    assert run.overlay.by_id["b"].state == "cancelled"


def test_a_skipped_pass_does_not_hide_one_that_is_at_work() -> None:
    from core.engine.events import StepSkipped
    from desktop.overlay import RunOverlay

    overlay, now = RunOverlay(), datetime(2026, 1, 1, tzinfo=UTC)
    overlay(StepStarted("r", now, "all[0]/a", "a", 1, "work", "", "first", "", {}))
    overlay(StepSkipped("r", now, "all[1]/a", "a", 1, "not needed"))

    assert overlay.by_id["a"].state == "running"
    assert overlay.by_path["all[1]/a"].state == "skipped"
    assert overlay.by_id["a"].usage == NO_USAGE
