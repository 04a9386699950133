from __future__ import annotations

import asyncio

import pytest

from core.engine.errors import StepError
from core.engine.services import ChatAnswer, ChatImage, ChatRequest, ImageAnswer, ImageRequest
from core.engine.testing import ManualClock
from core.engine.testing_models import ScriptedModels, Stalls
from core.monitoring.model_calls import ModelCall, ObservedModels

ASKED = ChatRequest(messages=[{"role": "user", "content": "the secret of the question"}], model="m/one")


def observed(*script: object) -> tuple[ObservedModels, list[ModelCall], ScriptedModels]:
    calls: list[ModelCall] = []
    inner = ScriptedModels(*script)  # type: ignore[arg-type] # the tests' scripts are right
    return ObservedModels(inner, ManualClock(), [calls.append]), calls, inner


async def test_an_answer_is_told_once_with_what_it_cost_and_none_of_its_text() -> None:
    models, calls, _ = observed("the secret of the answer")
    pieces = [piece async for piece in models.stream(ASKED)]

    assert isinstance(pieces[-1], ChatAnswer)
    (call,) = calls
    assert (call.operation, call.asked, call.model, call.finish, call.error) == ("chat", "m/one", "m/one", "stop", "")
    assert call.usage.cost_usd == 0.001
    assert call.first_piece_s is not None
    assert "secret" not in repr(call)


async def test_a_failure_is_told_by_its_kind_and_raised() -> None:
    models, calls, _ = observed(StepError("slow down", kind="rate_limit"))
    with pytest.raises(StepError, match="slow down"):
        [piece async for piece in models.stream(ASKED)]
    assert [(call.error, call.model) for call in calls] == [("rate_limit", "")]


async def test_an_answer_that_nobody_waits_for_is_closed_and_told_as_cancelled() -> None:
    models, calls, inner = observed(Stalls("so far"))

    async def read() -> None:
        async for _ in models.stream(ASKED):
            pass

    task = asyncio.create_task(read())
    await inner.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [call.error for call in calls] == ["cancelled"]
    assert inner.closed == 1


async def test_pictures_and_embeddings_are_told_too() -> None:
    models, calls, _ = observed(ImageAnswer((ChatImage(b"x", "image/png"),), "m/picture"))
    await models.image(ImageRequest("a loom"))
    vectors, usage = await models.embed(["a", "b"], model="m/vectors")

    assert len(vectors) == 2
    assert usage.tokens_in == 2
    assert [(call.operation, call.model or call.asked) for call in calls] == [
        ("image", "m/picture"), ("embeddings", "m/vectors"),
    ]  # fmt: skip
