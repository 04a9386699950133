from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings

from core.workflow.compare import Change, Comparison, Move, Renaming, StepChange, compare
from core.workflow.document import load
from core.workflow.model import Retry, Step, Trigger, Wire, Workflow
from core.workflow.rename import rename_step
from tests.support.documents import workflows

TRIAGE = load(Path(__file__).parent / "files" / "support-triage.loom.yaml")


def workflow(*steps: Step) -> Workflow:
    return Workflow("N", steps={step.id: step for step in steps})


@given(workflows())
@settings(max_examples=60, deadline=None)
def test_a_document_does_not_differ_from_itself(document: Workflow) -> None:
    assert compare(document, document).is_empty
    assert not compare(document, document).logic_changed


@given(workflows(), workflows())
@settings(max_examples=50, deadline=None)
def test_a_difference_is_seen_from_both_sides(one: Workflow, other: Workflow) -> None:
    there, back = compare(one, other), compare(other, one)
    assert there.is_empty == back.is_empty == (one == other)
    assert len(there.renamed) == len(back.renamed)
    if not there.renamed:
        assert (there.added, there.removed) == (back.removed, back.added)
        assert set(there.wires_added) == set(back.wires_removed)


def test_a_step_added_and_a_step_removed_come_with_their_wires() -> None:
    old = workflow(Step("a", "value", then={"out": ("b",)}), Step("b", "value", title="B"))
    new = workflow(Step("a", "value", then={"out": ("c",)}), Step("c", "choose", then={"true": ("a",)}))
    assert compare(old, new) == Comparison(
        added=("c",),
        removed=("b",),
        wires_added=(Wire("a", "out", "c"), Wire("c", "true", "a")),
        wires_removed=(Wire("a", "out", "b"),),
    )


def test_a_changed_step_is_told_field_by_field() -> None:
    old = Step("a", "value", config={"x": 1, "list": [1, 2], "deep": {"p": "old", "q": 1}}, retry=Retry(2))
    new = Step(
        "a", "value", config={"x": True, "list": [1, 3], "deep": {"p": "new"}, "y": None}, retry=Retry(3), title="T"
    )
    assert compare(workflow(old), workflow(new)).changed == (
        StepChange(
            "a",
            (
                Change("config.x", "changed", 1, True),
                Change("config.list.1", "changed", 2, 3),
                Change("config.deep.p", "changed", "old", "new"),
                Change("config.deep.q", "removed", 1, None),
                Change("config.y", "added", None, None),
                Change("retry.attempts", "changed", 2, 3),
                Change("title", "added", None, "T"),
            ),
        ),
    )


def test_lists_of_other_lengths_are_changed_as_a_whole() -> None:
    old, new = workflow(Step("a", "value", config={"x": [1]})), workflow(Step("a", "value", config={"x": [1, 2]}))
    assert compare(old, new).changed == (StepChange("a", (Change("config.x", "changed", [1], [1, 2]),)),)


def test_a_renamed_step_is_no_removal_and_addition() -> None:
    renamed = rename_step(TRIAGE, "classify", "judge")
    assert compare(TRIAGE, renamed) == Comparison(renamed=(Renaming("classify", "judge"),))
    assert compare(TRIAGE, renamed).logic_changed


def test_renamed_steps_that_refer_to_each_other_are_recognised() -> None:
    renamed = rename_step(rename_step(TRIAGE, "classify", "judge"), "reply", "write")
    assert set(compare(TRIAGE, renamed).renamed) == {Renaming("classify", "judge"), Renaming("reply", "write")}


def test_a_renamed_loop_is_recognised_with_its_body_left_in_place() -> None:
    old = workflow(Step("a", "loop", config={"times": 1}, body={"x": Step("x", "value")}))
    assert compare(old, rename_step(old, "a", "b")) == Comparison(renamed=(Renaming("a", "b"),))


def test_a_step_of_the_same_loop_is_the_likelier_renaming() -> None:
    old = workflow(Step("a", "loop", body={"x": Step("x", "value")}))
    new = workflow(Step("y", "value"), Step("a", "loop", body={"z": Step("z", "value")}))
    assert compare(old, new) == Comparison(renamed=(Renaming("x", "z"),), added=("y",))


def test_a_step_moved_into_a_loop_is_a_move() -> None:
    old = workflow(Step("a", "loop", body={"x": Step("x", "value")}), Step("y", "value"))
    new = workflow(Step("a", "loop", body={"x": Step("x", "value"), "y": Step("y", "value")}))
    assert compare(old, new) == Comparison(moved=(Move("y", "", "a"),))


def test_another_order_of_steps_is_a_change_of_logic() -> None:
    one, other = Step("a", "value"), Step("b", "value", title="B")
    assert compare(workflow(one, other), workflow(other, one)) == Comparison(reordered=True)


def test_another_order_of_wires_is_a_change() -> None:
    steps = (Step("b", "value"), Step("c", "value", title="C"))
    old = workflow(Step("a", "choose", then={"true": ("b", "c")}), *steps)
    assert compare(old, workflow(Step("a", "choose", then={"true": ("c", "b")}), *steps)) == Comparison(reordered=True)


def test_changes_of_the_document_itself_are_listed_by_path() -> None:
    new = replace(
        TRIAGE,
        name="Other",
        trigger=Trigger("schedule", {"cron": "x"}),
        inputs={"ticket": {"type": "object"}},
        timeout=5.0,
    )
    assert compare(TRIAGE, new).document == (
        Change("name", "changed", "Support triage", "Other"),
        Change("trigger.type", "changed", "message", "schedule"),
        Change("trigger.cron", "added", None, "x"),
        Change("inputs.ticket.type", "changed", "string", "object"),
        Change("timeout", "changed", None, 5.0),
    )


def test_layout_is_told_apart_from_logic() -> None:
    moved = replace(TRIAGE, layout={"classify": (1.0, 80.0), "reply": (5.0, 5.0)})
    difference = compare(TRIAGE, moved)
    assert difference.layout == (
        Change("classify.0", "changed", 120.0, 1.0),
        Change("reply", "added", None, [5.0, 5.0]),
    )
    assert not difference.logic_changed
    assert not difference.is_empty


def test_quite_different_documents_of_thousands_of_steps_are_compared_quickly() -> None:
    old = workflow(*(Step(f"a{number}", "value", config={"x": number}) for number in range(3000)))
    new = workflow(*(Step(f"b{number}", "value", config={"x": number + 2950}) for number in range(3000)))
    difference = compare(old, new)
    assert (len(difference.renamed), len(difference.added), len(difference.removed)) == (50, 2950, 2950)
