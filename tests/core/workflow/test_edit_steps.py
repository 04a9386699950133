from __future__ import annotations

from typing import Any

import pytest

from core.workflow.document import dumps, loads
from core.workflow.edits import (
    add_group,
    add_step,
    change_type,
    clear_config_field,
    join_group,
    leave_groups,
    move_steps,
    remove_group,
    remove_steps,
    rename,
    resize,
    set_about,
    set_collapsed,
    set_config_field,
    set_disabled,
    set_field,
    set_group,
    set_title,
    set_trigger,
    shift_steps,
)
from core.workflow.model import Group, Json, Retry, Trigger, Wire, Workflow
from core.workflow.problems import DocumentError, EditRefused
from core.workflow.validate import validate
from tests.support.wired_steps import document, wired_step_types

TYPES = wired_step_types()


def chain(**fields: Json) -> Workflow:
    steps: dict[str, Json] = {
        "a": {"type": "ask", "config": {"prompt": "x"}, "then": "b"},
        "b": {"type": "ask", "config": {"prompt": "{{ a.text }}"}, "then": ["c", "d"]},
        "c": {"type": "ask", "config": {"prompt": "{{ b.text }}"}},
        "d": {"type": "loop", "config": {"times": 2}, "body": {"inner": {"type": "ask", "config": {"prompt": "y"}}}},
    }
    return document(steps, **fields)


def test_a_new_steps_id_is_its_type_with_the_first_free_number() -> None:
    workflow, first = add_step(Workflow("N"), "ask")
    workflow, second = add_step(workflow, "ask")
    workflow, third = add_step(workflow, "ask")
    assert (first, second, third) == ("ask", "ask_2", "ask_3")


@pytest.mark.parametrize(
    ("type_name", "step_id"),
    [
        ("loop", "loop_step"),
        ("acme.send-mail", "acme_send_mail"),
        ("3d", "step_3d"),
        ("é", "step"),
        ("x" * 99, "x" * 64),
    ],
)
def test_any_type_gives_an_id_that_a_document_can_hold(type_name: str, step_id: str) -> None:
    workflow, found = add_step(Workflow("N"), type_name)
    assert found == step_id
    assert loads(dumps(workflow)) == workflow


def test_a_step_is_added_at_a_place_after_a_step_and_reads_it() -> None:
    workflow, step_id = add_step(chain(), "ask", at=(10, 20.004), title="New", after=("c", "out"), types=TYPES)
    step = workflow.steps[step_id]
    assert (step.title, step.config) == ("New", {"prompt": "{{ c.text }}"})
    assert workflow.layout == {"ask": (10.0, 20.0)}
    assert workflow.steps["c"].then == {"out": ("ask",)}
    assert validate(workflow, TYPES) == []


def test_a_step_added_after_a_step_in_a_loop_stands_in_that_loop() -> None:
    workflow, step_id = add_step(chain(), "ask", after=("inner", "out"), types=TYPES)
    assert list(workflow.steps["d"].body or {}) == ["inner", step_id]


def test_a_step_is_added_on_a_wire() -> None:
    workflow, step_id = add_step(chain(), "ask", on=Wire("a", "out", "b"), types=TYPES)
    assert workflow.steps["a"].then == {"out": (step_id,)}
    assert workflow.steps[step_id].then == {"out": ("b",)}


def test_a_new_loop_has_a_body_that_steps_can_be_added_to() -> None:
    workflow, loop = add_step(Workflow("N"), "until", types=TYPES)
    workflow, inner = add_step(workflow, "ask", into=loop)
    assert list(workflow.steps[loop].body or {}) == [inner]


def test_steps_cannot_be_added_to_what_is_no_loop() -> None:
    with pytest.raises(EditRefused, match="no loop"):
        add_step(chain(), "ask", into="a")


def test_removing_a_step_cuts_its_wires_and_leaves_references_to_be_shown() -> None:
    before = chain(layout={"b": [1, 2], "c": [3, 4]}, collapsed=["b"], groups={"g": {"steps": ["b"]}})
    after = remove_steps(before, ["b"])
    assert list(after.steps) == ["a", "c", "d"]
    assert after.steps["a"].then == {}
    assert after.steps["c"] is before.steps["c"]
    assert (after.layout, after.collapsed, after.groups) == ({"c": (3.0, 4.0)}, frozenset(), {})
    assert [(one.code, one.step) for one in validate(after, TYPES)] == [("unknown_name", "c")]


def test_removing_with_rejoining_leads_wires_past_all_removed_steps() -> None:
    before = document(
        {
            "a": {"type": "ask", "then": ["b", "z"]},
            "b": {"type": "ask", "then": "c"},
            "c": {"type": "choose", "on_error": "branch", "then": {"true": "x", "false": "y", "error": "oops"}},
            "x": {"type": "ask"},
            "y": {"type": "ask"},
            "z": {"type": "ask"},
            "oops": {"type": "ask"},
        }
    )
    after = remove_steps(before, ["b", "c"], rejoin=True)
    assert after.steps["a"].then == {"out": ("x", "y", "z")}


def test_removing_a_loop_removes_what_is_inside_it() -> None:
    before = chain(layout={"inner": [1, 2]})
    after = remove_steps(before, ["d", "inner"])
    assert [step.id for _, step in after.walk()] == ["a", "b", "c"]
    assert after.layout == {}


def test_removing_the_last_step_of_a_loop_leaves_an_empty_loop() -> None:
    after = remove_steps(chain(), ["inner"])
    assert after.steps["d"].body == {}
    assert loads(dumps(after)) == after


def test_a_renamed_step_keeps_every_reference_and_untouched_steps_stay() -> None:
    before = chain(layout={"a": [1, 2]}, collapsed=["a"], groups={"g": {"steps": ["a", "b"]}})
    after = rename(before, "a", "start", types=TYPES)
    assert after.steps["b"].config == {"prompt": "{{ start.text }}"}
    assert after.layout == {"start": (1.0, 2.0)}
    assert after.collapsed == {"start"}
    assert after.groups["g"].steps == ("start", "b")
    assert after.steps["c"] is before.steps["c"]
    assert after.steps["d"] is before.steps["d"]
    with pytest.raises(DocumentError, match="already"):
        rename(before, "a", "b")


def test_settings_are_set_by_dotted_paths_through_objects_and_lists() -> None:
    workflow = set_config_field(chain(), "inner", "answer.format", "json")
    workflow = set_config_field(workflow, "inner", ("headers", "X.Y"), "z")
    step = workflow.step("inner")
    assert step is not None
    assert step.config == {"prompt": "y", "answer": {"format": "json"}, "headers": {"X.Y": "z"}}


def test_a_list_takes_its_next_entry_and_no_later_one() -> None:
    workflow = set_config_field(chain(), "a", "rules", [{"value": 1}])
    workflow = set_config_field(workflow, "a", ("rules", 1, "value"), 2)
    assert workflow.steps["a"].config["rules"] == [{"value": 1}, {"value": 2}]
    with pytest.raises(EditRefused, match="list of 2"):
        set_config_field(workflow, "a", "rules.5", 3)
    with pytest.raises(EditRefused, match="no list or object"):
        set_config_field(workflow, "a", "prompt.x", 3)
    assert clear_config_field(workflow, "a", "rules.0").steps["a"].config["rules"] == [{"value": 2}]
    assert "rules" not in clear_config_field(workflow, "a", "rules").steps["a"].config


def test_one_and_true_are_different_settings() -> None:
    before = set_config_field(chain(), "a", "n", 1)
    after = set_config_field(before, "a", "n", True)
    assert after.steps["a"].config["n"] is True
    assert set_config_field(after, "a", "n", True) is after


@pytest.mark.parametrize("value", [float("nan"), "\0", {"a": "\ud800"}])
def test_values_that_no_document_can_hold_are_refused(value: Json) -> None:
    with pytest.raises(EditRefused, match="cannot be set"):
        set_config_field(chain(), "a", "prompt", value)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("title", "T", 1),
        ("join", "any", "some"),
        ("retry", Retry(3), {"attempts": 3}),
        ("timeout", 2.5, -1),
        ("on_error", "branch", "ignore"),
        ("default", {"text": ""}, "x"),
        ("idempotency_key", "{{ run.id }}", "\0"),
        ("disabled", True, "yes"),
        ("config", {"prompt": "z"}, {"prompt": float("inf")}),
        (None, None, None),
    ],
)
def test_each_field_of_a_step_takes_its_own_values_only(field: str | None, good: Any, bad: Any) -> None:
    if field is None:
        with pytest.raises(EditRefused, match="none of title"):
            set_field(chain(), "a", "id", "z")
        return
    after = set_field(chain(), "a", field, good)
    assert getattr(after.steps["a"], field) == good
    assert loads(dumps(after)) == after
    assert set_field(after, "a", field, good) is after
    with pytest.raises(EditRefused, match="cannot be set"):
        set_field(chain(), "a", field, bad)


def test_steps_are_disabled_together() -> None:
    before = chain()
    after = set_disabled(before, ["a", "inner"], True)
    assert [step.id for _, step in after.walk() if step.disabled] == ["a", "inner"]
    assert set_disabled(after, ["a"], True) is after
    assert set_title(before, "a", "T").steps["a"].name == "T"


def test_a_change_of_type_keeps_wires_title_and_the_main_text() -> None:
    before = set_config_field(set_title(chain(), "b", "T"), "b", "model", "m")
    after = change_type(before, "b", "gather", TYPES)
    step = after.steps["b"]
    assert (step.type, step.title, step.then) == ("gather", "T", {"out": ("c", "d")})
    assert step.config == {"inputs": "{{ a.text }}"}
    assert change_type(after, "b", "ask", TYPES).steps["b"].config == {"prompt": "{{ a.text }}"}


def test_a_change_of_type_moves_main_wires_and_cuts_those_without_a_port() -> None:
    before = document(
        {
            "a": {"type": "ask", "then": "c"},
            "c": {"type": "choose", "then": {"true": "x", "false": "y"}},
            "x": {"type": "ask"},
            "y": {"type": "ask"},
        }
    )
    assert change_type(before, "c", "ask", TYPES).steps["c"].then == {"out": ("x",)}
    assert change_type(before, "a", "choose", TYPES).steps["a"].then == {"true": ("c",)}
    note = change_type(before, "c", "note", TYPES)
    assert (note.steps["c"].then, note.steps["a"].then) == ({}, {})


def test_a_loop_with_steps_inside_does_not_become_what_cannot_hold_them() -> None:
    with pytest.raises(EditRefused, match="holds steps"):
        change_type(chain(), "d", "ask", TYPES)
    with pytest.raises(EditRefused, match="no step type"):
        change_type(chain(), "a", "nope", TYPES)
    emptied = remove_steps(chain(), ["inner"])
    assert change_type(emptied, "d", "ask", TYPES).steps["d"].body is None
    assert change_type(chain(), "a", "until", TYPES).steps["a"].body == {}


def test_steps_move_and_keep_their_size() -> None:
    before = resize(chain(layout={"a": [1, 2]}), "d", (0, 0, 300, 200))
    after = move_steps(before, {"d": (8, -16), "a": (1, 2)})
    assert after.layout == {"a": (1.0, 2.0), "d": (8.0, -16.0, 300.0, 200.0)}
    assert after.steps is before.steps
    assert move_steps(after, {"a": (1, 2)}) is after
    for places in ({"a": (float("nan"), 0.0)}, {"nope": (0.0, 0.0)}, {"a": (1e300, 0.0)}):
        with pytest.raises(EditRefused):
            move_steps(before, places)
    with pytest.raises(EditRefused, match="above 0"):
        resize(before, "d", (0, 0, 0, 10))


def test_a_loop_takes_what_is_inside_it_along() -> None:
    before = chain(layout={"d": [0, 0], "inner": [10, 10], "a": [5, 5]})
    assert shift_steps(before, ["d", "c"], 1, -2).layout == {"d": (1.0, -2.0), "inner": (11.0, 8.0), "a": (5.0, 5.0)}


def test_steps_collapse_and_open() -> None:
    after = set_collapsed(chain(), ["a", "inner"], True)
    assert loads(dumps(after)).collapsed == {"a", "inner"}
    assert set_collapsed(after, ["inner"], False).collapsed == {"a"}
    assert set_collapsed(after, ["a"], True) is after
    with pytest.raises(EditRefused):
        set_collapsed(after, ["nope"], True)


def test_a_step_is_in_one_group_and_an_empty_group_is_gone() -> None:
    workflow, first = add_group(chain(), ["b", "a"], title="First", colour="blue")
    assert workflow.groups == {first: Group("First", "blue", ("a", "b"))}
    workflow, second = add_group(workflow, ["a", "c"])
    assert workflow.groups == {first: Group("First", "blue", ("b",)), second: Group("", "grey", ("a", "c"))}
    workflow = join_group(workflow, second, ["b"])
    assert workflow.groups == {second: Group("", "grey", ("a", "c", "b"))}
    workflow = set_group(workflow, second, title="T", colour="pink")
    assert loads(dumps(workflow)) == workflow
    assert leave_groups(workflow, ["a", "b"]).groups == {second: Group("T", "pink", ("c",))}
    assert remove_group(workflow, second).groups == {}
    for wrong in (["a", "inner"], [], ["nope"]):
        with pytest.raises(EditRefused):
            add_group(workflow, wrong)
    with pytest.raises(EditRefused, match="no group"):
        remove_group(workflow, "nope")


def test_the_workflows_own_fields_are_set_and_checked() -> None:
    after = set_trigger(set_about(chain(), name="M", tags=("x",), inputs={"q": {"type": "string"}}), Trigger("api"))
    assert (after.name, after.trigger.type) == ("M", "api")
    assert loads(dumps(after)) == after
    assert set_about(after, name="M") is after
    wrongs: list[dict[str, Any]] = [
        {"name": " "},
        {"steps": {}},
        {"inputs": {"q": "text"}},
        {"timeout": 0},
        {"tags": [1]},
    ]
    for wrong in wrongs:
        with pytest.raises(EditRefused, match="cannot be set"):
            set_about(after, **wrong)
