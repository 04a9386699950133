"""JSON Schemas of inputs and variables: whether they are right, and whether a value fits. Never uses the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.workflow.model import Json
from core.workflow.schema_errors import UnusableSchema, schema_errors

if TYPE_CHECKING:
    from jsonschema.exceptions import SchemaError, ValidationError


def schema_flaw(schema: Mapping[str, Json]) -> str:
    """What is wrong with a JSON Schema (draft 2020-12), a sentence, or ''."""
    from jsonschema import Draft202012Validator  # several frames to import, and few documents have schemas
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(dict(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        return f"{place + ': ' if place else ''}{_sentence(error)}"
    except RecursionError:
        return "It is nested too deeply."
    return ""


def value_flaw(value: Json, schema: Mapping[str, Json]) -> str:
    """Why a value does not fit a schema that is right by itself, a sentence, or ''."""
    from jsonschema import Draft202012Validator  # as above
    from jsonschema.exceptions import best_match

    try:
        error = best_match(schema_errors(value, schema, Draft202012Validator))
    except UnusableSchema as trouble:
        return f"Its schema {trouble}."
    if error is None:
        return ""
    place = ".".join(map(str, error.absolute_path))
    return f"{place + ': ' if place else ''}{_sentence(error)}"


def _sentence(error: ValidationError | SchemaError) -> str:
    text = error.message if len(error.message) <= 200 else f"{error.message[:100]} … {error.message[-90:]}"
    return text if text.endswith(".") else f"{text}."
