from __future__ import annotations

import pytest

from core.workflow.document import dumps, loads
from core.workflow.edits import copy_steps, duplicate_steps, paste
from core.workflow.model import Json, Workflow
from core.workflow.problems import DocumentError, EditRefused
from core.workflow.validate import validate
from tests.support.wired_steps import document, wired_step_types

TYPES = wired_step_types()

PAIR: dict[str, Json] = {
    "a": {"type": "ask", "config": {"prompt": "{{ input.q }} {{ vars.tone }}"}, "then": "b"},
    "b": {"type": "ask", "config": {"prompt": "{{ a.text | upper }}{% if a %}{{ a['text'] }}{% endif %}"}, "then": "c"},
    "c": {"type": "ask", "config": {"prompt": "{{ b.text }}", "model": "{{ b.text }}"}},
    "each": {
        "type": "loop",
        "config": {"times": 2, "collect": "{{ inner.text }}"},
        "body": {"inner": {"type": "ask", "config": {"prompt": "{{ item }}"}, "then": "last"}, "last": {"type": "ask"}},
    },
}


def sample() -> Workflow:
    return document(
        PAIR,
        inputs={"q": {"type": "string"}, "unused": {}},
        variables={"tone": {"default": "kind"}, "other": {"default": 1}},
        layout={"a": [0, 0], "b": [300, 40], "each": [0, 200, 400, 300], "inner": [20, 240]},
        collapsed=["b"],
        groups={"g": {"title": "G", "steps": ["a", "b"]}, "h": {"steps": ["c"]}},
    )


def test_copies_refer_to_each_other_and_keep_wires_among_them_only() -> None:
    before = sample()
    after, names = duplicate_steps(before, ["a", "b"], types=TYPES)
    assert names == {"a": "a_2", "b": "b_2"}
    first, second = after.steps["a_2"], after.steps["b_2"]
    assert first.then == {"out": ("b_2",)}
    assert second.then == {}
    assert second.config["prompt"] == "{{ a_2.text | upper }}{% if a_2 %}{{ a_2['text'] }}{% endif %}"
    assert after.layout["b_2"] == (324.0, 64.0)
    assert after.collapsed == {"b", "b_2"}
    assert after.groups["g_2"].steps == ("a_2", "b_2")
    assert set(after.groups) == {"g", "h", "g_2"}
    assert all(after.steps[key] is before.steps[key] for key in before.steps)


def test_a_loops_copy_has_copies_of_what_is_inside_and_refers_to_those() -> None:
    after, names = duplicate_steps(sample(), ["each", "inner"], types=TYPES)
    copy = after.steps[names["each"]]
    assert list(copy.body or {}) == ["inner_2", "last_2"]
    assert copy.config["collect"] == "{{ inner_2.text }}"
    assert (copy.body or {})["inner_2"].then == {"out": ("last_2",)}


def test_a_step_inside_a_loop_is_copied_inside_it() -> None:
    after, _ = duplicate_steps(sample(), ["inner"], types=TYPES)
    assert list(after.steps["each"].body or {}) == ["inner", "last", "inner_2"]


def test_the_number_of_a_copys_id_goes_on_counting() -> None:
    workflow = sample()
    for _ in range(2):
        workflow, _ = duplicate_steps(workflow, ["a"])
    workflow, names = duplicate_steps(workflow, ["a_3"])
    assert names == {"a_3": "a_4"}


def test_settings_that_are_no_templates_are_copied_as_they_are() -> None:
    after, names = duplicate_steps(sample(), ["b", "c"], types=TYPES)
    assert after.steps[names["c"]].config == {"prompt": "{{ b_2.text }}", "model": "{{ b.text }}"}


def test_what_is_copied_is_a_document_with_what_its_steps_read() -> None:
    text = copy_steps(sample(), ["b", "a"], types=TYPES)
    part = loads(text)
    assert list(part.steps) == ["a", "b"]
    assert part.steps["b"].then == {}
    assert (set(part.inputs), set(part.variables)) == ({"q"}, {"tone"})
    assert set(part.layout) == {"a", "b"}
    assert dumps(part) == text


def test_pasted_steps_get_free_ids_and_bring_what_they_need() -> None:
    text = copy_steps(sample(), ["a", "b"], types=TYPES)
    target = document({"a": {"type": "ask", "config": {"prompt": "mine"}}}, layout={"a": [24, 24]})
    after, ids = paste(target, text, types=TYPES)
    assert ids == ("a_2", "b")
    assert after.steps["b"].config["prompt"] == "{{ a_2.text | upper }}{% if a_2 %}{{ a_2['text'] }}{% endif %}"
    assert after.steps["a"] is target.steps["a"]
    assert (set(after.inputs), set(after.variables)) == ({"q"}, {"tone"})
    assert after.layout == {"a": (24.0, 24.0), "a_2": (48.0, 48.0), "b": (348.0, 88.0)}
    assert validate(after, TYPES) == []


def test_a_reference_that_leads_nowhere_is_not_caught_by_a_pasted_steps_new_id() -> None:
    text = "a: {type: ask, config: {prompt: '{{ a_2.text }}'}}"
    after, ids = paste(document({"a": {"type": "ask"}}), text)
    assert ids == ("a_3",)
    assert after.steps["a_3"].config == {"prompt": "{{ a_2.text }}"}


def test_pasting_at_a_place_puts_the_upper_left_corner_there() -> None:
    text = copy_steps(sample(), ["b", "each"], types=TYPES)
    after, _ = paste(Workflow("N"), text, at=(1000, 500))
    assert after.layout == {"b": (1300.0, 500.0), "each": (1000.0, 660.0, 400.0, 300.0), "inner": (1020.0, 700.0)}


def test_pasting_twice_does_not_hide_the_first_paste() -> None:
    text = copy_steps(sample(), ["a"])
    once, _ = paste(sample(), text)
    twice, _ = paste(once, text)
    assert len({place[:2] for place in twice.layout.values()}) == len(twice.layout)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("steps:\n  x: {type: ask}\n", ("x",)),
        ("x: {type: ask, then: y}\ny: {type: ask}\n", ("x", "y")),
        ("type: ask\nconfig: {prompt: hi}\n", ("ask",)),
        ("Here you are:\n\n```yaml\nsteploom: 1\nname: N\nsteps:\n  x: {type: ask}\n```\nGood luck.", ("x",)),
        ("steploom: 1\nname: N\nsteps:\n  x:\n    type: ask\n    title: |\n      ```\n      y\n      ```\n", ("x",)),
        ('{"steploom": 1, "name": "N", "steps": {"x": {"type": "ask"}}}', ("x",)),
    ],
)  # fmt: skip
def test_text_from_a_chat_or_a_file_pastes_as_steps(text: str, ids: tuple[str, ...]) -> None:
    after, found = paste(Workflow("N"), text, at=(5, 6))
    assert found == ids
    assert after.layout[ids[0]] == (5.0, 6.0)
    assert loads(dumps(after)) == after


@pytest.mark.parametrize(
    "text",
    [
        *("", "hello", "a: b", "- 1", "{{{", "x: {type: 5}", "```\nx\n```"),
        *("steploom: 1\nname: N\n", "steps: {x: {type: ask, then: 5}}"),
    ],
)
def test_text_that_holds_no_steps_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(DocumentError, match="pasted text"):
        paste(Workflow("N"), text)


def test_steps_are_pasted_into_loops_and_nowhere_else() -> None:
    after, _ = paste(sample(), "x: {type: ask}", into="each")
    assert list(after.steps["each"].body or {}) == ["inner", "last", "x"]
    with pytest.raises(EditRefused, match="no loop"):
        paste(sample(), "x: {type: ask}", into="a")
