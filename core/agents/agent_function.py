"""Other agents as functions: one is given a task and a budget, works in a conversation of its own, and reports back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from core.agents.agent import Function
from core.agents.approval import is_tainted
from core.agents.chat_events import CallNeedsApproval, CallStarted, ChatEvent, TextDelta, TurnEnded, TurnWaiting
from core.agents.errors import CallWaits, FunctionError
from core.agents.functions import CallContext, CallResult, FunctionFacts, effective_policy
from core.agents.kit import Kit, restricted
from core.agents.turn import Turn, TurnSettings
from core.agents.workflow_runs import RunFailed
from core.store.conversation_records import ConversationSource, StoredMessage
from core.store.errors import AgentNotFound
from core.workflow.model import Json

DEEPEST: Final = 3
"""How many agents may stand around each other."""

PARENT_CALL: Final = "parent_call"
"""Label of a conversation that belongs to a call: the call's id."""

_PARAMETERS: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "task": {
            "type": "string",
            "minLength": 1,
            "description": "What the other agent is to do, with all it has to know: it does not see this conversation.",
        }
    },
    "required": ["task"],
    "additionalProperties": False,
}


class AgentFunction:
    """Delegates a task. Goes on where it was if it is called again for the same call."""

    def __init__(
        self, facts: FunctionFacts, function: Function, kit: Callable[[], Kit], source: ConversationSource
    ) -> None:
        self.facts = facts
        self._function = function
        self._kit = kit
        self._source = source

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """The other agent's answer. Raises FunctionError, or CallWaits if the other one waits."""
        kit = self._kit()
        try:
            known = await kit.agents.named(self._function.target)
        except AgentNotFound as error:
            raise FunctionError(str(error), kind="not_found") from None
        known = restricted(known, context.agent.hosts)
        conversation = await self._source.create(
            agent_id=known.id,
            title=f"For {context.agent.name}",
            key=f"call:{context.conversation_id}:{context.call.id}",
            labels={PARENT_CALL: context.call.id},
        )
        log = await self._source.write(conversation.id)
        try:
            path = await log.path()
            if not path:
                task = self._task(arguments)
                body = {"role": "user", "content": task}
                await log.add(StoredMessage(0, None, "user", task, body, tainted=context.tainted))
            settings = TurnSettings(
                usd=self._function.usd, depth=context.depth + 1, tainted=context.tainted, share=context.share
            )
            emit = _relay(known.agent.name, context)
            turn = Turn(kit, self._source, log, known, context.surroundings, emit, settings)
            outcome = await turn.run(resumed=bool(path))
            tainted = is_tainted(await log.path())
        finally:
            await log.close()
        if isinstance(outcome, TurnWaiting):
            waiting = "; ".join(pending.message for pending in outcome.pending)
            raise CallWaits(f"{known.agent.name} waits: {waiting}", state={"conversation": str(conversation.id)})
        return self._result(outcome, tainted=tainted)

    def _task(self, arguments: Mapping[str, Json]) -> str:
        task = arguments.get("task")
        if isinstance(task, str):
            return task
        return "\n".join(f"{name}: {value}" for name, value in arguments.items())

    def _result(self, outcome: TurnEnded, *, tainted: bool) -> CallResult:
        if outcome.status != "completed":
            reason = outcome.reason or f"It ended as {outcome.status}."
            raise RunFailed(reason, kind=outcome.status, usage=outcome.usage)
        value = outcome.value if outcome.value is not None else outcome.text
        return CallResult(value, usage=outcome.usage, tainted=tainted)


def agent_function(function: Function, kit: Callable[[], Kit], source: ConversationSource, depth: int) -> AgentFunction:
    """The function. depth: how many agents stand around the one that has it."""
    trouble = ""
    if depth + 1 > DEEPEST:
        trouble = f"Agents may stand {DEEPEST} deep; {function.target} would be one more."
    facts = FunctionFacts(
        name=function.name,
        description=function.description or f"Gives a task to {function.target}.",
        kind="agent",
        source=function.target,
        parameters=function.parameters if function.parameters is not None else _PARAMETERS,
        effect="spends",
        policy=effective_policy(function.policy, "spends"),
        parallel=function.parallel,
        resumable=True,
        timeout=function.timeout_s,
        trouble=trouble,
    )
    return AgentFunction(facts, function, kit, source)


def _relay(name: str, context: CallContext) -> Callable[[ChatEvent], None]:
    """Shows what the other agent does as the progress of the call."""
    said: list[str] = []

    def emit(event: ChatEvent) -> None:
        match event:
            case TextDelta():
                said.append(event.text)
                context.progress(f"{name}: {''.join(said)[-200:]}", None, None)
            case CallStarted():
                said.clear()
                context.progress(f"{name} calls {event.call.name}", None, None)
            case CallNeedsApproval():
                context.progress(f"{name} waits: {event.pending.message}", None, None)
            case _:
                pass

    return emit
