"""Workflows as functions: their inputs are the parameters, their steps say what calling them may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.agents.agent import Function
from core.agents.functions import CallContext, CallResult, FunctionFacts, effective_policy
from core.agents.hosts import beyond
from core.engine.errors import StepError
from core.engine.services import WorkflowSource
from core.engine.step_type import Effect, StepTypes
from core.workflow.model import Json, Step, Workflow

_ORDER: Final[Sequence[Effect]] = ("pure", "reads", "spends", "writes")


@dataclass(frozen=True, slots=True)
class Reach:
    """What running a workflow may do, those inside it included. foreign: its results hold what comes from outside.

    hosts: that it reaches; None if some are decided while it runs. program: it runs code on this machine.
    """

    effect: Effect = "pure"
    outward: bool = False
    foreign: bool = False
    hosts: frozenset[str] | None = frozenset()
    program: bool = False

    def with_(self, other: Reach) -> Reach:
        """What both may do."""
        strongest = max(self.effect, other.effect, key=_ORDER.index)
        hosts = None if self.hosts is None or other.hosts is None else self.hosts | other.hosts
        program = self.program or other.program
        return Reach(strongest, self.outward or other.outward, self.foreign or other.foreign, hosts, program)

    def beyond(self, allowed: Collection[str]) -> str:
        """Why a workflow may not be called by an agent that may reach these hosts only, '' if it may."""
        return beyond(self.hosts, allowed) or (beyond((), allowed, is_program=True) if self.program else "")


ANYTHING: Final = Reach("writes", outward=True, foreign=True, hosts=None)
"""What is assumed of steps that are not known, and of workflows that cannot be looked into."""


class WorkflowFunction:
    """Runs a workflow; its outputs are the result."""

    def __init__(self, facts: FunctionFacts, workflow: Workflow, origin: str = "") -> None:
        self.facts = facts
        self._workflow = workflow
        self._origin = origin

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Run it where the agent works. Raises FunctionError or CallWaits."""
        return await context.surroundings.run_workflow(self._workflow, arguments, self._origin, context)


async def workflow_function(
    function: Function, types: StepTypes, source: WorkflowSource, origin: str = "", hosts: Collection[str] = ()
) -> WorkflowFunction:
    """The function. hosts: the only ones it may reach, empty for any. Raises StepError if there is no such workflow."""
    workflow = await source.get(function.target, origin)
    reach = await reach_of(workflow, types, source, origin)
    facts = FunctionFacts(
        name=function.name,
        description=function.description or workflow.description or f"Runs the workflow {workflow.name}.",
        kind="workflow",
        source=workflow.name,
        parameters=function.parameters if function.parameters is not None else parameters_of(workflow),
        effect=reach.effect,
        policy=effective_policy(function.policy, reach.effect),
        parallel=function.parallel,
        untrusted=reach.foreign,
        outward=reach.outward,
        resumable=True,
        timeout=function.timeout_s,
        trouble=reach.beyond(hosts),
    )
    return WorkflowFunction(facts, workflow, origin)


def parameters_of(workflow: Workflow) -> dict[str, Json]:
    """The JSON Schema of a workflow's inputs; those without a default are required."""
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in workflow.inputs.items()},
        "required": [name for name, schema in workflow.inputs.items() if "default" not in schema],
        "additionalProperties": False,
    }


async def reach_of(workflow: Workflow, types: StepTypes, source: WorkflowSource, origin: str = "") -> Reach:
    """What running the workflow may do."""
    reach = Reach()
    seen: set[str] = set()
    todo = [workflow]
    while todo:
        current = todo.pop()
        for _, step in current.walk():
            if step.disabled:
                continue
            reach = reach.with_(_reach_of_step(step, types))
            async for inner in _called(step, source, origin, seen):
                if inner is None:
                    return ANYTHING
                todo.append(inner)
    return reach


def _reach_of_step(step: Step, types: StepTypes) -> Reach:
    kind = types.get(step.type)
    if kind is None:
        return ANYTHING
    if kind.canvas_only:
        return Reach()
    effect = kind.effect_of(step.config)
    hosts = kind.hosts(step.config)
    known = None if hosts is None else frozenset(hosts)
    if kind.teaches(step.config):
        return Reach("writes", hosts=known)
    return Reach(effect, kind.is_outward(step.config), effect in ("reads", "writes"), known, kind.runs_program)


async def _called(step: Step, source: WorkflowSource, origin: str, seen: set[str]) -> AsyncIterator[Workflow | None]:
    """The workflow that a step runs, each once; None if it cannot be known which."""
    if step.type != "workflow":
        return
    name = str(step.config.get("workflow", ""))
    if name in seen:
        return
    seen.add(name)
    try:
        yield None if "{{" in name or "{%" in name else await source.get(name, origin)
    except StepError:
        yield None
