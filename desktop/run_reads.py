"""What a step reads of what is around it, as values that a person can type to run it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from core.engine.part import Given, Part
from core.workflow.model import Json, Workflow
from core.workflow.step_reads import Read

Outputs: TypeAlias = "Mapping[str, Mapping[str, Json]]"
"""What steps gave when they ran last, by id."""

_LONG = 60


def schemas_of(
    workflow: Workflow, reads: list[Read], outputs: Outputs, inputs: Mapping[str, Json], item: Json
) -> dict[str, dict[str, Json]]:
    """A JSON Schema for each value, by its name in a form. Its default is what it was last, where that is known.

    inputs: of the last run. item: what the loop around the step went through first, None if that is not known.
    """
    out: dict[str, dict[str, Json]] = {}
    for read in reads:
        known = _known(workflow, read, outputs, inputs, item)
        schema = _declared(workflow, read) or (_schema_like(known) if known is not _NOTHING else {})
        schema.pop("default", None)
        if known is not _NOTHING:
            schema["default"] = known  # type: ignore[assignment] # _NOTHING is no JSON value
        out[read.name] = schema
    return out


def part_with(
    step_id: str, reads: list[Read], values: Mapping[str, Json], outputs: Outputs
) -> tuple[Part, dict[str, Json]]:
    """The part that runs a step alone with those values, and the inputs of that run."""
    roots: dict[str, Json] = {}
    for read in reads:
        if read.name not in values:
            continue
        if read.key is None:
            roots[read.root] = values[read.name]
            continue
        around = roots.setdefault(read.root, dict(outputs.get(read.root, {})))
        assert isinstance(around, dict)
        around[read.key] = values[read.name]
    typed = roots.pop("input", {})
    names: dict[str, Json] = {name: roots.pop(name) for name in ("vars", "item", "index") if name in roots}
    given = {root: Given(value if isinstance(value, dict) else {}) for root, value in roots.items()}
    return Part(only=step_id, given=given, names=names), typed if isinstance(typed, dict) else {}


_NOTHING: Final = object()


def _known(workflow: Workflow, read: Read, outputs: Outputs, inputs: Mapping[str, Json], item: Json) -> Json | object:
    match read.root:
        case "input":
            values: Mapping[str, Json] = {
                **{name: schema["default"] for name, schema in workflow.inputs.items() if "default" in schema}, **inputs
            }  # fmt: skip
        case "vars":
            values = {name: schema.get("default") for name, schema in workflow.variables.items()}
        case "item":
            return _NOTHING if item is None else item
        case "index":
            return 0
        case _:
            if read.root not in outputs:
                return _NOTHING
            values = outputs[read.root]
    if read.key is None:
        return dict(values)
    return values.get(read.key, _NOTHING)


def _declared(workflow: Workflow, read: Read) -> dict[str, Json]:
    schemas = {"input": workflow.inputs, "vars": workflow.variables}.get(read.root, {})
    if read.root == "index":
        return {"type": "integer"}
    return dict(schemas.get(read.key or "", {}))


def _schema_like(value: Json | object) -> dict[str, Json]:
    """A schema that a form edits such a value with."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": "number"}
        case str():
            return {"type": "string", "format": "multiline"} if len(value) > _LONG else {"type": "string"}
        case list():
            return {"type": "array"}
        case dict():
            return {"type": "object"}
        case _:
            return {}


def schema_like(output: Mapping[str, Json]) -> dict[str, dict[str, Json]]:
    """A schema for each field of an output, with the value as its default."""
    return {name: {**_schema_like(value), "default": value} for name, value in output.items()}
