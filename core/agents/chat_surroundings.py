"""An agent in a chat: its variables are the conversation's, and the workflows it calls are runs of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts
from core.agents.kit import Kit
from core.agents.pending import ANSWER, KEPT
from core.agents.workflow_runs import RunMaker, Wanted, carry_through
from core.engine.errors import EngineError
from core.engine.events import Event, StepCompleted, StepStarted
from core.store.conversation_records import ConversationLog
from core.workflow.model import Json, Workflow

CONVERSATION_LABEL, CALL_LABEL, AGENT_LABEL = "conversation", "call", "agent"
"""Labels of the runs that conversations make."""


class ChatSurroundings:
    """The Surroundings of a conversation, shared by the agents that work for the one that speaks."""

    def __init__(self, log: ConversationLog, runs: RunMaker, new_run_id: Callable[[], str]) -> None:
        self._log = log
        self._runs = runs
        self._new_run_id = new_run_id

    @property
    def variables(self) -> Mapping[str, Json]:
        """The conversation's variables."""
        return self._log.conversation.variables

    async def set_variables(self, changes: Mapping[str, Json]) -> None:
        """Change some of the conversation's variables."""
        if changes:
            await self._log.set_variables({**self.variables, **changes})

    @property
    def remembers_calls(self) -> bool:
        """No: that is up to the functions."""
        return False

    def equip(self, kit: Kit) -> Kit:
        """The kit as it is."""
        return kit

    async def may_ask(self) -> None:
        """The agent's own limits say when not."""

    def new_run_id(self, facts: FunctionFacts) -> str:
        """A new id for a workflow's run."""
        return self._new_run_id() if facts.kind == "workflow" else ""

    async def call(self, function: CallableFunction, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Make the call."""
        return await function.call(arguments, context)

    async def run_workflow(
        self, workflow: Workflow, inputs: Mapping[str, Json], origin: str, context: CallContext
    ) -> CallResult:
        """Run the workflow under the id that the call's record holds."""
        call = context.call
        labels = {
            CONVERSATION_LABEL: str(context.conversation_id),
            CALL_LABEL: call.id,
            AGENT_LABEL: context.agent.name,
        }
        wanted = Wanted(call.run_id, workflow, inputs, origin, labels, self.variables)
        ran = await carry_through(wanted, self._runs, _listener(context), answer_of(call.state))
        await self.set_variables(ran.changes)
        return CallResult(dict(ran.outputs), usage=ran.usage)

    async def abandon(self, context: CallContext) -> None:
        """Cancel the run that a call has left waiting."""
        if context.call.run_id:
            with suppress(EngineError):
                await self._runs.journal.cancel(context.call.run_id)


def answer_of(state: Mapping[str, Json]) -> tuple[str, Mapping[str, Json]] | None:
    """Path and answer of the question of a run, out of the state of the call that waited for it."""
    kept, answer = state.get(KEPT), state.get(ANSWER)
    if isinstance(kept, dict) and isinstance(answer, dict) and isinstance(kept.get("path"), str):
        return str(kept["path"]), answer
    return None


def _listener(context: CallContext) -> Callable[[Event], None]:
    """Tells which step of the run is under way."""
    done = 0

    def listen(event: Event) -> None:
        nonlocal done
        if isinstance(event, StepStarted):
            context.progress(event.title or event.step_id, float(done), None)
        elif isinstance(event, StepCompleted):
            done += 1

    return listen
