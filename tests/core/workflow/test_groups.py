from __future__ import annotations

import pytest

from core.workflow.compare import compare
from core.workflow.document import dumps, loads, read_leniently
from core.workflow.edits import add_group, rename, set_collapsed, set_group
from core.workflow.model import Group, Step, Workflow
from core.workflow.problems import DocumentError
from core.workflow.validate import validate
from tests.support.small_steps import small_step_types

HEAD = "steploom: 1\nname: N\nsteps:\n  a: {type: value}\n  b: {type: value}\n"


def sample() -> Workflow:
    return Workflow("N", steps={key: Step(key, "value") for key in "ab"})


def test_groups_and_collapsed_steps_are_saved_last_and_apart_from_the_steps() -> None:
    workflow, _ = add_group(set_collapsed(sample(), ["b", "a"], True), ["b"], title="First look", colour="blue")
    workflow, _ = add_group(workflow, ["a"])
    text = dumps(workflow)
    assert text.endswith(
        "collapsed: [a, b]\n"
        "groups:\n"
        "  group:\n    title: First look\n    colour: blue\n    steps: [b]\n"
        "  group_2:\n    steps: [a]\n"
    )
    assert loads(text) == workflow


def test_steps_that_do_not_exist_are_warned_of_and_left_out() -> None:
    text = HEAD + "collapsed: [a, zz]\ngroups:\n  g: {steps: [a, zz]}\n  h: {steps: [a, b]}\n  i: {steps: [a]}\n"
    workflow, problems = read_leniently(text)
    assert workflow is not None
    assert workflow.collapsed == {"a"}
    assert workflow.groups == {"g": Group(steps=("a",)), "h": Group(steps=("b",))}
    assert [(one.code, one.field, one.line) for one in problems] == [
        ("unknown_drawn", "collapsed", 6),
        ("unknown_drawn", "groups.g.steps", 8),
        ("step_in_two_groups", "groups.h.steps", 9),
        ("step_in_two_groups", "groups.i.steps", 10),
    ]
    assert {one.severity for one in problems} == {"warning"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ("collapsed: 5", "collapsed"),
        ("groups: [a]", "groups"),
        ("groups: {g: [a]}", "groups.g"),
        ("groups: {g: {steps: a}}", "groups.g.steps"),
        ("groups: {g: {steps: [a], colour: red}}", "groups.g.colour"),
        ("groups: {g: {steps: [a], color: blue}}", "groups.g.color"),
    ],
)
def test_what_is_no_group_is_an_error_at_its_field(fields: str, field: str) -> None:
    with pytest.raises(DocumentError) as caught:
        loads(HEAD + fields + "\n")
    assert [one.field for one in caught.value.problems] == [field]


def test_validation_warns_of_drawn_steps_that_do_not_exist() -> None:
    workflow = Workflow("N", steps=sample().steps, collapsed=frozenset({"x"}), groups={"g": Group(steps=("a", "y"))})
    found = validate(workflow, small_step_types())
    assert [(one.code, one.field, one.severity) for one in found] == [
        ("unknown_drawn", "collapsed", "warning"),
        ("unknown_drawn", "groups.g.steps", "warning"),
    ]
    assert loads(dumps(workflow)).groups == {"g": Group(steps=("a",))}


def test_drawing_is_compared_apart_from_logic() -> None:
    before, group = add_group(sample(), ["a"], title="One")
    after = set_collapsed(set_group(before, group, title="Two", colour="pink"), ["b"], True)
    found = compare(before, after)
    assert not found.logic_changed
    assert not found.is_empty
    assert [(one.path, one.kind, one.after) for one in found.drawing] == [
        ("collapsed.b", "added", True),
        ("groups.group.title", "changed", "Two"),
        ("groups.group.colour", "added", "pink"),
    ]
    assert compare(after, after).is_empty


def test_a_renamed_step_is_no_difference_in_its_group() -> None:
    before = set_collapsed(add_group(sample(), ["a"])[0], ["a"], True)
    found = compare(before, rename(before, "a", "z"))
    assert [(one.before, one.after) for one in found.renamed] == [("a", "z")]
    assert found.drawing == ()
