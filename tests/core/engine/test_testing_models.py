from __future__ import annotations

import asyncio

import pytest

from core.engine.errors import StepError
from core.engine.services import ChatAnswer, ChatDelta, ChatImage, ChatRequest, ImageAnswer, ImageRequest, Models
from core.engine.testing_models import BreaksOff, ScriptedModels, Stalls, UnexpectedModelCall, UnusedAnswers


def asking(text: str = "hello") -> ChatRequest:
    return ChatRequest(messages=[{"role": "user", "content": text}], model="m")


async def pieces(models: Models, request: ChatRequest) -> list[ChatDelta | ChatAnswer]:
    return [piece async for piece in models.stream(request)]


async def test_answers_come_in_the_order_of_the_script_and_requests_are_kept() -> None:
    with ScriptedModels("one", "two words") as models:
        first, second = await pieces(models, asking("a")), await pieces(models, asking("b"))
    assert isinstance(first[-1], ChatAnswer)
    assert first[-1].text == "one"
    assert [piece.text for piece in second] == ["two ", "words", "two words"]
    assert [request.messages[0]["content"] for request in models.requests] == ["a", "b"]


async def test_an_unexpected_call_names_what_was_asked() -> None:
    with pytest.raises(UnexpectedModelCall, match="no answer left for chat request 1 \\('where'"):
        await pieces(ScriptedModels(), asking("where"))


async def test_a_picture_is_not_given_to_a_chat_nor_a_text_to_a_painter() -> None:
    picture = ImageAnswer((ChatImage(b"x", "image/png"),), "m")
    with pytest.raises(UnexpectedModelCall, match="is a picture"):
        await pieces(ScriptedModels(picture), asking())
    with pytest.raises(UnexpectedModelCall, match="is 'text'"):
        await ScriptedModels("text").image(ImageRequest("a cat"))


async def test_unused_answers_are_told() -> None:
    with pytest.raises(UnusedAnswers, match="1 scripted answers were not asked for"), ScriptedModels("never asked"):
        pass


async def test_the_failure_inside_hides_no_unused_answers_complaint() -> None:
    with pytest.raises(KeyError), ScriptedModels("never asked"):
        raise KeyError


async def test_a_stalling_answer_can_be_cancelled_and_counts_as_closed() -> None:
    models = ScriptedModels(Stalls("begin"))
    task = asyncio.create_task(pieces(models, asking()))
    await models.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (models.waiting, models.closed) == (0, 1)


async def test_an_answer_that_breaks_off_fails_after_its_text() -> None:
    stream = ScriptedModels(BreaksOff("half", StepError("gone"))).stream(asking())
    assert (await anext(stream)).text == "half"
    with pytest.raises(StepError, match="gone"):
        await anext(stream)


async def test_equal_texts_have_equal_vectors_of_length_one() -> None:
    vectors, usage = await ScriptedModels().embed(["a", "b", "a"], dimensions=16)
    assert vectors[0] == vectors[2] != vectors[1]
    assert sum(x * x for x in vectors[0]) == pytest.approx(1)
    assert usage.tokens_in == 3
