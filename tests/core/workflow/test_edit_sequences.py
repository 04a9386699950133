"""Random sequences of edits: whatever people do, the document stays one that can be saved, and shares what it can."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from core.workflow import edits
from core.workflow.document import dumps, loads
from core.workflow.model import Step, Wire, Workflow
from core.workflow.problems import WorkflowError
from core.workflow.sameness import same
from tests.support.edit_steps import Edit, edit_sequences, small_documents
from tests.support.wired_steps import wired_step_types

TYPES = wired_step_types()


def steps_of(workflow: Workflow) -> dict[str, Step]:
    return {step.id: step for _, step in workflow.walk()}


def check_structure(workflow: Workflow) -> None:
    """Ids are unique, wires lead to steps of their level, and nothing is drawn that does not exist."""
    ids = [step.id for _, step in workflow.walk()]
    assert len(ids) == len(set(ids))
    levels = [workflow.steps, *(step.body for _, step in workflow.walk() if step.body is not None)]
    for level in levels:
        for key, step in level.items():
            assert key == step.id
            for port, targets in step.then.items():
                assert targets, (key, port)
                assert len(targets) == len(set(targets))
                assert set(targets) <= set(level), (key, targets)
    members = [step_id for group in workflow.groups.values() for step_id in group.steps]
    assert len(members) == len(set(members))
    assert all(group.steps for group in workflow.groups.values())
    assert {*workflow.layout, *workflow.collapsed, *members} <= set(ids)
    assert same(loads(dumps(workflow)), workflow) or loads(dumps(workflow)) == workflow


@given(small_documents(), edit_sequences(TYPES))
@settings(max_examples=150, deadline=None)
def test_any_sequence_of_edits_leaves_a_sound_document_and_shares_what_it_did_not_touch(
    workflow: Workflow, sequence: list[Edit]
) -> None:
    for edit in sequence:
        before = steps_of(workflow)
        try:
            after = edit(workflow)
        except WorkflowError:
            continue
        check_structure(after)
        for step_id, step in steps_of(after).items() if edit.kind != "there and back" else ():
            old = before.get(step_id)
            assert old is None or step is old or not same(old, step), step_id
        workflow = after


CHAIN = Workflow(
    "N",
    steps={
        "a": Step("a", "ask", then={"out": ("b",)}),
        "b": Step("b", "ask", config={"prompt": "{{ a.text }}"}),
        "l": Step("l", "loop", body={"x": Step("x", "ask")}),
    },
    layout={"a": (0.0, 0.0)},
)


@pytest.mark.parametrize(
    ("edit", "touched"),
    [
        (lambda w: edits.add_step(w, "ask", after=("b", "out"))[0], {"b"}),
        (lambda w: edits.remove_steps(w, ["b"]), {"a"}),
        (lambda w: edits.connect(w, "b", "out", "l"), {"b"}),
        (lambda w: edits.disconnect(w, [Wire("a", "out", "b")]), {"a"}),
        (lambda w: edits.move_steps(w, {"x": (1, 2)}), set()),
        (lambda w: edits.set_config_field(w, "x", "prompt", "p"), {"x", "l"}),
        (lambda w: edits.rename(w, "a", "z"), {"b"}),
        (lambda w: edits.duplicate_steps(w, ["a", "b", "l"])[0], set()),
        (lambda w: edits.add_group(w, ["a", "b"])[0], set()),
        (lambda w: edits.set_collapsed(w, ["a"], True), set()),
        (lambda w: edits.paste(w, "type: ask")[0], set()),
        (lambda w: edits.move_into_body(w, ["b"], "l"), {"a", "l"}),
        (lambda w: edits.set_about(w, name="M"), set()),
        (lambda w: edits.wrap_in_loop(w, ["b"], "loop")[0], {"a"}),
    ],
)
def test_an_edit_changes_the_steps_it_is_about_and_no_other(
    edit: Callable[[Workflow], Workflow], touched: set[str]
) -> None:
    before, after = steps_of(CHAIN), steps_of(edit(CHAIN))
    assert {step_id for step_id, step in before.items() if step_id in after and after[step_id] is not step} == touched
