"""Inputs to try a workflow with, made up from what its inputs ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.workflow.model import Json, Workflow

_DEEPEST: Final = 6
"""Levels of objects and lists inside each other that are made up."""

_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-12-01", "time": "09:00:00", "date-time": "2026-12-01T09:00:00Z", "email": "ada@example.org",
    "uri": "https://example.org", "uuid": "00000000-0000-4000-8000-000000000001", "duration": "PT1H",
    "hostname": "example.org", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
}  # fmt: skip


def sample_inputs(workflow: Workflow, given: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """A value for each input: what is given, else an example or the default of its schema, else one that fits its type.

    Patterns and other conditions are not looked at: a value may have to be changed by hand.
    """
    known = given or {}
    return {
        name: known[name] if name in known else sample(schema, name) for name, schema in workflow.inputs.items()
    }  # fmt: skip


def sample(schema: Mapping[str, Json], name: str = "", depth: int = 0) -> Json:
    """A value that fits a schema as far as its type goes. name: of what it is for, which texts are made of."""
    examples = schema.get("examples")
    if isinstance(examples, list | tuple) and examples:
        return examples[0]
    for word in ("default", "const"):
        if word in schema:
            return schema[word]
    choices = schema.get("enum")
    if isinstance(choices, list | tuple) and choices:
        return choices[0]
    types = schema.get("type", "string")
    kind = types[0] if isinstance(types, list | tuple) and types else types
    match kind:
        case "integer":
            return _number(schema, 1)
        case "number":
            return _number(schema, 1.5)
        case "boolean":
            return True
        case "null":
            return None
        case "array":
            items = schema.get("items")
            one = sample(items, name, depth + 1) if isinstance(items, Mapping) and depth < _DEEPEST else name
            return [one] if one != "" else []
        case "object":
            return _object(schema, depth)
        case _:
            return _text(schema, name)


def _object(schema: Mapping[str, Json], depth: int) -> Json:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or depth >= _DEEPEST:
        return {}
    return {name: sample(one, name, depth + 1) for name, one in properties.items() if isinstance(one, Mapping)}


def _number(schema: Mapping[str, Json], usual: float) -> Json:
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, int | float) and low > usual:
        return low
    return high if isinstance(high, int | float) and high < usual else usual


def _text(schema: Mapping[str, Json], name: str) -> Json:
    wanted = _FORMATS.get(str(schema.get("format", "")), f"sample {name.replace('_', ' ')}".strip())
    most, least = schema.get("maxLength"), schema.get("minLength")
    if isinstance(least, int) and len(wanted) < least:
        wanted += "." * (least - len(wanted))
    return wanted[:most] if isinstance(most, int) else wanted
