"""Trying one function of an agent by hand: what it is, and what it gives, without a conversation around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import uuid4

from core.agents.agent import Agent, Function
from core.agents.arguments import checked_arguments
from core.agents.errors import CallWaits, FunctionError
from core.agents.function_set import Unavailable
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts
from core.agents.kit import Kit
from core.agents.workflow_runs import RunFailed, RunMaker, Wanted, carry_through
from core.engine.clock import Deadline
from core.engine.errors import EngineError, StepError
from core.engine.events import NO_USAGE, Event, StepStarted, Usage
from core.store.conversation_records import FunctionCall
from core.workflow.model import Json, Workflow

ProgressText: TypeAlias = Callable[[str], None]
"""Hears what a call under way says of itself."""

TRIAL_LABEL = "trial"
"""Label of the runs that trials make: the function's name."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a try gave. problem: why it failed, '' if it did not. waits: what a person is asked, if it waits for one.

    seconds: how long it took. run_id: of the run that it made, '' for none. hands_to: the agent that would answer.
    """

    value: Json = None
    problem: str = ""
    waits: str = ""
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    run_id: str = ""
    hands_to: str = ""


async def facts_of(kit: Kit, agent: Agent, function: Function) -> FunctionFacts:
    """What is known of a function as it is set up, `trouble` included; may start an MCP server."""
    return (await _callable(kit, agent, function)).facts


async def try_function(
    kit: Kit, runs: RunMaker, agent: Agent, function: Function, arguments: Mapping[str, Json], progress: ProgressText
) -> Trial:
    """Call a function as the agent would, whatever its policy: pressing the button is the person's leave.

    What fails is told in the Trial. Cancelling it cancels the call, and the run that it made.
    """
    made = await _callable(kit, agent, function)
    call = FunctionCall(kit.new_id(), "trial", function.name, arguments=dict(arguments))
    surroundings = _Alone(runs, kit.new_id, agent.name, progress)
    began = kit.clock.monotonic()

    def ended(trial: Trial) -> Trial:
        return replace(trial, seconds=kit.clock.monotonic() - began, run_id=surroundings.run_id)

    try:
        result = await _called(kit, made, call, agent, surroundings, progress)
    except CallWaits as wait:
        return ended(Trial(waits=wait.message))
    except RunFailed as error:
        return ended(Trial(problem=error.message, usage=error.usage))
    except (FunctionError, StepError) as error:
        return ended(Trial(problem=error.message))
    except EngineError as error:
        return ended(Trial(problem=str(error)))
    except Exception as error:  # noqa: BLE001 - functions come from anyone
        return ended(Trial(problem=f"{type(error).__name__}: {error}"))
    return ended(Trial(result.value, usage=result.usage, hands_to=result.handoff.agent if result.handoff else ""))


async def _called(
    kit: Kit, made: CallableFunction, call: FunctionCall, agent: Agent, surroundings: _Alone, progress: ProgressText
) -> CallResult:
    if made.facts.trouble:
        raise FunctionError(made.facts.trouble, kind="unavailable")
    given = checked_arguments(call, made.facts)
    context = CallContext(
        call, agent, None, uuid4(), surroundings, kit.clock, lambda text, _done, _total: progress(text)
    )
    deadline = Deadline(kit.clock, made.facts.timeout)
    try:
        async with deadline:
            return await made.call(given, context)
    except TimeoutError:
        if not deadline.expired:
            raise
        raise FunctionError(f"It took longer than its {made.facts.timeout:g} s.", kind="timeout") from None


async def _callable(kit: Kit, agent: Agent, function: Function) -> CallableFunction:
    alone = replace(agent, functions=(replace(function, enabled=True),), servers=())
    found = await kit.functions.functions_of(alone, 0)
    return found[0] if found else Unavailable(function, "It cannot be called.")


class _Alone:
    """The Surroundings of one call: variables of its own, forgotten afterwards."""

    def __init__(self, runs: RunMaker, new_id: Callable[[], str], agent: str, progress: ProgressText) -> None:
        self.variables: Mapping[str, Json] = {}
        self.run_id = ""
        self._runs, self._new_id, self._agent, self._progress = runs, new_id, agent, progress

    @property
    def remembers_calls(self) -> bool:
        """No."""
        return False

    async def set_variables(self, changes: Mapping[str, Json]) -> None:
        """Change some, for the rest of the call."""
        self.variables = {**self.variables, **changes}

    def equip(self, kit: Kit) -> Kit:
        """The kit as it is."""
        return kit

    async def may_ask(self) -> None:
        """The agent's own limits say when not."""

    def new_run_id(self, facts: FunctionFacts) -> str:
        """A new id for a workflow's run."""
        return self._new_id() if facts.kind == "workflow" else ""

    async def call(self, function: CallableFunction, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Make the call."""
        return await function.call(arguments, context)

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, context: CallContext
    ) -> CallResult:
        """Run it; what it sets is seen by what follows in this call."""
        run_id = self._new_id()
        self.run_id = self.run_id or run_id
        labels = {TRIAL_LABEL: context.call.name, "agent": self._agent}
        wanted = Wanted(run_id, workflow, inputs, origin, labels, self.variables)
        ran = await carry_through(wanted, self._runs, self._listen)
        await self.set_variables(ran.changes)
        return CallResult(dict(ran.outputs), usage=ran.usage)

    async def abandon(self, context: CallContext) -> None:
        """Cancel a run that was left waiting."""
        if self.run_id:
            with suppress(EngineError):
                await self._runs.journal.cancel(self.run_id)

    def _listen(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self._progress(event.title or event.step_id)
