"""OpenAI's API, as far as chat clients need it: agents and workflows that take a message are its models."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response

from core.agents.chat_events import MessageSaved, ReasoningDelta, TextDelta, TurnEnded, TurnWaiting
from core.agents.library import SavedAgent
from core.agents.reply import Outcome, Reply
from core.agents.terms import ASKERS
from core.agents.workflow_chat import message_input
from core.engine.events import NO_USAGE, Usage
from core.service.http.chat_routes import WITH_FILES, refuse_too_many, reply_files
from core.service.http.errors import ApiError
from core.service.http.openai_history import Histories
from core.service.http.openai_models import ChatCompletion
from core.service.http.openai_terms import handed_in, taken_up, terms_of, wire_calls
from core.service.http.parts import ServiceParts
from core.service.http.responses import event_stream, event_text, json_response
from core.service.http.route import Answer, Call, Route
from core.service.http.shapes import Completion, ModelList, ModelShape
from core.service.http.values import pending_json
from core.store.conversation_records import FunctionCall, more_spent
from core.store.errors import AgentNotFound, WorkflowNotFound
from core.workflow.model import Json

_FINISH: Final = {"completed": "stop", "limited": "length", "cancelled": "stop", "failed": "stop"}

_COMPLETION: Final[dict[str, Json]] = {
    "id": "chatcmpl-5f2c", "object": "chat.completion", "created": 1795770000, "model": "agent/Clerk",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Thirty days."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 210, "completion_tokens": 5, "total_tokens": 215},
}  # fmt: skip


class OpenAi:
    """The endpoints under `/v1`, with what they remember of conversations."""

    def __init__(self) -> None:
        self._histories = Histories()

    async def models(self, call: Call) -> Response:
        """All models."""
        parts = call.parts
        listed = [_model_json(f"agent/{s.agent.name}", s.updated.timestamp()) for s in await parts.agents.list()]
        listed += [_model_json(f"workflow/{e.name}", e.updated.timestamp()) for e in await parts.workflows.chats()]
        return json_response({"object": "list", "data": listed}, limit=parts.limits.answer)

    async def model(self, call: Call) -> Response:
        """One model."""
        model = call.path("model")
        if (agent := await _asked(call.parts, model)) is not None:
            return json_response(_model_json(model, agent.updated.timestamp()))
        entries = await call.parts.workflows.list()
        saved = (each.updated for each in entries if each.name == model.removeprefix("workflow/"))
        return json_response(_model_json(model, next(saved, call.parts.clock.now()).timestamp()))

    async def complete(self, call: Call) -> Response:
        """The next message of a conversation."""
        wish, parts = call.sent(ChatCompletion), call.parts
        if wish.n not in (None, 1):
            raise ApiError(400, "n", "One answer is made at a time. Leave `n` out.", param="n")
        agent = await _asked(parts, wish.model)
        refuse_too_many(parts)
        reply, before = await self._reply(parts, wish, agent, call.caller)
        answer = _Answer(wish, reply, int(parts.clock.now().timestamp()), before)
        if wish.stream:
            return event_stream(self._stream(answer, call.caller), call)
        outcome = await reply.outcome()
        return json_response(self._whole(answer, outcome, call.caller), limit=parts.limits.answer)

    async def _reply(
        self, parts: ServiceParts, wish: ChatCompletion, agent: SavedAgent | None, caller: str
    ) -> tuple[Reply, Usage]:
        """The answer in the making: to what is said, or to what the calls gave that the client carried out; and what
        the turn had cost before."""
        terms = terms_of(wish, agent.agent if agent is not None else None)
        agent_id = agent.id if agent is not None else None
        if results := handed_in(wish.messages):
            found = await taken_up(parts, results, caller, agent_id)
            return parts.chat.hand_in(found.conversation_id, results, found.offered(terms)), found.before
        attachments = wish.messages[-1].attachments()
        conversation, text = await self._histories.conversation(parts, wish.model, agent_id, wish.messages, caller)
        return parts.chat.send(conversation, text, attachments, terms), NO_USAGE

    def _whole(self, answer: _Answer, outcome: Outcome, caller: str) -> dict[str, Json]:
        if isinstance(outcome, TurnEnded) and outcome.status == "failed":
            raise _failed(outcome)
        calls = _clients_calls(outcome)
        text = said(outcome) or (answer.last_text if calls else "")
        self._remember(answer, text, caller)
        message: dict[str, Json] = {"role": "assistant", "content": text if text or not calls else None}
        if calls:
            message["tool_calls"] = [*wire_calls(calls)]
        choice: dict[str, Json] = {"index": 0, "message": message, "finish_reason": _finish(outcome)}
        return {
            **answer.head("chat.completion"),
            "choices": [choice],
            "usage": _usage(answer, outcome),
            **_own(answer, outcome),
        }

    async def _stream(self, answer: _Answer, caller: str) -> AsyncGenerator[bytes, None]:
        yield answer.piece({"role": "assistant", "content": ""})
        told = ""
        between = ""  # messages of one answer, with calls of functions between them, are apart
        outcome: Outcome | None = None
        try:
            async for event in answer.reply:
                match event:
                    case TextDelta():
                        piece = between + event.text
                        told, between = told + piece, ""
                        yield answer.piece({"content": piece})
                    case ReasoningDelta():
                        yield answer.piece({"reasoning_content": event.text})
                    case MessageSaved() if told and event.message.role == "assistant":
                        between = "\n\n"
                    case TurnEnded() | TurnWaiting():
                        outcome = event
                    case _:
                        pass
        except (asyncio.CancelledError, GeneratorExit):
            # Such clients stop an answer by leaving: nobody reads on, and nobody should pay for more.
            answer.reply.cancel()
            self._remember(answer, told, caller)
            raise
        assert outcome is not None, "a reply ends with its outcome"
        if isinstance(outcome, TurnEnded) and outcome.status == "failed":
            yield event_text(_failed(outcome).body())
            return
        text = said(outcome)
        if text and not told.endswith(text):
            rest = f"\n\n{text}" if told else text
            told += rest
            yield answer.piece({"content": rest})
        self._remember(answer, told, caller)
        if calls := wire_calls(_clients_calls(outcome)):
            yield answer.piece({"tool_calls": [{"index": at, **each} for at, each in enumerate(calls)]})
        yield answer.piece({}, finish=_finish(outcome), own=_own(answer, outcome))
        if answer.tells_usage:
            yield event_text({**answer.head("chat.completion.chunk"), "choices": [], "usage": _usage(answer, outcome)})
        yield event_text("[DONE]")

    def _remember(self, answer: _Answer, text: str, caller: str) -> None:
        self._histories.remember(answer.wish.model, answer.wish.messages, text, caller, answer.reply.conversation_id)


class _Answer:
    """An answer in the making, with what all its pieces say. before: what its turn had cost already."""

    def __init__(self, wish: ChatCompletion, reply: Reply, created: int, before: Usage) -> None:
        self.wish = wish
        self.reply = reply
        self.before = before
        self._id = f"chatcmpl-{secrets.token_hex(12)}"
        self._created = created

    @property
    def tells_usage(self) -> bool:
        """Whether a stream is to end with what was spent."""
        return self.wish.stream_options is not None and self.wish.stream_options.include_usage

    @property
    def last_text(self) -> str:
        """What the model said last, be it beside calls of functions."""
        messages = [event.message for event in self.reply.events if isinstance(event, MessageSaved)]
        return next((each.text for each in reversed(messages) if each.role == "assistant"), "")

    def head(self, kind: str) -> dict[str, Json]:
        """What the whole and each piece begin with."""
        return {"id": self._id, "object": kind, "created": self._created, "model": self.wish.model}

    def piece(self, delta: dict[str, Json], *, finish: str | None = None, own: dict[str, Json] | None = None) -> bytes:
        """One piece of a stream."""
        choice: dict[str, Json] = {"index": 0, "delta": delta, "finish_reason": finish}
        usage: dict[str, Json] = {"usage": None} if self.tells_usage else {}
        return event_text({**self.head("chat.completion.chunk"), "choices": [choice], **usage, **(own or {})})


def _failed(outcome: TurnEnded) -> ApiError:
    """An answer that could not be made. OpenAI's package would ask again and again otherwise, and pay each time."""
    reason = outcome.reason or "The answer could not be made."
    return ApiError(502, "failed", reason, headers={"x-should-retry": "false"})


def said(outcome: Outcome) -> str:
    """An answer as text; for one that waits, what it waits for, because such clients show nothing else."""
    if isinstance(outcome, TurnEnded):
        return outcome.text or outcome.reason
    asked = "\n".join(f"- {each.message}" for each in outcome.pending if each.kind != ASKERS)
    if not asked:
        return ""
    return f"This waits for a person, who answers in Steploom or over its API:\n{asked}"


def _clients_calls(outcome: Outcome) -> list[FunctionCall]:
    """The calls that the client has to carry out."""
    pending = outcome.pending if isinstance(outcome, TurnWaiting) else ()
    return [each.call for each in pending if each.kind == ASKERS and each.call is not None]


def _own(answer: _Answer, outcome: Outcome) -> dict[str, Json]:
    """What only clients that know Steploom look at."""
    waiting = outcome.pending if isinstance(outcome, TurnWaiting) else ()
    pending = [pending_json(each) for each in waiting if each.kind != ASKERS]
    about: dict[str, Json] = {"conversation_id": str(outcome.conversation_id), "files": reply_files(answer.reply)}
    about["pending"] = [*pending]
    return {"steploom": about}


def _finish(outcome: Outcome) -> str:
    if isinstance(outcome, TurnWaiting):
        return "tool_calls" if _clients_calls(outcome) else "stop"
    return _FINISH[outcome.status]


def _usage(answer: _Answer, outcome: Outcome) -> dict[str, Json]:
    usage = more_spent(outcome.usage, answer.before)
    return {"prompt_tokens": usage.tokens_in, "completion_tokens": usage.tokens_out, "total_tokens": usage.tokens}


def _model_json(name: str, created: float) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(created), "owned_by": "steploom"}


async def _asked(parts: ServiceParts, model: str) -> SavedAgent | None:
    """The agent that is asked; None for a workflow that takes a message. Raises ApiError for what is neither."""
    kind, _, name = model.partition("/")
    with suppress(AgentNotFound, WorkflowNotFound):
        if kind == "agent":
            return await parts.agents.get(name)
        if kind == "workflow" and message_input((await parts.workflows.get(name)).workflow):
            return None
    text = f"There is no model {model!r}. /v1/models lists those there are."
    raise ApiError(404, "model_not_found", text, param="model")


def routes() -> tuple[Route, ...]:
    """The endpoints, with a memory of their own."""
    api = OpenAi()
    model: dict[str, Json] = {"id": "agent/Clerk", "object": "model", "created": 1795770000, "owned_by": "steploom"}
    hello = [{"role": "user", "content": "What is the notice period?"}]
    return (
        Route(
            "GET", "/v1/models", api.models, "List models", "OpenAI", scopes=("run", "read"),
            description="Every agent is a model `agent/NAME`, every workflow with the trigger `message` a model "
            "`workflow/NAME`.",
            answers={200: Answer("The models.", {"object": "list", "data": [model]}, shape=ModelList)},
        ),
        Route(
            "GET", "/v1/models/{model:path}", api.model, "Show a model", "OpenAI", scopes=("run", "read"),
            path_examples={"model": "agent/Clerk"},
            answers={200: Answer("The model.", model, shape=ModelShape), 404: Answer("There is no such model.")},
        ),
        Route(
            "POST", "/v1/chat/completions", api.complete, "Chat", "OpenAI", scopes=("run",), body=ChatCompletion,
            misfit=400, body_limit=WITH_FILES,
            description="As of OpenAI's API. An agent keeps its own instructions, model, limits and functions; a "
            "system message is put before what is said first. `tools` are functions that the client carries out "
            "besides: their calls come with the `finish_reason` `tool_calls`, their results go into messages of the "
            "role `tool`.",
            examples={"Whole": {"model": "agent/Clerk", "messages": hello},
                      "Streamed": {"model": "agent/Clerk", "messages": hello, "stream": True}},
            answers={200: Answer("The answer, or its pieces as server-sent events.", _COMPLETION, shape=Completion),
                     400: Answer("Something is asked for that there is not."), 404: Answer("There is no such model."),
                     409: Answer("The conversation cannot go on like that."),
                     429: Answer("Too many answers are being made.")},
        ),
    )  # fmt: skip
