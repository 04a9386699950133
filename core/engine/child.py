"""Steps that a running step makes up as it goes: an agent's function calls, recorded, replayed and asked about as any
other step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from core.engine.plan import ONCE, ScopePlan, StepPlan
from core.engine.step_type import Config, Effect, StepContext, StepOutput, StepType
from core.engine.templates import NOT_RUN, Template
from core.workflow.model import DEFAULT_PORT, Json, Step


@dataclass(frozen=True, slots=True)
class Child:
    """One such step. id: unique inside its parent and the same after a crash, such as `lookup[1]`. type: as records
    show it. number: its place among its siblings. repeatable: after a crash it may run again whatever its effect.
    work: what it does.
    """

    id: str
    type: str
    title: str
    inputs: Mapping[str, Json]
    effect: Effect
    number: int
    work: Callable[[StepContext], Awaitable[StepOutput | dict[str, Json]]] = field(repr=False)
    repeatable: bool = False


class _NoConfig(Config):
    """What such a step is given stands in its `work`."""


class _ChildKind(StepType[_NoConfig]):
    """The step type of one such step."""

    type = "child"
    title = "Child"
    icon = "corner-down-right"
    category = "tool"
    has_children = True
    outputs: ClassVar[Mapping[str, str]] = {}
    config_model = _NoConfig

    def __init__(self, child: Child) -> None:
        self.type = child.type  # type: ignore[misc]  # one instance is one step here
        self._work = child.work

    async def run(self, config: _NoConfig, context: StepContext) -> StepOutput | dict[str, Json]:
        """Do the child's work."""
        return await self._work(context)


def child_plan(child: Child, path: str) -> ScopePlan:
    """A scope of that one step. path: of the child."""
    step = Step(child.id, child.type, title=child.title, config=dict(child.inputs))
    plan = StepPlan(
        step=step,
        kind=_ChildKind(child),
        rank=0,
        effect=child.effect,
        ports=(DEFAULT_PORT,),
        definition=_definition(child),
        fixed=dict(child.inputs),
        templated=(),
        ready_config=_NoConfig(),
        retry=ONCE,
        idempotency=Template(path) if child.repeatable else None,
        body=None,
    )
    # Lasting, so that its record is durable before its parent acts on what it gave.
    return ScopePlan((plan,), (plan,), lasting=True, blank={child.id: NOT_RUN})


def _definition(child: Child) -> str:
    facts: dict[str, Any] = {"type": child.type, "config": dict(child.inputs)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
