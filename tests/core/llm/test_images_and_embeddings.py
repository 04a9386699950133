"""Pictures and vectors from a model server."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest

from core.engine.errors import StepError
from core.engine.services import ChatImage, ImageRequest
from core.llm.client import ModelServer
from core.llm.embeddings import LARGEST_BATCH, LONGEST_BATCH, batches
from core.llm.retry import RetryPolicy
from tests.support.openrouter import StandIn
from tests.support.openrouter_defaults import tiny_png
from tests.support.openrouter_replies import (
    completion,
    error_reply,
    image_events,
    json_reply,
    stream_reply,
    text_stream,
    usage,
)

ServerMaker = Callable[..., ModelServer]
PNG = base64.b64encode(tiny_png()).decode()
REFERENCE = ChatImage(tiny_png(9), "image/png")


async def test_a_listed_picture_model_is_asked_by_its_own_route(server: ModelServer, stand_in: StandIn) -> None:
    request = ImageRequest(
        "A cat", size="2K", aspect_ratio="16:9", quality="high", output_format="png", background="transparent",
        seed=3, count=2, references=[REFERENCE],
    )  # fmt: skip
    answer = await server.image(request)
    assert [image.data for image in answer.images] == [tiny_png(0), tiny_png(1)]
    assert (answer.usage.tokens_out, answer.usage.cost_usd) == (4175, 0.04)
    assert stand_in.sent("/images") == [
        {
            "model": "bytedance-seed/seedream-4.5",
            "prompt": "A cat",
            "n": 2,
            "size": "2K",
            "quality": "high",
            "output_format": "png",
            "background": "transparent",
            "aspect_ratio": "16:9",
            "seed": 3,
            "input_references": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64," + _text(tiny_png(9))}}
            ],
        }
    ]


async def test_pictures_may_come_as_events(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(image_events([_text(tiny_png(1)), _text(tiny_png(2))], cost=0.04), path="/images")
    answer = await server.image(ImageRequest("A cat"))
    assert [image.data for image in answer.images] == [tiny_png(1), tiny_png(2)]
    assert answer.usage.cost_usd == pytest.approx(0.08)


async def test_an_error_among_the_events_is_an_error(server: ModelServer, stand_in: StandIn) -> None:
    event = {"type": "error", "error": {"code": "content_policy", "message": "Not this cat"}}
    stand_in.script(stream_reply({**event, "error": {**event["error"], "code": 400}}), path="/images")  # type: ignore[dict-item] # plain JSON
    with pytest.raises(StepError, match="Not this cat"):
        await server.image(ImageRequest("A cat"))


async def test_a_chat_model_that_draws_is_asked_by_a_chat(server: ModelServer, stand_in: StandIn) -> None:
    request = ImageRequest("A cat", model="google/gemini-image", aspect_ratio="1:1", count=2, references=[REFERENCE])
    answer = await server.image(request)
    assert [image.data for image in answer.images] == [tiny_png(), tiny_png()]
    assert "You said: A cat" in answer.text
    assert answer.usage.tokens_in == 20
    assert stand_in.sent("/images") == []
    body = stand_in.sent()[0]
    assert body["modalities"] == ["image", "text"]
    assert body["image_config"] == {"aspect_ratio": "1:1"}
    assert [part["type"] for part in body["messages"][0]["content"]] == ["text", "image_url"]


async def test_an_unlisted_model_is_tried_by_both_routes(server: ModelServer, stand_in: StandIn) -> None:
    answer = await server.image(ImageRequest("A cat", model="brand/new"))
    assert len(answer.images) == 1
    assert len(stand_in.sent("/images")) == len(stand_in.sent()) == 1


async def test_when_both_routes_are_wrong_the_first_reason_is_told(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(error_reply(404, "no such model at all"))
    with pytest.raises(StepError, match="No image model brand/new"):
        await server.image(ImageRequest("A cat", model="brand/new"))


async def test_a_model_that_makes_no_pictures_is_not_asked(server: ModelServer, stand_in: StandIn) -> None:
    with pytest.raises(StepError, match="makes no pictures"):
        await server.image(ImageRequest("A cat", model="openai/gpt-5-mini"))
    assert stand_in.sent("/images") == stand_in.sent() == []


async def test_a_chat_that_only_talks_says_what_it_said(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(text_stream("I may not draw that."))
    with pytest.raises(StepError, match="I may not draw that") as caught:
        await server.image(ImageRequest("A cat", model="google/gemini-image"))
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    "body", [{"data": []}, {}, {"data": [{"b64_json": "%%%"}]}, {"data": [{"url": "https://x"}]}, []]
)
async def test_an_answer_without_a_sound_picture_is_an_error(
    server_of: ServerMaker, stand_in: StandIn, body: Any
) -> None:
    stand_in.script(json_reply(body), path="/images")
    with pytest.raises(StepError) as caught:
        await server_of(retries=RetryPolicy(retries=0)).image(ImageRequest("A cat"))
    assert caught.value.kind == "server"


async def test_a_busy_picture_model_is_asked_again(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(error_reply(503, "busy"), path="/images")
    assert len((await server.image(ImageRequest("A cat"))).images) == 1


async def test_another_server_is_asked_by_the_common_route_and_costs_nothing(
    server_of: ServerMaker, stand_in: StandIn
) -> None:
    stand_in.script(json_reply({"data": [{"b64_json": PNG}], "usage": usage(1, 2, 9.0)}), path="/images/generations")
    server = server_of(kind="generic")
    answer = await server.image(ImageRequest("A cat", seed=1, aspect_ratio="1:1"))
    assert answer.images == (ChatImage(tiny_png(), "image/png"),)
    assert answer.usage.cost_usd == 0
    assert set(stand_in.sent("/images/generations")[0]) == {"model", "prompt"}
    with pytest.raises(StepError, match="cannot start from other pictures"):
        await server.image(ImageRequest("A cat", references=[REFERENCE]))


async def test_texts_become_vectors_in_order_and_in_batches(server: ModelServer, stand_in: StandIn) -> None:
    texts = [f"text {n}" for n in range(LARGEST_BATCH + 5)]
    vectors, spent = await server.embed(texts, dimensions=16)
    assert [len(vector) for vector in vectors] == [16] * len(texts)
    bodies = stand_in.sent("/embeddings")
    assert [len(body["input"]) for body in bodies] == [LARGEST_BATCH, 5]
    assert spent.tokens_in == 2 * len(texts)
    assert spent.cost_usd == pytest.approx(2 * len(texts) * 2e-8)
    alone, _ = await server.embed([texts[-1]], dimensions=16)
    assert alone == vectors[-1:]


async def test_no_texts_need_no_request(server: ModelServer, stand_in: StandIn) -> None:
    assert (await server.embed([]))[0] == []
    assert stand_in.requests == []


def test_a_batch_is_limited_by_its_characters_too() -> None:
    long = "x" * (LONGEST_BATCH // 2 + 1)
    assert list(batches([long, long, "a", long * 3])) == [[long], [long, "a"], [long * 3]]


def _item(vector: Any, index: int | None) -> dict[str, Any]:
    return {"object": "embedding", "embedding": vector, **({} if index is None else {"index": index})}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([_item([1.0], 0), _item([2.0], 1)], [[1.0], [2.0]]),
        ([_item([2.0], 1), _item([1.0], 0)], [[1.0], [2.0]]),
        ([_item([1.0], None), _item([2.0], None)], [[1.0], [2.0]]),
        ([_item([1.0], 0), _item([2.0], 0)], [[1.0], [2.0]]),
        ([_item(base64.b64encode(struct.pack("<f", 1.5)).decode(), 0), _item([2.0], 1)], [[1.5], [2.0]]),
    ],
)
async def test_vectors_are_read_in_every_form(
    server: ModelServer, stand_in: StandIn, data: list[Any], expected: list[list[float]]
) -> None:
    stand_in.script(json_reply({"object": "list", "data": data, "model": "m"}), path="/embeddings")
    assert (await server.embed(["a", "b"]))[0] == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([_item([1.0], 0)], "sent 1 vectors for 2 texts"),
        ([_item([1.0], 0), _item([], 1)], "empty or damaged"),
        ([_item([1.0], 0), _item("AAA", 1)], "empty or damaged"),
        ([_item([1.0], 0), _item([1.0, 2.0], 1)], "different lengths"),
        (None, "sent 0 vectors"),
    ],
)
async def test_vectors_that_are_not_what_was_asked_for_are_an_error(
    server_of: ServerMaker, stand_in: StandIn, data: Any, reason: str
) -> None:
    stand_in.script(json_reply({"object": "list", "data": data, "model": "m"}), path="/embeddings")
    with pytest.raises(StepError, match=reason):
        await server_of(retries=RetryPolicy(retries=0)).embed(["a", "b"])


async def test_a_model_with_other_dimensions_is_told_apart(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(json_reply({"data": [_item([1.0, 2.0], 0)]}), path="/embeddings")
    with pytest.raises(StepError, match="vectors of 2 numbers, not of the 1536"):
        await server.embed(["a"], dimensions=1536)


async def test_a_server_started_without_embeddings_says_so(server_of: ServerMaker, stand_in: StandIn) -> None:
    said = "This server does not support embeddings. Start it with `--embeddings`"
    stand_in.script(error_reply(501, said), path="/embeddings")
    with pytest.raises(StepError, match="--embeddings"):
        await server_of(kind="llamacpp", retries=RetryPolicy(retries=0)).embed(["a"])


async def test_the_account_tells_what_is_left(server: ModelServer, server_of: ServerMaker) -> None:
    key = await server.account()
    assert (key.limit, key.remaining, key.used, key.limit_reset) == (100, 74.5, 25.5, "monthly")
    assert (key.free_requests_left, key.free_requests_limit) == (988, 1000)
    assert not key.is_management_key
    with pytest.raises(StepError, match="keeps no account"):
        await server_of(kind="ollama").account()


async def test_what_an_aborted_answer_cost_can_be_asked_for(server: ModelServer) -> None:
    spent = await server.spent("gen-1")
    assert (spent.tokens_in, spent.tokens_out, spent.cost_usd) == (21, 7, 0.0003)
    assert math.isfinite(spent.cost_usd)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_completion_without_pictures_has_none() -> None:
    assert "images" not in completion("x")["choices"][0]["message"]
