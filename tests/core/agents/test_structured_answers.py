"""Answers of a given form, by each of the ways in which models can be brought to give one."""

from __future__ import annotations

from typing import Any

import pytest

from core.agents.agent import Agent, ModelChoice
from core.agents.kit import ModelFacts
from core.agents.structured import answer_form
from core.workflow.model import Json
from tests.support.agent_rig import AgentRig, ended, wants

SCHEMA: dict[str, Json] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def knows(**facts: Any) -> Any:
    async def look_up(model: str) -> ModelFacts:
        return ModelFacts(model or "test/model", 100_000, **facts)

    return look_up


def rig(*script: Any, schema: Any = SCHEMA, **facts: Any) -> AgentRig:
    agent = Agent("Ada", answer_schema=schema, model=ModelChoice("test/model"))
    return AgentRig(*script, agents=[agent], look_up=knows(**facts))


@pytest.mark.parametrize(
    ("model", "effort", "facts", "way"),
    [
        ("test/model", "", {"structured": True, "functions": True}, "native"),
        ("test/model", "high", {"structured": False, "functions": True}, "function"),
        ("anthropic/claude", "high", {"structured": False, "functions": True}, "asked"),
        ("anthropic/claude", "none", {"structured": False, "functions": True}, "function"),
        ("test/model", "", {"structured": None, "functions": None}, "asked"),
    ],
)
def test_the_way_follows_from_what_the_model_can_do(model: str, effort: str, facts: Any, way: str) -> None:
    form = answer_form(SCHEMA, ModelFacts(model, **facts), effort)
    assert form is not None
    assert form.way == way


async def test_a_model_with_structured_output_is_given_the_schema() -> None:
    made = rig('{"n": 3}', structured=True, functions=True)
    outcome = ended(await made.say("How many?"))
    assert (outcome.text, outcome.value) == ('{"n": 3}', {"n": 3})
    assert made.models.requests[0].schema == SCHEMA
    assert made.models.requests[0].tools == ()


async def test_a_model_without_it_answers_by_calling_a_function() -> None:
    made = rig(wants(("final_answer", {"n": 3})), structured=False, functions=True)
    outcome = ended(await made.say("How many?"))
    assert outcome.value == {"n": 3}
    assert made.models.requests[0].schema is None
    assert made.offered() == ["final_answer"]
    assert len(made.models.requests) == 1


async def test_a_wrong_call_of_that_function_is_told_what_does_not_fit() -> None:
    made = rig(
        wants(("final_answer", {"n": "three"})), wants(("final_answer", {"n": 3})), structured=False, functions=True
    )
    assert ended(await made.say("How many?")).value == {"n": 3}
    assert "$.n" in made.sent()[-1]["content"]


async def test_an_answer_that_is_no_object_is_wrapped_for_the_function() -> None:
    made = rig(wants(("final_answer", {"value": [1, 2]})), schema={"type": "array"}, structured=False, functions=True)
    assert ended(await made.say("Which?")).value == [1, 2]


async def test_words_instead_of_the_form_are_mended_once_and_then_fail_the_turn() -> None:
    made = rig("Three.", '{"n": 3}', structured=None)
    outcome = ended(await made.say("How many?"))
    assert outcome.value == {"n": 3}
    assert "not JSON" in made.sent()[-1]["content"]
    made = rig("Three.", "Still three.", structured=None)
    outcome = ended(await made.say("How many?"))
    assert (outcome.status, "no fitting answer" in outcome.reason) == ("failed", True)
