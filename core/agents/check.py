"""What is wrong with an agent, all at once. Errors keep it from working; warnings do not."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from core.agents.agent import EFFORTS, PROMPT_NAMES, Agent, Limits, MemoryUse, ModelChoice
from core.agents.function_check import check_functions
from core.agents.hosts import PROGRAMS, flaw
from core.workflow.names import hint
from core.workflow.problems import Problem
from core.workflow.schemas import schema_flaw
from core.workflow.templates import TemplateSyntax, references

LONGEST_NAME = 120
"""Characters of an agent's name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Available:
    """What there is for an agent to use. None: not known here, and not checked.

    workflows, servers: by name. agents: the others by name, for what they delegate.
    """

    workflows: Collection[str] | None = None
    agents: Mapping[str, Agent] | None = None
    servers: Collection[str] | None = None


ANYTHING = Available()


def check_agent(agent: Agent, available: Available = ANYTHING) -> list[Problem]:
    """Everything that is wrong. A problem's `field` is the dotted path in the agent's file, such as
    `functions.look_up.policy`; a function without a name of its own stands there by its place, from 0."""
    return [
        *_name_problems(agent),
        *_prompt_problems(agent.prompt),
        *_model_problems(agent.model),
        *check_functions(agent, available.workflows, available.agents, available.servers),
        *_server_problems(agent, available.servers),
        *_host_problems(agent.hosts),
        *_memory_problems(agent.memory),
        *_limit_problems(agent.limits),
        *_answer_problems(agent),
    ]


def _name_problems(agent: Agent) -> Iterator[Problem]:
    if not agent.name.strip():
        yield Problem("missing_field", "The agent has no name.", "Give it one.", field="name")
    elif len(agent.name) > LONGEST_NAME:
        fix = f"Use at most {LONGEST_NAME} characters; the rest belongs into the description."
        yield Problem("bad_name", f"The name is {len(agent.name)} characters long.", fix, field="name")
    elif _CONTROL.search(agent.name) or agent.name != agent.name.strip():
        message = "The name holds characters that cannot be seen, or begins or ends with a space."
        yield Problem("bad_name", message, "Write it again.", field="name")


def _prompt_problems(prompt: str) -> Iterator[Problem]:
    if not prompt.strip():
        fix = "Say what the agent is for and how it answers."
        yield Problem("empty_prompt", "The agent has no instructions.", fix, field="prompt", severity="warning")
        return
    try:
        found = references(prompt)
    except TemplateSyntax as error:
        fix = "A text that is no template must not hold {{ or {%."
        message = f"The instructions cannot be read as a template: line {error.lineno}: {error.message}"
        yield Problem("template_syntax", message, fix, field="prompt")
        return
    for root in sorted({reference.root for reference in found} - PROMPT_NAMES):
        if root == "secrets":
            message, fix = "Secrets cannot stand in instructions: the model would read them.", "Remove it."
        else:
            message = f"The instructions read {root!r}, which is not there."
            fix = hint(root, sorted(PROMPT_NAMES), "names")
        yield Problem("unknown_reference", message, fix, field="prompt")


def _model_problems(model: ModelChoice) -> Iterator[Problem]:
    yield from _range("model.temperature", model.temperature, 0, 2)
    yield from _range("model.top_p", model.top_p, 0, 1)
    yield from _range("model.max_tokens", model.max_tokens, 1)
    if model.effort not in EFFORTS:
        message = f"There is no effort {model.effort!r}."
        yield Problem("wrong_value", message, hint(model.effort, EFFORTS[1:], "words"), field="model.effort")
    if any(not name.strip() for name in model.fallbacks):
        yield Problem(
            "wrong_value", "A fallback has no name.", "Choose a model, or remove it.", field="model.fallbacks"
        )
    repeated = model.model in model.fallbacks or len(set(model.fallbacks)) < len(model.fallbacks)
    if model.fallbacks and repeated:
        message, fix = "A model stands among the fallbacks twice, or is the first choice already.", "Remove one."
        yield Problem("repeated", message, fix, field="model.fallbacks", severity="warning")


def _server_problems(agent: Agent, servers: Collection[str] | None) -> Iterator[Problem]:
    for name in dict.fromkeys(agent.servers):
        if agent.servers.count(name) > 1:
            message = f"The MCP server {name!r} stands here twice."
            yield Problem("repeated", message, "Remove one.", field="servers", severity="warning")
        if servers is not None and name not in servers:
            fix = hint(name, servers, "servers")
            yield Problem("unknown_server", f"There is no MCP server {name!r}.", fix, field="servers")


def _host_problems(hosts: Collection[str]) -> Iterator[Problem]:
    for entry in hosts:
        if why := flaw(entry):
            fix = f"Write names of hosts, *.example.com for all below one, or {PROGRAMS}; none at all allows any."
            yield Problem("bad_host", why, fix, field="hosts")


def _memory_problems(memory: MemoryUse) -> Iterator[Problem]:
    yield from _range("memory.most", memory.most, 1)
    yield from _range("memory.oldest_days", memory.oldest_days, 1)
    yield from _range("memory.context_tokens", memory.context_tokens, 0)


def _limit_problems(limits: Limits) -> Iterator[Problem]:
    yield from _range("limits.steps", limits.steps, 1)
    yield from _range("limits.seconds", limits.seconds, 1)
    yield from _range("limits.tokens", limits.tokens, 1)
    yield from _range("limits.usd", limits.usd, 0)
    yield from _range("limits.calls", limits.calls, 0)
    yield from _range("limits.tokens_per_day", limits.tokens_per_day, 1)
    yield from _range("limits.usd_per_day", limits.usd_per_day, 0)
    pairs = (("tokens", limits.tokens, limits.tokens_per_day), ("usd", limits.usd, limits.usd_per_day))
    for name, turn, day in pairs:
        if turn is not None and day is not None and turn > day:
            message = "What one turn may use is more than a whole day's."
            yield Problem("limits_cross", message, "Raise the day's limit.", field=f"limits.{name}", severity="warning")


def _answer_problems(agent: Agent) -> Iterator[Problem]:
    if agent.answer_schema is None:
        return
    if flaw := schema_flaw(agent.answer_schema):
        message = f"The form of the answer is no JSON Schema: {flaw}"
        yield Problem("bad_schema", message, "Correct it, or leave it out for plain text.", field="answer")


def _range(field: str, value: float | None, least: float, most: float | None = None) -> Iterator[Problem]:
    if value is None or (math.isfinite(value) and value >= least and (most is None or value <= most)):
        return
    name = field.rpartition(".")[2]
    wanted = f"at least {least}" if most is None else f"from {least} to {most}"
    yield Problem("out_of_range", f"{name} is {value}; it must be {wanted}.", "Write such a number.", field=field)
