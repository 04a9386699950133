from __future__ import annotations

from dataclasses import replace

import pytest

from core.engine.events import (
    RunCompleted,
    RunStarted,
    StepCancelled,
    StepCompleted,
    StepEvent,
    StepSkipped,
    StepStarted,
)
from core.engine.testing import settle
from core.workflow.model import Json, Step
from core.workflow.problems import DocumentError
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")


def choice(step_id: str, value: bool, true: str = "", false: str = "") -> Step:
    return step(step_id, "choose", config={"value": value}, then={"true": true, "false": false})


async def test_a_workflow_without_steps_completes_with_its_outputs(rig: Rig) -> None:
    result = await rig.run(workflow(outputs={"greeting": "hello {{ input.name }}"}), {"name": "Ada"})

    assert result.status == "completed"
    assert result.outputs == {"greeting": "hello Ada"}


async def test_steps_without_incoming_wires_all_start_at_once(rig: Rig) -> None:
    held = {"gate": True}
    run = await rig.begin(workflow(*(step(name, config=held) for name in "abcd")))

    assert rig.stage.running == set("abcd")
    for name in "dbca":
        rig.stage.gate(name).set()
    assert (await run.result()).status == "completed"
    assert rig.stage.most == 4


async def test_the_targets_of_one_port_run_at_the_same_time(rig: Rig) -> None:
    held = {"gate": True}
    run = await rig.begin(workflow(step("a", then=["b", "c"]), step("b", config=held), step("c", config=held)))

    assert rig.stage.running == {"b", "c"}
    rig.stage.gate("b").set()
    rig.stage.gate("c").set()
    await run.result()


async def test_a_join_of_all_waits_for_the_slowest_wire(rig: Rig) -> None:
    run = await rig.begin(
        workflow(step("quick", then="join"), step("slow", then="join", config={"gate": True}), step("join"))
    )

    assert rig.stage.paths == ["quick", "slow"]
    rig.stage.gate("slow").set()
    await run.result()
    assert rig.stage.paths == ["quick", "slow", "join"]


async def test_a_join_of_any_runs_once_at_the_first_live_wire(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            step("quick", then="join"), step("slow", then="join", config={"gate": True}),
            step("join", join="any", then="after"), step("after"),
        )
    )  # fmt: skip

    assert rig.stage.ended == ["quick", "join", "after"]
    rig.stage.gate("slow").set()
    await run.result()
    assert rig.stage.times["join"] == rig.stage.times["after"] == 1


async def test_a_join_of_any_ignores_dead_wires_until_a_live_one_comes(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            choice("no", False, true="join"), step("slow", then="join", config={"gate": True}), step("join", join="any")
        )
    )

    assert "join" not in rig.stage.paths
    rig.stage.gate("slow").set()
    await run.result()
    assert rig.stage.paths == ["slow", "join"]


async def test_a_join_of_any_is_skipped_when_every_wire_is_dead(rig: Rig) -> None:
    await rig.run(workflow(choice("p", False, true="join"), choice("q", False, true="join"), step("join", join="any")))

    assert rig.paths(StepSkipped) == ["join"]


async def test_a_join_of_any_reads_whichever_came_first(rig: Rig) -> None:
    document = workflow(
        step("left", then="first", config={"gate": True, "value": "left"}),
        step("right", then="first", config={"value": "right"}),
        step("first", join="any", config={"value": "{{ left.value or right.value }}"}),
        outputs={"first": "{{ first.value }}"},
    )
    run = await rig.begin(document)
    rig.stage.gate("left").set()

    assert (await run.result()).outputs == {"first": "right"}


async def test_a_join_of_any_that_reads_a_step_still_running_is_told_so(rig: Rig) -> None:
    document = workflow(
        step("slow", then="first", config={"gate": True}), step("quick", then="first"),
        step("first", join="any", config={"value": "{{ slow.value }}"}),
    )  # fmt: skip
    result = await rig.run(document)

    assert result.error is not None
    assert "'slow' has not run to its end" in result.error.message


async def test_a_dead_port_skips_through_several_levels(rig: Rig) -> None:
    await rig.run(
        workflow(
            choice("which", True, true="yes", false="no"), step("yes"),
            step("no", then=["no_1", "no_2"]), step("no_1", then="no_3"), step("no_2", then="no_3"), step("no_3"),
        )
    )  # fmt: skip

    assert rig.stage.paths == ["yes"]
    assert sorted(rig.paths(StepSkipped)) == ["no", "no_1", "no_2", "no_3"]
    assert {event.reason for event in rig.told(StepSkipped)} == {"no wire that leads to it is live"}


async def test_a_join_after_both_arms_of_a_choice_runs_with_the_live_one(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            choice("which", False, true="yes", false="no"),
            step("yes", then="join", config={"value": 1}),
            step("no", then="join", config={"value": 2}),
            step("join", config={"value": "{{ yes.value or no.value }}"}),
            outputs={"value": "{{ join.value }}"},
        )
    )

    assert result.outputs == {"value": 2}


async def test_two_wires_between_the_same_steps_run_the_target_once(rig: Rig) -> None:
    await rig.run(workflow(choice("which", True, true="next", false="next"), step("next")))

    assert rig.stage.paths == ["next"]


async def test_a_wire_from_a_port_that_the_step_never_takes_is_dead(rig: Rig) -> None:
    await rig.run(workflow(step("a", then={"elsewhere": "b", "out": "c"}), step("b"), step("c")))

    assert rig.stage.paths == ["a", "c"]
    assert rig.paths(StepSkipped) == ["b"]


async def test_a_disabled_step_is_passed_over_and_so_is_what_hangs_on_it_alone(rig: Rig) -> None:
    await rig.run(
        workflow(
            step("start", then=["off", "on"]), step("off", disabled=True, then=["after", "join"]),
            step("on", then="join"), step("after"), step("join"), step("alone", disabled=True),
        )
    )  # fmt: skip

    assert rig.stage.paths == ["start", "on", "join"]
    assert sorted(rig.paths(StepSkipped)) == ["after", "alone", "off"]
    assert {event.reason for event in rig.told(StepSkipped, "off")} == {"the step is disabled"}


async def test_a_skipped_step_is_told_and_kept_by_its_title(rig: Rig) -> None:
    result = await rig.run(workflow(step("start"), replace(step("off", disabled=True), title="Send it")))

    assert [event.title for event in rig.told(StepSkipped)] == ["Send it"]
    kept = await rig.journal.steps(result.run_id)
    assert [record.title for record in kept if record.status == "skipped"] == ["Send it"]


async def test_a_workflow_of_disabled_steps_only_completes(rig: Rig) -> None:
    result = await rig.run(workflow(step("a", disabled=True, then="b"), step("b", disabled=True)))

    assert result.status == "completed"


async def test_a_skipped_step_reads_as_nothing_in_or_and_fails_with_its_name_otherwise(rig: Rig) -> None:
    document = workflow(
        choice("which", True, true="yes", false="no"), step("yes", then="soft"), step("no", then="soft"),
        step("soft", config={"value": "{{ no.value or 'nothing' }}"}, then="hard"),
        step("hard", config={"value": "{{ no.value }}"}),
    )  # fmt: skip
    result = await rig.run(document)

    assert rig.told(StepCompleted, "soft")[0].output["value"] == "nothing"
    assert result.error is not None
    assert result.error.type == "template"
    assert "'no' was skipped" in result.error.message
    assert "or 'another value'" in result.error.message


async def test_a_template_that_is_one_expression_keeps_its_type(rig: Rig) -> None:
    values: dict[str, Json] = {"number": 3, "list": [1, {"a": None}], "flag": False, "text": "3"}
    document = workflow(
        step("a", config={"value": values}, then="b"),
        step(
            "b",
            config={"value": {key: f"{{{{ a.value.{key} }}}}" for key in values} | {"sum": "{{ a.value.number + 1 }}"}},
        ),
        outputs={"b": "{{ b.value }}", "text": "n={{ a.value.number }}"},
    )
    result = await rig.run(document)

    assert result.outputs == {"b": {**values, "sum": 4}, "text": "n=3"}


async def test_resolved_inputs_stand_in_the_record(rig: Rig) -> None:
    await rig.run(workflow(step("a", config={"value": 5}, then="b"), step("b", config={"value": "{{ a.value * 2 }}"})))

    records = {record.path: record for record in await rig.journal.steps("run-1")}
    assert records["b"].inputs == {"value": 10}
    assert records["b"].cause == "first"
    assert len(records["b"].definition) == 16


async def test_a_chain_of_a_thousand_steps_runs_in_order(rig: Rig) -> None:
    names = [f"s{number}" for number in range(1000)]
    steps = [step(name, then=after) for name, after in zip(names, [*names[1:], ""], strict=True)]
    result = await rig.run(workflow(*reversed(steps)))

    assert result.status == "completed"
    assert rig.stage.paths == names


async def test_a_fan_out_of_a_thousand_steps_joins(rig: Rig) -> None:
    names = [f"s{number}" for number in range(1000)]
    result = await rig.run(workflow(step("a", then=names), *(step(name, then="z") for name in names), step("z")))

    assert result.status == "completed"
    assert rig.stage.paths[-1] == "z"
    assert len(rig.stage.paths) == 1002


async def test_events_tell_the_run_in_order(rig: Rig) -> None:
    await rig.run(workflow(step("a", then=["b", "c"]), step("b", then="d"), step("c", then="d"), step("d")))

    assert type(rig.events[0]) is RunStarted
    assert type(rig.events[-1]) is RunCompleted
    told = [(type(event), event.path) for event in rig.events if isinstance(event, StepEvent)]
    for name in "abcd":
        assert told.index((StepStarted, name)) < told.index((StepCompleted, name))
    for before, after in ("ab", "ac", "bd", "cd"):
        assert told.index((StepCompleted, before)) < told.index((StepStarted, after))
    assert len(told) == 8


async def test_a_run_may_be_watched_from_its_start(rig: Rig) -> None:
    run = rig.engine.start(workflow(step("a", then="b"), step("b")))
    stream = run.events()
    await settle()
    seen = [event async for event in stream]

    assert seen == rig.events
    assert type(seen[0]) is RunStarted


async def test_watching_may_end_before_the_run_does(rig: Rig) -> None:
    run = rig.engine.start(workflow(step("a", config={"gate": True})))
    stream = run.events()
    assert type(await anext(stream)) is RunStarted
    await stream.aclose()  # type: ignore[attr-defined]  # every event stream is an asynchronous generator

    rig.stage.gate("a").set()
    assert (await run.result()).status == "completed"
    assert run.listeners == []


async def test_a_listener_that_fails_does_not_harm_the_run(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("the exporter broke")

    rig.engine.listeners.insert(0, broken)
    result = await rig.run(workflow(step("a")))

    assert result.status == "completed"
    assert type(rig.events[-1]) is RunCompleted
    assert "the exporter broke" in caplog.text


async def test_usage_of_all_steps_is_summed(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("a", config={"tokens": 100}, then="all"),
            step("all", "loop", config={"times": 3}, body=[step("in", config={"tokens": 10})]),
        )
    )

    assert result.usage.tokens_in == 130
    assert result.usage.cost_usd == pytest.approx(0.13)


async def test_the_duration_is_that_of_the_work(rig: Rig) -> None:
    run = await rig.begin(workflow(step("a", config={"seconds": 5}, then="b"), step("b", config={"seconds": 2})))
    await rig.clock.advance(7)
    result = await run.result()

    assert result.duration_s == 7
    assert [event.duration_s for event in rig.told(StepCompleted)] == [5, 2]


async def test_a_circle_of_wires_is_refused_before_anything_runs(rig: Rig) -> None:
    with pytest.raises(DocumentError, match="a → b → a"):
        rig.engine.start(workflow(step("a", then="b"), step("b", then="a")))


async def test_an_unknown_step_type_is_refused_before_anything_runs(rig: Rig) -> None:
    with pytest.raises(DocumentError, match="no step type 'telepathy'"):
        rig.engine.start(workflow(step("a", "telepathy")))


async def test_an_end_step_completes_the_run_and_stops_the_others(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("held", config={"gate": True}, then="never"), step("never"),
            step("stop", "end", config={"outputs": {"early": True}}, then="after"), step("after"),
            outputs={"early": "no"},
        )
    )  # fmt: skip

    assert result.status == "completed"
    assert result.outputs == {"early": True}
    assert rig.stage.paths == ["held"]
    assert [event.reason for event in rig.told(StepCancelled)] == ["another step ended the run"]
    assert await rig.statuses() == {"held": "cancelled", "stop": "completed"}


async def test_an_end_step_without_outputs_leaves_the_workflows_own(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("a", config={"value": 7}, then="stop"), step("held", config={"gate": True}), step("stop", "end"),
            outputs={"a": "{{ a.value }}", "either": "{{ held.value or a.value }}", "held": "{{ held.value }}"},
        )
    )  # fmt: skip

    assert result.outputs == {"a": 7, "either": 7, "held": None}


async def test_an_end_step_may_fail_the_run_with_its_message(rig: Rig) -> None:
    result = await rig.run(workflow(step("stop", "end", config={"status": "failed", "message": "Nothing to do."})))

    assert result.status == "failed"
    assert result.error is not None
    assert (result.error.type, result.error.message) == ("stopped", "Nothing to do.")
    assert result.error_path == "stop"


async def test_an_end_step_inside_a_loop_ends_the_whole_run(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("all", "many", config={"items": [0, 1]}, then="after", body=[step("stop", "end", disabled=False)]),
            step("after"),
        )
    )

    assert result.status == "completed"
    assert rig.stage.paths == []
    statuses = await rig.statuses()
    assert statuses["all"] == "cancelled"
    assert "completed" in {statuses[path] for path in statuses if path.startswith("all[")}
