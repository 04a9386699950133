"""Short ways for tests to ask a model and to look at what came back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from core.engine.clock import SystemClock
from core.engine.errors import StepError
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest
from core.llm.client import ModelServer
from core.llm.demo import DemoModels


class HastyClock(SystemClock):
    """The machine's clock, but sleeping takes no time; `slept` keeps the seconds that were asked for."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Keep the number and go on."""
        self.slept.append(seconds)
        await asyncio.sleep(0)


def question(text: str = "Hello?", **options: Any) -> ChatRequest:
    """A request with one user message."""
    return ChatRequest(messages=[{"role": "user", "content": text}], **options)


async def ask(
    models: ModelServer | DemoModels, request: ChatRequest | str = "Hello?"
) -> tuple[list[ChatDelta], ChatAnswer]:
    """The pieces and the answer; fails unless the answer comes last and once."""
    request = question(request) if isinstance(request, str) else request
    pieces: list[ChatDelta | ChatAnswer] = []
    async with aclosing(models.stream(request)) as stream:
        async for piece in stream:
            pieces.append(piece)
    *deltas, answer = pieces
    assert isinstance(answer, ChatAnswer)
    assert all(isinstance(delta, ChatDelta) for delta in deltas)
    return [delta for delta in deltas if isinstance(delta, ChatDelta)], answer


async def answer_to(models: ModelServer | DemoModels, request: ChatRequest | str = "Hello?") -> ChatAnswer:
    """The answer alone."""
    return (await ask(models, request))[1]


async def failure_of(models: ModelServer | DemoModels, request: ChatRequest | str = "Hello?") -> StepError:
    """The error that a request ends in; fails if it does not."""
    with pytest.raises(StepError) as caught:
        await ask(models, request)
    return caught.value
