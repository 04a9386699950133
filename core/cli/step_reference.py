"""The reference page of the step types, made from their classes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.engine.step_type import StepType, StepTypes

HEAD: Final = """# Step types

Made from the step types themselves by `make docs`; `steploom steps TYPE` shows the same page for one of them.
Texts in settings may hold [templates](templates.md) unless it says otherwise. What every step has beside its settings
(`then`, `retry`, `timeout`, `on_error` and so on) is told in [the workflow document](documents.md).

"""

EFFECTS: Final = {
    "pure": "does nothing outside",
    "reads": "reads the world",
    "spends": "costs money, changes nothing",
    "writes": "changes the world",
}

Schema = Mapping[str, Any]


def reference(types: StepTypes) -> str:
    """The whole page as Markdown, the types in alphabetical order."""
    kinds = sorted(types, key=lambda kind: kind.type)
    contents = "\n".join(f"- [`{kind.type}`](#{kind.type}): {_first_line(kind)}" for kind in kinds)
    return HEAD + contents + "\n\n" + "\n".join(f"## {kind.type}\n\n{_body(kind)}" for kind in kinds)


def page(kind: StepType[Any]) -> str:
    """The manual page of one step type as Markdown."""
    return f"# {kind.title} (`{kind.type}`)\n\n{_body(kind)}"


def _first_line(kind: StepType[Any]) -> str:
    return kind.manual().splitlines()[0]


def _body(kind: StepType[Any]) -> str:
    varies = type(kind).effect_of is not StepType.effect_of
    effect = f"*{kind.title}. Effect: `{kind.effect}` ({EFFECTS[kind.effect]}){', or less by its settings' * varies}.*"
    if kind.canvas_only:
        effect = f"*{kind.title}. On the canvas only.*"
    schema = kind.json_schema()
    defs: Schema = schema.get("$defs", {})
    parts = [effect, kind.manual(), "\n".join(_table("Setting", schema, defs))]
    parts += [f"`{name}`:\n\n" + "\n".join(_table("Field", part, defs)) for name, part in _objects(schema, defs)]
    if kind.outputs:
        rows = [f"| `{name}` | {_cell(text)} |" for name, text in kind.outputs.items()]
        parts.append("\n".join(["| Output | |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


def _table(first: str, schema: Schema, defs: Schema) -> Iterator[str]:
    yield f"| {first} | Value | Default | |"
    yield "| --- | --- | --- | --- |"
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        default = "needed" if name in required else _default(field)
        yield f"| `{name}` | {_cell(_value(field, defs))} | {_cell(default)} | {_cell(_help(field))} |"


def _objects(schema: Schema, defs: Schema) -> Iterator[tuple[str, Schema]]:
    """The settings that are objects (or lists of them) with fields of their own."""
    for name, field in schema.get("properties", {}).items():
        for target in _targets(field, defs):
            if "properties" in target:
                yield name, target
                yield from ((f"{name}.{inner}", part) for inner, part in _objects(target, defs))


def _targets(field: Schema, defs: Schema) -> Iterator[Schema]:
    if "$ref" in field:
        yield defs[field["$ref"].rpartition("/")[2]]
    for option in (*field.get("anyOf", ()), *field.get("allOf", ())):
        yield from _targets(option, defs)
    if isinstance(field.get("items"), dict):
        yield from _targets(field["items"], defs)


def _value(field: Schema, defs: Schema) -> str:
    """What kind of value is wanted, with its unit and limits."""
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"] if value != "")
    if "const" in field:
        return f"`{field['const']}`"
    if "anyOf" in field:
        named = [_value(option, defs) for option in field["anyOf"] if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(named)) + ("" if "duration" in named else _unit(field))
    targets = list(_targets(field, defs)) if "$ref" in field else []
    if targets and "enum" in targets[0]:
        return _value(targets[0], defs)
    kind: Any = field.get("type", "object" if targets and targets[0] else "any")
    if isinstance(kind, list):
        return "duration" if "examples" in field else " or ".join(kind)
    words = {"array": "list", "boolean": "yes or no", "string": "text", "integer": "whole number"}
    return words.get(kind, str(kind)) + _unit(field) + _limits(field)


def _unit(field: Schema) -> str:
    return f", {field['unit']}" if field.get("unit") else ""


def _limits(field: Schema) -> str:
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f", {low:,} to {high:,}"
    if low is not None:
        return f", at least {low:,}" if "minimum" in field else f", more than {low:,}"
    return f", at most {high:,}" if high is not None else ""


def _default(field: Schema) -> str:
    value: Any = field.get("default")
    if "examples" in field and isinstance(value, float):
        return f"`{value:g}s`"
    if value in (None, "", [], {}):
        return ""
    return "yes" if value is True else "no" if value is False else f"`{json.dumps(value, ensure_ascii=False)}`"


def _help(field: Schema) -> str:
    """Title and help, and what is special about templates in it."""
    parts = [f"{field.get('title', '')}.", field.get("description", "")]
    if field.get("template") is False:
        parts.append("No templates.")
    if field.get("secrets"):
        parts.append("May read `secrets`.")
    return " ".join(part for part in parts if part and part != ".")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
