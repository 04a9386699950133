"""An Agent to plain data in canonical form: stable order of fields, defaults left out, shortest spelling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields

from core.agents.agent import Agent, Function, Limits, MemoryUse, ModelChoice
from core.workflow.durations import format_duration
from core.workflow.model import Json

FORMAT_VERSION = 1
"""The number after `steploom_agent:` in the files that this program writes."""

_MODEL, _MEMORY, _LIMITS = ModelChoice(), MemoryUse(), Limits()


def encode(agent: Agent) -> dict[str, Json]:
    """The agent's data."""
    found: dict[str, Json] = {
        "description": agent.description,
        "colour": "" if agent.colour == "blue" else agent.colour,
        "icon": "" if agent.icon == "bot" else agent.icon,
        "prompt": agent.prompt,
        "model": _changed(agent.model, _MODEL),
        "functions": {function.name: encode_function(function) for function in agent.functions},
        "servers": list(agent.servers),
        "hosts": list(agent.hosts),
        "memory": _changed(agent.memory, _MEMORY),
        "limits": _changed(agent.limits, _LIMITS),
    }
    data: dict[str, Json] = {"steploom_agent": FORMAT_VERSION, "name": agent.name, **_without_empty(found)}
    if agent.answer_schema is not None:
        data["answer"] = dict(agent.answer_schema)
    return data


def encode_function(function: Function) -> dict[str, Json]:
    """The data of one function, its name left out."""
    data: dict[str, Json] = {function.kind: function.target}
    if function.description:
        data["description"] = function.description
    if function.parameters is not None:
        data["parameters"] = dict(function.parameters)
    rest: dict[str, Json] = {
        "policy": function.policy,
        "timeout": None if function.timeout_s is None else _seconds(function.timeout_s),
        "parallel": function.parallel or None,
        "handoff": function.handoff or None,
        "usd": _number(function.usd),
        "disabled": not function.enabled or None,
    }
    return {**data, **_without_empty(rest)}


def _changed(part: ModelChoice | MemoryUse | Limits, default: ModelChoice | MemoryUse | Limits) -> dict[str, Json]:
    """The fields that differ from their defaults."""
    found: dict[str, Json] = {}
    for entry in fields(part):
        value = getattr(part, entry.name)
        if value == getattr(default, entry.name):
            continue
        if entry.name == "seconds":
            found[entry.name] = _seconds(value)
        else:
            found[entry.name] = list(value) if isinstance(value, tuple) else _number(value)
    return found


def _without_empty(data: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in data.items() if value is not None and value not in ("", [], {})}


def _seconds(value: float) -> Json:
    return format_duration(value) if math.isfinite(value) else value


def _number(value: Json) -> Json:
    """A whole number without its `.0`."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return int(value)
    return value
