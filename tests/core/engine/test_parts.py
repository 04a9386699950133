"""Runs of a part, from a step, again with other values: what runs, what is used again, and why; on both journals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.engine.errors import EngineError, RunNotFound
from core.engine.events import NO_USAGE, StepCompleted, StepStarted
from core.engine.journal import Journal
from core.engine.memory_journal import MemoryJournal
from core.engine.part import Given, OnePass, Part, cut, part_json, part_of, path_of, run_anew
from core.store.address import Address
from core.store.database import Database
from core.store.documents import Documents
from core.store.journal import PostgresJournal
from core.store.thread import StoreThread
from core.workflow.model import Json, Step, Workflow
from tests.support.engine_rig import Rig, step, workflow
from tests.support.postgres import database_url, postgres_server

__all__ = ["database_url", "postgres_server"]


@pytest.fixture(params=["memory", "postgres"])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    thread = StoreThread()
    database = Database(thread, Address.parse(request.getfixturevalue("database_url")), patience=5)
    made = PostgresJournal(database, Documents(), patience=5)
    await thread.call(made.start)
    yield made
    await thread.call(made.stop)
    await thread.call(database.close)
    thread.close()


@pytest.fixture
def rig(journal: Journal) -> Rig:
    return Rig(journal=journal)


CHAIN = workflow(
    step("a", config={"value": "{{ input.x }}", "effect": "spends", "tokens": 5}, then="b"),
    step("b", config={"value": "b of {{ a.value }}"}, then="c"),
    step("c", config={"value": "c of {{ b.value }}"}, then="d"),
    step("d", config={"value": "d of {{ c.value }}"}),
    step("side", config={"value": "apart"}),
    outputs={"answer": "{{ d.value }}"},
)


def changed(document: Workflow, step_id: str, **config: Json) -> Workflow:
    """The document with some of a step's config changed."""
    found = document.step(step_id)
    assert found is not None
    return document.with_step(replace(found, config={**found.config, **config}))


async def causes(rig: Rig, run_id: str) -> dict[str, str]:
    return {record.path: record.cause for record in await rig.journal.steps(run_id)}


async def again(rig: Rig, document: Workflow, part: Part, **inputs: Json) -> dict[str, str]:
    """Run a part; what each record says of why it was made. The stage afterwards tells what really ran."""
    rig.stage.ran.clear()
    rig.events.clear()
    result = await rig.engine.start(document, inputs or {"x": 1}, part=part).result()
    assert result.status == "completed", result.error
    return await causes(rig, result.run_id)


async def test_a_run_from_a_step_repeats_it_and_what_follows_and_uses_the_rest_again(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    found = await again(rig, CHAIN, Part(anew="c", base="run-1"))

    assert rig.stage.paths == ["c", "d"]
    assert found == {"a": "reused", "b": "reused", "side": "reused", "c": "forced", "d": "forced"}
    record = next(each for each in await rig.journal.steps("run-2") if each.path == "a")
    assert (record.status, record.usage) == ("completed", NO_USAGE)
    assert record.output is not None
    assert record.output["value"] == 1
    assert record.inputs["value"] == 1
    run = await rig.journal.run("run-2")
    assert (run.outputs, run.usage.tokens) == ({"answer": "d of c of b of 1"}, 0)


async def test_what_was_changed_before_the_step_runs_again_with_all_that_reads_it(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    found = await again(rig, changed(CHAIN, "b", value="B of {{ a.value }}"), Part(anew="d", base="run-1"))

    assert found == {
        "a": "reused", "side": "reused", "b": "definition_changed", "c": "input_changed", "d": "input_changed"
    }  # fmt: skip
    assert rig.stage.paths == ["b", "c", "d"]


async def test_another_title_place_or_retry_makes_nothing_stale(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    b = CHAIN.steps["b"]
    document = CHAIN.with_step(replace(b, title="Another", timeout=5.0))
    await again(rig, document, Part(anew="d", base="run-1"))
    assert rig.stage.paths == ["d"]


async def test_another_input_runs_what_reads_it_and_stops_where_values_are_the_same_again(rig: Rig) -> None:
    document = changed(CHAIN, "b", value="{{ a.value > 0 }}")
    await rig.run(document, {"x": 1})
    found = await again(rig, document, Part(base="run-1"), x=2)

    assert rig.stage.paths == ["a"]
    assert (found["a"], found["b"], found["d"]) == ("input_changed", "reused", "reused")


async def test_one_and_true_are_different_inputs(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    await again(rig, CHAIN, Part(base="run-1"), x=True)
    assert rig.stage.paths[0] == "a"


async def test_an_edited_value_stands_and_what_reads_it_runs_again(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    found = await again(rig, CHAIN, Part(base="run-1", given={"b": Given({"value": "mine"}, why="edited")}))

    assert found == {"a": "reused", "side": "reused", "b": "edited", "c": "input_changed", "d": "input_changed"}
    assert (await rig.journal.run("run-2")).outputs == {"answer": "d of c of mine"}
    assert [event.ports for event in rig.told(StepCompleted, "b")] == [("out",)]


async def test_a_pinned_output_stands_in_every_run(rig: Rig) -> None:
    found = await again(rig, CHAIN, Part(given={"c": Given({"value": "pinned"})}))

    assert found["c"] == "pinned"
    assert set(rig.stage.paths) == {"a", "side", "b", "d"}
    assert (await rig.journal.run("run-1")).outputs == {"answer": "d of pinned"}


async def test_a_pinned_output_inside_a_loop_stands_in_every_pass(rig: Rig) -> None:
    document = workflow(
        step("all", "many", config={"items": [1, 2]}, body=[
            step("x", config={"value": "{{ item }}"}, then="y"), step("y", config={"value": "y of {{ x.value }}"}),
        ]),
    )  # fmt: skip
    await again(rig, document, Part(given={"x": Given({"value": "pinned"})}))
    assert sorted(rig.stage.paths) == ["all[0]/y", "all[1]/y"]
    inputs = {record.path: record.inputs for record in await rig.journal.steps("run-1")}
    assert inputs["all[1]/y"]["value"] == "y of pinned"


LOOP = workflow(
    step("head", config={"value": "h"}, then="all"),
    step("all", "many", config={"items": [1, 2, 3]}, then="tail", body=[
        step("x", config={"value": "{{ item }}", "effect": "spends"}, then="y"),
        step("y", config={"value": "{{ head.value }} {{ x.value }}"}),
    ]),
    step("tail"),
)  # fmt: skip


async def test_a_changed_step_in_a_loop_runs_in_every_pass_and_the_one_before_it_in_none(rig: Rig) -> None:
    await rig.run(LOOP)
    found = await again(rig, changed(LOOP, "y", value="new {{ x.value }}"), Part(anew="tail", base="run-1"))

    assert sorted(rig.stage.paths) == ["all[0]/y", "all[1]/y", "all[2]/y", "tail"]
    assert {found[f"all[{n}]/x"] for n in range(3)} == {"reused"}
    assert {found[f"all[{n}]/y"] for n in range(3)} == {"definition_changed"}


async def test_a_run_from_inside_a_loop_repeats_it_in_every_pass_and_what_follows_the_loop(rig: Rig) -> None:
    await rig.run(LOOP)
    found = await again(rig, LOOP, Part(anew="y", base="run-1"))

    assert sorted(rig.stage.paths) == ["all[0]/y", "all[1]/y", "all[2]/y", "tail"]
    assert found["head"] == found["all[0]/x"] == "reused"
    assert found["all"] == "resumed"


async def test_a_loop_that_reads_something_else_around_it_runs_those_inside_that_read_it(rig: Rig) -> None:
    await rig.run(LOOP)
    await again(rig, changed(LOOP, "head", value="H"), Part(base="run-1"))
    assert sorted(rig.stage.paths) == ["all[0]/y", "all[1]/y", "all[2]/y", "head"]


async def test_variables_that_a_step_set_are_set_when_its_result_is_used_again(rig: Rig) -> None:
    document = workflow(
        step("set", config={"variables": {"v": "set"}, "effect": "writes"}, then="read"),
        step("read", config={"value": "{{ vars.v }}"}),
        variables={"v": "first"},
    )
    await rig.run(document)
    await again(rig, document, Part(anew="read", base="run-1"))
    assert rig.stage.paths == ["read"]
    assert rig.told(StepCompleted, "read")[0].output["value"] == "set"


async def test_a_decision_is_taken_again_from_its_record_and_the_dead_branch_stays_dead(rig: Rig) -> None:
    document = workflow(
        step("fork", "choose", config={"value": True}, then={"true": "y", "false": "n"}), step("y", then="end"),
        step("n", then="end"), step("end"),
    )  # fmt: skip
    await rig.run(document)
    await again(rig, document, Part(anew="end", base="run-1"))
    assert rig.stage.paths == ["end"]
    assert (await rig.statuses("run-2"))["n"] == "skipped"


async def test_a_failure_that_was_handled_is_tried_again(rig: Rig) -> None:
    document = workflow(
        step("a", config={"fails": -1, "retryable": False}, on_error="default", default={"value": 0}, then="b"),
        step("b"),
    )
    await rig.run(document)
    await again(rig, document, Part(anew="b", base="run-1"))
    assert rig.stage.paths == ["a", "b"]


async def test_an_answered_question_is_not_asked_again(rig: Rig) -> None:
    document = workflow(step("ask", "ask", then={"answered": "b"}), step("b", config={"value": "{{ ask.choice }}"}))
    await rig.run(document)
    await rig.journal.answer("run-1", "ask", {"choice": "yes"})
    await rig.resume()
    found = await again(rig, document, Part(anew="b", base="run-1"))
    assert found == {"ask": "reused", "b": "forced"}


async def test_a_run_up_to_a_step_ends_there_with_its_output(rig: Rig) -> None:
    result = await rig.engine.start(CHAIN, {"x": 1}, part=Part(until="b")).result()
    assert rig.stage.paths == ["a", "b"]
    assert result.outputs is not None
    assert result.outputs["value"] == "b of 1"
    assert set(await rig.statuses()) == {"a", "b"}
    assert list((await rig.journal.run("run-1")).workflow.steps) == list(CHAIN.steps)


async def test_a_run_up_to_a_step_uses_earlier_results_but_runs_that_step(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    found = await again(rig, CHAIN, Part(until="b", base="run-1"))
    assert found == {"a": "reused", "b": "forced"}


async def test_a_run_up_to_a_step_in_a_loop_makes_all_passes_that_far(rig: Rig) -> None:
    await again(rig, LOOP, Part(until="x"))
    assert sorted(rig.stage.paths) == ["all[0]/x", "all[1]/x", "all[2]/x", "head"]


async def test_a_step_alone_reads_what_it_is_given(rig: Rig) -> None:
    result = await rig.engine.start(CHAIN, {}, part=Part(only="c", given={"b": Given({"value": "typed"})})).result()
    assert rig.stage.paths == ["c"]
    assert result.outputs is not None
    assert result.outputs["value"] == "c of typed"
    assert set(await rig.statuses()) == {"c"}


async def test_a_step_alone_in_a_loop_stands_in_its_first_pass_and_reads_the_given_item(rig: Rig) -> None:
    assert path_of(LOOP, "x") == "all[0]/x"
    result = await rig.engine.start(LOOP, part=Part(only="x", names={"item": "mine", "index": 0})).result()
    assert rig.stage.paths == ["all[0]/x"]
    assert result.outputs is not None
    assert result.outputs["value"] == "mine"


async def test_a_step_alone_reads_given_variables(rig: Rig) -> None:
    document = workflow(step("a", config={"value": "{{ vars.v }}"}), variables={"v": "first"})
    result = await rig.engine.start(document, part=Part(only="a", names={"vars": {"v": "typed"}})).result()
    assert result.outputs is not None
    assert result.outputs["value"] == "typed"


async def test_a_step_alone_that_lacks_a_value_says_which(rig: Rig) -> None:
    result = await rig.engine.start(CHAIN, part=Part(only="c")).result()
    assert result.status == "failed"
    assert result.error is not None
    assert "{{ b.value }}" in result.error.message


async def test_a_part_that_waits_goes_on_as_that_part_when_it_is_answered(rig: Rig) -> None:
    document = workflow(
        step("a", config={"value": "{{ input.x }}"}, then="ask"),
        step("ask", "ask", then={"answered": "b"}),
        step("b", config={"value": "{{ a.value }} {{ p.value }}"}, then="c"),
        step("p", then="b"),
        step("c"),
    )
    part = Part(until="b", given={"p": Given({"value": "pinned"})})
    waiting = await rig.engine.start(document, {"x": 7}, part=part).result()
    assert waiting.status == "suspended"
    await rig.journal.answer("run-1", "ask", {"choice": "yes"})
    result = await rig.resume()

    assert result.outputs is not None
    assert result.outputs["value"] == "7 pinned"
    assert rig.stage.times == {"a": 1, "ask": 2, "b": 1}


async def test_a_run_that_was_cut_short_repeats_nothing_that_it_had_taken_over(rig: Rig) -> None:
    document = changed(CHAIN, "c", gate=True)
    rig.stage.gate("c").set()
    await rig.run(document, {"x": 1})
    rig.stage.gate("c").clear()
    run = rig.engine.start(document, {"x": 1}, part=Part(anew="c", base="run-1"))
    while "c" not in rig.stage.running:
        await rig.clock.advance(0)
    run.cancel(resumable=True)
    await run.result()
    rig.stage.ran.clear()
    rig.stage.gate("c").set()
    result = await rig.resume("run-2")

    assert result.status == "completed"
    assert rig.stage.paths == ["c", "d"]
    assert (await causes(rig, "run-2"))["a"] == "reused"


async def test_steps_of_another_workflow_are_used_again_one_by_one(journal: Journal) -> None:
    inner = workflow(
        step("p", config={"value": "{{ input.n }}"}, then="q"), step("q", config={"value": "q of {{ p.value }}"}),
        name="Inner", inputs={"n": {}}, outputs={"got": "{{ q.value }}"},
    )  # fmt: skip
    rig = Rig(inner, journal=journal)
    document = workflow(
        step("call", "workflow", config={"name": "Inner", "inputs": {"n": 1}}, then="after"), step("after")
    )
    await rig.run(document)
    kept = rig.engine.services.workflows
    assert kept is not None
    kept.by_name["Inner"] = changed(inner, "q", value="Q of {{ p.value }}")  # type: ignore[attr-defined]
    await again(rig, document, Part(anew="after", base="run-1"))
    assert rig.stage.paths == ["call/q", "after"]

    await again(rig, document, Part(anew="call", base="run-1"))
    assert rig.stage.paths == ["call/p", "call/q", "after"]


async def test_what_a_run_was_based_on_may_be_gone_when_it_is_resumed_but_not_when_it_starts(rig: Rig) -> None:
    with pytest.raises(RunNotFound):
        await rig.engine.start(CHAIN, {"x": 1}, part=Part(anew="c", base="no-such-run")).result()
    with pytest.raises(EngineError, match="no step 'gone'"):
        rig.engine.start(CHAIN, {"x": 1}, part=Part(until="gone"))


async def test_secrets_in_used_results_stay_masked(journal: Journal) -> None:
    rig = Rig(journal=journal, secrets={"token": "hush-hush-42"})
    document = workflow(
        step("a", config={"key": "{{ secrets.token }}", "value": 1}, then="b"), step("b", config={"value": "{{ a }}"})
    )
    await rig.run(document)
    await again(rig, document, Part(anew="b", base="run-1"))
    assert rig.stage.paths == ["b"]
    assert "hush-hush-42" not in repr(rig.events)
    assert "hush-hush-42" not in repr(await rig.journal.steps("run-2"))


def test_what_runs_anew_is_the_step_with_all_that_follows_it_at_every_level() -> None:
    assert run_anew(LOOP, "x") == {"x", "y", "tail"}
    assert run_anew(LOOP, "all") == {"all", "x", "y", "tail"}
    assert run_anew(LOOP, "") == frozenset()


def test_a_cut_workflow_keeps_no_wire_to_what_is_gone() -> None:
    document = workflow(step("a", then=["b", "c"]), step("b", then="d"), step("c"), step("d"))
    reduced = cut(document, Part(until="b"))
    assert {step_id: dict(each.then) for step_id, each in reduced.steps.items()} == {"a": {"out": ("b",)}, "b": {}}
    assert cut(document, Part(anew="b")) is document
    alone = cut(document, Part(only="a"))
    assert alone.steps == {"a": Step("a", "work")}


async def test_a_started_event_tells_that_nothing_ran(rig: Rig) -> None:
    await rig.run(CHAIN, {"x": 1})
    await again(rig, CHAIN, Part(anew="d", base="run-1"))
    assert {event.path: event.cause for event in rig.told(StepStarted)}["a"] == "reused"
    assert rig.told(StepCompleted, "a")[0].usage == NO_USAGE


def test_one_pass_of_a_loop_is_kept_as_it_was_asked_for() -> None:
    one = OnePass("all", "rows[2]/all", {"text": "{{ draft.text }}"}, ("other",))
    part = Part(names={"vars": {"tone": "kind"}}, one_pass=one)
    assert part_of(part_json(part)) == part
    assert not part.is_whole


def test_a_pass_of_a_loop_that_is_gone_is_refused() -> None:
    document = workflow(step("a"))
    with pytest.raises(EngineError, match="no loop 'all'"):
        cut(document, Part(one_pass=OnePass("all", "all")))
