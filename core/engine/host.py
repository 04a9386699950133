"""What a step may ask of the engine while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from core.engine.child import Child, child_plan
from core.engine.errors import EndRun, StepError
from core.engine.execution import MAX_DEPTH
from core.engine.names import MoreNames, ScopeNames
from core.engine.plan import Plan
from core.engine.spread import Order, Wanted
from core.engine.spreading import Spreading
from core.engine.templates import evaluate
from core.engine.variables import Variables
from core.workflow.model import Json, Workflow

if TYPE_CHECKING:
    from core.engine.attempt import Attempt, Channel


class StepHost:
    """The Host protocol for one attempt of a step in a graph."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def delta(self, text: str, channel: Channel) -> None:
        """Show a piece of the result."""
        self._attempt.show(text, channel)

    def set_variable(self, name: str, value: Json) -> None:
        """Set a workflow variable; it takes effect when the step completes."""
        self._attempt.changes[name] = value

    async def may_spend(self) -> None:
        """Let the step spend more. Raises Suspend if a limit is reached and a person must be asked, or StepError."""
        await self._attempt.scope.run.may_spend()

    def evaluate(self, template: Json, names: Mapping[str, Json]) -> Json:
        """A template (or JSON value holding templates) with the names around the step and some more."""
        around = self._attempt.scope.names
        return evaluate(template, MoreNames(names, around) if names else around)

    async def run_body(self, index: int, names: Mapping[str, Json]) -> FinishedPass:
        """Run the step's body once, with more names inside. Raises StepError or Suspended."""
        scope, plan = self._attempt.scope, self._attempt.plan
        if plan.body is None:
            raise StepError(f"The step type {plan.step.type!r} needs a body and this step has none.", kind="config")
        inner = scope.inner(
            plan.body,
            prefix=f"{self._attempt.path}[{index}]/",
            names=ScopeNames(names, scope.names),
            variables=scope.variables,
            rank=(*scope.rank, plan.rank, index),
            origin=scope.origin,
        )
        await inner.execute()
        return FinishedPass(inner.names, inner.replayed)

    async def run_child(self, child: Child) -> dict[str, Json]:
        """Run a step that this one makes up; its output. Raises StepError or Suspended."""
        scope, plan = self._attempt.scope, self._attempt.plan
        prefix = f"{self._attempt.path}/"
        inner = scope.inner(
            child_plan(child, prefix + child.id),
            prefix=prefix,
            names=ScopeNames({}, scope.names),
            variables=scope.variables,
            rank=(*scope.rank, plan.rank, child.number),
            origin=scope.origin,
        )
        await inner.execute()
        output: dict[str, Json] = inner.names.outputs[child.id]
        return output

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, *, shared: bool = False
    ) -> dict[str, Json]:
        """Run another workflow inside this run; its outputs. Raises StepError or Suspended."""
        scope = self._attempt.scope
        planner = scope.run.planner
        plan = self._plan(workflow)
        variables = Variables({**plan.defaults, **_shared(plan.defaults, scope.variables)} if shared else plan.defaults)
        own = {
            "input": planner.bind_inputs(workflow, inputs),
            "vars": variables.values,
            "run": scope.names["run"],
        }
        inner = scope.inner(
            plan.scope,
            prefix=f"{self._attempt.path}/",
            names=ScopeNames(own),
            variables=variables,
            rank=(*scope.rank, self._attempt.plan.rank),
            origin=origin or scope.origin,
            document=workflow,
        )
        try:
            await inner.execute()
        except EndRun as end:
            if end.status == "failed":
                raise StepError(end.message or f"The workflow “{workflow.name}” ended as failed.") from None
            if end.outputs:
                return end.outputs
        finally:
            if shared:
                changes = variables.set_within(())
                self._attempt.changes.update({n: v for n, v in changes.items() if n in scope.variables.values})
        outputs = evaluate(dict(workflow.outputs), inner.names, tolerant=True)
        assert isinstance(outputs, dict)
        return outputs

    async def spread_passes(
        self, passes: Sequence[Mapping[str, Json]], gives: Json, *, at_once: int, stops: bool
    ) -> Mapping[int, Json | StepError] | None:
        """Have workers make passes through the step's body. Raises Suspend, StepError or EndRun."""
        scope, spreading = self._attempt.scope, self._spreading()
        found = await spreading.ended(
            lambda: spreading.passes(
                scope.document, scope.origin, scope.names, scope.variables, passes, gives,
                at_once=at_once, stops=stops, depth=scope.depth,
            ),
            stops=stops,
        )  # fmt: skip
        return None if found is None else spreading.taken(found, scope.variables, scope.rank)

    async def spread_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str
    ) -> dict[str, Json] | None:
        """Have a worker run another workflow. Raises Suspend or StepError."""
        scope, prefix = self._attempt.scope, f"{self._attempt.path}/"
        self._plan(workflow)
        bound = scope.run.masked(scope.run.planner.bind_inputs(workflow, inputs))
        wanted = Wanted(0, workflow, bound, origin or scope.origin)
        found = await self._spreading().ended(lambda: Order([wanted], prefix, at_once=1, depth=scope.depth + 1))
        if not found:
            return None
        if found[0].status != "completed":
            raise found[0].failure(prefix)
        return dict(found[0].outputs)

    def _spreading(self) -> Spreading:
        attempt = self._attempt
        scope, begin = attempt.scope, attempt.begin
        return Spreading(
            scope.run, attempt.plan, attempt.path, number=begin.number, cause=begin.cause, base=scope.base
        )  # fmt: skip

    def _plan(self, workflow: Workflow) -> Plan:
        """The workflow, ready to run inside this one. Raises DocumentError, or StepError if it is too deep inside."""
        scope = self._attempt.scope
        if scope.depth >= MAX_DEPTH:
            raise StepError(
                f"Workflows call each other more than {MAX_DEPTH} deep. Look for one that calls itself without an end.",
                kind="limit",
            )
        return scope.run.planner.plan(workflow)


def _shared(declared: Iterable[str], around: Variables) -> dict[str, Json]:
    """The values, around a workflow, of the variables that it declares too."""
    return {name: around.values[name] for name in declared if name in around.values}


class FinishedPass:
    """The Pass protocol: a finished pass through a body, for templates that read what happened inside."""

    __slots__ = ("_names", "replayed")

    def __init__(self, names: ScopeNames, replayed: bool) -> None:
        self._names = names
        self.replayed = replayed

    def evaluate(self, template: Json) -> Json:
        """A template (or JSON value holding templates) with the names inside that pass."""
        return evaluate(template, self._names, tolerant=True)
