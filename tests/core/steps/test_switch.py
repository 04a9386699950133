"""The switch step goes one of many ways."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine.errors import StepError
from core.engine.testing import run_lone
from core.steps.switch import SwitchStep
from core.workflow.model import Json

_STEP = SwitchStep()
_CASES: list[Json] = [
    {"port": "billing", "value": "billing"},
    {"port": "many", "rules": [{"operator": "matches", "operand": r"^\d{3,}$"}]},
    {"port": "one", "value": 1},
]


@pytest.mark.parametrize(
    ("value", "port"), [("billing", "billing"), ("1234", "many"), ("1", "one"), ("else", "default"), ("", "default")]
)
async def test_the_first_case_that_fits_decides_the_port(value: str, port: str) -> None:
    done = await run_lone(_STEP, {"value": value, "cases": _CASES})
    assert done.ports == (port,)
    assert done.value == {"port": port}


async def test_a_rule_may_look_at_a_value_of_its_own() -> None:
    rule: Json = {"value": 9, "operator": "greater_than", "operand": 3}
    done = await run_lone(_STEP, {"value": 0, "cases": [{"port": "hot", "rules": [rule]}]})
    assert done.ports == ("hot",)


async def test_a_case_that_cannot_be_compared_fails_the_step() -> None:
    case: Json = {"port": "hot", "rules": [{"operator": "greater_than", "operand": 3}]}
    with pytest.raises(StepError, match="cannot be ordered"):
        await run_lone(_STEP, {"value": "warm", "cases": [case]})


def test_the_ports_are_the_cases_and_default() -> None:
    assert _STEP.ports({"cases": _CASES}) == ("billing", "many", "one", "default")
    assert _STEP.ports({"cases": "unfinished"}) == ("default",)
    assert _STEP.ports({}) == ("default",)


@pytest.mark.parametrize(
    ("cases", "path", "said"),
    [
        ([], ("cases",), "at least 1 item"),
        ([{"port": "1st", "value": 1}], ("cases", 0, "port"), "cannot name a port"),
        ([{"port": "{{ a.b }}", "value": 1}], ("cases", 0, "port"), "cannot name a port"),
        ([{"port": "default", "value": 1}], ("cases", 0, "port"), "already"),
        ([{"port": "error", "value": 1}], ("cases", 0, "port"), "already"),
        ([{"port": "a", "value": 1}, {"port": "a", "value": 2}], ("cases", 1, "port"), "already"),
        ([{"port": "a"}], ("cases", 0), "either a value or rules"),
        ([{"port": "a", "value": 1, "rules": [{"operator": "exists"}]}], ("cases", 0), "either a value or rules"),
        ([{"port": "a", "rules": [{"operator": "equals"}]}], ("cases", 0, "rules", 0, "operand"), "needs an operand"),
    ],
)
def test_a_bad_case_is_a_problem_at_its_place(cases: list[Any], path: tuple[object, ...], said: str) -> None:
    problem = _STEP.check_config({"value": "x", "cases": cases})[0]
    assert problem.path == path
    assert said in problem.message


def test_a_value_is_needed_unless_every_rule_has_its_own() -> None:
    (problem,) = _STEP.check_config({"cases": [{"port": "a", "value": 1}]})
    assert problem.path == ("value",)
    assert _STEP.check_config({"cases": [{"port": "a", "rules": [{"value": 1, "operator": "exists"}]}]}) == []
