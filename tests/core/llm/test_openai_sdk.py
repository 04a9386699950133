"""The `openai` package against our stand-in: functions, streaming and a whole loop of calls, as its users write it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_replies import (
    call_piece,
    chunk,
    completion,
    error_reply,
    json_reply,
    stream_reply,
    text_stream,
    usage_chunk,
)

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "stock",
            "description": "How many there are.",
            "parameters": {"type": "object", "properties": {"article": {"type": "string"}}, "required": ["article"]},
        },
    }
]


@pytest.fixture
def client(stand_in: StandIn) -> Iterator[OpenAI]:
    with OpenAI(api_key=KEY, base_url=stand_in.base_url, max_retries=0) as made:
        yield made


def test_it_chats_and_counts_tokens(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="test/model", messages=[{"role": "user", "content": "Hello"}])
    assert answer.choices[0].message.content == "You said: Hello"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 15


def test_it_streams_text(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="test/model", messages=[{"role": "user", "content": "Hello there"}], stream=True
    )
    text = "".join(choice.delta.content or "" for piece in stream for choice in piece.choices)
    assert text == "You said: Hello there"


def test_a_loop_of_function_calls_runs_as_its_users_write_it(client: OpenAI, stand_in: StandIn) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "stock", "arguments": '{"article": "bolt"}'}}
    stand_in.script(json_reply(completion(None, finish="tool_calls", tool_calls=[call])), json_reply(completion("12.")))
    messages: list[Any] = [{"role": "user", "content": "Bolts?"}]
    while True:
        answer = client.chat.completions.create(model="test/model", messages=messages, tools=TOOLS)
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            break
        for wanted in message.tool_calls:
            assert wanted.type == "function"
            assert json.loads(wanted.function.arguments) == {"article": "bolt"}
            messages.append({"role": "tool", "tool_call_id": wanted.id, "content": "12"})
    assert message.content == "12."
    sent = stand_in.sent()[-1]["messages"]
    assert [entry["role"] for entry in sent] == ["user", "assistant", "tool"]


def test_it_puts_streamed_calls_together(client: OpenAI, stand_in: StandIn) -> None:
    pieces = [
        call_piece(0, "call_1", "stock", ""), call_piece(0, None, None, '{"article": '),
        call_piece(1, "call_2", "stock", '{"article": "nut"}'), call_piece(0, None, None, '"bolt"}'),
    ]  # fmt: skip
    stand_in.script(
        stream_reply(*(chunk(tool_calls=[piece]) for piece in pieces), chunk(finish="tool_calls"), usage_chunk())
    )
    with client.chat.completions.stream(
        model="test/model", messages=[{"role": "user", "content": "Both?"}], tools=TOOLS
    ) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls or []
    assert [(call.id, call.function.arguments) for call in calls] == [
        ("call_1", '{"article": "bolt"}'), ("call_2", '{"article": "nut"}'),
    ]  # fmt: skip


def test_it_reads_embeddings_models_and_errors(client: OpenAI, stand_in: StandIn) -> None:
    vectors = client.embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"], encoding_format="float")
    assert len(vectors.data) == 2
    assert "test/model" in [model.id for model in client.models.list()]
    stand_in.script(error_reply(402, "Insufficient credits", "payment_required"))
    with pytest.raises(APIStatusError) as told:
        client.chat.completions.create(model="test/model", messages=[{"role": "user", "content": "x"}])
    assert told.value.status_code == 402


def test_a_text_that_comes_byte_by_byte_is_read(client: OpenAI, stand_in: StandIn) -> None:
    stand_in.script(text_stream("Grüße, 世界", byte_by_byte=True))
    stream = client.chat.completions.create(
        model="test/model", messages=[{"role": "user", "content": "x"}], stream=True
    )
    assert "".join(choice.delta.content or "" for piece in stream for choice in piece.choices) == "Grüße, 世界"
