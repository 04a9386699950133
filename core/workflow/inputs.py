"""The values that a run is given: defaults filled in, checked against the workflow's inputs."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from math import isfinite

from core.workflow.json_values import flaws
from core.workflow.model import Json, Workflow
from core.workflow.names import hint
from core.workflow.problems import Problem
from core.workflow.schemas import schema_flaw, value_flaw

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


def check_inputs(
    workflow: Workflow, values: Mapping[str, Json], *, from_text: bool = False
) -> tuple[dict[str, Json], list[Problem]]:
    """The complete inputs of a run, and what is wrong with those given.

    An input without a default is required. from_text: texts (as from a command line) are first turned into the
    number, true or false, list or object that the input's schema asks for. Every problem's field is `inputs.NAME`.
    """
    problems: list[Problem] = []
    for name in values:
        if name not in workflow.inputs:
            fix = hint(name, [other for other in workflow.inputs if other not in values], "inputs left to give")
            problems.append(_problem("unknown_input", name, f"The workflow has no input {name!r}.", fix))
    complete: dict[str, Json] = {}
    for name, schema in workflow.inputs.items():
        if name in values:
            value = _from_text(values[name], schema) if from_text else values[name]
            complete[name] = value
            if flaw := _flaw(value, schema):
                message = f"The input {name!r} does not fit: {flaw}"
                problems.append(_problem("wrong_input", name, message, f"Give {_wanted(schema)}."))
        elif "default" in schema:
            complete[name] = copy.deepcopy(schema["default"])
        else:
            fix = f"Give {_wanted(schema)}."
            problems.append(_problem("missing_input", name, f"The input {name!r} is missing.", fix))
    return complete, problems


def _problem(code: str, name: str, message: str, fix: str) -> Problem:
    return Problem(code, message, fix, field=f"inputs.{name}")


def _flaw(value: Json, schema: Mapping[str, Json]) -> str:
    for _, sentence in flaws(value):
        return sentence
    if flaw := schema_flaw(schema):
        return f"the workflow describes it by an invalid JSON Schema: {flaw}"
    return value_flaw(value, schema)


def _types(schema: Mapping[str, Json]) -> list[str]:
    """The types that a schema names; none for a schema that does not say."""
    types = schema.get("type")
    return [str(one) for one in types] if isinstance(types, list) else [types] if isinstance(types, str) else []


def _wanted(schema: Mapping[str, Json]) -> str:
    words = {"integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false"}
    words |= {"array": "a list in JSON", "object": "an object in JSON", "null": "null"}
    choices = schema.get("enum")
    if isinstance(choices, list):
        return f"one of {', '.join(json.dumps(choice, ensure_ascii=False) for choice in choices[:12])}"
    return " or ".join(words.get(one, one) for one in _types(schema)) or "a value"


def _from_text(value: Json, schema: Mapping[str, Json]) -> Json:
    """What a text stands for by the schema; the text itself if it stands for nothing that fits."""
    types = _types(schema)
    if not isinstance(value, str) or "string" in types:
        return value
    choices = schema.get("enum")
    if not types and not (isinstance(choices, list) and value not in choices):
        return value
    if "boolean" in types and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    try:
        parsed: Json = json.loads(value)
    except (ValueError, RecursionError):
        return value
    if "integer" in types and isinstance(parsed, float) and isfinite(parsed) and parsed == int(parsed):
        return int(parsed)
    return value if isinstance(parsed, float) and not isfinite(parsed) else parsed
