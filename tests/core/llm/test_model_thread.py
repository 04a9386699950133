"""Models on a thread of their own: the same answers, errors and cancellations, with pieces gathered on the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest
from core.engine.testing_models import BreaksOff, ScriptedModels, Stalls
from core.llm.model_thread import ModelsInThread
from core.monitoring.model_calls import ObservedModels
from core.workflow.model import Json
from core.workspace import Workspace

REQUEST = ChatRequest([{"role": "user", "content": "Hello"}])


class Watched(ScriptedModels):
    """Notes on which threads it is used, and whether it was closed."""

    threads: frozenset[str] = frozenset()
    is_closed = False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        self.threads |= {threading.current_thread().name}
        async with aclosing(super().stream(request)) as pieces:  # type: ignore[type-var] # it is a generator
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        self.is_closed = True


async def read(models: ModelsInThread) -> tuple[str, ChatAnswer]:
    text, last = "", None
    async with aclosing(models.stream(REQUEST)) as pieces:
        async for piece in pieces:
            if isinstance(piece, ChatDelta):
                text += piece.text
            else:
                last = piece
    assert last is not None
    return text, last


@pytest.fixture
async def closing() -> AsyncIterator[list[ModelsInThread]]:
    """Closes what is put into it."""
    made: list[ModelsInThread] = []
    yield made
    for models in made:
        await models.aclose()


async def test_an_answer_is_read_on_the_other_thread_and_is_the_same(closing: list[ModelsInThread]) -> None:
    inner = Watched("One two three four.", "Again.")
    models = ModelsInThread(inner)
    closing.append(models)
    text, answer = await read(models)

    assert text == answer.text == "One two three four."
    assert (await read(models))[0] == "Again."
    assert inner.threads == {"steploom-models"}
    assert inner.requests == [REQUEST, REQUEST]


async def test_many_answers_come_at_the_same_time_each_to_its_reader(closing: list[ModelsInThread]) -> None:
    texts = [f"Answer number {n} of many." for n in range(50)]
    models = ModelsInThread(Watched(*texts))
    closing.append(models)
    answers = await asyncio.gather(*(read(models) for _ in texts))

    assert all(text == answer.text for text, answer in answers)
    assert sorted(text for text, _ in answers) == sorted(texts)


class Burst(Watched):
    """Streams a thousand pieces at once."""

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        for n in range(1_000):
            yield ChatDelta(reasoning=f"r{n} ") if n < 500 else ChatDelta(f"t{n} ")
        yield ChatAnswer("", {}, "m")


async def test_pieces_that_come_together_are_handed_over_together_in_order(closing: list[ModelsInThread]) -> None:
    models = ModelsInThread(Burst())
    closing.append(models)
    pieces = [piece async for piece in models.stream(REQUEST)]
    deltas = [piece for piece in pieces if isinstance(piece, ChatDelta)]

    assert len(pieces) < 50
    assert "".join(piece.reasoning for piece in deltas) == "".join(f"r{n} " for n in range(500))
    assert "".join(piece.text for piece in deltas) == "".join(f"t{n} " for n in range(500, 1_000))
    assert isinstance(pieces[-1], ChatAnswer)
    assert not any(piece.text and piece.reasoning for piece in deltas)


async def test_an_error_comes_after_what_was_streamed_before_it(closing: list[ModelsInThread]) -> None:
    error = StepError("Too many requests.", kind="rate_limit", retryable=True, retry_after=3.0)
    models = ModelsInThread(Watched(BreaksOff("Half of", error), error))
    closing.append(models)
    seen: list[str] = []

    async def watch() -> None:
        async for piece in models.stream(REQUEST):
            seen.append(piece.text if isinstance(piece, ChatDelta) else "")

    with pytest.raises(StepError) as caught:
        await watch()
    with pytest.raises(StepError):
        await read(models)

    assert "".join(seen) == "Half of"
    assert caught.value is error


async def test_giving_up_closes_the_stream_on_the_other_side_first(closing: list[ModelsInThread]) -> None:
    inner = Watched(Stalls("Begun"), Stalls("Begun"))
    models = ModelsInThread(inner)
    closing.append(models)
    stream = models.stream(REQUEST)
    assert isinstance(await anext(stream), ChatDelta)
    await stream.aclose()
    assert inner.closed == 1

    begun = asyncio.Event()

    async def watch() -> None:
        async with aclosing(models.stream(REQUEST)) as pieces:
            async for _ in pieces:
                begun.set()

    task = asyncio.create_task(watch())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.closed == 2


async def test_a_stream_that_was_given_up_before_it_began_leaves_nothing(closing: list[ModelsInThread]) -> None:
    models = ModelsInThread(Watched("Never read.", "Second."))
    closing.append(models)
    for _ in range(20):
        task = asyncio.create_task(read(models))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


class Others(Watched):
    """Pictures and vectors, with the thread's name in them."""

    async def image(self, request: ImageRequest) -> ImageAnswer:
        return ImageAnswer((), threading.current_thread().name)

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        return [[float(len(text))] for text in texts], Usage(len(texts))

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        return {"model": "m"}


async def test_pictures_and_vectors_are_made_there_too(closing: list[ModelsInThread]) -> None:
    models = ModelsInThread(Others())
    closing.append(models)

    assert (await models.image(ImageRequest("A boat"))).model == "steploom-models"
    assert await models.embed(["ab", "c"]) == ([[2.0], [1.0]], Usage(2))
    assert models.wire_request(REQUEST) == {"model": "m"}


async def test_closing_ends_the_thread_and_refuses_more() -> None:
    inner = Watched("One.")
    models = ModelsInThread(inner)
    await read(models)
    await models.aclose()
    await models.aclose()

    assert inner.is_closed
    assert not any(thread.name == "steploom-models" for thread in threading.enumerate())
    with pytest.raises(StepError):
        await read(models)
    with pytest.raises(StepError):
        await models.embed(["x"])


async def test_a_thread_begins_with_the_first_call_only() -> None:
    models = ModelsInThread(Watched())
    assert not any(thread.name == "steploom-models" for thread in threading.enumerate())
    await models.aclose()


def answering(workspace: Workspace) -> object:
    """Who really answers behind the one that counts what is asked."""
    models = workspace.engine.services.models
    assert isinstance(models, ObservedModels)
    return models.behind


async def test_a_workspace_may_read_its_answers_there(home: Path) -> None:
    async with Workspace.open(home, memory_only=True, stream_in_thread=True) as workspace:
        assert isinstance(answering(workspace), ModelsInThread)
    async with Workspace.open(home, memory_only=True) as workspace:
        assert answering(workspace) is workspace.server
