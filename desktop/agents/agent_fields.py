"""What the editor's forms show of an agent, and what typing in them means for it. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from core.agents.agent import EFFORTS, Agent, Function
from core.workflow.durations import format_duration, parse_duration
from core.workflow.model import Json
from desktop.panels.fields import ABSENT, FormField, Value

PROFILE: Final = (
    FormField("name", "text", "Name", required=True, template=False),
    FormField(
        "description", "multiline", "Description",
        "What it is for. People read it, and so do agents that hand tasks to it.", template=False,
    ),
)  # fmt: skip

MODEL: Final = (
    FormField("model", "model", "Model", "Empty for the default model of the settings.", template=False),
    FormField(
        "fallbacks", "list", "Fallback models", "Tried in this order if the first one fails.", template=False,
        item=FormField("", "model", template=False, keep_empty=True),
    ),
    FormField(
        "effort", "choice", "Reasoning", "How much it may think before it answers.", default="", template=False,
        choices=EFFORTS,
        labels=("As the model likes", "None", "Minimal", "Low", "Medium", "High", "Very high", "The most"),
    ),
    FormField(
        "temperature", "number", "Temperature", "How much it varies. Empty leaves it to the model.", low=0, high=2,
        template=False,
    ),
    FormField(
        "top_p", "number", "Top P", "Only the likeliest words up to this share are used.", low=0, high=1,
        template=False,
    ),
    FormField("max_tokens", "integer", "Longest answer", "Empty for the model's own.", "tokens", low=1, template=False),
)  # fmt: skip

ANSWER: Final = (
    FormField(
        "answer", "json_schema", "Form of the answer",
        "With fields here every answer is an object that has them. Without any it is text.", template=False,
    ),
)  # fmt: skip

MEMORY: Final = (
    FormField("enabled", "switch", "Remember from one conversation to the next", default=True, template=False),
    FormField(
        "learn", "switch", "Learn from conversations", "What was said is looked through afterwards for what is worth "
        "keeping.", default=True, template=False,
    ),
    FormField("shared", "switch", "See what all agents share", default=True, template=False),
    FormField(
        "most", "integer", "Memories kept", "The least useful go first.", default=1000, low=1, template=False
    ),
    FormField(
        "oldest_days", "integer", "Forget what was not recalled for", "Pinned memories stay. Empty: nothing is "
        "forgotten for its age.", "days", low=1, template=False,
    ),
    FormField(
        "context_tokens", "integer", "Room in each request", "Of recalled memories.", "tokens", default=1500, low=0,
        template=False,
    ),
)  # fmt: skip

LIMITS: Final = (
    FormField("steps", "integer", "Requests to a model per turn", default=12, low=1, template=False),
    FormField("calls", "integer", "Function calls per turn", default=40, low=0, template=False),
    FormField(
        "seconds", "duration", "Time per turn", "Waiting for a person does not count.", default="5m", template=False
    ),
    FormField("tokens", "integer", "Tokens per turn", "Read and written. Empty for no limit.", low=1, template=False),
    FormField("usd", "number", "Cost per turn", "Empty for no limit.", "US dollars", low=0, template=False),
    FormField(
        "tokens_per_day", "integer", "Tokens per day", "Of all its conversations, a day of UTC.", low=1, template=False
    ),
    FormField("usd_per_day", "number", "Cost per day", "Of all its conversations, a day of UTC.", "US dollars", low=0,
              template=False),
)  # fmt: skip

REACH: Final = (
    FormField(
        "hosts", "list", "Hosts it may reach",
        "Such as example.com, or *.example.com for all below it. Empty for any. “programs” lets it use programs on "
        "this machine besides.", template=False, item=FormField("", "text", template=False),
    ),
)  # fmt: skip

TARGETS: Final[Mapping[str, FormField]] = {
    "workflow": FormField("target", "workflow", "Workflow", required=True, template=False),
    "python": FormField(
        "target", "text", "Python function", "module:function, of an installed package.", required=True, template=False
    ),
    "mcp": FormField(
        "target", "text", "Tool", "server/tool, of a server that is set up.", required=True, template=False
    ),
    "agent": FormField("target", "agent", "Agent", required=True, template=False),
}
"""What says what a function calls, by its kind."""

KIND_NAMES: Final[Mapping[str, str]] = {
    "workflow": "Workflow", "python": "Python function", "mcp": "MCP tool", "agent": "Another agent",
}  # fmt: skip

KIND_ICONS: Final[Mapping[str, str]] = {"workflow": "workflow", "python": "code", "mcp": "plug", "agent": "bot"}

FUNCTION: Final = (
    FormField(
        "name", "text", "Name", "As the model calls it: letters, digits, _ and -.", required=True, template=False
    ),
    FormField(
        "description", "multiline", "Description", "For the model: what it gives, and when to use it.", template=False
    ),
    FormField(
        "policy", "choice", "Approval", default="", template=False, choices=("", "auto", "ask", "never"),
        labels=("By its effect", "Call without asking", "Ask me each time", "Never call it"),
    ),
    FormField(
        "parameters", "json_schema", "Parameters", "What the model has to give.", template=False,
    ),
    FormField(
        "timeout_s", "duration", "Time limit", "For each call, such as 60s. Empty for none.", template=False
    ),
    FormField(
        "parallel", "switch", "May run beside other calls", default=False, template=False
    ),
    FormField(
        "handoff", "switch", "Hands the conversation over", "The other agent goes on instead of reporting back.",
        default=False, template=False,
    ),
    FormField(
        "usd", "number", "Most that it may cost", "One task of the other agent. Empty for no limit of its own.",
        "US dollars", low=0, template=False,
    ),
)  # fmt: skip

_SECTIONS: Final[Mapping[str, tuple[FormField, ...]]] = {"model": MODEL, "memory": MEMORY, "limits": LIMITS}
_FUNCTION_FIELDS: Final = {field.key: field for field in FUNCTION}


class NotFit(ValueError):
    """What was typed cannot stand in an agent yet; the text says why, in a sentence."""


def values_of(agent: Agent, section: str) -> dict[str, Json]:
    """What a section's form shows: what differs from the defaults.

    section: profile, answer, model, memory, limits, reach.
    """
    if section == "profile":
        return {key: text for key in ("name", "description") if (text := getattr(agent, key))}
    if section == "answer":
        return {} if agent.answer_schema is None else {"answer": dict(agent.answer_schema)}
    if section == "reach":
        return {"hosts": list(agent.hosts)} if agent.hosts else {}
    part = getattr(agent, section)
    plain = type(part)()
    return {
        entry.name: _shown(entry.name, value)
        for entry in fields(part)
        if (value := getattr(part, entry.name)) != getattr(plain, entry.name)
    }


def function_values(function: Function) -> dict[str, Json]:
    """What the form of a function shows."""
    found: dict[str, Json] = {"name": function.name, "target": function.target}
    for key in ("description", "policy", "parallel", "handoff", "usd"):
        if value := getattr(function, key):
            found[key] = value
    if function.timeout_s is not None:
        found["timeout_s"] = format_duration(function.timeout_s)
    if function.parameters is not None:
        found["parameters"] = dict(function.parameters)
    return found


def with_value(agent: Agent, section: str, key: str, value: Value) -> Agent:
    """The agent with one field of a section changed. Raises NotFit."""
    if section == "profile":
        text = _text(value)
        return replace(agent, name=text) if key == "name" else replace(agent, description=text)
    if section == "answer":
        return replace(agent, answer_schema=_schema(value))
    if section == "reach":
        return replace(agent, hosts=_hosts(value))
    part = getattr(agent, section)
    field = next(each for each in _SECTIONS[section] if each.key == key)
    meaning = getattr(type(part)(), key) if value is ABSENT else _meaning(field, value)
    changes: dict[str, Any] = {section: replace(part, **{key: meaning})}
    return replace(agent, **changes)


def with_function_value(function: Function, key: str, value: Value) -> Function:
    """The function with one field changed. Raises NotFit."""
    if key == "target":
        return replace(function, target=_text(value))
    if key == "parameters":
        return replace(function, parameters=_schema(value))
    if key == "enabled":
        return replace(function, enabled=value is True)
    plain = Function("")
    meaning = getattr(plain, key) if value is ABSENT else _meaning(_FUNCTION_FIELDS[key], value)
    changes: dict[str, Any] = {key: meaning}
    return replace(function, **changes)


def _meaning(field: FormField, value: Json) -> Any:
    match field.kind:
        case "integer":
            if isinstance(value, bool) or not isinstance(value, int):
                raise NotFit(f"{field.title}: write a whole number.")
            return value
        case "number":
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise NotFit(f"{field.title}: write a number.")
            return float(value)
        case "duration":
            try:
                return parse_duration(value)
            except ValueError as error:
                raise NotFit(str(error)) from None
        case "list":
            return tuple(_text(each) for each in value) if isinstance(value, list) else ()
        case "switch":
            return bool(value)
        case _:
            return _text(value)


def _hosts(value: Value) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(_text(each).strip().lower() for each in entries))


def _schema(value: Value) -> Mapping[str, Json] | None:
    if value is ABSENT or value is None:
        return None
    if not isinstance(value, dict):
        raise NotFit("A JSON Schema is an object. It is kept as text until it is one.")
    return value


def _text(value: Value) -> str:
    return value if isinstance(value, str) else "" if value is ABSENT or value is None else str(value)


def _shown(name: str, value: Any) -> Json:
    if name == "seconds":
        return format_duration(value)
    shown: Json = list(value) if isinstance(value, tuple) else value
    return shown
