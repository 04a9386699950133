"""An agent that repeats itself: the same function with the same arguments, though it has seen what comes of it.

The thresholds are those of OpenRouter's agent toolkit: a hint at the second time, no call at the third, the end of
calls at the fourth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

from core.agents.arguments import canonical
from core.store.conversation_records import FunctionCall, StoredMessage

Verdict: TypeAlias = Literal["fine", "steer", "block", "stop"]

RETRIES: Final = 2
"""How often in a row a function may fail after its first failure before it is no longer offered."""

STEER: Final = "You made this same call before and have its result. Use it, or do something else."
BLOCK: Final = "This same call was made twice already in this turn. It is not made again; answer with what you have."


def verdicts(turn: Sequence[StoredMessage]) -> dict[str, Verdict]:
    """What to do about each call of the turn's last answer, by the call's id. Twins within one answer count once."""
    seen: Counter[str] = Counter()
    found: dict[str, Verdict] = {}
    for message in turn:
        if message.role == "assistant" and message.calls:
            seen.update({canonical(call) for call in message.calls})
            found = {call.id: _verdict(seen[canonical(call)]) for call in message.calls}
    return found


def worn_out(turn: Iterable[StoredMessage]) -> frozenset[str]:
    """Functions that have failed too often in a row in this turn to be offered again."""
    failures: Counter[str] = Counter()
    for message in turn:
        for call in message.calls:
            if call.status == "failed":
                failures[call.name] += 1
            elif call.status == "completed":
                failures[call.name] = 0
    return frozenset(name for name, count in failures.items() if count > RETRIES)


def is_stuck(turn: Sequence[StoredMessage]) -> bool:
    """Whether the last answer repeats itself once too often, so that the turn has to end in words."""
    return "stop" in verdicts(turn).values()


def repeated(call: FunctionCall, verdict: Verdict, text: str) -> str:
    """A result with a hint if the call was a repetition."""
    return f"{text}\n[{STEER}]" if verdict == "steer" and call.settled else text


def _verdict(times: int) -> Verdict:
    return ("fine", "fine", "steer", "block")[times] if times < 4 else "stop"
