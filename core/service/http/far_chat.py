"""An answer that another process makes, or has made: told from what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from uuid import UUID

from core.agents.chat_events import (
    CANCELLED,
    CallFinished,
    ChatEvent,
    MessageSaved,
    TurnEnded,
    TurnStatus,
    TurnWaiting,
)
from core.agents.limits import spent_in, turn_of
from core.service.http.parts import ServiceParts
from core.service.http.responses import event_text
from core.service.http.values import chat_json
from core.store.conversation_records import StoredMessage

_MOST = 500
"""Messages of a turn that are told."""


async def kept_events(parts: ServiceParts, conversation_id: UUID) -> AsyncGenerator[bytes, None]:
    """The last turn of a conversation from its beginning: each message once it is whole, each call once it is settled,
    and how the turn ended. Pieces of messages are told only by the process that makes them."""
    told: set[str] = set()
    while True:
        goes_on = await parts.conversations.busy(conversation_id)
        turn = turn_of((await parts.conversations.page(conversation_id, count=_MOST)).messages)
        for name, event in _so_far(conversation_id, turn, parts.clock.now()):
            if name not in told:
                told.add(name)
                data = chat_json(event)
                yield event_text(data, event=str(data["event"]), event_id=name)
        if not goes_on:
            break
        await asyncio.sleep(parts.limits.poll_s)
    data = chat_json(await _end(parts, conversation_id, turn))
    yield event_text(data, event=str(data["event"]), event_id="end")


def _so_far(conversation_id: UUID, turn: Sequence[StoredMessage], now: datetime) -> Sequence[tuple[str, ChatEvent]]:
    """What is known to have happened, each with a name of its own."""
    found: list[tuple[str, ChatEvent]] = []
    for message in turn:
        found.append((f"m{message.id}", MessageSaved(conversation_id, message.created or now, message)))
        found += [
            (f"c{call.id}", CallFinished(conversation_id, call.ended or now, call))
            for call in message.calls
            if call.settled
        ]
    return found


async def _end(parts: ServiceParts, conversation_id: UUID, turn: Sequence[StoredMessage]) -> TurnEnded | TurnWaiting:
    spent, now = spent_in(turn), parts.clock.now()
    if pending := await parts.chat.pending(conversation_id):
        return TurnWaiting(conversation_id, now, pending, spent.usage, spent.seconds)
    last = turn[-1] if turn else None
    if last is None or last.role != "assistant" or last.calls:
        reason = "It was broken off before there was an answer."
        return TurnEnded(conversation_id, now, "cancelled", reason=reason, usage=spent.usage, duration_s=spent.seconds)
    return TurnEnded(
        conversation_id, now, _status(last), last.text, reason=last.reason, usage=spent.usage, duration_s=spent.seconds
    )


def _status(answer: StoredMessage) -> TurnStatus:
    match answer.status:
        case "complete":
            return "completed"
        case "failed":
            return "failed"
        case "partial":
            return "cancelled" if answer.reason == CANCELLED else "limited"
