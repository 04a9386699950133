"""The mistakes that authors of OpenRouter clients make, one after the other; each has been made by several of them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from core.engine.services import ChatDelta, ChatRequest
from core.llm.client import ModelServer
from core.llm.connection import ConnectionLimits
from core.llm.retry import RetryPolicy
from tests.support.openrouter import StandIn
from tests.support.openrouter_client import HastyClock, answer_to, ask, failure_of, question
from tests.support.openrouter_defaults import tiny_png
from tests.support.openrouter_replies import (
    PROCESSING,
    Gate,
    call_piece,
    chunk,
    completion,
    error_reply,
    json_reply,
    stream_reply,
    text_stream,
    usage_chunk,
)

ServerMaker = Callable[..., ModelServer]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


async def test_trap_1_processing_comments_are_not_parsed_as_json(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(stream_reply(PROCESSING, chunk("Hel"), PROCESSING, ":\n\n", chunk("lo", finish="stop")))
    assert (await answer_to(server)).text == "Hello"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("byte_by_byte", [False, True])
async def test_trap_2_line_separators_inside_a_text_do_not_cut_an_event(
    server: ModelServer, stand_in: StandIn, newline: str, byte_by_byte: bool
) -> None:
    text = "one\u2028two\u2029three\u0085four\x0bfive\x0csix — 水 🌊"
    stand_in.script(stream_reply(chunk(text, finish="stop"), newline=newline, byte_by_byte=byte_by_byte))
    assert (await answer_to(server)).text == text


@pytest.mark.parametrize("choices", [{}, {"choices": None}, {"choices": []}])
async def test_trap_3_an_error_inside_a_successful_answer_is_an_error(
    server: ModelServer, stand_in: StandIn, choices: dict[str, Any]
) -> None:
    body = {**choices, "error": {"code": 402, "message": "Insufficient credits"}}
    stand_in.script(json_reply(body), stream_reply(body))
    for _ in range(2):
        error = await failure_of(server)
        assert error.kind == "payment"
        assert "Insufficient credits" in error.message


async def test_trap_4_null_choices_without_an_error_are_tried_again_and_then_an_error(
    server: ModelServer, stand_in: StandIn
) -> None:
    nothing = json_reply({"id": None, "choices": None, "provider": None})
    stand_in.script(nothing, text_stream("there"))
    assert (await answer_to(server)).text == "there"
    stand_in.script(nothing, nothing, nothing, nothing)
    error = await failure_of(server)
    assert error.retryable
    assert "before it was complete" in error.message


async def test_trap_4_a_completion_nested_in_provider_is_found(server: ModelServer, stand_in: StandIn) -> None:
    inner = {**completion("inside"), "provider": "Google"}
    stand_in.script(json_reply({"id": None, "choices": None, "model": None, "provider": inner}))
    answer = await answer_to(server)
    assert (answer.text, answer.provider, answer.generation_id) == ("inside", "Google", "gen-1")


@pytest.mark.parametrize("choices", [[], [{}], [{"index": 0, "delta": {}, "finish_reason": None}], None])
async def test_trap_5_the_usage_chunk_has_no_choices_or_an_empty_one(
    server: ModelServer, stand_in: StandIn, choices: Any
) -> None:
    stand_in.script(stream_reply(chunk("Hi", finish="stop"), usage_chunk(7, 3, 0.5, choices=choices)))
    answer = await answer_to(server)
    assert answer.usage_known
    assert (answer.usage.tokens_in, answer.usage.tokens_out, answer.usage.cost_usd) == (7, 3, 0.5)


@pytest.mark.parametrize("end", ["done", "eof", "cut"])
async def test_trap_6_a_stream_that_stops_without_a_finish_reason_is_not_taken_for_complete(
    server: ModelServer, stand_in: StandIn, end: Any
) -> None:
    stand_in.script(stream_reply(chunk("The answer is"), chunk(" not"), end=end))
    error = await failure_of(server)
    assert error.kind == "connection"
    assert error.retryable
    assert error.detail["partial_text"] == "The answer is not"
    assert len(stand_in.requests) == 1  # something was shown, so it is not asked again in secret


async def test_trap_6_a_stream_cut_before_its_first_word_is_asked_again(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(stream_reply(PROCESSING, end="cut"), stream_reply(b'data: {"choi', end="eof"), text_stream("whole"))
    assert (await answer_to(server)).text == "whole"
    assert len(stand_in.requests) == 3


@pytest.mark.parametrize("finish", ["length", "tool_calls"])
async def test_trap_7_a_function_call_with_cut_off_arguments_has_no_arguments(
    server: ModelServer, stand_in: StandIn, finish: str
) -> None:
    pieces = [call_piece(0, "call_1", "get_weather", '{"city": "Os')]
    stand_in.script(stream_reply(chunk(tool_calls=pieces), chunk(finish=finish)))
    answer = await answer_to(server, question(tools=[WEATHER]))
    assert [(call.name, call.arguments, call.raw) for call in answer.tool_calls] == [
        ("get_weather", None, '{"city": "Os')
    ]
    assert answer.finish == finish


async def test_trap_7_a_call_cut_off_before_its_arguments_is_not_a_call_without_arguments(
    server: ModelServer, stand_in: StandIn
) -> None:
    whole, begun = call_piece(0, "a", "get_weather", "{}"), call_piece(1, "b", "get_weather", "")
    stand_in.script(stream_reply(chunk(tool_calls=[whole, begun]), chunk(finish="length")))
    answer = await answer_to(server, question(tools=[WEATHER]))
    assert [call.arguments for call in answer.tool_calls] == [{}, None]


@pytest.mark.parametrize("ids", [("x", "y"), (None, None)])
@pytest.mark.parametrize("in_one_chunk", [True, False])
async def test_trap_8_two_calls_with_the_same_index_stay_two(
    server_of: ServerMaker, stand_in: StandIn, ids: tuple[Any, Any], in_one_chunk: bool
) -> None:
    calls = [
        call_piece(0, id_, "get_weather", f'{{"city": "{city}"}}')
        for id_, city in zip(ids, ("Oslo", "Rome"), strict=True)
    ]
    chunks = [chunk(tool_calls=calls)] if in_one_chunk else [chunk(tool_calls=[call]) for call in calls]
    stand_in.script(stream_reply(*chunks, chunk(finish="stop")))
    answer = await answer_to(server_of(kind="ollama"), question(tools=[WEATHER]))
    assert [call.arguments for call in answer.tool_calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert len({call.id for call in answer.tool_calls}) == 2
    assert all(call.id for call in answer.tool_calls)
    assert answer.finish == "tool_calls"  # Ollama says "stop"


async def test_trap_8_two_calls_alike_in_all_but_their_place_stay_two(
    server_of: ServerMaker, stand_in: StandIn
) -> None:
    calls = [call_piece(0, None, "get_weather", "")] * 2
    stand_in.script(stream_reply(chunk(tool_calls=calls), chunk(finish="stop")))
    answer = await answer_to(server_of(kind="ollama"), question(tools=[WEATHER]))
    assert [call.arguments for call in answer.tool_calls] == [{}, {}]


async def test_trap_8_fragments_with_one_index_and_one_id_stay_one_call(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(
        stream_reply(
            chunk(tool_calls=[call_piece(0, "a", "get_weather", "")]),
            chunk(tool_calls=[call_piece(1, "b", "get_weather", "")]),
            chunk(tool_calls=[call_piece(0, None, None, '{"ci')]),
            chunk(tool_calls=[call_piece(1, "b", "get_weather", '{"city":"Rome"}')]),
            chunk(tool_calls=[call_piece(0, "a", None, 'ty":"Oslo"}')]),
            chunk(finish="tool_calls"),
        )
    )
    answer = await answer_to(server, question(tools=[WEATHER]))
    assert [(call.id, call.arguments) for call in answer.tool_calls] == [
        ("a", {"city": "Oslo"}),
        ("b", {"city": "Rome"}),
    ]


async def test_trap_9_reasoning_details_come_back_whole_and_are_sent_again(
    server: ModelServer, stand_in: StandIn
) -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        return chunk(reasoning_details=[{"index": 0, "format": "google-gemini-v1", **fields}])

    stand_in.script(
        stream_reply(
            detail(type="reasoning.text", text="Let me "),
            detail(type="reasoning.text", text="think."),
            detail(type="reasoning.encrypted", data="c2VjcmV0", id="tool_1"),
            detail(type="reasoning.text", signature="sig"),
            chunk(tool_calls=[call_piece(0, "call_1", "get_weather", '{"city":"Oslo"}')]),
            chunk(finish="tool_calls"),
        )
    )
    first = await answer_to(server, question(tools=[WEATHER]))
    kept = [
        {
            "index": 0,
            "format": "google-gemini-v1",
            "type": "reasoning.text",
            "text": "Let me think.",
            "signature": "sig",
        },
        {
            "index": 0,
            "format": "google-gemini-v1",
            "type": "reasoning.encrypted",
            "data": "c2VjcmV0",
            "id": "tool_1",
        },
    ]
    assert first.message["reasoning_details"] == kept
    result = {"role": "tool", "tool_call_id": "call_1", "content": "rain"}
    await ask(server, ChatRequest([{"role": "user", "content": "Hello?"}, first.message, result], tools=[WEATHER]))
    assert stand_in.sent()[-1]["messages"][1] == first.message


async def test_trap_10_functions_are_not_sent_to_a_model_that_is_known_not_to_call_them(
    server: ModelServer, stand_in: StandIn
) -> None:
    error = await failure_of(server, question(model="test/plain", tools=[WEATHER]))
    assert error.kind == "bad_request"
    assert "test/plain cannot call functions" in error.message
    assert stand_in.sent() == []


async def test_trap_11_a_forced_call_leaves_reasoning_out_openly_for_anthropic(
    server: ModelServer, stand_in: StandIn
) -> None:
    request = question(tools=[WEATHER], tool_choice="get_weather", effort="low")
    for model in ("anthropic/claude-sonnet-4.5", "openai/gpt-5-mini"):
        await ask(server, ChatRequest(**{**_fields(request), "model": model}))
    anthropic, other = stand_in.sent()
    assert "reasoning" not in anthropic
    assert other["reasoning"] == {"effort": "low"}
    assert anthropic["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize(
    "raw",
    [
        '{"error":{"message":"The prompt has 9 images; 8 are allowed"}}',
        "The prompt has 9 images; 8 are allowed",
        {"message": "The prompt has 9 images; 8 are allowed"},
    ],
)
async def test_trap_12_the_provider_s_real_reason_is_shown(server: ModelServer, stand_in: StandIn, raw: Any) -> None:
    about = {"raw": raw, "provider_name": "Anthropic"}
    stand_in.script(error_reply(400, "Provider returned error", "invalid_request", metadata=about))
    error = await failure_of(server)
    assert "Anthropic: The prompt has 9 images; 8 are allowed" in error.message
    assert "Provider returned error" not in error.message


@pytest.mark.parametrize("arguments", [None, "", "{}", {}])
async def test_trap_13_missing_or_empty_arguments_mean_a_call_without_any(
    server: ModelServer, stand_in: StandIn, arguments: Any
) -> None:
    calls = [call_piece(0, "call_1", "now", arguments)]
    stand_in.script(stream_reply(chunk(content=None, tool_calls=calls), chunk(finish="tool_calls")))
    answer = await answer_to(server, question(tools=[WEATHER]))
    assert [call.arguments for call in answer.tool_calls] == [{}]
    assert answer.message["content"] is None
    assert answer.message["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize("code", [429, "429", "rate_limit_exceeded", None])
async def test_trap_13_the_error_code_may_be_a_number_a_text_or_missing(
    server_of: ServerMaker, stand_in: StandIn, code: Any
) -> None:
    error_object = {"message": "slow down", "type": "rate_limit_exceeded", **({} if code is None else {"code": code})}
    stand_in.script(json_reply({"error": error_object}))
    error = await failure_of(server_of(retries=RetryPolicy(retries=0)))
    assert (error.kind, error.detail["status"]) == ("rate_limit", 429)


async def test_trap_14_retries_are_few_and_short_and_cover_rate_limits(
    server: ModelServer, stand_in: StandIn, clock: HastyClock
) -> None:
    stand_in.script(*[error_reply(429, "slow down", "rate_limit_exceeded")] * 4)
    assert (await failure_of(server)).kind == "rate_limit"
    assert len(stand_in.requests) == 4
    assert len(clock.slept) == 3
    assert sum(clock.slept) < 10


async def test_trap_15_facts_that_the_official_sdk_drops_are_kept(server: ModelServer, stand_in: StandIn) -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "Example"}}
    stand_in.script(stream_reply(chunk("See", annotations=[note]), chunk(finish="stop")))
    answer = await answer_to(server)
    assert answer.provider == "TestProvider"
    assert answer.annotations == (note,)
    assert answer.message["annotations"] == [note]


async def test_trap_16_function_calls_are_merged_and_the_end_read_where_it_really_is(
    server: ModelServer, stand_in: StandIn
) -> None:
    stand_in.script(
        stream_reply(
            PROCESSING,
            chunk(role="assistant", content=None),
            chunk(tool_calls=[call_piece(0, "call_1", "get_weather", "")]),
            PROCESSING,
            *(chunk(tool_calls=[call_piece(0, None, None, piece)]) for piece in ('{"ci', 'ty": ', '"Oslo"}')),
            chunk(finish="tool_calls", native="tool_use"),
            usage_chunk(),
        )
    )
    deltas, answer = await ask(server, question(tools=[WEATHER]))
    assert deltas == []
    assert answer.finish == "tool_calls"
    arguments = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    assert answer.message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": arguments}],
    }


async def test_trap_17_a_picture_alone_in_a_chunk_is_not_lost(server: ModelServer, stand_in: StandIn) -> None:
    url = "data:image/png;base64," + base64.b64encode(tiny_png(3)).decode()
    image = {"type": "image_url", "image_url": {"url": url}}
    stand_in.script(stream_reply(chunk("Here:"), chunk(images=[image]), chunk(finish="stop")))
    answer = await answer_to(server, question(modalities=["image", "text"]))
    assert [(picture.data, picture.media_type) for picture in answer.images] == [(tiny_png(3), "image/png")]
    assert answer.message["images"] == [image]
    assert stand_in.sent()[0]["modalities"] == ["image", "text"]


async def test_trap_18_a_slow_first_byte_is_waited_for_and_the_usual_limits_allow_it(
    server: ModelServer, stand_in: StandIn
) -> None:
    assert ConnectionLimits().connect == 10.0
    assert 60.0 <= ConnectionLimits().read <= 90.0
    gate = Gate()
    stand_in.script(text_stream("late", before=gate))
    waiting = asyncio.create_task(answer_to(server))
    await gate.reached()
    assert not waiting.done()
    gate.open()
    assert (await waiting).text == "late"


async def test_trap_18_silence_in_the_middle_ends_with_what_was_said(server_of: ServerMaker, stand_in: StandIn) -> None:
    gate = Gate()
    stand_in.script(stream_reply(chunk("Once"), gate))
    error = await failure_of(server_of(limits=ConnectionLimits(read=0.05)))
    assert (error.kind, error.retryable, error.detail["partial_text"]) == ("timeout", True, "Once")
    gate.open()


async def test_closing_the_iterator_closes_the_connection(server: ModelServer, stand_in: StandIn) -> None:
    gate = Gate()
    stand_in.script(stream_reply(chunk("One"), gate))
    async with aclosing(server.stream(question())) as stream:
        assert await anext(stream) == ChatDelta("One")
        await gate.reached()
    await stand_in.lost_client()


async def test_cancelling_the_task_closes_the_connection(server: ModelServer, stand_in: StandIn) -> None:
    gate = Gate()
    stand_in.script(text_stream("never", before=gate))
    asking = asyncio.create_task(answer_to(server))
    await gate.reached()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await stand_in.lost_client()


def _fields(request: ChatRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__dataclass_fields__}
