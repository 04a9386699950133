from __future__ import annotations

import asyncio

import pytest

from core.engine.errors import EngineError
from core.engine.events import (
    RunCancelled,
    RunCompleted,
    RunStarted,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRetrying,
    StepStarted,
)
from core.engine.memory_journal import MemoryJournal
from core.engine.testing import settle
from tests.support.engine_journal import WatchedJournal
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")

HELD = {"gate": True}


def final_records_of_every_started_step(rig: Rig) -> bool:
    started = {(event.path, event.attempt) for event in rig.told(StepStarted)}
    ended = {
        (event.path, event.attempt)
        for event in rig.events
        if isinstance(event, StepCompleted | StepFailed | StepCancelled | StepRetrying)
    }  # fmt: skip
    return started <= ended


async def test_a_cancelled_run_stops_every_step_and_says_why(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD), step("b", config=HELD), step("c", then="d"), step("d")))
    run.cancel("the person closed the window")
    result = await run.result()

    assert result.status == "cancelled"
    assert not result.resumable
    assert rig.stage.running == set()
    assert {event.reason for event in rig.told(StepCancelled)} == {"the person closed the window"}
    assert await rig.statuses() == {"a": "cancelled", "b": "cancelled", "c": "completed", "d": "completed"}
    assert type(rig.events[-1]) is RunCancelled


async def test_cancelling_takes_a_few_rounds_of_the_loop_only(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("a", "many", config={"items": list(range(200))}, body=[step("b", config=HELD)]))
    )
    run.cancel()
    await settle(20)

    assert run.done
    assert (await run.result()).status == "cancelled"


async def test_cancelling_reaches_loops_in_workflows_in_loops() -> None:
    inner = workflow(
        step("each", "many", config={"items": [1, 2]}, body=[step("held", config=HELD)]), step("beside", config=HELD),
        name="Inner",
    )  # fmt: skip
    rig = Rig(inner)
    run = await rig.begin(
        workflow(
            step("all", "many", config={"items": [1, 2]}, body=[step("call", "workflow", config={"name": "Inner"})])
        )
    )
    assert len(rig.stage.running) == 6
    run.cancel("enough")
    await run.result()

    assert rig.stage.running == set()
    assert final_records_of_every_started_step(rig)
    assert {event.reason for event in rig.told(StepCancelled)} == {"enough"}
    assert set((await rig.statuses()).values()) == {"cancelled"}


async def test_a_second_cancel_is_harmless_and_the_first_reason_stands(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD)))
    run.cancel("first")
    run.cancel("second", resumable=True)
    await asyncio.sleep(0)
    run.cancel("third")
    result = await run.result()
    run.cancel("fourth")

    assert result.status == "cancelled"
    assert not result.resumable
    assert rig.told(StepCancelled)[0].reason == "first"
    assert len(rig.told(RunCancelled)) == 1


@pytest.mark.parametrize("reason", ["changed my mind", ""])
async def test_a_run_cancelled_before_its_first_step_never_runs_one(rig: Rig, reason: str) -> None:
    run = rig.engine.start(workflow(step("a")))
    run.cancel(reason)

    assert (await run.result()).status == "cancelled"
    assert rig.stage.ran == []
    assert [type(event) for event in rig.events] == [RunStarted, RunCancelled]


async def test_a_cancel_without_a_reason_still_cancels(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD)))
    run.cancel("")

    assert (await run.result()).status == "cancelled"


async def test_a_cancel_while_the_journal_writes_leaves_the_step_unbegun_and_recorded() -> None:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(journal=journal)
    journal.hold()
    run = await rig.begin(workflow(step("a", config={"effect": "writes"})))
    run.cancel()
    await settle()
    journal.release()

    assert (await run.result()).status == "cancelled"
    assert rig.stage.ran == []
    assert await rig.statuses() == {"a": "cancelled"}


async def test_a_cancel_after_the_end_changes_nothing(rig: Rig) -> None:
    run = rig.engine.start(workflow(step("a")))
    await run.result()
    run.cancel()

    assert (await rig.journal.run(run.id)).status == "completed"


async def test_a_cancel_while_the_last_record_is_written_comes_too_late() -> None:
    journal = WatchedJournal(MemoryJournal())
    rig = Rig(journal=journal)
    journal.hold()
    run = await rig.begin(workflow(step("a")))
    assert rig.told(RunCompleted) == []
    run.cancel()
    await settle()
    journal.release()

    assert (await run.result()).status == "completed"


async def test_giving_up_waiting_for_the_result_leaves_the_run_alone(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD)))
    waiting = asyncio.create_task(run.result())
    await settle()
    waiting.cancel()
    await asyncio.wait([waiting])

    rig.stage.gate("a").set()
    assert (await run.result()).status == "completed"


async def test_a_run_cancelled_as_resumable_goes_on_where_it_was(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", then="b"), step("b", config=HELD, then="c"), step("c")))
    run.cancel("Ctrl-C", resumable=True)
    assert (await run.result()).resumable

    rig.stage.gate("b").set()
    result = await rig.resume()
    assert result.status == "completed"
    assert rig.stage.ran == [("a", 1), ("b", 1), ("b", 2), ("c", 1)]


async def test_a_run_cancelled_for_good_cannot_be_resumed(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD)))
    run.cancel()
    await run.result()

    with pytest.raises(EngineError, match="has ended"):
        await rig.engine.resume(run.id)


async def test_the_questions_of_a_cancelled_run_can_no_longer_be_answered(rig: Rig) -> None:
    run = await rig.begin(workflow(step("ask", "ask"), step("b", config=HELD)))
    run.cancel()
    await run.result()

    assert await rig.statuses() == {"ask": "cancelled", "b": "cancelled"}
    with pytest.raises(EngineError, match="waits for an answer"):
        await rig.journal.answer(run.id, "ask", {"choice": "yes"})


async def test_the_questions_of_a_run_cancelled_as_resumable_stay_open(rig: Rig) -> None:
    run = await rig.begin(workflow(step("ask", "ask"), step("b", config=HELD)))
    run.cancel(resumable=True)
    await run.result()
    await rig.journal.answer(run.id, "ask", {"choice": "yes"})
    rig.stage.gate("b").set()

    assert (await rig.resume()).status == "completed"


async def test_an_end_step_closes_the_open_questions(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            step("all", "many", config={"items": [1]}, body=[step("ask", "ask")]),
            step("b", config=HELD, then="stop"), step("stop", "end"),
        )
    )  # fmt: skip
    rig.stage.gate("b").set()

    assert (await run.result()).status == "completed"
    statuses = await rig.statuses()
    assert (statuses["all"], statuses["all[0]/ask"]) == ("cancelled", "cancelled")


async def test_a_program_that_closes_leaves_its_runs_resumable(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD)))
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert (await run.result()).resumable
    rig.stage.gate("a").set()
    assert (await rig.resume()).status == "completed"


async def test_a_step_cut_off_from_outside_does_not_pass_for_done(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config=HELD, then="b"), step("b")))
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if "_chain" in repr(task.get_coro()):
            task.cancel()

    with pytest.raises(EngineError, match="Resume the run"):
        await run.result()
    assert type(rig.events[-1]) is StepCancelled
    rig.stage.gate("a").set()
    assert (await rig.resume()).status == "completed"
