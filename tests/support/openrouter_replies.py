"""What the OpenRouter stand-in can be told to answer: every behaviour that real servers show, good and bad."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

MODEL = "test/model"
DONE = "data: [DONE]\n\n"
PROCESSING = ": OPENROUTER PROCESSING\n\n"


class Gate:
    """A place in a reply at which the server waits until the test opens it. Never waits by the clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._reached = threading.Event()

    def open(self) -> None:
        """Let the server go on; from any thread."""
        with self._lock:
            self._is_open = True
            for loop, future in self._waiting:
                loop.call_soon_threadsafe(_wake, future)
            self._waiting.clear()

    async def passed(self) -> None:
        """On the server's loop: wait until the gate is open."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._reached.set()
            if self._is_open:
                return
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, future))
        await future

    async def reached(self) -> None:
        """In a test: wait until the server stands at the gate."""
        if not await asyncio.to_thread(self._reached.wait, 20):
            raise AssertionError("the server never came to the gate")


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


Part: TypeAlias = bytes | Gate


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. before: a gate in front of the first byte. cut: break the connection off instead of ending the body.

    is_stream: send the body in chunks, each part as one.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    before: Gate | None = None
    cut: bool = False
    is_stream: bool = False


def json_reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON body."""
    content = json.dumps(body, ensure_ascii=False).encode()
    return Reply(status, {"content-type": "application/json", **(headers or {})}, (content,))


def error_reply(
    status: int,
    message: str,
    error_type: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    availability: Mapping[str, Any] | None = None,
    http_status: int | None = None,
) -> Reply:
    """An error in OpenRouter's form. http_status: what the HTTP answer says, if not the same."""
    return json_reply(error_body(status, message, error_type, metadata, availability), http_status or status, headers)


def error_body(
    code: int | str,
    message: str,
    error_type: str = "",
    metadata: Mapping[str, Any] | None = None,
    availability: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of an error."""
    error: dict[str, Any] = {"code": code, "message": message}
    about = {**({"error_type": error_type} if error_type else {}), **(metadata or {})}
    if about:
        error["metadata"] = about
    if availability:
        error["availability"] = dict(availability)
    return {"error": error, "user_id": "user_1"}


Event: TypeAlias = Mapping[str, Any] | str | bytes | Gate
"""A chunk as an object, raw text (a comment, `[DONE]`), raw bytes, or a gate."""


def stream_reply(
    *events: Event,
    end: Literal["done", "eof", "cut"] = "done",
    newline: str = "\n",
    byte_by_byte: bool = False,
    before: Gate | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Server-sent events. end: with `[DONE]`, without it, or with a broken connection. newline: as framed."""
    parts: list[Part] = []
    for event in [*events, *([DONE] if end == "done" else [])]:
        if isinstance(event, Gate):
            parts.append(event)
            continue
        data = event if isinstance(event, bytes) else _event_text(event).replace("\n", newline).encode()
        parts += [data[n : n + 1] for n in range(len(data))] if byte_by_byte else [data]
    return Reply(
        headers={"content-type": "text/event-stream", "x-generation-id": "gen-1", **(headers or {})},
        parts=tuple(parts),
        before=before,
        cut=end == "cut",
        is_stream=True,
    )


def _event_text(event: Mapping[str, Any] | str) -> str:
    return event if isinstance(event, str) else f"data: {json.dumps(event, ensure_ascii=False)}\n\n"


def chunk(
    content: str | None = None,
    *,
    finish: str | None = None,
    native: str | None = None,
    model: str = MODEL,
    **delta: Any,
) -> dict[str, Any]:
    """One chunk of a stream. delta: further fields of the delta (reasoning, tool_calls, images...)."""
    if content is not None:
        delta["content"] = content
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "native_finish_reason": native}
    return {**_head(model), "object": "chat.completion.chunk", "choices": [choice]}


def usage_chunk(tokens_in: int = 10, tokens_out: int = 5, cost: float = 0.0001, **other: Any) -> dict[str, Any]:
    """The chunk after the last one: counts, and no choices."""
    return {
        **_head(MODEL),
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": usage(tokens_in, tokens_out, cost),
        **other,
    }


def error_chunk(code: int, message: str, error_type: str) -> dict[str, Any]:
    """A failure in the middle of a stream whose HTTP status already said 200."""
    return {**chunk("", finish="error"), **error_body(code, message, error_type, {"provider_code": "x"})}


def text_stream(text: str, *, model: str = MODEL, **framing: Any) -> Reply:
    """A whole, well-behaved stream of that text, word by word."""
    words = text.split(" ")
    pieces = [word if n == 0 else f" {word}" for n, word in enumerate(words)]
    return stream_reply(
        PROCESSING,
        chunk("", role="assistant", model=model),
        *(chunk(piece, model=model) for piece in pieces),
        chunk(finish="stop", native="stop", model=model),
        {**usage_chunk(), "model": model},
        **framing,
    )


def call_piece(index: int | None, id: str | None, name: str | None, arguments: Any) -> dict[str, Any]:
    """A piece of a function call, fields that are None left out."""
    function = {k: v for k, v in {"name": name, "arguments": arguments}.items() if v is not None}
    piece: dict[str, Any] = {"index": index, "id": id, "type": "function"}
    return {**{k: v for k, v in piece.items() if v is not None}, "function": function}


def completion(
    content: str | None, *, finish: str = "stop", model: str = MODEL, cost: float = 0.0001, **message: Any
) -> dict[str, Any]:
    """A whole answer, not streamed."""
    return {
        **_head(model),
        "object": "chat.completion",
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "native_finish_reason": finish,
                "logprobs": None,
                "message": {"role": "assistant", "content": content, "refusal": None, **message},
            }
        ],
        "usage": usage(10, 5, cost),
    }


def usage(tokens_in: int, tokens_out: int, cost: float) -> dict[str, Any]:
    """Counts as OpenRouter sends them."""
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "cost": cost,
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def image_events(pictures: Sequence[str], *, cost: float = 0.04) -> Reply:
    """Pictures (base64) as a stream: a partial one first, then each whole."""
    whole = [
        {
            "type": "image_generation.completed",
            "b64_json": picture,
            "media_type": "image/png",
            "created": 1748372400,
            "usage": usage(0, 4175, cost),
        }
        for picture in pictures
    ]
    partial = {"type": "image_generation.partial_image", "b64_json": pictures[0], "partial_image_index": 0}
    return stream_reply(partial, *whole)


def _head(model: str) -> dict[str, Any]:
    return {"id": "gen-1", "created": 1756821634, "model": model, "provider": "TestProvider"}
