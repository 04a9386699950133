"""What a new run takes over: outputs that it was given, and results of an earlier run that still hold.

A step's result holds if the step is defined as it was then and its config, with the templates filled in, is the same.
Loops and workflows are always walked through, as they may read more than their config says; inside them each step is
judged by itself, so that one changed step in a loop does not repeat the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from core.engine.attempt import ENDS_RUN, Begin, settle
from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Cause, StepCompleted, StepStarted
from core.engine.journal import StepRecord
from core.engine.part import Part, run_anew
from core.workflow.model import ERROR_PORT, Json, Workflow

if TYPE_CHECKING:
    from core.engine.step_execution import StepExecution

_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=dict)


class Reuse:
    """What is known before the steps of one run begin. earlier: the records of the run that it is based on."""

    def __init__(self, workflow: Workflow, part: Part, earlier: Iterable[StepRecord] = ()) -> None:
        self._given = {} if part.only else part.given
        self._anew = run_anew(workflow, part.anew or part.end)
        self._asked = part.anew or part.end
        newest: dict[str, StepRecord] = {}
        for record in earlier:
            newest[record.path] = record
        self._earlier = {path: record for path, record in newest.items() if _holds(record)}

    async def take_up(self, execution: StepExecution) -> tuple[str, ...] | Begin:
        """The live ports of a step that need not run, or why it runs."""
        scope, step = execution.scope, execution.plan.step
        given = self._given.get(step.id) if not scope.caller else None
        if given is not None:
            ports = given.ports if given.ports is not None else _main_ports(execution)
            return _adopt(execution, given.why, {}, given.output, ports, given.variables)
        anew = (scope.caller or step.id) in self._anew
        known = self._earlier.get(execution.path)
        if known is None:
            return Begin(1, "forced" if step.id == self._asked and not scope.caller else "first")
        if known.definition != execution.plan.definition:
            return Begin(1, "definition_changed")
        inputs = await _inputs(execution)
        if inputs is None or _ENCODER.encode(inputs) != _ENCODER.encode(known.inputs):
            return Begin(1, "input_changed")
        if anew:
            return Begin(1, "forced")
        if execution.plan.is_container:
            return Begin(1, "resumed")
        return _adopt(
            execution, "reused", known.inputs, known.output or {}, known.ports, known.variables, known.request
        )  # fmt: skip


def _holds(record: StepRecord) -> bool:
    """Whether a record may be used again: a failure that was handled is tried again, and an end of the run ends it."""
    return record.status == "completed" and record.error is None and ENDS_RUN not in record.ports


async def _inputs(execution: StepExecution) -> Mapping[str, Json] | None:
    """The config with its templates filled in, None if that does not work: the attempt will say why."""
    plan = execution.plan
    try:
        return execution.scope.run.masked(await execution.inputs() if plan.templated else plan.fixed)
    except StepError:
        return None


def _main_ports(execution: StepExecution) -> tuple[str, ...]:
    return tuple(port for port in execution.plan.ports if port != ERROR_PORT)


def _adopt(
    execution: StepExecution,
    cause: Cause,
    inputs: Mapping[str, Json],
    output: Mapping[str, Json],
    ports: tuple[str, ...],
    variables: Mapping[str, Json],
    request: Mapping[str, Json] | None = None,
) -> tuple[str, ...]:
    """Record that a step has this output without having run: it spent nothing and took no time."""
    scope, plan, path = execution.scope, execution.plan, execution.path
    run, step, now = scope.run, plan.step, scope.run.clock.now()
    scope.replayed = False
    if scope.prefix:
        run.attempts[path] = 1
    known = {port for port in ports if port in plan.ports}
    live = tuple(port for port in plan.ports if port in known)
    settle(scope, plan, output, variables)
    run.emit(
        StepStarted(run.run_id, now, path, step.id, 1, step.type, step.title, cause, plan.definition, inputs)
    )  # fmt: skip
    run.emit(
        StepCompleted(run.run_id, now, path, step.id, 1, output, live, variables, request, NO_USAGE, 0.0)
    )  # fmt: skip
    return live
