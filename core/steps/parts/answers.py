"""Structured answers of models: JSON taken from text and checked against a JSON Schema on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.engine.errors import ConfigError
from core.steps.parts.text import parse_json
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json
from core.workflow.schema_errors import UnusableSchema, schema_errors

_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_SHOWN_ERRORS = 5


class UnfitAnswer(Exception):
    """The answer is not the JSON that was asked for. The text says what is wrong, for the model and the person."""


def schema_problem(schema: Mapping[str, Json]) -> str:
    """What is wrong with a JSON Schema, as a sentence, or '' if it is one."""
    from jsonschema import SchemaError

    try:
        _kind(schema).check_schema(schema)
    except SchemaError as error:
        return f"This is not a JSON Schema: {error.message[:300]} (at {error.json_path})."
    return ""


def schema_problems(config: Mapping[str, Json]) -> Iterator[ConfigProblem]:
    """What is wrong with the setting `schema` of a step."""
    schema = config.get("schema")
    if isinstance(schema, dict) and (problem := schema_problem(schema)):
        yield ConfigProblem(("schema",), "wrong_schema", problem, "Mend the JSON Schema.")


def read_answer(text: str, schema: Mapping[str, Json]) -> Json:
    """The JSON value in a model's answer. Raises UnfitAnswer, or ConfigError for a schema that cannot be used."""
    fenced = _FENCE.match(text)
    try:
        value = parse_json(fenced.group(1) if fenced else text.strip())
    except ValueError as error:
        raise UnfitAnswer(f"The answer is not JSON: {error}.") from None
    try:
        errors = list(_errors(value, schema))
    except UnusableSchema as error:
        raise ConfigError(f"The JSON Schema {error}. Mend it in the step's settings.") from None
    if errors:
        raise UnfitAnswer("The answer does not fit the JSON Schema: " + "; ".join(errors) + ".")
    return value


def instruction(schema: Mapping[str, Json]) -> str:
    """What tells a model the wanted form; servers that enforce schemas get it twice, others only so."""
    return (
        "Answer with one JSON value that fits this JSON Schema, and with nothing else:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def _errors(value: Json, schema: Mapping[str, Json]) -> Iterator[str]:
    for count, error in enumerate(schema_errors(value, schema, _kind(schema), formats=True)):
        if count == _SHOWN_ERRORS:
            yield "and more"
            return
        yield f"{error.json_path}: {error.message[:300]}"


def _kind(schema: Mapping[str, Json]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)
