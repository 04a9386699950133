"""One chat with a model server: streaming, the end of the stream, and attempts made again."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from random import Random
from typing import Any

from core.engine.errors import StepError
from core.engine.services import ChatAnswer, ChatDelta
from core.llm.answer import AnswerParts
from core.llm.connection import Answer, ServerConnection, TimeLimit
from core.llm.errors import connection_error
from core.llm.retry import RetryPolicy
from core.llm.sse import DONE, EventParser, EventTooLong

GRACE_AFTER_FINISH = 10.0
"""Seconds to wait for the counts after the model said that it was done."""

GRACE_AFTER_DONE = 1.0
"""Seconds to wait for the end of the body, without which the connection cannot be used again."""


class Chat:
    """Sends chats to one server. new_id: makes ids for function calls that came without one."""

    def __init__(
        self, connection: ServerConnection, *, random: Random, new_id: Callable[[], str], retries: RetryPolicy
    ) -> None:
        self._connection = connection
        self._random = random
        self._new_id = new_id
        self._retries = retries

    async def stream(
        self, body: Mapping[str, Any], *, prices: bool, limit: TimeLimit
    ) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """Pieces and, last, the answer. The request is made again only while nothing was given out yet.

        Raises StepError; `detail["partial_text"]` holds the text that was given out before it.
        """
        failures = 0
        while True:
            shown: list[str] = []
            try:
                async with aclosing(self._attempt(body, prices=prices, limit=limit)) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, ChatDelta):
                            shown.append(piece.text)
                        yield piece
                return
            except StepError as error:
                failures += 1
                wait = self._retries.wait_before_next(error, failures, self._random)
                if shown and any(shown):
                    error.detail["partial_text"] = "".join(shown)
                if shown or wait is None:
                    raise
            await limit.wait(self._connection.clock.sleep(wait), self._connection.asked(str(body["model"])))

    async def _attempt(
        self, body: Mapping[str, Any], *, prices: bool, limit: TimeLimit
    ) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        async with self._connection.open("/chat/completions", body, limit=limit, model=str(body["model"])) as answer:
            parts = AnswerParts(answer.asked, new_id=self._new_id, prices=prices, generation_id=answer.generation_id)
            if answer.content_type == "application/json":  # a server or a proxy that does not stream
                delta = parts.add(await answer.body())
                if delta is not None:
                    yield delta
            else:
                async with aclosing(_deltas(answer, parts)) as deltas:
                    async for delta in deltas:
                        yield delta
            yield parts.answer()


async def _deltas(answer: Answer, parts: AnswerParts) -> AsyncGenerator[ChatDelta, None]:
    """What a stream gives to show, until its end; the rest is in `parts`."""
    try:
        async with aclosing(
            stream_data(answer, patience=lambda: GRACE_AFTER_FINISH if parts.finished else None)
        ) as all_:
            async for data in all_:
                delta = parts.add(data)
                if delta is not None:
                    yield delta
    except StepError:
        if not parts.finished:  # else only the counts are missing, and the answer is whole
            raise


async def stream_data(
    answer: Answer, *, patience: Callable[[], float | None] = lambda: None
) -> AsyncGenerator[Any, None]:
    """The JSON of each event until `[DONE]` or the end of the body. patience: as in Answer.pieces. Raises StepError."""
    parser = EventParser()
    try:
        async with aclosing(answer.pieces(patience=patience)) as pieces:
            async for piece in pieces:
                for event in parser.feed(piece):
                    if event.data == DONE:
                        await answer.drain(at_most=GRACE_AFTER_DONE)
                        return
                    yield _parsed(event.data, answer)
        for event in parser.finish():
            if event.data != DONE and event.data.endswith("}"):  # else the connection was cut inside the event
                yield _parsed(event.data, answer)
    except EventTooLong:
        raise connection_error(answer.asked, "sent one event of more than 128 MB", kind="server") from None


def _parsed(data: str, answer: Answer) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise connection_error(answer.asked, "sent an event that is not JSON", kind="server") from None
