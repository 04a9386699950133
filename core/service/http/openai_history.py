"""From the messages that a client of OpenAI's API sends each time anew to a conversation that is kept.

A client sends the whole conversation with every request. The one that was answered last time, with the answer at its
end, is gone on with; for one that is not known here (another process answered it, or the client changed something), a
new conversation is begun with what was said.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

from core.service.http.errors import ApiError
from core.service.http.openai_models import WireMessage
from core.service.http.parts import ServiceParts
from core.store.conversation_records import Conversation, StoredMessage
from core.workflow.model import Json

CLIENT_LABEL: Final = "openai"
"""The label of conversations that came this way; its value is the id of the token."""

_REMEMBERED: Final = 10_000

_RESULT: Final = "[A function that the client carried out gave this.]"

_SYSTEM: Final = "The program that you are used through says:\n{said}\n\n"


class Histories:
    """Which conversation stands for which messages. known: as long as this process lives."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, UUID] = OrderedDict()

    async def conversation(
        self, parts: ServiceParts, model: str, agent_id: UUID | None, messages: Sequence[WireMessage], caller: str
    ) -> tuple[UUID, str]:
        """The conversation to which the last message is to be said, and its text. agent_id: None for a workflow."""
        *before, last = messages
        if last.role != "user":
            text = "The last message must be of the role `user`: it is what is answered."
            raise ApiError(400, "messages", text, param="messages")
        said = _with_system(before, last.text) if all(m.role != "user" for m in before) else last.text
        known = self._known.pop(_digest(model, before, caller), None)
        if known is not None and parts.chat.running(known) is None:
            return known, said
        return (await _begun(parts, model, agent_id, before, caller)).id, said

    def remember(
        self, model: str, messages: Sequence[WireMessage], answer: str, caller: str, conversation: UUID
    ) -> None:
        """Note which conversation stands for these messages with that answer."""
        told = [*messages, WireMessage(role="assistant", content=answer)]
        self._known[_digest(model, told, caller)] = conversation
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


async def _begun(
    parts: ServiceParts, model: str, agent_id: UUID | None, before: Sequence[WireMessage], caller: str
) -> Conversation:
    """A new conversation in which what was said before stands already."""
    made = await parts.conversations.create(
        agent_id=agent_id, workflow=model.partition("/")[2] if agent_id is None else "", key=f"openai/{uuid4()}",
        labels={CLIENT_LABEL: caller},
    )  # fmt: skip
    if past := _past(before):
        log = await parts.conversations.write(made.id)
        try:
            first = next((message for message in past if message.role == "user"), None)
            for message in past:
                await log.add(await _stored(parts, message, before if message is first else ()))
        finally:
            await log.close()
    return made


def _past(before: Sequence[WireMessage]) -> list[WireMessage]:
    """What was said, in turns: what a function of the client gave belongs to the answer that it was called for."""
    past: list[WireMessage] = []
    for message in before:
        if message.role == "user" and (message.text or message.sources):
            past.append(message)
        elif message.role in ("assistant", "tool") and message.text:
            text = message.text if message.role == "assistant" else f"{_RESULT}\n{message.text}"
            if past and past[-1].role == "assistant":
                text = f"{past.pop().text}\n\n{text}"
            past.append(WireMessage(role="assistant", content=text))
    return past


async def _stored(parts: ServiceParts, message: WireMessage, before: Sequence[WireMessage]) -> StoredMessage:
    if message.role == "assistant":
        text = message.text
        body = {"role": "assistant", "content": text}
        return StoredMessage(0, None, "assistant", text, body, tainted=_RESULT in text)
    return await parts.chat.user_message(_with_system(before, message.text), message.attachments())


def _with_system(before: Sequence[WireMessage], text: str) -> str:
    """What is said first, after what the client's system message says: an agent keeps the instructions it has."""
    said = "\n".join(m.text for m in before if m.role in ("system", "developer") and m.text.strip())
    return f"{_SYSTEM.format(said=said)}{text}" if said else text


def _digest(model: str, messages: Sequence[WireMessage], caller: str) -> str:
    told: list[Json] = [model, caller]
    told += [[m.role, m.text, *m.sources] for m in messages if m.role != "tool"]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
