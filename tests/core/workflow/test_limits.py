from __future__ import annotations

from dataclasses import replace

import pytest

from core.steps import discover
from core.workflow.compare import compare
from core.workflow.document import dumps, loads, read_leniently, to_data
from core.workflow.edits import set_about
from core.workflow.model import Limits, Workflow
from core.workflow.problems import EditRefused
from core.workflow.validate import validate

WORKFLOW = Workflow("W", limits=Limits(0.5, 5))


def with_limits(text: str) -> str:
    return f"steploom: 1\nname: W\nlimits: {text}\nsteps: {{}}\n"


def test_limits_travel_with_the_document_and_stand_before_its_steps() -> None:
    text = dumps(replace(WORKFLOW, timeout=60.0, outputs={"a": "b"}))
    assert loads(text).limits == Limits(0.5, 5)
    assert text.splitlines()[2:] == [
        "timeout: 60s", "limits: {usd_per_run: 0.5, usd_per_day: 5}", "outputs:", "  a: b",
    ]  # fmt: skip


def test_a_document_without_limits_is_saved_as_before() -> None:
    assert "limits" not in to_data(Workflow("W"))
    assert dumps(loads("steploom: 1\nname: W\n")) == "steploom: 1\nname: W\n"
    assert loads("version: 0\nflow: W\n").limits == Limits()


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{usd_per_run: much}", "wrong_type", "limits.usd_per_run"),
        ("{usd_per_run: true}", "wrong_type", "limits.usd_per_run"),
        ("{usd_per_hour: 1}", "unknown_field", "limits.usd_per_hour"),
        ("3", "wrong_type", "limits"),
    ],
)
def test_what_is_no_limit_is_told_at_its_place_and_read_as_left_out(text: str, code: str, field: str) -> None:
    workflow, problems = read_leniently(with_limits(text))
    assert workflow is not None
    assert workflow.limits == Limits()
    assert [(problem.code, problem.field, problem.line) for problem in problems] == [(code, field, 3)]


@pytest.mark.parametrize("value", [0, -1, 2_000_000])
def test_a_limit_that_nothing_can_keep_is_an_error(value: float) -> None:
    (problem,) = validate(loads(with_limits(f"{{usd_per_day: {value}}}")), discover())
    assert (problem.code, problem.field, problem.severity) == ("limit_range", "limits.usd_per_day", "error")


def test_a_limit_of_a_run_above_that_of_a_day_is_a_warning() -> None:
    (problem,) = validate(replace(WORKFLOW, limits=Limits(6, 5)), discover())
    assert (problem.code, problem.severity) == ("limit_order", "warning")
    assert validate(WORKFLOW, discover()) == []


def test_an_editor_sets_limits_and_a_comparison_names_the_one_that_changed() -> None:
    changed = set_about(WORKFLOW, limits=Limits(0.5, 8.0))
    (change,) = compare(WORKFLOW, changed).document
    assert (change.path, change.before, change.after) == ("limits.usd_per_day", 5, 8)
    assert compare(WORKFLOW, changed).logic_changed
    for wrong in (Limits(0), Limits(None, -2), Limits(float("nan")), {"usd_per_run": 1}):
        with pytest.raises(EditRefused, match="The workflow's limits cannot be set"):
            set_about(WORKFLOW, limits=wrong)
    assert set_about(WORKFLOW, limits=Limits(0.5, 5.0)) is WORKFLOW
