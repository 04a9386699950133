from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.engine.errors import EngineError, RunBusy
from core.engine.events import (
    RunResumed,
    RunStarted,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepSkipped,
    StepStarted,
    StepSuspended,
)
from core.engine.memory_journal import MemoryJournal
from core.engine.testing import settle
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")

YES = {"choice": "yes"}


async def test_a_question_suspends_the_run_and_holds_no_task(rig: Rig) -> None:
    result = await rig.run(workflow(step("ask", "ask", config={"message": "Publish?"}, then="after"), step("after")))

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert rig.clock.sleeping == 0
    assert result.status == "suspended"
    assert result.waiting == ("ask",)
    assert result.wake_at is None
    question = rig.told(StepSuspended)[0].question
    assert question is not None
    assert question.message == "Publish?"
    assert type(rig.events[-1]) is RunSuspended
    assert (await rig.journal.run("run-1")).status == "suspended"


async def test_other_branches_go_on_while_one_waits(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            step("ask", "ask", then={"answered": "join"}), step("b", config={"gate": True}, then="c"),
            step("c", then="join"), step("join"),
        )
    )  # fmt: skip
    assert not run.done
    rig.stage.gate("b").set()

    assert (await run.result()).status == "suspended"
    assert rig.stage.ended == ["b", "c"]


async def test_an_answer_takes_effect_when_the_run_is_resumed_and_only_what_is_left_runs(rig: Rig) -> None:
    document = workflow(
        step("a", then="ask"), step("ask", "ask", config={"state": {"n": 1}}, then={"answered": "b", "late": "c"}),
        step("b", config={"value": "{{ ask.choice }}"}), step("c"), step("side"),
        outputs={"choice": "{{ b.value }}", "state": "{{ ask.state }}"},
    )  # fmt: skip
    await rig.run(document)
    await rig.journal.answer("run-1", "ask", YES)
    rig.events.clear()
    result = await rig.resume()

    assert result.outputs == {"choice": "yes", "state": {"n": 1}}
    assert rig.stage.times == {"a": 1, "ask": 2, "side": 1, "b": 1}
    assert rig.paths(StepStarted) == ["ask", "b"]
    assert rig.told(StepStarted, "ask")[0].cause == "answered"
    assert rig.paths(StepSkipped) == ["c"]
    assert rig.paths(StepCompleted, lambda event: event.replayed) == ["a", "side"]
    assert type(rig.events[0]) is RunResumed


async def test_a_resume_without_an_answer_goes_on_waiting_without_asking_again(rig: Rig) -> None:
    await rig.run(workflow(step("ask", "ask")))
    rig.events.clear()
    result = await rig.resume()

    assert (result.status, result.waiting) == ("suspended", ("ask",))
    assert [type(event) for event in rig.events] == [RunResumed, RunSuspended]
    assert rig.stage.ran == [("ask", 1)]


async def test_a_run_wakes_at_the_earliest_time_that_a_step_waits_for(rig: Rig) -> None:
    early, late = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    document = workflow(
        step("late", "ask", config={"until": late.isoformat()}),
        step("early", "ask", config={"until": early.isoformat()}, then={"late": "b"}),
        step("never", "ask"),
        step("b"),
    )
    result = await rig.run(document)
    assert result.wake_at == early
    assert (await rig.journal.run("run-1")).wake_at == early
    assert set(result.waiting) == {"late", "early", "never"}

    await rig.clock.advance((early - rig.clock.now()) / timedelta(seconds=1) - 1)
    assert (await rig.resume()).wake_at == early
    assert rig.stage.times == {"late": 1, "early": 1, "never": 1}
    await rig.clock.advance(1)
    result = await rig.resume()
    assert result.wake_at == late
    assert result.waiting == ("late", "never")
    assert "b" in rig.stage.paths


async def test_an_answer_before_the_time_counts_and_so_does_one_that_came_late(rig: Rig) -> None:
    until = rig.clock.now() + timedelta(hours=1)
    document = workflow(step("ask", "ask", config={"until": until.isoformat()}), outputs={"choice": "{{ ask.choice }}"})
    await rig.run(document)
    await rig.clock.advance(7200)
    await rig.journal.answer("run-1", "ask", YES)

    assert (await rig.resume()).outputs == {"choice": "yes"}


async def test_an_answer_given_while_other_branches_run_is_kept(rig: Rig) -> None:
    run = await rig.begin(workflow(step("ask", "ask"), step("b", config={"gate": True})))
    await rig.journal.answer("run-1", "ask", YES)
    rig.stage.gate("b").set()
    assert (await run.result()).status == "suspended"

    assert (await rig.resume()).status == "completed"
    assert rig.stage.times == {"ask": 2, "b": 1}


async def test_the_first_answer_stands(rig: Rig) -> None:
    await rig.run(workflow(step("ask", "ask"), outputs={"choice": "{{ ask.choice }}"}))
    await rig.journal.answer("run-1", "ask", YES)
    with pytest.raises(EngineError, match="first answer stands"):
        await rig.journal.answer("run-1", "ask", {"choice": "no"})

    assert (await rig.resume()).outputs == {"choice": "yes"}


async def test_an_answer_outlives_an_interruption_of_the_step_that_got_it(rig: Rig) -> None:
    await rig.run(
        workflow(step("ask", "ask", config={"gate": True, "state": {"n": 1}}), outputs={"s": "{{ ask.state }}"})
    )
    await rig.journal.answer("run-1", "ask", YES)
    run = await rig.engine.resume("run-1")
    await settle()
    assert rig.stage.answers[1:] == [("ask", YES)]
    run.cancel(resumable=True)
    await run.result()

    rig.stage.gate("ask").set()
    result = await rig.resume()
    assert result.outputs == {"s": {"n": 1}}
    assert rig.stage.answers == [("ask", None), ("ask", YES), ("ask", YES)]


async def test_a_step_inside_a_loop_may_wait_and_only_it_runs_again(rig: Rig) -> None:
    body = [step("before", then="ask"), step("ask", "ask", then={"answered": "after"}), step("after")]
    document = workflow(
        step("all", "many", config={"items": [0, 1, 2], "collect": "{{ ask.choice }}"}, body=body, then="end"),
        step("end"),
        outputs={"answers": "{{ all.results }}"},
    )
    result = await rig.run(document)
    assert result.waiting == ("all[0]/ask", "all[1]/ask", "all[2]/ask")
    await rig.journal.answer("run-1", "all[1]/ask", {"choice": "one"})
    result = await rig.resume()
    assert result.waiting == ("all[0]/ask", "all[2]/ask")
    assert "all[1]/after" in rig.stage.paths
    for index in (0, 2):
        await rig.journal.answer("run-1", f"all[{index}]/ask", {"choice": str(index)})
    result = await rig.resume()

    assert result.outputs == {"answers": ["0", "one", "2"]}
    assert all(times == 1 for path, times in rig.stage.times.items() if not path.endswith("ask"))
    assert rig.stage.times["all[1]/ask"] == 2


async def test_a_loop_one_after_the_other_stops_at_the_pass_that_waits(rig: Rig) -> None:
    document = workflow(
        step("all", "loop", config={"times": 2, "collect": "{{ ask.choice }}"}, body=[step("ask", "ask")]),
        outputs={"answers": "{{ all.items }}"},
    )
    assert (await rig.run(document)).waiting == ("all[0]/ask",)
    await rig.journal.answer("run-1", "all[0]/ask", {"choice": "a"})
    assert (await rig.resume()).waiting == ("all[1]/ask",)
    await rig.journal.answer("run-1", "all[1]/ask", {"choice": "b"})

    assert (await rig.resume()).outputs == {"answers": ["a", "b"]}


async def test_a_step_inside_a_workflow_inside_may_wait() -> None:
    inner = workflow(step("ask", "ask"), name="Inner", outputs={"choice": "{{ ask.choice }}"})
    rig = Rig(inner)
    document = workflow(step("call", "workflow", config={"name": "Inner"}), outputs={"choice": "{{ call.choice }}"})
    assert (await rig.run(document)).waiting == ("call/ask",)
    await rig.journal.answer("run-1", "call/ask", YES)

    assert (await rig.resume()).outputs == {"choice": "yes"}


async def test_another_process_may_resume_a_suspended_run() -> None:
    rig = Rig()
    await rig.run(workflow(step("a", then="ask"), step("ask", "ask", then={"answered": "b"}), step("b")))
    assert isinstance(rig.journal, MemoryJournal)
    other = Rig(journal=rig.journal.survivor())
    await other.journal.answer("run-1", "ask", YES)

    assert (await other.resume()).status == "completed"
    assert other.stage.paths == ["ask", "b"]


async def test_a_failure_beside_a_question_fails_the_run_and_the_question_stays_for_its_resumption(rig: Rig) -> None:
    document = workflow(step("ask", "ask"), step("bad", config={"fails": 1, "retryable": False}))
    assert (await rig.run(document)).status == "failed"
    await rig.journal.answer("run-1", "ask", YES)

    assert (await rig.resume()).status == "completed"


async def test_of_two_resumptions_one_is_told_that_the_run_is_busy(rig: Rig) -> None:
    await rig.run(workflow(step("ask", "ask"), step("b", config={"value": 1})))
    await rig.journal.answer("run-1", "ask", YES)
    first, second = await asyncio.gather(rig.engine.resume("run-1"), rig.engine.resume("run-1"))
    outcomes = await asyncio.gather(first.result(), second.result(), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["RunBusy", "RunResult"]
    assert isinstance(outcomes[1], RunBusy)
    assert rig.stage.times == {"ask": 2, "b": 1}


async def test_a_run_that_is_being_executed_cannot_be_resumed(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config={"gate": True})))
    with pytest.raises(RunBusy):
        await rig.resume()

    rig.stage.gate("a").set()
    assert (await run.result()).status == "completed"
    with pytest.raises(EngineError, match="nothing is left to resume"):
        await rig.engine.resume("run-1")
    assert len(rig.told(RunStarted)) == 1


async def test_usage_of_all_processes_is_summed(rig: Rig) -> None:
    document = workflow(
        step("a", config={"tokens": 7}, then="ask"), step("ask", "ask", then={"answered": "b"}),
        step("b", config={"tokens": 5}),
    )  # fmt: skip
    assert (await rig.run(document)).usage.tokens == 7
    await rig.journal.answer("run-1", "ask", YES)
    result = await rig.resume()

    assert result.usage.tokens == 12
    assert (await rig.journal.run("run-1")).usage.tokens == 12


async def test_what_an_attempt_spent_before_it_waited_is_counted_once(rig: Rig) -> None:
    document = workflow(
        step("ask", "ask", config={"tokens": 3}, then={"answered": "b"}), step("b", config={"tokens": 5})
    )
    assert (await rig.run(document)).usage.tokens == 3
    assert (await rig.journal.run("run-1")).usage.tokens == 3
    assert [event.usage.tokens for event in rig.told(StepSuspended)] == [3]
    assert [event.usage.tokens for event in rig.told(RunSuspended)] == [3]
    await rig.resume()
    await rig.journal.answer("run-1", "ask", YES)
    result = await rig.resume()

    assert result.usage.tokens == 8
    assert (await rig.journal.run("run-1")).usage.tokens == 8
    assert [record.usage.tokens for record in await rig.journal.steps("run-1")] == [3, 0, 5]


async def test_the_time_of_work_adds_up_over_suspensions_and_waiting_does_not_count(rig: Rig) -> None:
    body = [step("a", config={"seconds": 3}, then="ask"), step("ask", "ask", then={"answered": "b"}),
            step("b", config={"seconds": 4})]  # fmt: skip
    run = await rig.begin(workflow(step("all", "loop", config={"times": 1}, body=body)))
    await rig.clock.advance(3)
    assert (await run.result()).duration_s == 3
    assert rig.told(StepSuspended, "all")[0].duration_s == 3
    assert rig.told(RunSuspended)[0].duration_s == 3
    assert (await rig.journal.run("run-1")).duration_s == 3
    await rig.clock.advance(3600)
    await rig.journal.answer("run-1", "all[0]/ask", YES)
    run = await rig.engine.resume("run-1")
    await rig.clock.advance(4)

    assert (await run.result()).duration_s == 7
    assert (await rig.journal.run("run-1")).duration_s == 7
    assert {r.path: r.duration_s for r in await rig.journal.steps("run-1") if r.attempt == 1} == {
        "all": 3, "all[0]/a": 3, "all[0]/ask": 0, "all[0]/b": 4,
    }  # fmt: skip


async def test_a_waiting_step_that_is_not_needed_any_more_keeps_what_it_spent(rig: Rig) -> None:
    document = workflow(step("ask", "ask", config={"tokens": 3}), step("b", config={"gate": True}, then="end"),
                        step("end", "end"))  # fmt: skip
    run = await rig.begin(document)
    rig.stage.gate("b").set()

    assert (await run.result()).usage.tokens == 3
    assert sum(event.usage.tokens for event in rig.events if isinstance(event, StepSuspended | StepCancelled)) == 3
    ask = next(record for record in await rig.journal.steps("run-1") if record.path == "ask")
    assert (ask.status, ask.usage.tokens) == ("cancelled", 3)


async def test_a_question_inside_a_workflow_that_ended_without_its_answer_is_asked_no_more() -> None:
    inner = workflow(step("ask", "ask"), step("work", config={"gate": True}, then="end"), step("end", "end"), name="In")
    rig = Rig(inner)
    run = await rig.begin(workflow(step("call", "workflow", config={"name": "In"}), step("other", "ask")))
    rig.stage.gate("call/work").set()

    assert (await run.result()).waiting == ("other",)
    assert (await rig.statuses())["call/ask"] == "cancelled"
    await rig.journal.answer("run-1", "other", YES)
    assert (await rig.resume()).status == "completed"
