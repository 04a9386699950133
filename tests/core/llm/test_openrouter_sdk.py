"""OpenRouter's own Python SDK against our stand-in, and our requests against its models.

The first shows that the stand-in is like OpenRouter; the second that our client is.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from openrouter import OpenRouter, components, operations

from core.engine.services import ChatImage, ChatRequest, ImageRequest
from core.llm.client import ModelServer
from core.llm.sign_in import Proof, page_address
from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_client import ask
from tests.support.openrouter_defaults import tiny_png
from tests.support.openrouter_replies import call_piece, chunk, stream_reply, usage_chunk

ACCEPTED_BUT_NOT_KNOWN: set[str] = set()
"""Fields of ours that the SDK's models do not have."""

TOOL = {
    "type": "function",
    "function": {"name": "now", "description": "The time.", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture
def sdk(stand_in: StandIn) -> Iterator[OpenRouter]:
    """The SDK as a client of the stand-in."""
    with OpenRouter(api_key=KEY, server_url=stand_in.base_url) as client:
        yield client


def said(text: str) -> list[components.ChatUserMessage]:
    return [components.ChatUserMessage(role="user", content=text)]


def test_the_sdk_chats(sdk: OpenRouter) -> None:
    answer = sdk.chat.send(model="test/model", messages=said("Hello"))
    assert answer.choices[0].message.content == "You said: Hello"
    assert answer.usage is not None
    assert answer.usage.cost == 0.0001


def test_the_sdk_streams(sdk: OpenRouter, stand_in: StandIn) -> None:
    with sdk.chat.send(model="test/model", messages=said("Hello there"), stream=True) as stream:
        chunks = list(stream)
    text = "".join(choice.delta.content or "" for piece in chunks for choice in piece.choices)
    assert text == "You said: Hello there"
    assert chunks[-1].usage is not None
    pieces = [call_piece(0, "call_1", "now", ""), call_piece(0, None, None, "{}")]
    stand_in.script(
        stream_reply(*(chunk(tool_calls=[piece]) for piece in pieces), chunk(finish="tool_calls"), usage_chunk())
    )
    with sdk.chat.send(model="test/model", messages=said("Now?"), stream=True) as stream:
        calls = [call for piece in stream for choice in piece.choices for call in choice.delta.tool_calls or []]
    assert [call.function.arguments for call in calls if call.function] == ["", "{}"]


def test_the_sdk_lists_models(sdk: OpenRouter) -> None:
    page = sdk.models.list(output_modalities="all")
    assert page is not None
    ids = [model.id for model in page.result.data]
    assert "openai/gpt-5-mini" in ids
    assert "openai/text-embedding-3-small" in ids
    text_only = sdk.models.list()
    assert text_only is not None
    assert "openai/text-embedding-3-small" not in [model.id for model in text_only.result.data]


def test_the_sdk_makes_embeddings(sdk: OpenRouter) -> None:
    answer = sdk.embeddings.generate(model="openai/text-embedding-3-small", input=["a", "b"])
    assert not isinstance(answer, str)
    assert [item.index for item in answer.data] == [0, 1]


@pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning")  # the SDK's own rate_limit model
def test_the_sdk_reads_the_key(sdk: OpenRouter) -> None:
    assert sdk.api_keys.get_current_key_metadata().data.limit_remaining == 74.5


def test_the_sdk_makes_pictures_whole_and_as_events(sdk: OpenRouter) -> None:
    whole = sdk.images.generate(model="bytedance-seed/seedream-4.5", prompt="A cat")
    assert base64.b64decode(whole.data[0].b64_json) == tiny_png()
    with sdk.images.generate(model="openai/gpt-image", prompt="A cat", stream=True) as stream:
        kinds = [event.type for event in stream]
    assert kinds == ["image_generation.partial_image", "image_generation.completed"]
    assert [model.id for model in sdk.images.list_models().data] == ["bytedance-seed/seedream-4.5"]


def test_the_sdk_exchanges_a_sign_in_code(sdk: OpenRouter, stand_in: StandIn) -> None:
    proof = Proof.new()
    code, _ = stand_in.allow(page_address(proof))
    answer = sdk.o_auth.exchange_auth_code_for_api_key(
        code=code, code_verifier=proof.verifier, code_challenge_method="S256"
    )
    assert answer.key == KEY


def unknown_fields(model: Any, body: dict[str, Any]) -> set[str]:
    """The fields of a body that the SDK's model would silently drop."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    return set(body) - known - ACCEPTED_BUT_NOT_KNOWN


async def test_the_sdk_s_models_accept_every_chat_that_we_send(server: ModelServer, stand_in: StandIn) -> None:
    url = "data:image/png;base64," + base64.b64encode(tiny_png()).decode()
    call = call_piece(0, "call_1", "now", "{}")
    details = [{"type": "reasoning.text", "text": "Hm", "index": 0, "format": "anthropic-claude-v1"}]
    stand_in.script(stream_reply(chunk(tool_calls=[call], reasoning_details=details), chunk(finish="tool_calls")))
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
    ]
    common: dict[str, Any] = {
        "model": "openai/gpt-5-mini",
        "fallbacks": ["test/model"],
        "temperature": 0.1,
        "top_p": 0.5,
        "max_tokens": 50,
        "stop": ["X"],
        "seed": 1,
        "effort": "low",
        "schema": {"type": "object"},
        "tools": [TOOL],
        "tool_choice": "now",
        "session": "s",
        "provider": {"sort": "price", "max_price": {"prompt": 1}},
    }
    first: list[dict[str, Any]] = [{"role": "system", "content": "Short."}, {"role": "user", "content": parts}]
    _, answer = await ask(server, ChatRequest(first, **common))
    result = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}
    await ask(server, ChatRequest([*first, answer.message, result], **{**common, "tool_choice": "auto"}))
    await server.image(ImageRequest("A cat", model="google/gemini-image", size="1K", aspect_ratio="1:1"))
    assert len(stand_in.sent()) == 3
    for body in stand_in.sent():
        parsed = components.ChatRequest.model_validate(body)
        assert unknown_fields(components.ChatRequest, body) == set()
        assert unknown_fields(components.ProviderPreferences, body.get("provider", {})) == set()
        assert parsed.model == body["model"]


async def test_the_sdk_s_models_accept_our_other_requests(server: ModelServer, stand_in: StandIn) -> None:
    await server.embed(["a", "b"], dimensions=4)
    everything = ImageRequest(
        "A cat", size="2K", aspect_ratio="16:9", quality="high", output_format="png", background="opaque", seed=1,
        count=2, references=[ChatImage(tiny_png(), "image/png")],
    )  # fmt: skip
    await server.image(everything)
    for path, model in (
        ("/embeddings", operations.CreateEmbeddingsRequestBody),
        ("/images", components.ImageGenerationRequest),
    ):
        (body,) = stand_in.sent(path)
        model.model_validate(body)
        assert unknown_fields(model, body) == set()
