from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.agents.agent import COLOURS, EFFORTS, KINDS, POLICIES, Agent, Function, Limits, MemoryUse, ModelChoice
from core.agents.agent_file import (
    AgentFileError,
    dumps,
    file_name,
    from_data,
    load,
    loads,
    read_leniently,
    save,
    to_data,
)
from tests.support.documents import json_values, texts

WHOLE = """\
steploom_agent: 1
name: Travel helper
description: Plans trips
colour: green
icon: map
prompt: |
  You plan trips. Today is {{ date }}.
  {{ memory }}
model:
  model: openai/gpt-5-mini
  fallbacks: [anthropic/claude-sonnet-5]
  temperature: 0.2
  max_tokens: 2000
  effort: low
functions:
  look_up:
    workflow: Look up
    description: Gives what is known of a place.
    parameters:
      type: object
      properties:
        place: {type: string}
      required: [place]
    policy: auto
    timeout: 60s
    parallel: true
  ask_ada:
    agent: Ada
    handoff: true
    disabled: true
  read_mail:
    mcp: mail/read
    policy: never
  stock:
    python: shop.stock:count
servers: [mail, files]
memory: {learn: false, most: 200, oldest_days: 90}
limits: {steps: 5, seconds: 2m, usd: 0.5, usd_per_day: 2}
answer:
  type: object
  properties:
    place: {type: string}
"""

AGENT = Agent(
    name="Travel helper",
    description="Plans trips",
    colour="green",
    icon="map",
    prompt="You plan trips. Today is {{ date }}.\n{{ memory }}\n",
    model=ModelChoice("openai/gpt-5-mini", ("anthropic/claude-sonnet-5",), 0.2, None, 2000, "low"),
    functions=(
        Function(
            "look_up",
            "Gives what is known of a place.",
            "workflow",
            "Look up",
            {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
            "auto",
            60.0,
            parallel=True,
        ),
        Function("ask_ada", kind="agent", target="Ada", handoff=True, enabled=False),
        Function("read_mail", kind="mcp", target="mail/read", policy="never"),
        Function("stock", kind="python", target="shop.stock:count"),
    ),
    servers=("mail", "files"),
    memory=MemoryUse(learn=False, most=200, oldest_days=90),
    limits=Limits(steps=5, seconds=120.0, usd=0.5, usd_per_day=2.0),
    answer_schema={"type": "object", "properties": {"place": {"type": "string"}}},
)


def test_a_file_says_all_of_an_agent_and_nothing_twice() -> None:
    assert loads(WHOLE) == AGENT
    assert dumps(AGENT) == WHOLE


def test_the_smallest_agent_has_a_small_file() -> None:
    assert dumps(Agent("Ada")) == "steploom_agent: 1\nname: Ada\n"
    assert loads("steploom_agent: 1\nname: Ada\nmodel: openai/gpt-5-mini\n") == Agent(
        "Ada", model=ModelChoice("openai/gpt-5-mini")
    )


_seconds = st.floats(0, 1e6)
_maybe_number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_maybe_whole = st.none() | st.integers(-(10**9), 10**9)
_whole = st.integers(-(10**9), 10**9)
_objects = st.dictionaries(texts, json_values, max_size=3)
_functions = st.builds(
    Function, texts, texts, st.sampled_from(KINDS), texts, st.none() | _objects, st.sampled_from(POLICIES),
    st.none() | _seconds, st.booleans(), st.booleans(), _maybe_number, st.booleans(),
)  # fmt: skip
_agents = st.builds(
    Agent,
    name=texts.filter(lambda text: bool(text.strip())),
    description=texts,
    colour=st.sampled_from(COLOURS),
    icon=texts.filter(bool),
    prompt=texts,
    model=st.builds(
        ModelChoice, texts, st.lists(texts, max_size=2).map(tuple), _maybe_number, _maybe_number, _maybe_whole,
        st.sampled_from(EFFORTS),
    ),
    functions=st.lists(_functions, max_size=3, unique_by=lambda function: function.name).map(tuple),
    servers=st.lists(texts, max_size=3, unique=True).map(tuple),
    memory=st.builds(MemoryUse, st.booleans(), st.booleans(), st.booleans(), _whole, _maybe_whole, _whole),
    limits=st.builds(
        Limits, _whole, _seconds, _maybe_whole, _maybe_number, _whole, _maybe_whole, _maybe_number
    ),
    answer_schema=st.none() | _objects,
)  # fmt: skip


@given(_agents)
def test_every_agent_is_read_back_from_its_file_and_its_data(agent: Agent) -> None:
    text = dumps(agent)
    assert loads(text) == agent
    assert dumps(loads(text)) == text
    assert from_data(to_data(agent)) == agent


def test_an_agent_is_saved_and_loaded(tmp_path: Path) -> None:
    file = tmp_path / file_name(AGENT)
    assert file.name == "Travel helper.agent.yaml"
    save(AGENT, file)
    assert load(file) == AGENT
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file_name(Agent('../a<b>:"c"|d?')) == "a-b-c-d.agent.yaml"
    assert file_name(Agent(" \n/ ")) == "agent.agent.yaml"


def test_everything_that_is_wrong_is_said_at_once_and_the_rest_is_read() -> None:
    text = WHOLE.replace("colour: green", "colour: red").replace("policy: auto", "policy: always")
    text = text.replace("steps: 5", "steps: many").replace("    agent: Ada\n", "").replace("temperature", "temprature")
    text = text.replace("memory: {learn: false", "memory: {learn: perhaps")
    agent, problems = read_leniently(text)
    found = {(problem.field, problem.code, problem.line) for problem in problems}
    assert found == {
        ("colour", "wrong_value", 4),
        ("model.temprature", "unknown_field", 12),
        ("functions.look_up.policy", "wrong_value", 24),
        ("functions.ask_ada", "function_target", 27),
        ("memory.learn", "wrong_type", 36),
        ("limits.steps", "wrong_type", 37),
    }
    assert any("Did you mean 'temperature'?" in str(problem) for problem in problems)
    assert agent is not None
    assert (agent.colour, agent.limits.steps, agent.limits.usd) == ("blue", 12, 0.5)
    assert [function.name for function in agent.functions] == ["look_up", "ask_ada", "read_mail", "stock"]
    with pytest.raises(AgentFileError, match="has 6 problems") as caught:
        loads(text, "trip.agent.yaml")
    assert "trip.agent.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("- a\n- b\n", "this is a list"),
        ("name: Ada\n", "Write `steploom_agent: 1`"),
        ("steploom: 1\nname: A workflow\n", "This is a workflow, not an agent"),
        ("steploom_agent: 2\nname: Ada\n", "newer Steploom"),
        ("steploom_agent: one\nname: Ada\n", "must be a whole number"),
        ("steploom_agent: 0\nname: Ada\n", "no format 0"),
        ("steploom_agent: 1\n", "'name' is missing"),
        ("steploom_agent: 1\nname: Ada\nfunctions: [a]\n", "must hold names with values"),
        ("steploom_agent: 1\nname: Ada\nfunctions: {a: b}\n", "must say what it calls"),
        ("steploom_agent: 1\nname: Ada\nfunctions: {a: {workflow: x, agent: y}}\n", "says workflow and agent"),
        ("steploom_agent: 1\nname: Ada\nfunctions:\n  a: {workflow: x}\n  a: {workflow: y}\n", "'a'"),
        ("steploom_agent: 1\nname: [\n", "line"),
        ("steploom_agent: 1\nname: \"a\\0b\"\n", "NUL"),
        ("\0", "line"),
    ],
)  # fmt: skip
def test_what_is_no_agent_says_why_and_where(text: str, words: str) -> None:
    with pytest.raises(AgentFileError) as caught:
        loads(text)
    assert words in str(caught.value)
    assert all(problem.line for problem in caught.value.problems)


def test_what_cannot_be_kept_in_a_file_is_refused() -> None:
    twice = replace(AGENT, functions=(Function("a"), Function("a")))
    for call in (dumps, to_data):
        with pytest.raises(AgentFileError, match="Two functions are called 'a'"):
            call(twice)
    for limits in (Limits(seconds=math.inf), Limits(usd=math.nan)):
        with pytest.raises(AgentFileError, match="not a finite number"):
            dumps(Agent("Ada", limits=limits))


def test_a_broken_save_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "a.agent.yaml"
    save(AGENT, file)
    with pytest.raises(AgentFileError):
        save(Agent("Ada", limits=Limits(usd=math.nan)), file)
    assert load(file) == AGENT
