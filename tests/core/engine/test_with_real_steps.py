"""The engine with the step types that people use: loops, waits, approvals, choices, variables, ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.engine.events import StepSkipped
from core.engine.memory_journal import MemoryJournal
from core.engine.testing import settle
from core.steps import discover
from core.workflow.model import Json, Step, Workflow
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")


def real_rig(*workflows: Workflow, journal: MemoryJournal | None = None) -> Rig:
    return Rig(*workflows, types=discover(plug_ins=()), journal=journal)


def each(items: Json, body: list[Step], **config: Json) -> Step:
    return step("all", "for_each", config={"items": items, "collect": "{{ work.value }}", **config}, body=body)


async def test_for_each_runs_as_many_passes_at_once_as_it_may() -> None:
    rig = real_rig()
    run = await rig.begin(workflow(each(list(range(7)), [step("work", config={"gate": True})], concurrency=3)))
    for index in (2, 0, 1, 3, 6, 5, 4):
        assert len(rig.stage.running) <= 3
        rig.stage.gate(f"all[{index}]/work").set()
        await settle()

    assert (await run.result()).status == "completed"
    assert rig.stage.most == 3


async def test_for_each_keeps_the_order_of_its_items_whichever_pass_ends_first() -> None:
    rig = real_rig()
    body = [step("work", config={"gate": True, "value": "{{ item }}"})]
    run = await rig.begin(workflow(each(["a", "b", "c"], body), outputs={"all": "{{ all.results }}"}))
    for index in (2, 0, 1):
        rig.stage.gate(f"all[{index}]/work").set()
        await settle()

    assert (await run.result()).outputs == {"all": ["a", "b", "c"]}


@pytest.mark.parametrize(("mode", "results", "failed"), [("skip", ["a", "c"], 1), ("collect", ["a", None, "c"], 1)])
async def test_for_each_goes_on_after_a_pass_that_failed(mode: str, results: Json, failed: int) -> None:
    rig = real_rig()
    body = [step("work", config={"value": "{{ item }}", "fails": "{{ -1 if item == 'b' else 0 }}"})]
    document = workflow(
        each(["a", "b", "c"], body, on_item_error=mode),
        outputs={"results": "{{ all.results }}", "failed": "{{ all.failed }}"},
    )

    assert (await rig.run(document)).outputs == {"results": results, "failed": failed}


async def test_for_each_that_stops_cancels_the_other_passes() -> None:
    rig = real_rig()
    body = [step("work", config={"fails": "{{ -1 if item == 'b' else 0 }}", "gate": "{{ item != 'b' }}"})]
    result = await rig.run(workflow(each(["a", "b", "c"], body)))

    assert result.error_path == "all[1]/work"
    assert await rig.statuses() == {
        "all": "failed", "all[0]/work": "cancelled", "all[1]/work": "failed", "all[2]/work": "cancelled",
    }  # fmt: skip


async def test_a_cancelled_for_each_leaves_final_records() -> None:
    rig = real_rig()
    run = await rig.begin(workflow(each([1, 2, 3], [step("work", config={"gate": True})], concurrency=2)))
    run.cancel()
    await run.result()

    assert set((await rig.statuses()).values()) == {"cancelled"}


async def test_a_for_each_killed_half_way_runs_only_the_passes_that_are_left() -> None:
    rig = real_rig()
    body = [step("work", config={"effect": "spends", "gate": "{{ item == 'c' }}", "value": "{{ item }}"})]
    document = workflow(each(["a", "b", "c", "d"], body), outputs={"all": "{{ all.results }}"})
    run = await rig.begin(document)
    assert isinstance(rig.journal, MemoryJournal)
    other = real_rig(journal=rig.journal.survivor())
    run.cancel()
    await run.result()
    other.stage.gate("all[2]/work").set()

    assert (await other.resume()).outputs == {"all": ["a", "b", "c", "d"]}
    assert other.stage.paths == ["all[2]/work"]


async def test_repeat_carries_a_variable_from_pass_to_pass_until_it_is_enough() -> None:
    rig = real_rig()
    body = [
        step("count", "set", config={"variables": {"n": "{{ vars.n + 1 }}"}}, then="enough"),
        step("enough", "condition", config={"value": "{{ vars.n }}", "operator": "greater_than", "operand": 2}),
    ]
    document = workflow(
        step("again", "repeat", config={"max_passes": 9, "until": "{{ enough.result }}"}, body=body),
        variables={"n": 0},
        outputs={"n": "{{ vars.n }}", "passes": "{{ again.passes }}", "done": "{{ again.done }}"},
    )

    assert (await rig.run(document)).outputs == {"n": 3, "passes": 3, "done": True}


async def test_a_condition_leads_one_way_and_skips_the_other() -> None:
    rig = real_rig()
    document = workflow(
        step(
            "urgent", "condition", config={"value": "{{ input.n }}", "operator": "greater_than", "operand": "3"},
            then={"true": "page", "false": "reply"},
        ),
        step("page"), step("reply"),
    )  # fmt: skip
    await rig.run(document, {"n": 4})

    assert rig.stage.paths == ["page"]
    assert rig.paths(StepSkipped) == ["reply"]


async def test_a_long_wait_suspends_and_goes_on_in_its_time() -> None:
    rig = real_rig()
    started = rig.clock.now()
    document = workflow(
        step("wait", "wait", config={"duration": "3d"}, then="b"), step("b"), outputs={"s": "{{ wait.waited_s }}"}
    )
    result = await rig.run(document)
    assert (result.status, result.wake_at) == ("suspended", started + timedelta(days=3))
    assert rig.clock.sleeping == 0

    await rig.clock.advance(3 * 86400 + 5)
    assert (await rig.resume()).outputs == {"s": 259205}


async def test_a_short_wait_is_slept() -> None:
    rig = real_rig()
    run = await rig.begin(workflow(step("wait", "wait", config={"duration": 10}, then="b"), step("b")))
    assert rig.stage.paths == []
    await rig.clock.advance(10)

    assert (await run.result()).status == "completed"


APPROVAL = workflow(
    step(
        "publish", "approval", config={"message": "Publish {{ input.what }}?", "timeout": "2d"},
        then={"approve": "yes", "reject": "no", "timed_out": "late"},
    ),
    step("yes"), step("no"), step("late"),
)  # fmt: skip


@pytest.mark.parametrize(("choice", "ran"), [("approve", "yes"), ("reject", "no")])
async def test_an_approval_waits_for_days_and_takes_the_port_of_its_answer(choice: str, ran: str) -> None:
    rig = real_rig()
    result = await rig.run(APPROVAL, {"what": "it"})
    assert result.waiting == ("publish",)
    await rig.clock.advance(86400)
    await rig.journal.answer("run-1", "publish", {"choice": choice})

    assert (await rig.resume()).status == "completed"
    assert rig.stage.paths == [ran]


async def test_an_approval_that_nobody_answers_goes_on_by_its_own_port() -> None:
    rig = real_rig()
    result = await rig.run(APPROVAL, {"what": "it"})
    assert result.wake_at == rig.clock.now() + timedelta(days=2)
    await rig.clock.advance(2 * 86400)

    assert (await rig.resume()).status == "completed"
    assert rig.stage.paths == ["late"]


async def test_an_approval_answered_with_what_nobody_offered_waits_for_another_answer() -> None:
    rig = real_rig()
    await rig.run(APPROVAL, {"what": "it"})
    await rig.journal.answer("run-1", "publish", {"choice": "perhaps"})
    again = await rig.resume()
    assert (again.status, again.waiting) == ("suspended", ("publish",))
    assert (await rig.resume()).status == "suspended"
    await rig.journal.answer("run-1", "publish", {"choice": "approve"})

    assert (await rig.resume()).status == "completed"


async def test_an_answer_to_an_approval_is_not_asked_for_again_after_a_crash() -> None:
    rig = real_rig()
    document = workflow(step("ok", "approval", config={"message": "?"}, then={"approve": "b"}), step("b"))
    await rig.run(document)
    await rig.journal.answer("run-1", "ok", {"choice": "approve"})
    run = await rig.engine.resume("run-1")
    run.cancel(resumable=True)
    await run.result()

    assert (await rig.resume()).status == "completed"
    assert rig.stage.paths == ["b"]


async def test_a_stop_inside_a_called_workflow_ends_only_that_one() -> None:
    inner = workflow(
        step("stop", "stop", config={"outputs": {"n": 2}}), step("held", config={"gate": True}), name="Inner"
    )
    rig = real_rig(inner)
    document = workflow(
        step("call", "workflow", config={"workflow": "Inner"}, then="after"),
        step("after"),
        outputs={"n": "{{ call.n }}"},
    )

    assert (await rig.run(document)).outputs == {"n": 2}
    assert rig.stage.paths[-1] == "after"


async def test_a_stop_that_fails_says_why() -> None:
    rig = real_rig()
    document = workflow(step("stop", "stop", config={"status": "failed", "message": "No {{ input.what }}."}))
    result = await rig.run(document, {"what": "paper"})

    assert result.error is not None
    assert result.error.message == "No paper."


async def test_a_resumed_repeat_waits_only_between_the_passes_that_it_makes_now() -> None:
    rig = real_rig()
    body = [step("work", config={"gate": "{{ index == 2 }}"})]
    document = workflow(step("all", "repeat", config={"until": False, "max_passes": 4, "delay": "60s"}, body=body))
    run = await rig.begin(document)
    await rig.clock.advance(120)
    assert rig.stage.paths == ["all[0]/work", "all[1]/work", "all[2]/work"]
    run.cancel(resumable=True)
    await run.result()
    rig.stage.gate("all[2]/work").set()
    run = await rig.engine.resume("run-1")
    await settle()

    assert rig.stage.paths[3:] == ["all[2]/work"]
    await rig.clock.advance(59)
    assert not run.done
    await rig.clock.advance(1)
    assert (await run.result()).status == "completed"
    assert rig.stage.paths[4:] == ["all[3]/work"]


async def test_a_pass_in_which_every_step_is_skipped_is_no_replay() -> None:
    rig = real_rig()
    body = [step("off", disabled=True)]
    run = await rig.begin(
        workflow(step("all", "repeat", config={"until": False, "max_passes": 2, "delay": "60s"}, body=body))
    )
    assert rig.clock.sleeping == 1
    await rig.clock.advance(60)
    assert (await run.result()).status == "completed"
