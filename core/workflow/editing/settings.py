"""Changing single fields: of a step's config, of the step, and of the workflow itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from core.workflow.editing.tree import find_step, with_steps
from core.workflow.json_values import flaws, text_flaw
from core.workflow.limit_rules import MOST_USD
from core.workflow.model import Json, Limits, Retry, Step, Trigger, Workflow
from core.workflow.problems import EditRefused
from core.workflow.sameness import same

STEP_FIELDS: Final = (
    "title",
    "join",
    "retry",
    "timeout",
    "on_error",
    "default",
    "idempotency_key",
    "notes",
    "disabled",
    "config",
)
"""The fields of a step that `set_field` changes."""

WORKFLOW_FIELDS: Final = (
    "name",
    "description",
    "tags",
    "trigger",
    "inputs",
    "variables",
    "outputs",
    "timeout",
    "limits",
)
"""The fields of a workflow that `set_about` changes."""


def set_config_field(workflow: Workflow, step_id: str, path: str | Sequence[str | int], value: Json) -> Workflow:
    """The workflow with one value of a step's config set.

    path: dotted (`rules.0.operand`), or its parts where a key holds a dot. Objects on the way are made; a list takes
    an index of an entry, or the next one. Raises EditRefused.
    """
    parts = _parts(path)
    for where, sentence in flaws(value):
        raise EditRefused(f"{'.'.join(map(str, (*parts, *where)))} cannot be set: {sentence}")
    step = find_step(workflow, step_id)
    return _with_config(workflow, step, _put(dict(step.config), parts, value, ()))


def clear_config_field(workflow: Workflow, step_id: str, path: str | Sequence[str | int]) -> Workflow:
    """The workflow with one value of a step's config left out, so that its default counts. Raises EditRefused."""
    step = find_step(workflow, step_id)
    return _with_config(workflow, step, _drop(dict(step.config), _parts(path)))


def set_field(workflow: Workflow, step_id: str, field: str, value: Any) -> Workflow:
    """The workflow with a step's own field set: one of STEP_FIELDS, with a value of the type that Step has for it.

    Raises EditRefused for another field or a value that the document cannot hold.
    """
    if reason := _step_flaw(field, value):
        raise EditRefused(f"The field {field!r} of the step {step_id!r} cannot be set: {reason}")
    step = find_step(workflow, step_id)
    changed = replace(step, **{field: value})
    return workflow if same(changed, step) else with_steps(workflow, {step_id: changed})


def set_about(workflow: Workflow, **fields: Any) -> Workflow:
    """The workflow with fields of its own set: those of WORKFLOW_FIELDS, with values of the types that Workflow has.

    Raises EditRefused for another field or a value that the document cannot hold.
    """
    for name, value in fields.items():
        if reason := _workflow_flaw(name, value):
            raise EditRefused(f"The workflow's {name} cannot be set: {reason}")
    changed = replace(workflow, **fields)
    return workflow if same(changed, workflow) else changed


def set_inputs(workflow: Workflow, inputs: Mapping[str, Mapping[str, Json]]) -> Workflow:
    """The workflow with other inputs: a JSON Schema by name. Raises EditRefused."""
    return set_about(workflow, inputs=inputs)


def set_variables(workflow: Workflow, variables: Mapping[str, Mapping[str, Json]]) -> Workflow:
    """The workflow with other variables: a JSON Schema with a `default` by name. Raises EditRefused."""
    return set_about(workflow, variables=variables)


def set_outputs(workflow: Workflow, outputs: Mapping[str, Json]) -> Workflow:
    """The workflow with other outputs: a template by name. Raises EditRefused."""
    return set_about(workflow, outputs=outputs)


def set_trigger(workflow: Workflow, trigger: Trigger) -> Workflow:
    """The workflow with another trigger. Raises EditRefused."""
    return set_about(workflow, trigger=trigger)


def set_name(workflow: Workflow, name: str) -> Workflow:
    """The workflow under another name. Raises EditRefused for an empty one."""
    return set_about(workflow, name=name)


def _parts(path: str | Sequence[str | int]) -> tuple[str | int, ...]:
    parts: tuple[str | int, ...] = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
    if not parts or "" in parts:
        raise EditRefused("No field of the config is named. Name one, such as `prompt`.")
    return parts


def _with_config(workflow: Workflow, step: Step, config: Json) -> Workflow:
    assert isinstance(config, dict)
    return workflow if same(config, step.config) else with_steps(workflow, {step.id: replace(step, config=config)})


def _put(node: Json, parts: tuple[str | int, ...], value: Json, done: tuple[str | int, ...]) -> Json:
    if not parts:
        return value
    part = parts[0]
    if node is None:
        node = [] if isinstance(part, int) else {}
    if isinstance(node, dict):
        return {**node, str(part): _put(node.get(str(part)), parts[1:], value, (*done, part))}
    index = _index(part)
    if isinstance(node, list) and index is not None and index <= len(node):
        below = node[index] if index < len(node) else None
        return [*node[:index], _put(below, parts[1:], value, (*done, part)), *node[index + 1 :]]
    place = ".".join(map(str, done))
    what = f"a list of {len(node)}" if isinstance(node, list) else "no list or object"
    raise EditRefused(f"There is no place {part!r} in {place!r}, which is {what}. Set {place!r} itself.")


def _drop(node: Json, parts: tuple[str | int, ...]) -> Json:
    part, index = parts[0], _index(parts[0])
    if isinstance(node, dict) and str(part) in node:
        if len(parts) == 1:
            return {key: value for key, value in node.items() if key != str(part)}
        return {**node, str(part): _drop(node[str(part)], parts[1:])}
    if isinstance(node, list) and index is not None and index < len(node):
        kept = [] if len(parts) == 1 else [_drop(node[index], parts[1:])]
        return [*node[:index], *kept, *node[index + 1 :]]
    return node


def _index(part: str | int) -> int | None:
    if isinstance(part, int):
        return part if part >= 0 else None
    return int(part) if part.isascii() and part.isdigit() and len(part) < 9 else None


def _step_flaw(field: str, value: object) -> str:
    match field, value:
        case (("title" | "idempotency_key" | "notes"), str()):
            return text_flaw(value)
        case "join", ("all" | "any"):
            return ""
        case "on_error", ("stop" | "default" | "branch"):
            return ""
        case "disabled", bool():
            return ""
        case "retry", Retry() | None:
            return ""
        case "timeout", _:
            return _seconds_flaw(value)
        case "default", None:
            return ""
        case (("default" | "config"), Mapping()):
            return _object_flaw(value)
        case _ if field not in STEP_FIELDS:
            return f"it is none of {', '.join(STEP_FIELDS)}."
        case _:
            return f"{value!r} is no value for it."


def _workflow_flaw(field: str, value: object) -> str:
    match field, value:
        case "name", str() if not value.strip():
            return "it is empty. Write what the workflow is called."
        case (("name" | "description"), str()):
            return text_flaw(value)
        case "tags", tuple():
            return _object_flaw({"tags": list(value)})
        case "trigger", Trigger():
            return "it has no type." if not value.type.strip() else _object_flaw(value.options) or text_flaw(value.type)
        case (("inputs" | "variables"), Mapping()):
            wrong = next((name for name, schema in value.items() if not isinstance(schema, Mapping)), None)
            return f"{wrong!r} is not described by a JSON Schema." if wrong is not None else _object_flaw(value)
        case "outputs", Mapping():
            return _object_flaw(value)
        case "timeout", _:
            return _seconds_flaw(value)
        case "limits", Limits():
            return next(filter(None, map(_dollars_flaw, (value.usd_per_run, value.usd_per_day))), "")
        case _ if field not in WORKFLOW_FIELDS:
            return f"it is none of {', '.join(WORKFLOW_FIELDS)}."
        case _:
            return f"{value!r} is no value for it."


def _seconds_flaw(value: object) -> str:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1e9):
        return ""
    return "it is a number of seconds above 0, or nothing for no limit."


def _dollars_flaw(value: object) -> str:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MOST_USD):
        return ""
    return f"it is a number of US dollars above 0 and up to {MOST_USD:,}, or nothing for no limit."


def _object_flaw(value: Mapping[Any, Any]) -> str:
    return next((sentence for _, sentence in flaws(dict(value))), "")
