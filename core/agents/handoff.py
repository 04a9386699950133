"""Handing a conversation over to another agent: a function that changes who answers from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from core.agents.errors import FunctionError
from core.agents.functions import CallContext, CallResult, FunctionFacts, Handoff
from core.agents.kit import AgentSource, KnownAgent, restricted
from core.store.conversation_records import FunctionCall, StoredMessage
from core.store.errors import AgentNotFound
from core.workflow.model import Json

MOST_HANDOFFS: Final = 3
"""How often a conversation may change hands within one turn."""

STATE: Final = "handed_to"
"""Key in the state of a call that handed over: `agent` and `reason`."""

_PARAMETERS: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "description": "Why the other one should go on."},
        "brief": {"type": "string", "description": "What the other one has to know."},
    },
    "required": ["reason", "brief"],
    "additionalProperties": False,
}


class HandoffFunction:
    """Makes another agent answer from now on."""

    def __init__(self, facts: FunctionFacts, target: str, agents: AgentSource) -> None:
        self.facts = facts
        self._target = target
        self._agents = agents

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Hand over. Raises FunctionError if there is no such agent."""
        try:
            await self._agents.named(self._target)
        except AgentNotFound as error:
            raise FunctionError(str(error), kind="not_found") from None
        handoff = Handoff(self._target, str(arguments["reason"]), str(arguments["brief"]))
        return CallResult({"handed_over_to": self._target, "brief": handoff.brief}, handoff=handoff)


def handoff_facts(name: str, target: str, description: str, policy: str) -> FunctionFacts:
    """What is known of such a function. It changes who speaks and nothing else, so unset policies let it be made."""
    return FunctionFacts(
        name,
        description or f"Hands the conversation over to {target}.",
        kind="agent",
        source=target,
        parameters=_PARAMETERS,
        policy="ask" if policy == "ask" else "never" if policy == "never" else "auto",
        resumable=True,
        hands_over=True,
    )


def handed_over(call: FunctionCall) -> Handoff | None:
    """To whom a settled call handed over, if it did."""
    to = call.state.get(STATE)
    if call.status != "completed" or not isinstance(to, dict):
        return None
    return Handoff(str(to.get("agent")), str(to.get("reason") or ""))


def handoffs_in(messages: Iterable[StoredMessage]) -> int:
    """How often these messages handed over."""
    return sum(1 for message in messages for call in message.calls if handed_over(call) is not None)


async def active_agent(path: Sequence[StoredMessage], first: KnownAgent, agents: AgentSource) -> KnownAgent:
    """Who answers: the agent that was handed the conversation last, else the first; also if that one is gone."""
    for message in reversed(path):
        for call in reversed(message.calls):
            to = handed_over(call)
            if to is not None:
                try:
                    if to.agent == first.agent.name:
                        return first
                    return restricted(await agents.named(to.agent), first.agent.hosts)
                except AgentNotFound:
                    return first
    return first
