"""Plain data to an Agent, as far as it can be read, with every problem of its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from core.agents.agent import COLOURS, EFFORTS, KINDS, POLICIES, Agent, Function, Limits, MemoryUse, ModelChoice
from core.agents.agent_encoding import FORMAT_VERSION
from core.workflow.fields import Fields, kind
from core.workflow.json_values import flaws
from core.workflow.model import Json
from core.workflow.problems import Problem

AGENT_FIELDS = (
    "steploom_agent", "name", "description", "colour", "icon", "prompt", "model", "functions", "servers", "hosts",
    "memory",
    "limits", "answer",
)  # fmt: skip
"""The fields of an agent's file in the order in which they are saved."""

FUNCTION_FIELDS = (
    *KINDS, "description", "parameters", "policy", "timeout", "parallel", "handoff", "usd", "disabled",
)  # fmt: skip
"""The fields of a function in the order in which they are saved; it has one of the kinds."""

MODEL_FIELDS = ("model", "fallbacks", "temperature", "top_p", "max_tokens", "effort")
MEMORY_FIELDS = ("enabled", "shared", "learn", "most", "oldest_days", "context_tokens")
LIMIT_FIELDS = ("steps", "seconds", "tokens", "usd", "calls", "tokens_per_day", "usd_per_day")

_FIRST: Final = f"Write `steploom_agent: {FORMAT_VERSION}` as the first line."
_MEMORY, _LIMITS = MemoryUse(), Limits()


def decode(data: Json) -> tuple[Agent | None, list[Problem]]:
    """The agent of an agent file's data, and all that is wrong with its shape. None if it is no agent file at all."""
    problem = _not_an_agent(data)
    if problem is not None:
        return None, [problem]
    assert isinstance(data, dict)
    unfit = list(flaws(data))
    if unfit:
        # Values that no file can hold would make the saved form unreadable: nothing of it is trusted.
        return None, [Problem("not_json", text, "Replace it.", field=".".join(map(str, path))) for path, text in unfit]
    decoder = _Decoder()
    return decoder.agent(data), decoder.problems


def decode_function(name: str, data: Mapping[str, Json]) -> tuple[Function, list[Problem]]:
    """The function of its data in an agent's file, and what is wrong with its shape."""
    decoder = _Decoder()
    return decoder.function(name, data), decoder.problems


@dataclass(slots=True)
class _Decoder:
    problems: list[Problem] = field(default_factory=list)

    def agent(self, data: Mapping[str, Json]) -> Agent:
        fields = Fields(data, AGENT_FIELDS, self.problems)
        return Agent(
            name=fields.required_text("name", "Write `name:` and what the agent is called."),
            description=fields.text("description"),
            colour=fields.choice("colour", COLOURS),
            icon=fields.text("icon") or "bot",
            prompt=fields.text("prompt"),
            model=self._model(fields),
            functions=self._functions(fields),
            servers=tuple(dict.fromkeys(fields.texts("servers"))),
            hosts=tuple(dict.fromkeys(host.lower() for host in fields.texts("hosts"))),
            memory=self._memory(fields),
            limits=self._limits(fields),
            answer_schema=fields.mapping("answer"),
        )

    def _model(self, fields: Fields) -> ModelChoice:
        if isinstance(word := fields.raw("model"), str):
            return ModelChoice(word)
        inner = Fields(fields.mapping("model") or {}, MODEL_FIELDS, self.problems, prefix="model")
        return ModelChoice(
            model=inner.text("model"),
            fallbacks=inner.texts("fallbacks"),
            temperature=_number(inner, "temperature"),
            top_p=_number(inner, "top_p"),
            max_tokens=_whole(inner, "max_tokens"),
            effort=inner.choice("effort", EFFORTS),
        )

    def _functions(self, fields: Fields) -> tuple[Function, ...]:
        found: list[Function] = []
        for name, data in (fields.mapping("functions") or {}).items():
            if isinstance(data, dict):
                found.append(self.function(name, data))
            else:
                message = f"The function {name!r} must say what it calls, not be {kind(data)}."
                fields.report("wrong_type", f"functions.{name}", message, f"Write `{name}: {{workflow: …}}`.")
        return tuple(found)

    def function(self, name: str, data: Mapping[str, Json]) -> Function:
        fields = Fields(data, FUNCTION_FIELDS, self.problems, prefix=f"functions.{name}")
        kinds = [known for known in KINDS if known in data]
        if len(kinds) != 1:
            shown = f"says {' and '.join(kinds)}" if kinds else "does not say what it calls"
            message = f"The function {name!r} {shown}."
            fields.report("function_target", "", message, f"Write one of {', '.join(f'`{k}: …`' for k in KINDS)}.")
        chosen = kinds[0] if kinds else "workflow"
        return Function(
            name=name,
            description=fields.text("description"),
            kind=chosen,
            target=fields.text(chosen),
            parameters=fields.mapping("parameters"),
            policy=fields.choice("policy", POLICIES),
            timeout_s=fields.seconds("timeout"),
            parallel=fields.flag("parallel"),
            handoff=fields.flag("handoff"),
            usd=_number(fields, "usd"),
            enabled=not fields.flag("disabled"),
        )

    def _memory(self, fields: Fields) -> MemoryUse:
        inner = Fields(fields.mapping("memory") or {}, MEMORY_FIELDS, self.problems, prefix="memory")
        return MemoryUse(
            enabled=_switch(inner, "enabled"),
            shared=_switch(inner, "shared"),
            learn=_switch(inner, "learn"),
            most=inner.whole("most", _MEMORY.most),
            oldest_days=_whole(inner, "oldest_days"),
            context_tokens=inner.whole("context_tokens", _MEMORY.context_tokens),
        )

    def _limits(self, fields: Fields) -> Limits:
        inner = Fields(fields.mapping("limits") or {}, LIMIT_FIELDS, self.problems, prefix="limits")
        seconds = inner.seconds("seconds", _LIMITS.seconds)
        assert seconds is not None
        return Limits(
            steps=inner.whole("steps", _LIMITS.steps),
            seconds=seconds,
            tokens=_whole(inner, "tokens"),
            usd=_number(inner, "usd"),
            calls=inner.whole("calls", _LIMITS.calls),
            tokens_per_day=_whole(inner, "tokens_per_day"),
            usd_per_day=_number(inner, "usd_per_day"),
        )


def _not_an_agent(data: Json) -> Problem | None:
    if data is None:
        return Problem("empty_document", "The file is empty.", f"{_FIRST} Then `name:` and `prompt:`.")
    if not isinstance(data, dict):
        return Problem("not_a_document", f"An agent's file holds fields such as `name`; this is {kind(data)}.", _FIRST)
    version = data.get("steploom_agent")
    if version is None and "steploom" in data:
        message = "This is a workflow, not an agent."
        return Problem("not_an_agent", message, "Import it with `steploom workflows import`.", field="steploom")
    if version is None:
        message = "The file does not say that it holds an agent, and in which format."
        return Problem("version_missing", message, _FIRST, field="steploom_agent")
    if isinstance(version, bool) or not isinstance(version, int):
        message = f"The format version must be a whole number, not {kind(version)}."
        return Problem("version_unknown", message, _FIRST, field="steploom_agent")
    if version > FORMAT_VERSION:
        message = f"The file was made by a newer Steploom (format {version}; this one reads up to {FORMAT_VERSION})."
        return Problem("version_newer", message, "Update Steploom to open it.", field="steploom_agent")
    if version < FORMAT_VERSION:
        return Problem("version_unknown", f"There is no format {version}.", _FIRST, field="steploom_agent")
    return None


def _switch(fields: Fields, name: str) -> bool:
    """True or false; true if left out."""
    return fields.raw(name) is None or fields.flag(name)


def _number(fields: Fields, name: str) -> float | None:
    return None if fields.raw(name) is None else fields.number(name, 0.0)


def _whole(fields: Fields, name: str) -> int | None:
    return None if fields.raw(name) is None else fields.whole(name, 0)
