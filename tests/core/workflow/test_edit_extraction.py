from __future__ import annotations

import pytest

from core.workflow.document import dumps, loads
from core.workflow.edits import extract, inline
from core.workflow.model import Json, Workflow
from core.workflow.problems import EditRefused
from core.workflow.validate import validate
from tests.support.engine_rig import Rig
from tests.support.wired_steps import document, wired_step_types

TYPES = wired_step_types()


def report() -> Workflow:
    return document(
        {
            "fetch": {"type": "ask", "config": {"prompt": "about {{ input.topic }}"}, "then": ["draft", "facts"]},
            "facts": {"type": "value", "config": {"value": {"n": 3, "items": [1, 2]}}, "then": "draft"},
            "draft": {
                "type": "ask",
                "config": {
                    "prompt": "{{ fetch.text }}, {{ vars.tone }}, {{ facts.value.n + 1 }}, {{ input.topic|upper }}"
                },
                "then": "polish",
            },
            "polish": {
                "type": "ask",
                "config": {"prompt": "<{{ draft.text }}|{{ facts['value'] | json }}>"},
                "then": "last",
            },
            "last": {"type": "ask", "config": {"prompt": "{{ polish.text }} / {{ draft.text }}"}},
        },
        inputs={"topic": {"type": "string"}},
        variables={"tone": {"type": "string", "default": "kind"}},
        outputs={"answer": "{{ last.text }}", "polished": "{{ polish }}"},
        layout={"draft": [500, 300], "polish": [800, 340]},
    )  # fmt: skip


async def outputs(workflow: Workflow, *others: Workflow, **inputs: Json) -> object:
    result = await Rig(*others, types=wired_step_types()).run(workflow, inputs)
    assert result.status == "completed", result.error
    return result.outputs


async def test_an_extracted_workflow_does_the_same_under_a_step_that_runs_it() -> None:
    before = report()
    done = extract(before, ["draft", "polish"], "Write up", types=TYPES)
    assert validate(done.workflow, TYPES) == []
    assert validate(done.extracted, TYPES) == []
    assert loads(dumps(done.workflow)) == done.workflow
    assert loads(dumps(done.extracted)) == done.extracted
    expected = await outputs(before, topic="tea")
    assert await outputs(done.workflow, done.extracted, topic="tea") == expected
    again, _ = inline(done.workflow, done.step, done.extracted, types=TYPES)
    assert validate(again, TYPES) == []
    assert await outputs(again, topic="tea") == expected


def test_inputs_and_outputs_are_inferred_and_named_after_what_they_hold() -> None:
    before = report()
    done = extract(before, ["draft", "polish"], "Write up", types=TYPES)
    assert done.step == "write_up"
    step = done.workflow.steps[done.step]
    assert step.type == "workflow"
    assert step.config == {
        "workflow": "Write up",
        "inputs": {
            "fetch_text": "{{ fetch.text }}",
            "facts_value": "{{ facts.value }}",
            "topic": "{{ input.topic }}",
            "tone": "{{ vars.tone }}",
        },
    }
    assert done.extracted.inputs == {
        "fetch_text": {},
        "facts_value": {},
        "topic": {"type": "string"},
        "tone": {"type": "string"},
    }
    assert done.extracted.outputs == {"text": "{{ draft.text }}", "polish": "{{ polish }}"}
    assert done.extracted.steps["polish"].config["prompt"] == "<{{ draft.text }}|{{ input['facts_value'] | json }}>"
    assert done.workflow.steps["last"].config["prompt"] == "{{ write_up.polish.text }} / {{ write_up.text }}"
    assert done.workflow.outputs["polished"] == "{{ write_up.polish }}"
    assert done.workflow.steps["fetch"].then == {"out": ("write_up", "facts")}
    assert step.then == {"out": ("last",)}
    assert done.workflow.layout == {"write_up": (500.0, 300.0)}
    assert done.extracted.layout == {"draft": (80.0, 80.0), "polish": (380.0, 120.0)}


async def test_steps_of_a_loop_get_its_item_and_their_own_loops_keep_theirs() -> None:
    inner: dict[str, Json] = {
        "type": "loop",
        "config": {"times": 2, "collect": "{{ deep.value }}"},
        "body": {"deep": {"type": "value", "config": {"value": "{{ item }}"}}},
    }
    before = document(
        {
            "each": {
                "type": "loop",
                "config": {"times": 2, "collect": "{{ two.value }}"},
                "body": {
                    "one": {"type": "value", "config": {"value": "{{ item * 10 + times }}"}, "then": "nest"},
                    "nest": {**inner, "then": "two"},
                    "two": {"type": "value", "config": {"value": "{{ [one.value, nest['items'], index] }}"}},
                },
            }
        },
        outputs={"all": "{{ each['items'] }}"},
    )  # fmt: skip
    done = extract(before, ["one", "nest", "two"], "Pass", types=TYPES)
    assert set(done.extracted.inputs) == {"item", "times", "index"}
    assert done.extracted.step("deep") == before.step("deep")
    expected = await outputs(before)
    assert await outputs(done.workflow, done.extracted) == expected
    again, _ = inline(done.workflow, done.step, done.extracted, types=TYPES)
    assert await outputs(again) == expected


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        (["choose"], "branch 'true' of 'choose' leads out"),
        (["yes", "no"], "leads to some of these steps only"),
        (["start", "yes"], "'choose' comes after some"),
        (["set"], "sets the variable 'tone'"),
        (["start", "inner"], "different levels"),
        ([], "No step"),
    ],
)
def test_steps_that_would_do_something_else_alone_are_refused(chosen: list[str], reason: str) -> None:
    before = document(
        {
            "start": {"type": "value", "then": "choose"},
            "choose": {"type": "choose", "config": {"value": 1}, "then": {"true": "yes", "false": "no"}},
            "yes": {"type": "value", "then": "set"},
            "no": {"type": "value"},
            "set": {"type": "set", "config": {"variables": {"tone": 1}}},
            "each": {"type": "loop", "body": {"inner": {"type": "value"}}},
        },
        variables={"tone": {"default": 0}},
    )
    with pytest.raises(EditRefused, match=reason):
        extract(before, chosen, "Part", types=TYPES)
    whole = extract(before, ["choose", "yes", "no", "set"], "Part", types=None)
    assert whole.workflow.steps["start"].then == {"out": ("part",)}


def test_a_template_whose_own_variable_is_in_the_way_is_refused() -> None:
    before = document(
        {
            "a": {"type": "ask", "then": "b"},
            "b": {"type": "ask", "config": {"prompt": "{% set input = 1 %}{{ a.text }}{{ input }}"}},
        }
    )
    with pytest.raises(EditRefused, match="variable 'input' of its own"):
        extract(before, ["b"], "Part", types=TYPES)


def test_an_extraction_that_nothing_reads_still_gives_its_main_output() -> None:
    before = document({"a": {"type": "ask", "config": {"prompt": "x"}}})
    assert extract(before, ["a"], "Part", types=TYPES).extracted.outputs == {"text": "{{ a.text }}"}


def sub(prompt: str, **fields: Json) -> Workflow:
    return document({"a": {"type": "ask", "config": {"prompt": prompt}}}, outputs={"text": "{{ a.text }}!"}, **fields)


def caller(inputs: Json, **fields: Json) -> Workflow:
    steps: dict[str, Json] = {
        "a": {"type": "ask", "config": {"prompt": "mine"}, "then": "s"},
        "s": {"type": "workflow", "config": {"workflow": "N", "inputs": inputs}, "then": "z", **fields},
        "z": {"type": "ask", "config": {"prompt": "z {{ s.text }}"}},
    }
    return document(steps, variables={"tone": {"default": 1}}, layout={"s": [100, 100]})


def test_inlined_steps_get_free_ids_and_read_values_where_they_read_inputs() -> None:
    inner = sub("{{ input.q }} and {{ input['n'] + 1 }}", inputs={"q": {}, "n": {"default": 5}}, layout={"a": [7, 9]})
    after, names = inline(caller({"q": "Say {{ a.text }}"}), "s", inner, types=TYPES)
    assert names == {"a": "a_2"}
    assert after.steps["a_2"].config == {"prompt": "Say {{ a.text }} and {{ 5 + 1 }}"}
    assert after.steps["z"].config == {"prompt": "z {{ a_2.text }}!"}
    assert after.steps["a"].then == {"out": ("a_2",)}
    assert after.steps["a_2"].then == {"out": ("z",)}
    assert after.layout == {"a_2": (100.0, 100.0)}
    assert list(after.steps) == ["a", "a_2", "z"]


def test_inlined_variables_get_names_of_their_own() -> None:
    inner = sub("{{ vars.tone }}", variables={"tone": {"default": 2}})
    after, _ = inline(caller({}), "s", inner, types=TYPES)
    assert after.variables == {"tone": {"default": 1}, "tone_2": {"default": 2}}
    assert after.steps["a_2"].config == {"prompt": "{{ vars.tone_2 }}"}


@pytest.mark.parametrize(
    ("prompt", "inputs", "fields", "reason"),
    [
        ("{{ input.q | upper }}", {"q": "x {{ a.text }}"}, {}, "text with templates"),
        ("{{ input | json }}", {"q": "x"}, {}, "at once"),
        ("{{ input.q }}", {}, {}, "no value"),
        ("{% set a = 1 %}{{ input.q }}", {"q": "{{ a.text }}"}, {}, "of its own"),
        ("x", "{{ a.text }}", {}, "one template"),
        ("x", {}, {"on_error": "branch"}, "way with errors"),
        ("x", {}, {"disabled": True}, "disabled"),
    ],
)
def test_what_cannot_be_inlined_says_why(prompt: str, inputs: Json, fields: dict[str, Json], reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        inline(caller(inputs, **fields), "s", sub(prompt), types=TYPES)


def test_only_steps_that_run_a_workflow_are_inlined() -> None:
    with pytest.raises(EditRefused, match="runs no other workflow"):
        inline(caller({}), "a", sub("x"), types=TYPES)


def test_inlining_an_empty_workflow_joins_the_wires() -> None:
    after, names = inline(caller({}), "s", Workflow("N", outputs={"text": "nothing"}), types=TYPES)
    assert names == {}
    assert after.steps["a"].then == {"out": ("z",)}
    assert after.steps["z"].config == {"prompt": "z nothing"}
