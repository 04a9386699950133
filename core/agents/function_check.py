"""What is wrong with the functions of an agent."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping

from core.agents.agent import KINDS, POLICIES, Agent, Function
from core.agents.built_in import BUILT_IN
from core.agents.structured import FINAL_ANSWER
from core.workflow.json_values import flaws
from core.workflow.names import hint
from core.workflow.problems import Problem
from core.workflow.schemas import schema_flaw

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_PYTHON = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_TAKEN = BUILT_IN | {FINAL_ANSWER}


def check_functions(
    agent: Agent,
    workflows: Collection[str] | None,
    agents: Mapping[str, Agent] | None,
    servers: Collection[str] | None,
) -> Iterator[Problem]:
    """Everything that is wrong with them. What is None is not known and not checked."""
    names = [function.name for function in agent.functions]
    for place, function in enumerate(agent.functions):
        own = function.name.strip() and names.count(function.name) == 1
        field = f"functions.{function.name if own else place}"
        yield from _name_problems(function, field, names)
        yield from _target_problems(agent, function, field, workflows, agents, servers)
        yield from _detail_problems(function, field)
        yield from _parameter_problems(function, field)
    if agents is not None and (circle := delegation_circle(agent, agents)):
        yield Problem(
            "delegation_circle",
            f"These agents hand tasks around in a circle: {' → '.join(circle)}.",
            "That ends only at the deepest level allowed; remove one of the functions if it is not wanted.",
            field="functions",
            severity="warning",
        )


def delegation_circle(agent: Agent, agents: Mapping[str, Agent]) -> tuple[str, ...]:
    """The shortest chain of delegations that leads back to the agent, it being first and last; empty if there is none.

    Handoffs do not count: they end one agent's part.
    """
    known = {**agents, agent.name: agent}
    chains: list[tuple[str, ...]] = [(agent.name,)]
    seen: set[str] = set()
    while chains:
        chain = chains.pop(0)
        for function in known[chain[-1]].functions if chain[-1] in known else ():
            if function.kind != "agent" or function.handoff or not function.enabled:
                continue
            if function.target == agent.name:
                return (*chain, agent.name)
            if function.target not in seen:
                seen.add(function.target)
                chains.append((*chain, function.target))
    return ()


def _name_problems(function: Function, field: str, names: list[str]) -> Iterator[Problem]:
    if not _NAME.fullmatch(function.name):
        fix = "Use up to 64 letters without accents, digits, _ and -, beginning with a letter or _."
        message = f"{function.name[:80]!r} cannot be the name of a function." if function.name else "It has no name."
        yield Problem("bad_name", message, fix, field=field)
    elif function.name in _TAKEN:
        message = f"{function.name!r} is the name of a function that every agent has."
        yield Problem("reserved_name", message, "Choose another name.", field=field)
    if function.name and names.count(function.name) > 1:
        message = f"Two functions are called {function.name!r}."
        yield Problem("duplicate_name", message, "Give one of them another name.", field=field)


def _target_problems(
    agent: Agent,
    function: Function,
    field: str,
    workflows: Collection[str] | None,
    agents: Mapping[str, Agent] | None,
    servers: Collection[str] | None,
) -> Iterator[Problem]:
    place, target = f"{field}.{function.kind}", function.target
    if function.kind not in KINDS:
        message = f"There is no kind of function {function.kind!r}."
        yield Problem("wrong_value", message, hint(function.kind, KINDS, "kinds"), field=field)
    elif not target.strip():
        yield Problem("missing_target", "It is not said what the function calls.", _CHOOSE[function.kind], field=place)
    elif function.kind == "workflow" and workflows is not None and target not in workflows:
        yield _unknown("workflow", target, workflows, place)
    elif function.kind == "python" and not _PYTHON.fullmatch(target):
        message = f"{target!r} names no Python function."
        yield Problem("bad_target", message, _CHOOSE["python"], field=place)
    elif function.kind == "mcp":
        server, slash, tool = target.partition("/")
        if not (server and slash and tool):
            yield Problem("bad_target", f"{target!r} names no tool of a server.", _CHOOSE["mcp"], field=place)
        elif servers is not None and server not in servers:
            yield _unknown("server", server, servers, place)
    elif function.kind == "agent" and agents is not None and target not in {*agents, agent.name}:
        yield _unknown("agent", target, agents, place)
    elif function.kind == "agent" and function.handoff and target == agent.name:
        message = "The agent would hand the conversation over to itself."
        yield Problem("bad_target", message, "Choose another agent.", field=place)


def _detail_problems(function: Function, field: str) -> Iterator[Problem]:
    if function.policy not in POLICIES:
        message = f"There is no policy {function.policy!r}."
        yield Problem("wrong_value", message, hint(function.policy, POLICIES[1:], "policies"), field=f"{field}.policy")
    for name, value in (("timeout", function.timeout_s), ("usd", function.usd)):
        if value is not None and not (math.isfinite(value) and value > 0):
            message = f"{name} is {value}; it must be more than 0."
            yield Problem("out_of_range", message, "Write such a number, or leave it out.", field=f"{field}.{name}")
    if function.kind != "agent":
        for name, given in (("handoff", function.handoff), ("usd", function.usd is not None)):
            if given:
                message = f"{name!r} means something only for a function that calls an agent."
                yield Problem("misplaced", message, "Remove it.", field=f"{field}.{name}", severity="warning")
    if not function.description.strip() and function.kind in ("workflow", "agent"):
        message = "The model is told nothing of when to use this function but what its target says of itself."
        fix = "Describe what it gives and when to use it."
        yield Problem("no_description", message, fix, field=f"{field}.description", severity="warning")


def _parameter_problems(function: Function, field: str) -> Iterator[Problem]:
    schema, place = function.parameters, f"{field}.parameters"
    if schema is None:
        return
    if unfit := next(flaws(dict(schema)), None):
        yield Problem("not_json", unfit[1], "Replace it.", field=place)
    elif flaw := schema_flaw(schema):
        yield Problem("bad_schema", f"The parameters are no JSON Schema: {flaw}", "Correct it.", field=place)
    elif schema.get("type") != "object":
        message = "The arguments of a function are an object, so its parameters must have `type: object`."
        yield Problem("bad_schema", message, "Put the parameters below `properties`.", field=place)


def _unknown(what: str, name: str, known: Collection[str], field: str) -> Problem:
    kind = "MCP server" if what == "server" else what
    return Problem(f"unknown_{what}", f"There is no {kind} {name!r}.", hint(name, known, f"{what}s"), field=field)


_CHOOSE = {
    "workflow": "Choose a workflow of the library.",
    "python": "Write module:function, of an installed package.",
    "mcp": "Write server/tool.",
    "agent": "Choose another agent.",
}
