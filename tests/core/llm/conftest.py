"""What the tests of models share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from random import Random
from typing import Any

import pytest

from core.llm.client import ModelServer
from tests.support.openrouter import KEY, StandIn, running_stand_in
from tests.support.openrouter_client import HastyClock


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A local OpenRouter. Replies that nobody asked for fail the test."""
    with running_stand_in() as running:
        yield running
    assert running.unused == 0, f"{running.unused} scripted replies were not asked for"


@pytest.fixture
def clock() -> HastyClock:
    """A clock on which waiting takes no time."""
    return HastyClock()


async def _key() -> str | None:
    return KEY


@pytest.fixture
async def server_of(stand_in: StandIn, clock: HastyClock) -> AsyncIterator[Callable[..., ModelServer]]:
    """Makes clients of the stand-in with other options than usual, and closes them."""
    made: list[ModelServer] = []

    def make(base_url: str = "", **options: Any) -> ModelServer:
        usual: dict[str, Any] = {
            "api_key": _key,
            "clock": clock,
            "random": Random(1),
            "default_model": "test/model",
            "default_image_model": "bytedance-seed/seedream-4.5",
            "default_embedding_model": "openai/text-embedding-3-small",
            "kind": "openrouter",
        }
        made.append(ModelServer(base_url or stand_in.base_url, **{**usual, **options}))
        return made[-1]

    yield make
    for server in made:
        await server.aclose()


@pytest.fixture
def server(server_of: Callable[..., ModelServer]) -> ModelServer:
    """A client of the stand-in that takes it for OpenRouter."""
    return server_of()
