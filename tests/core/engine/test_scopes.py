from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from core.engine.errors import InputError
from core.engine.events import StepCompleted, StepFailed
from core.engine.execution import MAX_DEPTH
from core.engine.memory_journal import MemoryJournal
from core.engine.testing import settle
from core.workflow.model import Json, Workflow
from core.workflow.problems import Problem
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")


def strict(document: Workflow, inputs: Mapping[str, Json]) -> dict[str, Json]:
    """Refuses a `count` that is no number."""
    if "count" in document.inputs and not isinstance(inputs.get("count"), int):
        raise InputError([Problem("wrong_value", f"count is no number: {inputs.get('count')!r}.", field="count")])
    return dict(inputs)


# -- loops -------------------------------------------------------------------------------------------------------------


async def test_each_pass_of_a_loop_has_its_own_outputs_and_scope_path(rig: Rig) -> None:
    body = [
        step("a", config={"value": "{{ item * 10 + base.value }}"}, then="b"),
        step("b", config={"value": "{{ a.value }}"}),
    ]
    result = await rig.run(
        workflow(
            step("base", config={"value": 1}, then="all"),
            step("all", "many", config={"items": [1, 2, 3], "collect": "{{ index }}:{{ b.value }}"}, body=body),
            outputs={"all": "{{ all.results }}"},
        )
    )

    assert result.outputs == {"all": ["0:11", "1:21", "2:31"]}
    assert set(rig.stage.paths) == {"base"} | {f"all[{n}]/{s}" for n in range(3) for s in "ab"}


async def test_passes_run_at_the_same_time_and_what_follows_the_loop_waits_for_all(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            step("all", "many", config={"items": [0, 1, 2]}, body=[step("a", config={"gate": True})], then="after"),
            step("after"),
        )
    )
    assert rig.stage.most == 3
    for index in (2, 0):
        rig.stage.gate(f"all[{index}]/a").set()
    await settle()
    assert "after" not in rig.stage.paths
    rig.stage.gate("all[1]/a").set()
    await run.result()
    assert rig.stage.paths[-1] == "after"


async def test_loops_inside_loops_read_the_names_around_them(rig: Rig) -> None:
    adding = step("a", config={"value": "{{ item + vars.plus }}"})
    inner = step("inner", "many", config={"items": "{{ item }}", "collect": "{{ a.value }}"}, body=[adding])
    result = await rig.run(
        workflow(
            step("outer", "many", config={"items": [[1, 2], [3]], "collect": "{{ inner.results }}"}, body=[inner]),
            variables={"plus": 10},
            outputs={"all": "{{ outer.results }}"},
        )
    )

    assert result.outputs == {"all": [[11, 12], [13]]}
    assert "outer[0]/inner[1]/a" in rig.stage.paths


async def test_a_loop_without_a_body_says_so(rig: Rig) -> None:
    result = await rig.run(workflow(step("all", "loop", config={"times": 1})))

    assert result.error is not None
    assert "needs a body" in result.error.message


async def test_an_empty_body_makes_empty_passes(rig: Rig) -> None:
    result = await rig.run(
        workflow(step("all", "loop", config={"times": 2, "collect": "x"}, body=[]), outputs={"n": "{{ all.items }}"})
    )

    assert result.outputs == {"n": ["x", "x"]}


# -- workflows inside workflows ----------------------------------------------------------------------------------------


async def test_a_workflow_inside_has_its_own_inputs_variables_and_outputs() -> None:
    inner = workflow(
        step("set", config={"value": "{{ input.count + vars.n }}", "variables": {"n": 99}}),
        name="Inner",
        variables={"n": 1},
        outputs={"sum": "{{ set.value }}", "n": "{{ vars.n }}", "run": "{{ run.id }}"},
    )
    rig = Rig(inner)
    result = await rig.run(
        workflow(
            step("call", "workflow", config={"name": "Inner", "inputs": {"count": "{{ vars.n }}"}}),
            variables={"n": 5},
            outputs={
                "sum": "{{ call.sum }}",
                "inside": "{{ call.n }}",
                "outside": "{{ vars.n }}",
                "run": "{{ call.run }}",
            },
        )
    )

    assert result.outputs == {"sum": 6, "inside": 99, "outside": 5, "run": "run-1"}
    assert rig.stage.paths == ["call/set"]


async def test_a_workflow_inside_sees_no_names_of_the_one_around_it() -> None:
    rig = Rig(workflow(step("a", config={"value": "{{ secret_step.value }}"}), name="Inner"))
    result = await rig.run(
        workflow(step("secret_step", then="call"), step("call", "workflow", config={"name": "Inner"}))
    )

    assert result.error is not None
    assert "'secret_step' is undefined" in result.error.message


async def test_inputs_that_do_not_fit_fail_the_step_that_gives_them() -> None:
    inner = workflow(step("a"), name="Inner", inputs={"count": {"type": "integer"}})
    rig = Rig(inner, bind_inputs=strict)
    result = await rig.run(workflow(step("call", "workflow", config={"name": "Inner", "inputs": {"count": "many"}})))

    assert result.error is not None
    assert (result.error.type, result.error_path) == ("validation", "call")
    assert "count is no number: 'many'" in result.error.message


async def test_inputs_that_do_not_fit_are_refused_before_a_run_begins() -> None:
    rig = Rig(bind_inputs=strict)
    with pytest.raises(InputError, match="count is no number"):
        rig.engine.start(workflow(inputs={"count": {"type": "integer"}}), {"count": "x"})


async def test_a_broken_document_inside_fails_the_step_that_calls_it() -> None:
    rig = Rig(workflow(step("a", "telepathy"), name="Inner"))
    result = await rig.run(workflow(step("call", "workflow", config={"name": "Inner"})))

    assert result.error is not None
    assert "no step type 'telepathy'" in result.error.message
    assert result.error_path == "call"


async def test_a_workflow_that_calls_itself_without_end_is_stopped_with_a_reason() -> None:
    rig = Rig(workflow(step("again", "workflow", config={"name": "Echo"}), name="Echo"))
    result = await rig.run(workflow(step("call", "workflow", config={"name": "Echo"})))

    assert result.error is not None
    assert result.error.type == "limit"
    assert f"more than {MAX_DEPTH} deep" in result.error.message
    assert "calls itself without an end" in result.error.message
    assert result.error_path == "/".join(["call", *["again"] * MAX_DEPTH])


async def test_loops_do_not_count_as_workflows_that_call_each_other() -> None:
    rig = Rig(workflow(step("a"), name="Inner"))
    nest = step("call", "workflow", config={"name": "Inner"})
    for number in range(MAX_DEPTH + 5):
        nest = step(f"loop_{number}", "loop", config={"times": 1}, body=[nest])
    result = await rig.run(workflow(nest))

    assert result.status == "completed"
    assert len(rig.stage.ran) == 1


@pytest.mark.parametrize(("status", "ran_after"), [("completed", True), ("failed", False)])
async def test_an_end_inside_a_workflow_ends_only_that_workflow(status: str, ran_after: bool) -> None:
    inner = workflow(
        step("held", config={"gate": True}),
        step("stop", "end", config={"status": status, "message": "Enough.", "outputs": {"early": 1}}),
        name="Inner",
    )
    rig = Rig(inner)
    result = await rig.run(workflow(step("call", "workflow", config={"name": "Inner"}, then="after"), step("after")))

    assert ("after" in rig.stage.paths) is ran_after
    statuses = await rig.statuses()
    assert statuses["call/held"] == "cancelled"
    if ran_after:
        assert rig.told(StepCompleted, "call")[0].output == {"early": 1}
        assert result.status == "completed"
    else:
        assert result.error is not None
        assert (result.error.message, result.error_path) == ("Enough.", "call")
        assert [event.path for event in rig.told(StepFailed)] == ["call"]


# -- variables ---------------------------------------------------------------------------------------------------------


async def test_a_variable_takes_effect_when_the_step_that_sets_it_completes(rig: Rig) -> None:
    run = await rig.begin(
        workflow(
            step("set", config={"variables": {"v": "new"}, "gate": True}, then="after"),
            step("beside", config={"value": "{{ vars.v }}"}), step("after", config={"value": "{{ vars.v }}"}),
            variables={"v": "old"}, outputs={"beside": "{{ beside.value }}", "after": "{{ after.value }}"},
        )
    )  # fmt: skip
    rig.stage.gate("set").set()

    assert (await run.result()).outputs == {"beside": "old", "after": "new"}
    assert rig.told(StepCompleted, "set")[0].variables == {"v": "new"}


async def test_a_step_that_fails_sets_no_variable(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("set", config={"variables": {"v": "new"}, "fails": -1}, on_error="default", default={}),
            variables={"v": "old"},
            outputs={"v": "{{ vars.v }}"},
        )
    )

    assert result.outputs == {"v": "old"}


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
async def test_of_parallel_steps_the_last_in_the_document_wins_whichever_ends_last(order: tuple[str, ...]) -> None:
    rig = Rig()
    run = await rig.begin(
        workflow(
            *(step(name, config={"variables": {"v": name}, "gate": True}) for name in "abc"),
            variables={"v": ""},
            outputs={"v": "{{ vars.v }}"},
        )
    )
    for name in order:
        rig.stage.gate(name).set()
        await settle()

    assert (await run.result()).outputs == {"v": "c"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_of_parallel_passes_the_last_wins_whichever_ends_last(order: tuple[int, ...]) -> None:
    rig = Rig()
    body = [step("a", config={"variables": {"v": "{{ item }}"}, "gate": True})]
    run = await rig.begin(
        workflow(
            step("all", "many", config={"items": ["x", "y", "z"]}, body=body),
            variables={"v": ""},
            outputs={"v": "{{ vars.v }}"},
        )
    )
    for index in order:
        rig.stage.gate(f"all[{index}]/a").set()
        await settle()

    assert (await run.result()).outputs == {"v": "z"}


async def test_a_step_wins_over_those_before_it(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("second", config={"variables": {"v": "second"}}),
            step("first", config={"variables": {"v": "first"}}, then="second"),
            variables={"v": ""},
            outputs={"v": "{{ vars.v }}"},
        )
    )

    assert result.outputs == {"v": "second"}


async def test_a_loop_may_count_with_a_variable(rig: Rig) -> None:
    result = await rig.run(
        workflow(
            step("all", "loop", config={"times": 4}, body=[step("a", config={"variables": {"n": "{{ vars.n + 1 }}"}})]),
            variables={"n": 0},
            outputs={"n": "{{ vars.n }}"},
        )
    )

    assert result.outputs == {"n": 4}


async def test_variables_set_inside_a_finished_loop_are_there_after_a_resumption(rig: Rig) -> None:
    count = step("b", config={"variables": {"n": "{{ vars.n + 1 }}", "last": "b{{ index }}"}})
    inner = step("inner", "loop", config={"times": 2}, body=[count])
    document = workflow(
        step("early", config={"variables": {"last": "early", "own": 1}}, then="all"),
        step("all", "loop", config={"times": 2}, body=[inner], then="ask"),
        step("ask", "ask", then={"answered": "read"}),
        step("read", config={"value": "{{ vars }}"}),
        variables={"n": 0, "last": "", "own": 0},
        outputs={"vars": "{{ read.value }}"},
    )
    await rig.run(document)
    assert isinstance(rig.journal, MemoryJournal)
    other = Rig(journal=rig.journal.survivor())
    await other.journal.answer("run-1", "ask", {})
    result = await other.resume()

    assert result.outputs == {"vars": {"n": 4, "last": "b1", "own": 1}}
    assert other.stage.paths == ["ask", "read"]
    recorded = {r.path: r.variables for r in await other.journal.steps("run-1")}
    assert recorded["all"] == {"n": 4, "last": "b1"}
