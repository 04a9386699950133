"""An agent as a step of a run: it shares the run's variables, and its calls are steps of the run with records of their
own. The journal then knows what was done, whatever becomes of the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from core.agents.chat_events import Pending
from core.agents.errors import CallWaits, ChatError, FunctionError
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts, Handoff
from core.agents.kit import Kit, ModelFacts
from core.agents.made_files import keep
from core.agents.pending import conversation_inside
from core.agents.step_questions import StepQuestions
from core.agents.workflow_runs import RunFailed
from core.engine.cheaper_models import CheaperModels
from core.engine.child import Child
from core.engine.errors import StepError, Suspend, Suspended
from core.engine.events import NO_USAGE
from core.engine.step_type import Effect, StepContext
from core.workflow.model import Json, Workflow

CHILD_TYPE: Final = "function"
"""The step type under which records show function calls."""

INSIDE: Final = "inside_run"
"""Marks the wait of a call whose own step in the run waits."""


class StepSurroundings:
    """The Surroundings of an agent that works inside a step. questions: knows the calls by their names as steps."""

    def __init__(self, context: StepContext, questions: StepQuestions) -> None:
        self._context = context
        self._questions = questions

    @property
    def variables(self) -> Mapping[str, Json]:
        """The run's variables, as they are around this step."""
        found = self._context.evaluate("{{ vars }}")
        return found if isinstance(found, dict) else {}

    async def set_variables(self, changes: Mapping[str, Json]) -> None:
        """Set some of the run's variables; visible as soon as this step completes."""
        for name, value in changes.items():
            self._context.set_variable(name, value)

    @property
    def remembers_calls(self) -> bool:
        """Yes: the journal does, and asks a person where it cannot know."""
        return True

    def equip(self, kit: Kit) -> Kit:
        """With the cheaper model that a person chose for the rest of this run, if one did; its limits are `may_ask`."""
        kit = replace(kit, day_is_over=None)
        models = self._context.services.models
        if not isinstance(models, CheaperModels):
            return kit
        cheaper = models

        async def look_up(model: str) -> ModelFacts:
            return await kit.look_up(cheaper.asked(model))

        return replace(kit, models=cheaper, look_up=look_up)

    async def may_ask(self) -> None:
        """As long as the run's limits on spending allow. Raises Suspend or StepError."""
        await self._context.may_spend()

    def new_run_id(self, facts: FunctionFacts) -> str:
        """None: workflows run inside this run."""
        return ""

    async def call(self, function: CallableFunction, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Make the call as a step below this one."""
        facts = function.facts
        step_id, number = await self._questions.names_of(context)

        async def work(inner: StepContext) -> dict[str, Json]:
            return await self._work(function, arguments, context, inner)

        child = Child(
            id=step_id,
            type=CHILD_TYPE,
            title=facts.name,
            inputs=dict(arguments),
            effect=_effect(facts),
            number=number,
            work=work,
            repeatable=facts.resumable,
        )
        try:
            output = await self._context.run_child(child)
        except Suspended:
            raise CallWaits(f"{facts.name} waits inside the run.", kind="later", state={INSIDE: True}) from None
        return _result(output)

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, context: CallContext
    ) -> CallResult:
        """Run the workflow inside this run."""
        return CallResult(await self._context.run_workflow(workflow, inputs, origin, shared=True))

    async def abandon(self, context: CallContext) -> None:
        """Nothing: what waits inside a run ends with the step around it."""

    async def _work(
        self,
        function: CallableFunction,
        arguments: Mapping[str, Json],
        context: CallContext,
        inner: StepContext,
    ) -> dict[str, Json]:
        if inner.answer is not None:
            await self._questions.take_answer(inner.answer, inner.state)
        surroundings = StepSurroundings(inner, self._questions)
        try:
            result = await function.call(arguments, context.around(surroundings))
        except CallWaits as wait:
            raise await self._suspension(wait) from None
        except FunctionError as error:
            if isinstance(error, RunFailed):
                inner.spend(error.usage)
            raise StepError(error.message, kind=error.kind, detail={"hint": error.hint}) from None
        except ChatError as error:
            raise StepError(str(error), kind=error.code) from None
        if result.usage is not NO_USAGE:
            inner.spend(result.usage)
        tainted = function.facts.untrusted if result.tainted is None else result.tainted
        output: dict[str, Json] = {"result": result.value, "from_outside": tainted}
        if result.files and inner.services.blobs is not None:
            output["files"] = list(await keep(result.files, inner.services.blobs))
        if result.handoff is not None:
            output["handoff"] = {
                "agent": result.handoff.agent,
                "reason": result.handoff.reason,
                "brief": result.handoff.brief,
            }
        return output

    async def _suspension(self, wait: CallWaits) -> Suspend | Suspended:
        """How a step waits for what another agent inside it waits for."""
        inside = wait.state.get("conversation")
        if isinstance(inside, str):
            return await self._questions.suspension_in(inside)
        return Suspended() if wait.state.get(INSIDE) else Suspend(until=wait.until)


def is_inside(pending: Pending) -> bool:
    """Whether what is waited for has a step of the run of its own that says so."""
    return pending.call is not None and (pending.kind == "later" or bool(conversation_inside(pending.call)))


def _effect(facts: FunctionFacts) -> Effect:
    """Of a call as a step: what holds steps of its own is asked about where these are."""
    return "spends" if facts.resumable and facts.effect == "writes" else facts.effect


def _result(output: Mapping[str, Json]) -> CallResult:
    """The result out of a step's output, which may be what a person said of an interrupted one."""
    to = output.get("handoff")
    handoff = None
    if isinstance(to, dict):
        handoff = Handoff(str(to.get("agent")), str(to.get("reason") or ""), str(to.get("brief") or ""))
    value = output.get("result", dict(output) or "A person looked: it was done.")
    return CallResult(value, tainted=bool(output.get("from_outside", True)), handoff=handoff)
