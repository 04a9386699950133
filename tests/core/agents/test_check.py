from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.agents.agent import Agent, Function, Limits, MemoryUse, ModelChoice
from core.agents.check import Available, check_agent
from tests.core.agents.test_agent_file import AGENT

ADA = Agent("Ada", prompt="Help.")
HERE = Available({"Look up", "Answer mail"}, {"Ada": ADA, "Bob": Agent("Bob", prompt="x")}, {"mail", "files"})


def found(agent: Agent, available: Available = HERE) -> set[tuple[str, str]]:
    return {(problem.field, problem.code) for problem in check_agent(agent, available)}


def test_a_good_agent_has_nothing_wrong() -> None:
    described = tuple(replace(each, description="What it is for.") for each in AGENT.functions)
    assert check_agent(replace(AGENT, functions=described), HERE) == []
    assert check_agent(ADA, HERE) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": " "}, ("name", "missing_field")),
        ({"name": "a" * 121}, ("name", "bad_name")),
        ({"name": "a\nb"}, ("name", "bad_name")),
        ({"name": "Ada "}, ("name", "bad_name")),
        ({"prompt": ""}, ("prompt", "empty_prompt")),
        ({"prompt": "{{ date "}, ("prompt", "template_syntax")),
        ({"prompt": "{{ input.x }}"}, ("prompt", "unknown_reference")),
        ({"prompt": "{{ secrets.key }}"}, ("prompt", "unknown_reference")),
        ({"prompt": "{{ date | nonsense }}"}, ("prompt", "template_syntax")),
        ({"model": ModelChoice(temperature=2.5)}, ("model.temperature", "out_of_range")),
        ({"model": ModelChoice(temperature=math.nan)}, ("model.temperature", "out_of_range")),
        ({"model": ModelChoice(top_p=-0.1)}, ("model.top_p", "out_of_range")),
        ({"model": ModelChoice(max_tokens=0)}, ("model.max_tokens", "out_of_range")),
        ({"model": ModelChoice(effort="hi")}, ("model.effort", "wrong_value")),
        ({"model": ModelChoice("a", ("a",))}, ("model.fallbacks", "repeated")),
        ({"model": ModelChoice("a", (" ",))}, ("model.fallbacks", "wrong_value")),
        ({"servers": ("mall",)}, ("servers", "unknown_server")),
        ({"servers": ("mail", "mail")}, ("servers", "repeated")),
        ({"memory": MemoryUse(most=0)}, ("memory.most", "out_of_range")),
        ({"memory": MemoryUse(oldest_days=0)}, ("memory.oldest_days", "out_of_range")),
        ({"memory": MemoryUse(context_tokens=-1)}, ("memory.context_tokens", "out_of_range")),
        ({"limits": Limits(steps=0)}, ("limits.steps", "out_of_range")),
        ({"limits": Limits(seconds=math.inf)}, ("limits.seconds", "out_of_range")),
        ({"limits": Limits(usd=-1)}, ("limits.usd", "out_of_range")),
        ({"limits": Limits(usd=3, usd_per_day=2)}, ("limits.usd", "limits_cross")),
        ({"answer_schema": {"type": "objekt"}}, ("answer", "bad_schema")),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(changes: dict[str, object], expected: tuple[str, str]) -> None:
    assert found(replace(ADA, **changes)) == {expected}  # type: ignore[arg-type] # each fits its field


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (Function("", "d", target="Look up"), ("functions.0", "bad_name")),
        (Function("look up", "d", target="Look up"), ("functions.look up", "bad_name")),
        (Function("a" * 65, "d", target="Look up"), (f"functions.{'a' * 65}", "bad_name")),
        (Function("final_answer", "d", target="Look up"), ("functions.final_answer", "reserved_name")),
        (Function("f", "d"), ("functions.f.workflow", "missing_target")),
        (Function("f", "d", target="Lok up"), ("functions.f.workflow", "unknown_workflow")),
        (Function("f", "d", "agent", "Adda"), ("functions.f.agent", "unknown_agent")),
        (Function("f", "d", "agent", "Tester", handoff=True), ("functions.f.agent", "bad_target")),
        (Function("f", "d", "mcp", "mail"), ("functions.f.mcp", "bad_target")),
        (Function("f", "d", "mcp", "mall/read"), ("functions.f.mcp", "unknown_server")),
        (Function("f", "d", "python", "os.system"), ("functions.f.python", "bad_target")),
        (Function("f", "d", target="Look up", handoff=True), ("functions.f.handoff", "misplaced")),
        (Function("f", "d", target="Look up", usd=1), ("functions.f.usd", "misplaced")),
        (Function("f", "d", target="Look up", timeout_s=0), ("functions.f.timeout", "out_of_range")),
        (Function("f", "d", "agent", "Ada", usd=math.inf), ("functions.f.usd", "out_of_range")),
        (Function("f", target="Look up"), ("functions.f.description", "no_description")),
        (Function("f", "d", target="Look up", parameters={"type": "array"}), ("functions.f.parameters", "bad_schema")),
        (Function("f", "d", target="Look up", parameters={"type": 7}), ("functions.f.parameters", "bad_schema")),
        (
            Function("f", "d", target="Look up", parameters={"type": "object", "default": math.nan}),
            ("functions.f.parameters", "not_json"),
        ),
    ],
)
def test_what_is_wrong_with_a_function_is_said(function: Function, expected: tuple[str, str]) -> None:
    assert found(Agent("Tester", prompt="x", functions=(function,))) == {expected}


def test_functions_of_one_name_are_both_shown_by_their_place() -> None:
    twice = (Function("f", "d", target="Look up"), Function("f", "d", "agent", "Ada"))
    assert found(Agent("Tester", prompt="x", functions=twice)) == {
        ("functions.0", "duplicate_name"), ("functions.1", "duplicate_name")
    }  # fmt: skip


def test_misspelt_names_come_with_the_right_ones() -> None:
    agent = Agent("Tester", prompt="{{ vras.tone }}", functions=(Function("f", "d", target="Lok up"),))
    fixes = {problem.fix for problem in check_agent(agent, HERE)}
    assert fixes == {"Did you mean 'vars'?", "Did you mean 'Look up'?"}


def test_what_is_not_known_here_is_not_complained_about() -> None:
    functions = (Function("f", "d", target="x"), Function("g", "d", "agent", "y"), Function("h", "d", "mcp", "s/t"))
    assert check_agent(Agent("Tester", prompt="x", servers=("z",), functions=functions)) == []


def test_delegation_in_a_circle_is_a_warning_that_names_it() -> None:
    def asks(name: str, target: str, **options: bool) -> Agent:
        return Agent(name, prompt="x", functions=(Function("ask", "d", "agent", target, **options),))  # type: ignore[arg-type]

    ours = asks("A", "B")
    circle = Available(agents={"A": Agent("A"), "B": asks("B", "C"), "C": asks("C", "A"), "D": asks("D", "D")})
    (problem,) = check_agent(ours, circle)
    assert (problem.code, problem.severity) == ("delegation_circle", "warning")
    assert "A → B → C → A" in problem.message
    for broken in (asks("C", "A", handoff=True), asks("C", "A", enabled=False), asks("C", "D")):
        assert check_agent(ours, replace(circle, agents={**(circle.agents or {}), "C": broken})) == []
    assert [p.code for p in check_agent(asks("D", "D"), circle)] == ["delegation_circle"]
