"""The set step names values."""

from __future__ import annotations

from core.engine.testing import LoneHost, lone_context, run_lone
from core.steps.set import SetStep
from core.workflow.model import Json

_STEP = SetStep()


async def test_values_become_the_output_with_their_types() -> None:
    values: dict[str, Json] = {"total": 12.5, "names": ["a"], "nothing": None}
    assert (await run_lone(_STEP, {"values": values})).value == values


async def test_variables_are_set_and_are_not_in_the_output() -> None:
    host = LoneHost()
    done = await run_lone(_STEP, {"variables": {"tone": "formal"}}, lone_context(host))
    assert host.variables == {"tone": "formal"}
    assert done.value == {}


def test_the_variables_it_sets_are_known_before_it_runs() -> None:
    assert list(_STEP.variables_set({"variables": {"tone": "{{ input.tone }}", "count": 1}})) == ["tone", "count"]
    assert list(_STEP.variables_set({"variables": "unfinished"})) == []


def test_setting_nothing_is_a_problem() -> None:
    (problem,) = _STEP.check_config({"values": {}})
    assert problem.code == "missing_field"


def test_values_that_are_no_mapping_are_a_problem() -> None:
    (problem,) = _STEP.check_config({"values": [1]})
    assert problem.path == ("values",)
