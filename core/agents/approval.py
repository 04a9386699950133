"""Who decides about a call: nobody, a person, or a rule that forbids it.

It is assumed that foreign text does get a model to do what it says. So nothing that such text can cause has a lasting
effect, or carries something away, without a person who sees the whole call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.agents.functions import FunctionFacts
from core.store.conversation_records import FunctionCall, StoredMessage


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a call. reason: for the person. warnings: what makes it risky now, as sentences."""

    verdict: Literal["run", "ask", "refuse"]
    reason: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """What the decision looks at. private: something private is before the model. granted: functions that a person
    allowed for the rest of the conversation, before or after it was tainted.
    """

    tainted: bool = False
    private: bool = False
    granted: frozenset[str] = frozenset()


def decide(facts: FunctionFacts, about: About) -> Decision:
    """Whether a call is made, asked for, or refused."""
    warnings = _warnings(facts, about)
    if facts.policy == "never":
        return Decision("refuse", "The agent's settings forbid this function.", warnings)
    if facts.name in about.granted:
        return Decision("run", "A person allowed it for this conversation.")
    if facts.policy == "ask":
        return Decision("ask", _why_asked(facts), warnings)
    if about.tainted and (facts.effect == "writes" or facts.outward):
        return Decision("ask", "The agent may not make this call by itself now.", warnings)
    return Decision("run")


def _why_asked(facts: FunctionFacts) -> str:
    what = {"writes": "it changes something outside", "spends": "it costs money"}.get(facts.effect)
    return f"The function asks before each call: {what}." if what else "The function asks before each call."


def _warnings(facts: FunctionFacts, about: About) -> tuple[str, ...]:
    found = []
    if about.tainted and facts.effect == "writes":
        found.append("The agent has read text from outside, which may have caused this call that changes something.")
    if about.tainted and facts.outward:
        found.append("The agent has read text from outside, and this call can carry data to a place of its choice.")
    if about.tainted and about.private and facts.outward:
        found.append("Something private is before the agent too: look closely at every argument.")
    return tuple(found)


def granted_in(path: Iterable[StoredMessage], *, tainted: bool) -> frozenset[str]:
    """Functions that a person allowed for the rest of this conversation.

    What was allowed before foreign text was read does not hold after it.
    """
    names = set()
    for message in path:
        for call in message.calls:
            if call.state.get(GRANT) and (not tainted or call.state.get(GRANTED_TAINTED)):
                names.add(call.name)
    return frozenset(names)


GRANT = "allowed_for_conversation"
GRANTED_TAINTED = "allowed_when_tainted"


def is_tainted(path: Sequence[StoredMessage]) -> bool:
    """Whether anything on the way to here came from outside."""
    return any(message.tainted or _foreign(message.calls) for message in path)


def _foreign(calls: Iterable[FunctionCall]) -> bool:
    return any(call.tainted for call in calls)
