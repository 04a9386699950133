"""A Workflow to plain data in canonical form: stable order of fields, defaults left out, shortest spelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.workflow.durations import format_duration
from core.workflow.model import DEFAULT_PORT, FORMAT_VERSION, Group, Json, Limits, Retry, Step, Trigger, Workflow

PLAIN_TRIGGER = Trigger()
"""The trigger of documents that name none."""


def encode(workflow: Workflow) -> dict[str, Json]:
    """The document's data. Layout of steps that do not exist is left out, and so are groups without steps."""
    ids = {step.id: None for _, step in workflow.walk()}
    layout: dict[str, Json] = {
        step_id: [_number(value) for value in place] for step_id, place in workflow.layout.items() if step_id in ids
    }
    trigger: Json = None if workflow.trigger == PLAIN_TRIGGER else encode_trigger(workflow.trigger)
    fields: dict[str, Json] = {
        "description": workflow.description,
        "tags": list(workflow.tags),
        "trigger": trigger,
        "inputs": {name: dict(schema) for name, schema in workflow.inputs.items()},
        "variables": {name: dict(schema) for name, schema in workflow.variables.items()},
        "timeout": _seconds(workflow.timeout),
        "limits": encode_limits(workflow.limits),
        "steps": encode_steps(workflow.steps),
        "outputs": dict(workflow.outputs),
        "layout": layout,
        "collapsed": [step_id for step_id in ids if step_id in workflow.collapsed],
        "groups": _groups(workflow, ids),
    }
    return {"steploom": FORMAT_VERSION, "name": workflow.name, **_without_empty(fields)}


def encode_group(group: Group) -> dict[str, Json]:
    """The data of one group, its id left out."""
    colour = "" if group.colour == "grey" else group.colour
    return _without_empty({"title": group.title, "colour": colour, "steps": list(group.steps)})


def _groups(workflow: Workflow, ids: Mapping[str, None]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for group_id, group in workflow.groups.items():
        if steps := tuple(step_id for step_id in group.steps if step_id in ids):
            found[group_id] = encode_group(replace(group, steps=steps))
    return found


def encode_steps(steps: Mapping[str, Step]) -> dict[str, Json]:
    """The data of the steps of one level."""
    return {step_id: encode_step(step) for step_id, step in steps.items()}


def encode_step(step: Step) -> dict[str, Json]:
    """The data of one step, its id left out."""
    fields: dict[str, Json] = {
        "title": step.title,
        "notes": step.notes,
        "join": "" if step.join == "all" else step.join,
        "disabled": step.disabled or None,
        "config": dict(step.config),
    }
    middle: dict[str, Json] = {
        "retry": encode_retry(step.retry) if step.retry else None,
        "timeout": _seconds(step.timeout),
        "on_error": "" if step.on_error == "stop" else step.on_error,
    }
    data: dict[str, Json] = {"type": step.type, **_without_empty(fields)}
    if step.body is not None:
        data["body"] = encode_steps(step.body)
    data.update(_without_empty(middle))
    if step.default is not None:
        data["default"] = dict(step.default)
    data.update(_without_empty({"idempotency_key": step.idempotency_key, "then": _then(step)}))
    return data


def encode_retry(retry: Retry) -> dict[str, Json]:
    """All four numbers, so that a reader need not know the defaults."""
    return {
        "attempts": retry.attempts,
        "wait": format_duration(retry.wait),
        "factor": _number(retry.factor),
        "max_wait": format_duration(retry.max_wait),
    }


def encode_limits(limits: Limits) -> dict[str, Json]:
    """The limits that there are."""
    return {
        name: _number(value)
        for name, value in (("usd_per_run", limits.usd_per_run), ("usd_per_day", limits.usd_per_day))
        if value is not None
    }


def encode_trigger(trigger: Trigger) -> dict[str, Json]:
    """The trigger's type and options in one object."""
    return {"type": trigger.type, **{name: value for name, value in trigger.options.items() if name != "type"}}


def _then(step: Step) -> Json:
    ports: dict[str, Json] = {
        port: targets[0] if len(targets) == 1 else list(targets) for port, targets in step.then.items() if targets
    }
    return ports[DEFAULT_PORT] if list(ports) == [DEFAULT_PORT] else ports


def _without_empty(fields: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _seconds(value: float | None) -> Json:
    return None if value is None else format_duration(value)


def _number(value: float) -> Json:
    """A whole number without its `.0`."""
    return int(value) if value == int(value) and abs(value) < 1e15 else value
