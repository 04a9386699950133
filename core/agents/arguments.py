"""The arguments of a call, checked against the function's JSON Schema on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.agents.errors import FunctionError
from core.agents.functions import FunctionFacts
from core.store.conversation_records import FunctionCall
from core.workflow.model import Json
from core.workflow.schema_errors import UnusableSchema, schema_errors

_SHOWN = 5


def checked_arguments(call: FunctionCall, facts: FunctionFacts) -> dict[str, Json]:
    """The arguments. Raises FunctionError(kind='validation') that tells the model each thing that is wrong."""
    if call.arguments is None:
        raise FunctionError(
            f"The arguments are no JSON object: {call.raw[:300] or 'nothing came'}",
            kind="validation",
            hint=f"Call {facts.name} again with one whole JSON object.",
        )
    problems = _problems(dict(call.arguments), facts.parameters)
    if problems:
        raise FunctionError(
            f"The arguments do not fit: {'; '.join(problems)}.",
            kind="validation",
            hint=f"The parameters are {json.dumps(facts.parameters, ensure_ascii=False)[:2000]}",
        )
    return dict(call.arguments)


def _problems(value: dict[str, Json], schema: Mapping[str, Json]) -> list[str]:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    kind: Any = validator_for(schema, default=Draft202012Validator)
    try:
        found = schema_errors(value, schema, kind)
        return [f"{error.json_path}: {error.message[:300]}" for _, error in zip(range(_SHOWN), found, strict=False)]
    except UnusableSchema as error:
        return [f"the function's own JSON Schema {error}"]


def canonical(call: FunctionCall) -> str:
    """The call as one text: equal for calls of the same function with the same arguments."""
    if call.arguments is None:
        return f"{call.name}({call.raw})"
    return f"{call.name}({json.dumps(call.arguments, sort_keys=True, ensure_ascii=False)})"
