"""What a person reads when a model server refuses or fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.llm.client import ModelServer
from core.llm.errors import Asked, answer_error, retry_after_of, unreached
from core.llm.retry import RetryPolicy
from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_client import HastyClock, answer_to, ask, failure_of, question
from tests.support.openrouter_replies import (
    Gate,
    Reply,
    chunk,
    error_body,
    error_chunk,
    error_reply,
    json_reply,
    stream_reply,
    text_stream,
)

ServerMaker = Callable[..., ModelServer]
ASKED = Asked("OpenRouter", "test/model", secret="hunter2")


@pytest.mark.parametrize(
    ("status", "error_type", "message", "kind", "retryable"),
    [
        (400, "invalid_request", "temperature is too high", "bad_request", False),
        (400, "context_length_exceeded", "This endpoint's maximum context length is 8192", "context_length", False),
        (413, "", "The context window is too small for this", "context_length", False),
        (400, "content_policy_violation", "Not allowed", "refused", False),
        (401, "authentication", "User not found", "credentials", False),
        (402, "payment_required", "Insufficient credits", "payment", False),
        (403, "permission_denied", "Key limit exceeded", "payment", False),
        (403, "permission_denied", "Model not allowed for this key", "credentials", False),
        (404, "not_found", "No endpoints found that support tool use", "not_found", False),
        (408, "timeout", "Took too long", "timeout", True),
        (422, "unprocessable", "Bad shape", "bad_request", False),
        (429, "rate_limit_exceeded", "Too many requests", "rate_limit", True),
        (500, "server", "Internal error", "server", True),
        (502, "provider_unavailable", "Provider is down", "server", True),
        (524, "timeout", "Edge timeout", "timeout", True),
        (529, "provider_overloaded", "Overloaded", "server", True),
    ],
)
def test_a_status_and_an_error_type_become_a_kind(
    status: int, error_type: str, message: str, kind: str, retryable: bool
) -> None:
    error = answer_error(ASKED, status, error_body(status, message, error_type))
    assert (error.kind, error.retryable) == (kind, retryable)
    assert error.message.startswith("OpenRouter (test/model) answered: ")
    assert message in error.message
    assert error.message.rstrip().endswith(".")
    assert error.detail["status"] == status


def test_moderation_is_a_refusal_that_names_its_reasons() -> None:
    about = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "OpenAI"}
    error = answer_error(ASKED, 403, error_body(403, "Input was flagged", metadata=about))
    assert error.kind == "refused"
    assert "violence" in error.message
    assert error.detail["reasons"] == ["violence"]


def test_availability_decides_on_retrying_and_names_what_would_do_instead() -> None:
    availability = {
        "code": "capacity_exhausted",
        "retryable": False,
        "retry_after": 40,
        "fallback_models": ["anthropic/claude-haiku-4.5"],
    }
    error = answer_error(ASKED, 429, error_body(429, "Busy", availability=availability))
    assert (error.kind, error.retryable, error.retry_after) == ("rate_limit", False, 40)
    assert error.detail["fallback_models"] == ["anthropic/claude-haiku-4.5"]
    assert "anthropic/claude-haiku-4.5" in error.message


def test_an_error_may_carry_http_status_instead_of_a_code() -> None:
    body = {"error": {"message": "gone", "http_status": 404, "availability": {"code": "model_deprecated"}}}
    error = answer_error(ASKED, 200, body)
    assert (error.kind, error.detail["status"], error.detail["availability"]) == ("not_found", 404, "model_deprecated")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": "model not loaded"}, "model not loaded"),
        ({"error": {"message": "bad key", "type": "invalid_request_error", "code": "x"}}, "bad key"),
        ({"object": "error", "message": "need --enable-auto-tool-choice", "code": 400}, "--enable-auto-tool-choice"),
        ({"detail": [{"msg": "field required"}, {"msg": "too short"}]}, "field required; too short"),
        ("<html><head><style>p{}</style></head><body><h1>Bad  Gateway</h1></body></html>", "Bad Gateway"),
        ("plain text", "plain text"),
        ("", "HTTP status 400"),
        (None, "HTTP status 400"),
        ([], "HTTP status 400"),
    ],
)
def test_every_shape_of_an_error_body_gives_its_reason(body: Any, reason: str) -> None:
    assert reason in answer_error(ASKED, 400, body).message


def test_llama_cpp_s_context_error_is_known() -> None:
    error_object = {"code": 400, "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096}  # fmt: skip
    assert answer_error(ASKED, 400, {"error": error_object}).kind == "context_length"


def test_neither_the_key_nor_anything_like_one_is_in_an_error() -> None:
    said = "Incorrect key hunter2 and sk-or-v1-abc*****def, header Bearer abc.def"
    error = answer_error(ASKED, 401, error_body(401, said))
    for secret in ("hunter2", "sk-or-v1", "abc.def"):
        assert secret not in error.message + str(error.detail)


def test_a_very_long_reason_is_shortened() -> None:
    assert len(answer_error(ASKED, 400, error_body(400, "x" * 10_000)).message) < 800


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_of(headers) == seconds


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 524, 529])
async def test_passing_failures_are_asked_again(server: ModelServer, stand_in: StandIn, status: int) -> None:
    stand_in.script(error_reply(status, "not now"), text_stream("now"))
    assert (await answer_to(server)).text == "now"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_final_refusals_are_not_asked_again(server: ModelServer, stand_in: StandIn, status: int) -> None:
    stand_in.script(error_reply(status, "no"))
    assert (await failure_of(server)).detail["status"] == status
    assert len(stand_in.requests) == 1


async def test_retry_after_is_honoured_up_to_a_minute(
    server: ModelServer, stand_in: StandIn, clock: HastyClock
) -> None:
    stand_in.script(
        error_reply(429, "busy", headers={"retry-after": "3"}),
        error_reply(503, "busy", availability={"retry_after": 40, "retryable": True}),
        error_reply(429, "busy", headers={"retry-after": "3600"}),
        text_stream("at last"),
    )
    assert (await answer_to(server)).text == "at last"
    assert clock.slept == [3.0, 40.0, 60.0]


async def test_an_error_in_the_middle_of_a_stream_keeps_what_was_said(server: ModelServer, stand_in: StandIn) -> None:
    broken = error_chunk(429, "Rate limit exceeded", "rate_limit_exceeded")
    stand_in.script(stream_reply(chunk("Half of"), chunk(" it"), broken, end="eof"))
    error = await failure_of(server)
    assert (error.kind, error.retryable) == ("rate_limit", True)
    assert error.detail["partial_text"] == "Half of it"
    assert len(stand_in.requests) == 1


async def test_an_error_in_a_stream_before_its_first_word_is_asked_again(
    server: ModelServer, stand_in: StandIn
) -> None:
    stand_in.script(stream_reply(error_chunk(502, "down", "provider_unavailable"), end="eof"), text_stream("up"))
    assert (await answer_to(server)).text == "up"


async def test_a_finish_by_error_without_a_reason_is_an_error(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(stream_reply(chunk("Half"), chunk(finish="error", native="MALFORMED_FUNCTION_CALL")))
    error = await failure_of(server)
    assert "MALFORMED_FUNCTION_CALL" in error.message


async def test_a_stream_that_breaks_after_its_finish_is_whole_without_counts(
    server: ModelServer, stand_in: StandIn
) -> None:
    stand_in.script(stream_reply(chunk("All.", finish="stop"), end="cut"))
    answer = await answer_to(server)
    assert (answer.text, answer.usage_known) == ("All.", False)


async def test_an_event_that_is_no_json_is_an_error(server_of: ServerMaker, stand_in: StandIn) -> None:
    stand_in.script(stream_reply("data: not json\n\n"), stream_reply("data: [1]\n\n"))
    server = server_of(retries=RetryPolicy(retries=0))
    assert "not JSON" in (await failure_of(server)).message
    assert "not a JSON object" in (await failure_of(server)).message


async def test_nobody_at_the_address_is_a_connection_error_with_the_cure(server_of: ServerMaker) -> None:
    server = server_of("http://127.0.0.1:9/v1", kind="ollama")
    error = await failure_of(server)
    assert (error.kind, error.retryable) == ("connection", True)
    assert "ollama serve" in error.message


async def test_an_address_that_is_none_is_a_bad_request(server_of: ServerMaker) -> None:
    assert (await failure_of(server_of("ftp://example.com"))).kind == "bad_request"


async def test_a_redirect_is_not_followed_with_the_key(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(Reply(302, {"location": "https://elsewhere.example/"}))
    error = await failure_of(server)
    assert error.kind == "bad_request"
    assert "elsewhere.example" in error.message


async def test_a_missing_key_says_how_to_set_one_and_sends_nothing(server_of: ServerMaker, stand_in: StandIn) -> None:
    async def nothing() -> str | None:
        return None

    error = await failure_of(server_of(api_key=nothing))
    assert error.kind == "credentials"
    for word in ("steploom keys set openrouter", "OPENROUTER_API_KEY", "--demo"):
        assert word in error.message
    assert stand_in.requests == []


@pytest.mark.parametrize("key", ["sk-or-v1-\nX: y", "sk-or-v1-ключ", "sk-or v1"])
async def test_a_damaged_key_is_refused_and_not_shown(server_of: ServerMaker, stand_in: StandIn, key: str) -> None:
    async def damaged() -> str:
        return key

    error = await failure_of(server_of(api_key=damaged))
    assert error.kind == "credentials"
    assert key not in error.message
    assert stand_in.requests == []


async def test_the_key_is_in_no_error_although_the_server_repeats_it(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(json_reply({"error": {"message": f"bad {KEY}"}}, 401))
    error = await failure_of(server)
    assert KEY not in f"{error.message} {error.detail} {error!r} {error.__cause__!r}"


async def test_the_total_time_counts_even_while_words_arrive(server: ModelServer, stand_in: StandIn) -> None:
    gate = Gate()
    stand_in.script(stream_reply(chunk("Once"), gate))
    error = await failure_of(server, question(timeout=0.2))
    assert (error.kind, error.detail["partial_text"]) == ("timeout", "Once")
    assert "0.2 s" in error.message
    gate.open()


async def test_a_refusal_by_the_model_is_told(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(stream_reply(chunk(refusal="I will"), chunk(refusal=" not.", finish="content_filter")))
    _, answer = await ask(server)
    assert (answer.refusal, answer.finish, answer.text) == ("I will not.", "content_filter", "")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("[Errno -2] Name or service not known", "its name leads nowhere from here"),
        ("[Errno -3] Temporary failure in name resolution", "its name leads nowhere from here"),
        ("[Errno 11001] getaddrinfo failed", "its name leads nowhere from here"),
        ("All connection attempts failed", "nothing answers there"),
        ("[Errno 111] Connection refused", "nothing answers there"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate has expired", "certificate has expired"),
        ("", "no answer in time"),
    ],
)
def test_why_a_server_cannot_be_reached_is_said_without_the_numbers_of_the_system(reason: str, said: str) -> None:
    assert unreached(reason) == said
