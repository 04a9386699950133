"""Which results are out of date after an edit, and because of what."""

from __future__ import annotations

from dataclasses import replace

from core.engine.staleness import Stale, stale_steps
from core.workflow.model import Step, Workflow
from tests.support.engine_rig import step, workflow

DOCUMENT = workflow(
    step("a", then="b"),
    step("b", then="all"),
    step("all", "many", config={"items": [1]}, then="c", body=[step("x", then="y"), step("y")]),
    step("c"),
    step("side"),
)
ALL = {each.id for _, each in DOCUMENT.walk()}


def of(document: Workflow) -> dict[str, str]:
    """What made each stale step so."""
    return {step_id: stale.after for step_id, stale in stale_steps(document, DOCUMENT, ALL).items()}


def changed(step_id: str, **facts: object) -> Workflow:
    found = DOCUMENT.step(step_id)
    assert found is not None
    return DOCUMENT.with_step(replace(found, **facts))  # type: ignore[arg-type] # facts of a step


def test_the_document_that_was_run_has_nothing_stale() -> None:
    assert of(DOCUMENT) == {}
    assert of(workflow(*DOCUMENT.steps.values())) == {}


def test_a_changed_step_is_stale_with_all_that_follows_it_even_inside_loops() -> None:
    assert of(changed("b", config={"value": 2})) == {"b": "", "all": "b", "x": "b", "y": "b", "c": "b"}


def test_another_title_or_time_limit_makes_nothing_stale() -> None:
    assert of(changed("b", title="Another", timeout=5.0)) == {}


def test_a_changed_step_in_a_loop_leaves_those_before_it_in_the_loop_alone() -> None:
    assert of(changed("y", config={"value": 2})) == {"y": "", "all": "", "c": "all"}


def test_a_loop_over_other_items_makes_everything_in_it_stale() -> None:
    assert of(changed("all", config={"items": [2]})) == {"all": "", "x": "all", "y": "all", "c": "all"}


def test_a_wire_more_or_less_makes_its_target_stale() -> None:
    assert of(changed("side", then={"out": ("c",)})) == {"c": "side"}
    assert of(changed("b", then={})) == {"all": "b", "x": "b", "y": "b", "c": "b"}


def test_a_step_that_was_added_before_another_makes_it_stale() -> None:
    steps = {"new": Step("new", "work", then={"out": ("side",)}), **DOCUMENT.steps}
    assert of(replace(DOCUMENT, steps=steps)) == {"side": "new"}


def test_only_steps_with_results_are_told_of() -> None:
    assert set(stale_steps(changed("b", config={"value": 2}), DOCUMENT, {"c"})) == {"c"}


def test_the_reason_is_a_sentence() -> None:
    assert "its settings" in Stale().sentence()
    assert "“Draft”" in Stale("draft").sentence("Draft")
