"""The condition step goes one of two ways."""

from __future__ import annotations

from typing import Any

import pytest

from core.engine.errors import ConfigError, StepError
from core.engine.testing import run_lone
from core.steps.condition import ConditionStep
from core.workflow.model import Json

_STEP = ConditionStep()


@pytest.mark.parametrize(("value", "port"), [("4", "true"), ("2", "false")])
async def test_one_comparison_decides_the_port(value: str, port: str) -> None:
    done = await run_lone(_STEP, {"value": value, "operator": "greater_than", "operand": "3"})
    assert done.ports == (port,)
    assert done.value == {"result": port == "true"}


@pytest.mark.parametrize(("match", "result"), [("all", False), ("any", True)])
async def test_rules_are_joined_by_all_or_any(match: str, result: bool) -> None:
    rules: list[Json] = [
        {"value": 5, "operator": "at_least", "operand": 4},
        {"value": "calm", "operator": "matches", "operand": "x+"},
    ]
    done = await run_lone(_STEP, {"rules": rules, "match": match})
    assert done.value == {"result": result}


async def test_rules_after_the_one_that_decides_are_not_looked_at() -> None:
    rules: list[Json] = [{"operator": "exists"}, {"value": None, "operator": "greater_than", "operand": 3}]
    assert (await run_lone(_STEP, {"rules": rules})).value == {"result": False}


async def test_a_mixed_comparison_fails_the_step_in_words() -> None:
    with pytest.raises(StepError, match="cannot be ordered") as caught:
        await run_lone(_STEP, {"value": "very", "operator": "greater_than", "operand": 3})
    assert caught.value.kind == "validation"


async def test_a_condition_that_compares_nothing_fails_the_step() -> None:
    with pytest.raises(ConfigError, match="compares nothing"):
        await run_lone(_STEP, {"value": 1})


@pytest.mark.parametrize(
    ("config", "path", "said"),
    [
        ({}, ("operator",), "Nothing is compared"),
        ({"value": 1, "operator": "bigger", "operand": 1}, ("operator",), "greater_than"),
        ({"value": 1, "operator": "equals"}, ("operand",), "needs an operand"),
        ({"value": 1, "operator": "in", "operand": 1}, ("operand",), "needs a list"),
        ({"value": "a", "operator": "matches", "operand": "("}, ("operand",), "is not a regular expression"),
        ({"operator": "exists", "rules": [{"operator": "exists"}]}, ("rules",), "both an operator and rules"),
        ({"rules": [{"operator": "exists"}, {"operator": "equals"}]}, ("rules", 1, "operand"), "needs an operand"),
        ({"rules": [{"value": 1}]}, ("rules", 0, "operator"), "operator is missing"),
        ({"value": 1, "operater": "equals"}, ("operater",), "no field 'operater'"),
    ],
)
def test_a_bad_config_is_a_problem_at_its_place(config: dict[str, Any], path: tuple[object, ...], said: str) -> None:
    problem = _STEP.check_config(config)[0]
    assert problem.path == path
    assert said in f"{problem.message} {problem.fix}"
    assert problem.fix or problem.code == "wrong_value"


def test_templates_are_not_judged_before_they_are_filled_in() -> None:
    assert _STEP.check_config({"value": "{{ a.b }}", "operator": "matches", "operand": "({{ a.c }}"}) == []


def test_a_missing_value_is_tolerated_so_that_exists_can_tell() -> None:
    schema = _STEP.json_schema()
    assert schema["properties"]["value"]["tolerant"] is True
    assert schema["properties"]["rules"]["tolerant"] is True
