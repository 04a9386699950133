"""What a turn has used of what its agent may use; read from the conversation, so that it outlives the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.agents.agent import Limits
from core.engine.events import NO_USAGE, Usage
from core.store.conversation_records import StoredMessage


@dataclass(frozen=True, slots=True)
class Spent:
    """What a turn has used. steps: requests to a model. seconds: of work, pauses left out. calls: function calls."""

    steps: int = 0
    calls: int = 0
    usage: Usage = NO_USAGE
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit was reached. in_words: whether one last request, without functions, may still end the turn in words."""

    reason: str
    in_words: bool


def turn_of(path: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
    """The messages of the turn that is going on: from the newest of the person on."""
    for index in range(len(path) - 1, -1, -1):
        if path[index].role == "user":
            return path[index:]
    return path


def spent_in(turn: Iterable[StoredMessage]) -> Spent:
    """What the messages and calls of a turn have used."""
    steps = calls = 0
    usage, seconds = NO_USAGE, 0.0
    for message in turn:
        usage = usage + message.usage
        seconds += message.duration_s
        steps += message.role == "assistant" and bool(message.body)
        for call in message.calls:
            calls += call.status not in ("waiting", "denied")
            usage = usage + call.usage
            seconds += call.worked_s
    return Spent(steps, calls, usage, seconds)


def used_up(limits: Limits, usage: Usage) -> str:
    """The limit of a turn on what models take that is reached, such as `0.5 USD`; '' for none."""
    if limits.usd is not None and usage.cost_usd >= limits.usd:
        return f"{limits.usd:g} USD"
    if limits.tokens is not None and usage.tokens >= limits.tokens:
        return f"{limits.tokens} tokens"
    return ""


def exceeded(limits: Limits, spent: Spent, *, stuck: bool = False) -> Exceeded | None:
    """The limit that keeps the next request from being made as usual, if any."""
    if spent.seconds >= limits.seconds:
        return Exceeded(f"The turn reached its limit of {limits.seconds:g} s.", in_words=False)
    if reached := used_up(limits, spent.usage):
        return Exceeded(f"The turn reached its limit of {reached}.", in_words=False)
    if spent.steps >= limits.steps:
        return Exceeded(f"The turn reached its limit of {limits.steps} requests to a model.", in_words=False)
    if spent.steps + 1 >= limits.steps:
        return Exceeded(f"The turn reached its limit of {limits.steps} requests to a model.", in_words=True)
    if spent.calls >= limits.calls:
        return Exceeded(f"The turn reached its limit of {limits.calls} function calls.", in_words=True)
    if stuck:
        return Exceeded("The agent kept making the same call.", in_words=True)
    return None


def exceeded_today(limits: Limits, today: Usage) -> Exceeded | None:
    """The limit per day that is used up, if any."""
    if limits.usd_per_day is not None and today.cost_usd >= limits.usd_per_day:
        return Exceeded(
            f"The agent has spent {today.cost_usd:.4f} USD today and may spend {limits.usd_per_day:g}. "
            "Raise the limit, or go on tomorrow.",
            in_words=False,
        )
    if limits.tokens_per_day is not None and today.tokens >= limits.tokens_per_day:
        return Exceeded(
            f"The agent has used {today.tokens} tokens today and may use {limits.tokens_per_day}. "
            "Raise the limit, or go on tomorrow.",
            in_words=False,
        )
    return None


def has_daily_limit(limits: Limits) -> bool:
    """Whether what the agent has used today matters."""
    return limits.usd_per_day is not None or limits.tokens_per_day is not None
