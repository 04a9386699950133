"""Talking with agents and workflows over HTTP: events as they happen, or the whole answer."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from core.agents.attachments import Attachment
from core.agents.chat_events import TurnEnded, TurnWaiting
from core.agents.made_files import files_of, made_in
from core.agents.reply import Outcome, Reply
from core.service.http.errors import ApiError
from core.service.http.far_chat import kept_events
from core.service.http.files import ANY_TYPE, BLOB, file_example, file_response, files_json, find_file
from core.service.http.paging import CURSOR, LONGEST_CURSOR, cursor_of, page_response, read_cursor
from core.service.http.parts import ServiceParts
from core.service.http.responses import event_stream, event_text, json_response
from core.service.http.route import EVENTS, Answer, Call, Route
from core.service.http.run_routes import last_event_id
from core.service.http.shapes import (
    AgentList,
    AgentShape,
    ConversationDetail,
    ConversationPage,
    TurnShape,
)
from core.service.http.values import (
    agent_json,
    chat_json,
    conversation_json,
    conversation_place,
    message_json,
    pending_json,
    usage_json,
)
from core.store.conversation_records import Conversation
from core.store.conversations import Found
from core.store.errors import ConversationNotFound
from core.workflow.model import Json

WITH_FILES: Final = 32_000_000
"""Bytes of the largest body that may hold files."""

_ID_EXAMPLE: Final = "0199a1c2-7b1e-7c3d-9f10-5a6b7c8d9e0f"

_TURN: Final[dict[str, Json]] = {
    "conversation_id": _ID_EXAMPLE,
    "status": "completed",
    "text": "Thirty days.",
    "value": None,
    "reason": "",
    "files": [],
    "pending": [],
    "usage": {"tokens_in": 210, "tokens_out": 5, "cost_usd": 0.0001},
    "duration_s": 1.2,
}


class SentFile(BaseModel):
    """A file that goes with a message."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    data: str = Field(description="Its bytes in base64.")
    media_type: str = Field("", max_length=100)


class Say(BaseModel):
    """Something said to an agent or a workflow."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(max_length=1_000_000)
    conversation_id: UUID | None = Field(None, description="The conversation to go on with; else a new one begins.")
    files: list[SentFile] = Field(default_factory=list, max_length=20)
    stream: bool = Field(True, description="Events as they happen; false for the whole answer as JSON.")


class ConversationsQuery(BaseModel):
    """Which conversations."""

    model_config = ConfigDict(extra="forbid")

    search: str = Field("", max_length=200, description="Beginnings of words in the title or a message.")
    own: bool = Field(True, description="Only a person's own; false for those of steps and of /v1 as well.")
    agent: str | None = Field(None, max_length=200, description="Only those with that agent.", examples=["Clerk"])
    workflow: str | None = Field(
        None, max_length=200, description="Only those with that workflow.", examples=["Support triage"]
    )
    limit: int = Field(50, ge=1, le=200, examples=[50])
    cursor: str = Field("", max_length=LONGEST_CURSOR, description=CURSOR)


class MessagesQuery(BaseModel):
    """Which messages."""

    model_config = ConfigDict(extra="forbid")

    start: int | None = Field(None, ge=0, le=2_000_000_000, description="Index of the first; else the last `count`.")
    count: int = Field(100, ge=1, le=500)


class Decide(BaseModel):
    """What a person says to what a conversation waits for."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=200, description="Of what waits, as it was told.")
    allow: bool | None = Field(None, description="Whether a call may be made.")
    for_conversation: bool = Field(False, description="Do not ask for the same function again here.")
    reason: str = Field("", max_length=10_000, description="For the model, if a call is denied.")
    unknown: str | None = Field(
        None, pattern="^(run_again|treat_as_done|fail)$", description="What to do about a call that was interrupted."
    )
    result: str = Field("", max_length=1_000_000, description="With `treat_as_done`: what the call gave.")
    choice: str | None = Field(None, max_length=1000, description="One of the choices of a workflow's question.")
    form: dict[str, Any] | None = Field(None, description="The form of a workflow's question, filled in.")
    stream: bool = Field(True, description="Events as they happen; false for the whole answer as JSON.")


async def list_agents(call: Call) -> Response:
    """All agents."""
    saved = await call.parts.agents.list()
    return json_response({"agents": [agent_json(each.agent, each.version) for each in saved]})


async def get_agent(call: Call) -> Response:
    """One agent."""
    saved = await call.parts.agents.get(call.path("name"))
    return json_response(agent_json(saved.agent, saved.version))


async def chat_with_agent(call: Call) -> Response:
    """Say something to an agent."""
    wish, parts = call.sent(Say), call.parts
    saved = await parts.agents.get(call.path("name"))
    if wish.conversation_id is None:
        conversation = await parts.chat.start(saved.agent.name)
    else:
        conversation = await parts.conversations.get(wish.conversation_id)
        if conversation.agent_id != saved.id:
            raise ApiError(409, "other_agent", "That conversation is not with this agent. Begin another one.")
    return await _said(call, conversation.id, wish)


async def chat_with_workflow(call: Call) -> Response:
    """Say something to a workflow."""
    wish, parts = call.sent(Say), call.parts
    name = (await parts.workflows.get(call.path("name"))).workflow.name
    if wish.conversation_id is None:
        conversation = await parts.chat.start(workflow=name)
    else:
        conversation = await parts.conversations.get(wish.conversation_id)
        if conversation.workflow != name:
            raise ApiError(409, "other_workflow", "That conversation is not with this workflow. Begin another one.")
    return await _said(call, conversation.id, wish)


async def _said(call: Call, conversation_id: UUID, wish: Say) -> Response:
    refuse_too_many(call.parts)
    reply = call.parts.chat.send(conversation_id, wish.message, attachments_of(wish.files))
    return await _answered(call, reply, stream=wish.stream)


def refuse_too_many(parts: ServiceParts) -> None:
    """Raise ApiError if so much is being answered that another answer has to wait."""
    if parts.chat.busy >= parts.limits.chats:
        message = f"{parts.limits.chats} answers are being made already. Try again in a moment."
        raise ApiError(429, "too_many_chats", message, headers={"Retry-After": "2"})


def attachments_of(files: Sequence[SentFile]) -> list[Attachment]:
    """The files as the agents want them. Raises ApiError for what is no base64."""
    try:
        return [Attachment(base64.b64decode(each.data, validate=True), each.name, each.media_type) for each in files]
    except (binascii.Error, ValueError):
        raise ApiError(422, "file", "The `data` of a file must be base64.") from None


async def _answered(call: Call, reply: Reply, *, stream: bool) -> Response:
    if stream:
        return event_stream(reply_events(reply), call)
    return json_response(turn_json(reply, await reply.outcome()), limit=call.parts.limits.answer)


async def reply_events(reply: Reply, after: int = -1) -> AsyncGenerator[bytes, None]:
    """The events of an answer that come after that one; each has its number as its id."""
    number = 0
    async for event in reply:
        if number > after:
            data = chat_json(event)
            yield event_text(data, event=str(data["event"]), event_id=str(number))
        number += 1


def turn_json(reply: Reply, outcome: Outcome) -> dict[str, Json]:
    """How an answer ended."""
    found: dict[str, Json] = {**_TURN, "conversation_id": str(reply.conversation_id), "duration_s": outcome.duration_s}
    found["usage"] = usage_json(outcome.usage)
    found["files"] = reply_files(reply)
    match outcome:
        case TurnEnded():
            found |= {"status": outcome.status, "text": outcome.text, "value": outcome.value, "reason": outcome.reason}
        case TurnWaiting():
            found |= {"status": "waiting", "text": "", "pending": [pending_json(each) for each in outcome.pending]}
    return found


def reply_files(reply: Reply) -> list[Json]:
    """The files that the model, functions or the workflow made for an answer."""
    made = [part for event in reply.events for part in made_in(event)]
    return files_json(conversation_place(reply.conversation_id), made)


async def list_conversations(call: Call) -> Response:
    """The conversations that were used last."""
    wish = call.asked(ConversationsQuery)
    names: dict[UUID | None, str] = {saved.id: saved.agent.name for saved in await call.parts.agents.list()}
    agent_id = (await call.parts.agents.get(wish.agent)).id if wish.agent is not None else None
    found = await call.parts.conversations.list(
        search=wish.search, own=wish.own, agent_id=agent_id, workflow=wish.workflow, limit=wish.limit + 1,
        after=read_cursor(wish.cursor, _place),
    )  # fmt: skip

    def shown(each: Found) -> dict[str, Json]:
        about = conversation_json(each.conversation, names.get(each.conversation.agent_id, ""))
        return {**about, "snippet": each.snippet, "messages": each.messages, "waiting": each.waiting}

    return page_response(call, "conversations", found, wish.limit, shown=shown, cursor=_cursor)


def _place(updated: str, conversation_id: str) -> Conversation:
    at = datetime.fromisoformat(updated)
    if at.tzinfo is None:
        raise ValueError("no place of a conversation")
    return Conversation(UUID(conversation_id), updated=at)


def _cursor(found: Found) -> str:
    updated = found.conversation.updated
    assert updated is not None, "what is listed was kept"
    return cursor_of(updated.isoformat(), str(found.conversation.id))


async def get_conversation(call: Call) -> Response:
    """One conversation with its messages."""
    parts, wish, conversation_id = call.parts, call.asked(MessagesQuery), _conversation_id(call)
    conversation = await parts.conversations.get(conversation_id)
    page = await parts.conversations.page(conversation_id, start=wish.start, count=wish.count)
    found = conversation_json(conversation, await _agent_name(parts, conversation.agent_id))
    found |= {
        "start": page.start,
        "total": page.total,
        "messages": [message_json(each, conversation_id) for each in page.messages],
    }
    found["answering"] = await parts.conversations.busy(conversation_id)
    found["pending"] = [pending_json(each) for each in await parts.chat.pending(conversation_id)]
    return json_response(found, limit=parts.limits.answer)


async def conversation_file(call: Call) -> Response:
    """A file of a conversation."""
    parts, conversation_id, blob = call.parts, _conversation_id(call), call.path("hash")
    await parts.conversations.get(conversation_id)
    message = await parts.conversations.with_file(conversation_id, blob) if BLOB.match(blob) else None
    found = find_file(blob, files_of(message) if message is not None else ())
    return file_response(await parts.read_file(blob), found)


async def _agent_name(parts: ServiceParts, agent_id: UUID | None) -> str:
    return next((saved.agent.name for saved in await parts.agents.list() if saved.id == agent_id), "")


async def conversation_events(call: Call) -> Response:
    """The answer that is being made, from its beginning; for who has seen some of it, also one that is made already."""
    parts, conversation_id, seen = call.parts, _conversation_id(call), last_event_id(call)
    is_busy = await parts.conversations.busy(conversation_id)
    reply = parts.chat.running(conversation_id)
    if reply is None:
        if not is_busy and not seen:
            message = "Nothing is being answered there. The conversation holds what was said."
            raise ApiError(409, "nothing_answered", message)
        return event_stream(kept_events(parts, conversation_id), call)
    return event_stream(reply_events(reply, int(seen[:9]) if seen.isdecimal() else -1), call)


async def stop_answer(call: Call) -> Response:
    """Stop the answer that is being made."""
    conversation_id = _conversation_id(call)
    await call.parts.conversations.get(conversation_id)
    reply = call.parts.chat.running(conversation_id)
    if reply is None and await call.parts.conversations.busy(conversation_id):
        message = "Another program answers there, such as a window or another service. Stop it where it is made."
        raise ApiError(409, "answered_elsewhere", message)
    if reply is None:
        raise ApiError(409, "nothing_answered", "Nothing is being answered there.")
    reply.cancel()
    return json_response(turn_json(reply, await reply.outcome()), 202)


async def answer_conversation(call: Call) -> Response:
    """Answer for a person, and let the conversation go on."""
    wish, chat, conversation_id = call.sent(Decide), call.parts.chat, _conversation_id(call)
    await call.parts.conversations.get(conversation_id)
    waiting = {each.id: each for each in await chat.pending(conversation_id)}
    if wish.id not in waiting:
        raise ApiError(409, "nothing_to_do", "Nothing in this conversation waits under that id.")
    refuse_too_many(call.parts)
    match waiting[wish.id].kind:
        case "approval" if wish.allow is not None:
            reply = await chat.answer_approval(
                wish.id, wish.allow, reason=wish.reason, for_conversation=wish.for_conversation
            )
        case "unknown" if wish.unknown is not None:
            reply = await chat.answer_unknown(wish.id, wish.unknown, result=wish.result)
        case "question" if wish.choice is not None or wish.form is not None:
            given: dict[str, Json] = {"choice": wish.choice} if wish.form is None else {"form": wish.form}
            by = call.token.name if call.token else ""
            reply = await chat.answer_question(wish.id, {**given, "answered_by": f"over HTTP ({by})"})
        case kind:
            wanted = {"approval": "allow", "unknown": "unknown", "question": "choice or form"}.get(kind, "nothing yet")
            raise ApiError(422, "answer", f"What waits there wants {wanted}.")
    return await _answered(call, reply, stream=wish.stream)


def _conversation_id(call: Call) -> UUID:
    try:
        return UUID(call.path("conversation_id"))
    except ValueError:
        raise ConversationNotFound("That is no id of a conversation.") from None


_STREAM: Final = Answer(
    "Events until the answer is complete or waits; with `stream: false` the answer as JSON.",
    'event: text_delta\nid: 3\ndata: {"event": "text_delta", "text": "Thirty"}\n\n', EVENTS, TurnShape,
)  # fmt: skip
_CONVERSATION: Final[dict[str, Json]] = {
    "conversation_id": _ID_EXAMPLE, "title": "Notice periods", "agent": "Clerk", "workflow": "",
    "created": "2026-11-27T09:00:00+00:00", "updated": "2026-11-27T09:01:00+00:00", "usage": _TURN["usage"],
}  # fmt: skip
_AGENT: Final[dict[str, Json]] = {
    "name": "Clerk", "description": "Knows the contracts.", "version": 4, "model": "openai/gpt-5-mini",
    "functions": ["find_contract"], "answer_schema": None,
}  # fmt: skip
_MISSING: Final = Answer("There is no such conversation.")
_PATH: Final = {"conversation_id": _ID_EXAMPLE}
_FILE: Final = file_example(f"/api/v1/conversations/{_ID_EXAMPLE}")
_SAY: Final = {
    "Streamed": {"message": "What is the notice period?"},
    "As one answer": {"message": "What is the notice period?", "stream": False},
}

ROUTES: Final = (
    Route(
        "GET", "/api/v1/agents", list_agents, "List agents", "Agents", scopes=("read",),
        answers={200: Answer("All agents by name.", {"agents": [_AGENT]}, shape=AgentList)},
    ),
    Route(
        "POST", "/api/v1/agents/{name:path}/chat", chat_with_agent, "Chat with an agent", "Agents", scopes=("run",),
        body=Say, body_limit=WITH_FILES, examples=_SAY, path_examples={"name": "Clerk"},
        description="The answer is made whether or not somebody watches: who loses the connection finds it at "
        "`/api/v1/conversations/{conversation_id}/events` while it is made, and in the conversation afterwards.",
        answers={200: _STREAM, 404: Answer("There is no such agent or conversation."),
                 409: Answer("The conversation is being answered, or is with somebody else."),
                 429: Answer("Too many answers are being made.")},
    ),
    Route(
        "GET", "/api/v1/agents/{name:path}", get_agent, "Show an agent", "Agents", scopes=("read",),
        path_examples={"name": "Clerk"},
        answers={200: Answer("The agent, without its instructions.", _AGENT, shape=AgentShape),
                 404: Answer("There is no such agent.")},
    ),
    Route(
        "POST", "/api/v1/workflows/{name:path}/chat", chat_with_workflow, "Chat with a workflow", "Workflows",
        scopes=("run",), body=Say, body_limit=WITH_FILES, examples=_SAY, path_examples={"name": "Support triage"},
        description="For workflows that take a `message`.",
        answers={200: _STREAM, 404: Answer("There is no such workflow or conversation."),
                 409: Answer("The conversation is being answered, or is with something else."),
                 429: Answer("Too many answers are being made.")},
    ),
    Route(
        "GET", "/api/v1/conversations", list_conversations, "List conversations", "Conversations", scopes=("read",),
        query=ConversationsQuery,
        description="In pages: `next` is the address of the following one, null on the last.",
        answers={200: Answer("Those used last first.", {"conversations": [
            {**_CONVERSATION, "snippet": "What is the notice period?", "messages": 2, "waiting": 0}], "next": None},
            shape=ConversationPage),
            404: Answer("There is no such agent.")},
    ),
    Route(
        "GET", "/api/v1/conversations/{conversation_id}", get_conversation, "Show a conversation", "Conversations",
        scopes=("read",), query=MessagesQuery, path_examples=_PATH,
        answers={200: Answer("The conversation, the messages asked for, and what it waits for.",
                             {**_CONVERSATION, "start": 0, "total": 0, "messages": [], "answering": False,
                              "pending": []}, shape=ConversationDetail), 404: _MISSING},
    ),
    Route(
        "GET", "/api/v1/conversations/{conversation_id}/files/{hash}", conversation_file,
        "Get a file of a conversation", "Conversations", scopes=("read", "run"),
        path_examples={**_PATH, "hash": str(_FILE["hash"])},
        description="`files` of a message or an answer lists them: what was sent along, and what models, functions and "
        "workflows made. It comes with its own media type, under its name, to be saved.",
        answers={200: Answer("The file.", None, ANY_TYPE), 404: Answer("There is no such conversation, or file.")},
    ),
    Route(
        "GET", "/api/v1/conversations/{conversation_id}/events", conversation_events, "Watch an answer",
        "Conversations", scopes=("read", "run"), path_examples=_PATH,
        headers={"Last-Event-ID": "The id of the last event that was seen."},
        description="An answer that another process makes is told message by message. With `Last-Event-ID` one that is "
        "complete meanwhile is told from its beginning; messages and calls have ids of their own.",
        answers={200: _STREAM, 404: _MISSING, 409: Answer("Nothing is being answered.")},
    ),
    Route(
        "POST", "/api/v1/conversations/{conversation_id}/cancel", stop_answer, "Stop an answer", "Conversations",
        scopes=("run",), path_examples=_PATH,
        answers={202: Answer("It is stopped; what had come of it is kept.", {**_TURN, "status": "cancelled"},
                             shape=TurnShape),
                 404: _MISSING, 409: Answer("Nothing is being answered.")},
    ),
    Route(
        "POST", "/api/v1/conversations/{conversation_id}/answers", answer_conversation,
        "Answer what a conversation waits for", "Conversations", scopes=("answer",), body=Decide, path_examples=_PATH,
        examples={"Allow a call": {"id": "call-1", "allow": True}, "A choice": {"id": _ID_EXAMPLE, "choice": "yes"}},
        answers={200: _STREAM, 404: _MISSING, 409: Answer("Nothing waits there."),
                 422: Answer("It wants something else.")},
    ),
)  # fmt: skip
