"""A workflow made ready to run: wires as indexes, templates compiled, definitions hashed. Made once, run often."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.engine.errors import ConfigError
from core.engine.step_type import Config, Effect, StepType, StepTypes, config_field, field_extra, is_template
from core.engine.templates import NOT_RUN, Template, compiled, templates_in
from core.workflow.graph import Graph
from core.workflow.model import ERROR_PORT, Json, Retry, Step, Workflow
from core.workflow.problems import DocumentError, Problem
from core.workflow.templates import Skipped

ONCE = Retry(attempts=1)
"""What a step without `retry` does."""

LASTING: frozenset[Effect] = frozenset({"spends", "writes"})
"""Effects whose records must be durable before anything follows."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=dict)
"""Writes what a definition's hash is made of; kept, because making one takes as long as using it."""


@dataclass(frozen=True, slots=True)
class TemplatedField:
    """A top-level config field that holds templates."""

    name: str
    value: Json
    secrets: frozenset[str]
    tolerant: bool


@dataclass(slots=True)
class StepPlan:
    """One step, ready to run.

    rank: its place in the stable topological order. incoming: how many wires lead to it. targets: steps by output port.
    ready_config: the checked config of a step without templates. follows_lasting: a direct predecessor's record must
    be durable before this step starts. lasting: this step, or one inside it, spends or writes.
    """

    step: Step
    kind: StepType[Any]
    rank: int
    effect: Effect
    ports: tuple[str, ...]
    definition: str
    fixed: dict[str, Json]
    templated: tuple[TemplatedField, ...]
    ready_config: Config | None
    retry: Retry
    idempotency: Template | None
    body: ScopePlan | None
    incoming: int = 0
    targets: dict[str, tuple[StepPlan, ...]] = field(default_factory=dict)
    follows_lasting: bool = False

    @property
    def is_container(self) -> bool:
        """Whether other steps run inside this one."""
        return self.body is not None or self.kind.type == "workflow"

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that this step, or one inside it, reads."""
        own = frozenset(name for part in self.templated for name in part.secrets)
        return own.union(*(step.secrets for step in self.body.steps)) if self.body else own

    @property
    def lasting(self) -> bool:
        """Whether this step, or one inside it, spends or writes."""
        return self.effect in LASTING or (self.body.lasting if self.body else self.kind.type == "workflow")


@dataclass(frozen=True, slots=True)
class ScopePlan:
    """The steps of one level: the workflow's own, or a loop's body. starts: those without incoming wires.

    blank: what templates read of the steps before any has run.
    """

    steps: tuple[StepPlan, ...]
    starts: tuple[StepPlan, ...]
    lasting: bool
    blank: Mapping[str, Skipped]


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole workflow, ready to run."""

    workflow: Workflow
    scope: ScopePlan
    defaults: Mapping[str, Json]


def make_plan(workflow: Workflow, types: StepTypes) -> Plan:
    """Make a workflow ready to run. Raises DocumentError for what no run could survive (`validate` finds more)."""
    defaults = {name: schema.get("default") for name, schema in workflow.variables.items()}
    return Plan(workflow, _scope(workflow.steps, types), defaults)


def _scope(steps: Mapping[str, Step], types: StepTypes) -> ScopePlan:
    runnable = {step_id: step for step_id, step in steps.items() if not _kind(step, types).canvas_only}
    graph = Graph(runnable)
    cycle = graph.cycle()
    if cycle:
        text = " → ".join((*cycle, cycle[0]))
        raise DocumentError([Problem("cycle", f"The wires form a circle: {text}.", "Remove one of these wires.")])
    plans = {step_id: _step(runnable[step_id], rank, types) for rank, step_id in enumerate(graph.order)}
    for plan in plans.values():
        _wire(plan, plans)
    ordered = tuple(plans.values())
    return ScopePlan(
        ordered,
        tuple(plan for plan in ordered if not plan.incoming),
        any(plan.lasting for plan in ordered),
        dict.fromkeys(plans, NOT_RUN),
    )


def _wire(plan: StepPlan, plans: Mapping[str, StepPlan]) -> None:
    lasting = plan.lasting
    for port, targets in plan.step.then.items():
        unknown = [target for target in targets if target not in plans]
        if unknown:
            raise DocumentError(
                [
                    Problem(
                        "wire_to_nowhere", f"There is no step {unknown[0]!r} to go to.", step=plan.step.id, field="then"
                    )
                ]
            )
        plan.targets[port] = tuple(plans[target] for target in targets)
        for target in plan.targets[port]:
            target.incoming += 1
            target.follows_lasting = target.follows_lasting or lasting


def _kind(step: Step, types: StepTypes) -> StepType[Any]:
    kind = types.get(step.type)
    if kind is None:
        raise DocumentError(
            [Problem("unknown_type", f"There is no step type {step.type!r}.", "Install it or change it.", step=step.id)]
        )
    return kind


def _step(step: Step, rank: int, types: StepTypes) -> StepPlan:
    kind = _kind(step, types)
    fixed, templated = _split(step.config, kind)
    ports = tuple(kind.ports(step.config))
    return StepPlan(
        step=step,
        kind=kind,
        rank=rank,
        effect=kind.effect_of(step.config),
        ports=ports if step.on_error != "branch" else (*ports, ERROR_PORT),
        definition=definition_hash(step),
        fixed=fixed,
        templated=templated,
        ready_config=None if templated else _checked(kind, fixed, step),
        retry=step.retry or ONCE,
        idempotency=compiled(step.idempotency_key) if step.idempotency_key else None,
        body=_scope(step.body, types) if step.body is not None else None,
    )


def _checked(kind: StepType[Any], config: dict[str, Json], step: Step) -> Config:
    try:
        config_model: Config = kind.resolve(config)
    except ConfigError as error:
        raise DocumentError([Problem("config", error.message, step=step.id, field="config")]) from None
    return config_model


def _split(config: Mapping[str, Json], kind: StepType[Any]) -> tuple[dict[str, Json], tuple[TemplatedField, ...]]:
    """The config's fields that are taken as they are, and those with templates to fill in before the step runs."""
    fixed: dict[str, Json] = {}
    templated: list[TemplatedField] = []
    for name, value in config.items():
        extra = field_extra(config_field(kind.config_model, name))
        if extra.get("template", True) and extra.get("scope", "step") == "step" and _has_template(value):
            secrets = _secrets(value) if extra.get("secrets") else frozenset()
            templated.append(TemplatedField(name, value, secrets, bool(extra.get("tolerant"))))
        else:
            fixed[name] = value
    return fixed, tuple(templated)


def _has_template(value: Json) -> bool:
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, dict):
        return any(_has_template(item) for item in value.values())
    return isinstance(value, list) and any(_has_template(item) for item in value)


def _secrets(value: Json) -> frozenset[str]:
    """The names of the secrets that a value's templates read."""
    return frozenset(name for template in templates_in(value) for name in template.secrets)


def definition_hash(step: Step) -> str:
    """A short hash of what a step does: equal for steps that would do the same. Titles and wires are left out."""
    body: Sequence[Json] | None = None
    if step.body is not None:
        body = [
            [inner.id, definition_hash(inner), {k: list(v) for k, v in inner.then.items()}]
            for inner in step.body.values()
        ]
    facts: dict[str, Any] = {
        "type": step.type,
        "config": step.config,
        "body": body,
        "on_error": step.on_error,
        "default": step.default,
        "key": step.idempotency_key,
    }
    return hashlib.sha256(_ENCODER.encode(facts).encode()).hexdigest()[:16]
