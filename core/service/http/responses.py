"""Answers: JSON of a bounded size, and streams of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from core.service.http.errors import ApiError, as_api_error
from core.service.http.route import Call
from core.store.errors import StoreError

_END: Final = object()


def json_response(
    value: Any,
    status: int = 200,
    *,
    limit: int = 32_000_000,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """A JSON value as an answer. limit: bytes. Raises ApiError for one that is larger."""
    return Response(encoded(value, limit), status, headers=dict(headers or {}), media_type=media_type)


def encoded(value: Any, limit: int) -> bytes:
    """A value as JSON in UTF-8. Raises ApiError if it is longer than that many bytes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a character, which only JSON's own escapes can carry
        data = json.dumps(value, separators=(",", ":"), default=str).encode()
    if len(data) > limit:
        size = f"{len(data) / 1e6:.0f} MB"
        raise ApiError(413, "answer_too_large", f"The answer would be {size} long. Ask for less of it.")
    return data


def error_response(error: ApiError) -> Response:
    """The answer to a request that is not fulfilled."""
    return json_response(error.body(), error.status, headers=error.headers)


def event_text(data: Any, *, event: str = "", event_id: str = "") -> bytes:
    """One event as the format of server-sent events wants it (WHATWG HTML, section 9.2.6)."""
    head = (f"event: {event}\n" if event else "") + (f"id: {event_id}\n" if event_id else "")
    body = data if isinstance(data, str) else encoded(data, 64_000_000).decode()
    return f"{head}data: {body}\n\n".encode()


def event_stream(pieces: AsyncGenerator[bytes, None], call: Call) -> Response:
    """A stream of events that ends with its pieces, when the service ends, or soon after the caller's token was revoked
    or has run out. It says from time to time that it lives.

    An error that was to be expected becomes an event `error`. Raises ApiError if too many streams are open.
    """
    parts = call.parts
    if parts.streams.count >= parts.limits.streams:
        message = f"{parts.limits.streams} streams are open already. Close one, or try again later."
        raise ApiError(429, "too_many_streams", message, headers={"Retry-After": "5"})
    return StreamingResponse(
        _kept_alive(pieces, call),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"},
    )


async def _kept_alive(pieces: AsyncGenerator[bytes, None], call: Call) -> AsyncIterator[bytes]:
    parts = call.parts
    queue: asyncio.Queue[Any] = asyncio.Queue(maxsize=1000)

    async def fill() -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    await queue.put(piece)
        except Exception as error:
            known = as_api_error(error)
            if known is None:
                raise
            await queue.put(event_text(known.body(), event="error"))
        finally:
            await queue.put(_END)

    filling = asyncio.create_task(fill())
    ending = asyncio.create_task(_has_to_end(call))
    parts.streams.count += 1
    try:
        while True:
            piece = await _next(queue, ending, parts.limits.heartbeat_s)
            if piece is None:
                yield b": still here\n\n"
            elif piece is _END:
                break
            else:
                yield piece
    finally:
        parts.streams.count -= 1
        ending.cancel()
        filling.cancel()
        await asyncio.gather(filling, ending, return_exceptions=True)


async def _has_to_end(call: Call) -> None:
    """Wait until nothing more may be told: the service ends, or the token is worth nothing any more."""
    stopping, pause = call.parts.stopping, call.parts.limits.token_s
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        with suppress(StoreError):  # without the database nobody can tell; it is asked again
            if not await call.still_may():
                return


async def _next(queue: asyncio.Queue[Any], ending: asyncio.Task[Any], patience: float) -> Any:
    """The next piece; None if there is none for that many seconds; _END when the stream has to end."""
    if ending.done():
        return _END
    if not queue.empty():
        return queue.get_nowait()
    getting = asyncio.create_task(queue.get())
    try:
        await asyncio.wait({getting, ending}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        return _END if ending.done() else None
    finally:
        getting.cancel()
