from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Literal

import pytest

from core.agents.agent import Agent, Function
from core.agents.errors import FunctionError
from core.agents.python_function import offered, python_function
from tests.support.agent_rig import AgentRig, ended, wants


@dataclass(frozen=True)
class Size:
    width: int
    height: int


@offered(effect="reads", outward=False, untrusted=False)
def stock(article: str, warehouse: int = 1, unit: Literal["box", "piece"] = "piece") -> dict[str, object]:
    """How many of an article a warehouse has."""
    return {"article": article, "warehouse": warehouse, "unit": unit, "count": 12}


async def area(size: Size) -> int:
    """The area."""
    await asyncio.sleep(0)
    return size.width * size.height


def broken() -> object:
    return object()


NOT_A_FUNCTION = 3
HERE = "tests.core.agents.test_python_function"


def agent(*names: str) -> Agent:
    functions = [Function(name, kind="python", target=f"{HERE}:{name}", policy="auto") for name in names]
    return Agent("Ada", functions=tuple(functions))


async def test_parameters_come_from_the_signature_and_the_description_from_the_docstring() -> None:
    rig = AgentRig(wants(("stock", {"article": "bolt", "unit": "box"})), "Twelve.", agents=[agent("stock")])
    assert ended(await rig.say("Bolts?")).text == "Twelve."
    function = rig.models.requests[0].tools[0]["function"]
    assert function["description"] == "How many of an article a warehouse has."
    assert function["parameters"]["required"] == ["article"]
    assert function["parameters"]["properties"]["unit"]["enum"] == ["box", "piece"]
    assert json.loads(rig.sent()[-1]["content"]) == {"article": "bolt", "warehouse": 1, "unit": "box", "count": 12}


async def test_an_async_function_takes_and_gives_what_pydantic_knows() -> None:
    rig = AgentRig(wants(("area", {"size": {"width": 2, "height": 3}})), "Six.", agents=[agent("area")])
    assert ended(await rig.say("Area?")).text == "Six."
    assert "\n6\n" in rig.sent()[-1]["content"]


async def test_what_is_no_json_is_said_to_be_none() -> None:
    rig = AgentRig(wants(("broken", {})), "Hm.", agents=[agent("broken")])
    await rig.say("Go.")
    assert "no JSON value" in rig.sent()[-1]["content"]


def test_a_function_that_says_nothing_of_itself_is_taken_for_anything() -> None:
    facts = python_function(Function("area", kind="python", target=f"{HERE}:area")).facts
    assert (facts.effect, facts.outward, facts.untrusted, facts.policy) == ("writes", True, True, "ask")
    facts = python_function(Function("stock", kind="python", target=f"{HERE}:stock")).facts
    assert (facts.effect, facts.outward, facts.untrusted, facts.policy) == ("reads", False, False, "auto")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("stock", "module:function"),
        ("no_such_module:f", "cannot be imported"),
        (f"{HERE}:nothing", "has no 'nothing'"),
        (f"{HERE}:NOT_A_FUNCTION", "is a int, not a function"),
    ],
)
def test_a_function_that_is_not_there_is_said_to_be_missing(target: str, words: str) -> None:
    with pytest.raises(FunctionError, match=words):
        python_function(Function("f", kind="python", target=target))
