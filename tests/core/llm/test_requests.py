"""What is sent to which server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from core.engine.errors import StepError
from core.engine.services import ChatRequest, Models
from core.llm.client import ModelServer
from core.llm.profile import OPENROUTER_URL, ServerKind, profile_by_address, profile_by_models
from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_client import answer_to, ask, failure_of, question
from tests.support.openrouter_replies import chunk, completion, error_reply, json_reply, stream_reply, text_stream

ServerMaker = Callable[..., ModelServer]
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TOOL = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
LOCAL: list[ServerKind] = ["ollama", "lmstudio", "llamacpp", "vllm", "generic"]
OPENROUTER_ONLY = {
    "models", "provider", "plugins", "session_id", "reasoning", "max_completion_tokens", "transforms", "route",
}  # fmt: skip
EVERYTHING = ChatRequest(
    messages=[
        {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo", "reasoning": "…", "reasoning_details": [{"type": "x"}], "images": []},
        {"role": "user", "content": "Go on"},
    ],
    model="test/model",
    fallbacks=["test/other"],
    temperature=0.5,
    top_p=0.9,
    max_tokens=100,
    stop=["END"],
    seed=7,
    effort="low",
    schema=SCHEMA,
    schema_name="An answer!",
    tools=[TOOL],
    tool_choice="required",
    session="run-1",
    provider={"data_collection": "deny"},
)


def test_the_client_is_what_steps_expect(server: ModelServer) -> None:
    models: Models = server
    assert models.wire_request(question("Hi"))["model"] == "test/model"


async def test_openrouter_gets_everything_in_its_own_words(server: ModelServer, stand_in: StandIn) -> None:
    await ask(server, EVERYTHING)
    body = stand_in.sent()[0]
    assert body == {
        "model": "test/model",
        "models": ["test/other"],
        "messages": EVERYTHING.messages,
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_completion_tokens": 100,
        "stop": ["END"],
        "seed": 7,
        "reasoning": {"effort": "low"},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "An_answer_", "strict": True, "schema": SCHEMA},
        },
        "tools": [TOOL],
        "tool_choice": "required",
        "session_id": "run-1",
        "provider": {"data_collection": "deny", "require_parameters": True},
        "plugins": [{"id": "context-compression", "enabled": False}],
    }
    headers = stand_in.requests[-1].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-openrouter-title"] == "Steploom"


@pytest.mark.parametrize("kind", LOCAL)
async def test_other_servers_get_no_field_that_is_openrouter_s_own(
    server_of: ServerMaker, stand_in: StandIn, kind: ServerKind
) -> None:
    _, answer = await ask(server_of(kind=kind), EVERYTHING)
    body, headers = stand_in.sent()[0], stand_in.requests[-1].headers
    assert not OPENROUTER_ONLY & set(body)
    assert body["max_tokens"] == 100
    assert body["stream_options"] == {"include_usage": True}
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    text = json.dumps(body["messages"])
    assert "reasoning" not in text
    assert "cache_control" not in text
    assert not [name for name in headers if "openrouter" in name or name == "http-referer"]
    assert answer.usage.tokens > 0
    assert answer.usage.cost_usd == 0.0


async def test_a_schema_goes_into_the_prompt_for_a_model_that_cannot_be_held_to_one(
    server: ModelServer, stand_in: StandIn
) -> None:
    await ask(server, question(model="test/plain", schema=SCHEMA))
    await ask(server, question(model="nobody/knows", schema=SCHEMA))
    plain, unknown = stand_in.sent()
    assert "response_format" not in plain
    assert unknown["response_format"]["type"] == "json_schema"
    for body in (plain, unknown):
        assert "provider" not in body
        assert json.dumps(SCHEMA) in body["messages"][-1]["content"][-1]["text"]


async def test_required_parameters_do_not_include_one_that_the_model_lacks(
    server: ModelServer, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support import openrouter_defaults

    strict = openrouter_defaults.model_entry("test/strict", parameters=["structured_outputs", "response_format"])
    monkeypatch.setattr(openrouter_defaults, "MODELS", (strict,))
    await ask(server, question(model="test/strict", schema=SCHEMA, temperature=0.2, seed=1, effort="high"))
    assert not {"temperature", "seed", "reasoning"} & set(stand_in.sent()[0])


async def test_a_call_with_broken_arguments_is_sent_back_mended(server: ModelServer, stand_in: StandIn) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": '{"a": '}}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Now?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "The arguments were cut off."},
    ]
    await ask(server, ChatRequest(messages, tools=[TOOL]))
    assert stand_in.sent()[0]["messages"][1]["tool_calls"][0]["function"] == {"name": "now", "arguments": "{}"}
    assert call["function"] == {"name": "now", "arguments": '{"a": '}  # the caller's own message is left alone


async def test_a_server_without_fallbacks_of_its_own_is_asked_for_each_model_in_turn(
    server_of: ServerMaker, stand_in: StandIn
) -> None:
    stand_in.script(error_reply(404, "model 'a' not found"))
    answer = await answer_to(server_of(kind="ollama"), question(model="a", fallbacks=["b"]))
    assert [body["model"] for body in stand_in.sent()] == ["a", "b"]
    assert answer.model == "b"


async def test_no_fallback_is_tried_after_something_was_shown(server_of: ServerMaker, stand_in: StandIn) -> None:
    stand_in.script(stream_reply(chunk("Half"), end="cut"))
    await failure_of(server_of(kind="ollama"), question(model="a", fallbacks=["b"]))
    assert len(stand_in.sent()) == 1


async def test_a_local_server_needs_no_key(server_of: ServerMaker, stand_in: StandIn) -> None:
    async def nothing() -> str | None:
        return None

    stand_in.needs_key = False
    await ask(server_of(kind="ollama", api_key=nothing))
    assert "authorization" not in stand_in.requests[-1].headers


async def test_no_model_at_all_is_an_error_that_says_where_to_choose_one(server_of: ServerMaker) -> None:
    error = await failure_of(server_of(default_model=""))
    assert error.kind == "bad_request"
    assert "steploom models" in error.message


async def test_the_journal_s_request_is_the_one_that_is_sent_with_files_shortened(
    server: ModelServer, stand_in: StandIn
) -> None:
    url = "data:image/png;base64," + "A" * 164_000
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    sound = {"type": "input_audio", "input_audio": {"data": "B" * 4_000, "format": "wav"}}
    request = ChatRequest([{"role": "user", "content": [*parts, sound]}], model="test/model")
    await ask(server, request)
    wire = server.wire_request(request)
    assert wire["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,…(123 kB)"  # type: ignore[index, call-overload] # plain JSON
    assert "BBBB" not in json.dumps(wire)
    assert KEY not in json.dumps(wire)
    sent = stand_in.sent()[0]
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == url
    assert {**sent, "messages": None} == {**wire, "messages": None}


async def test_a_server_that_does_not_stream_is_understood(server_of: ServerMaker, stand_in: StandIn) -> None:
    body = completion("All at once", tool_calls=None)
    body["choices"][0]["message"]["reasoning_content"] = "Hm."
    stand_in.script(json_reply(body))
    deltas, answer = await ask(server_of(kind="llamacpp"))
    assert (answer.text, answer.reasoning, answer.finish) == ("All at once", "Hm.", "stop")
    assert "".join(delta.text for delta in deltas) == "All at once"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
async def test_reasoning_streams_under_either_name(server: ModelServer, stand_in: StandIn, name: str) -> None:
    stand_in.script(stream_reply(chunk(**{name: "Let me"}), chunk(**{name: " see"}), chunk("Yes", finish="stop")))
    deltas, answer = await ask(server)
    assert [(delta.reasoning, delta.text) for delta in deltas] == [("Let me", ""), (" see", ""), ("", "Yes")]
    assert (answer.reasoning, answer.text) == ("Let me see", "Yes")


async def test_a_whole_answer_carries_its_facts(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(text_stream("Good day to you"))
    deltas, answer = await ask(server)
    assert "".join(delta.text for delta in deltas) == answer.text == "Good day to you"
    assert len(deltas) == 4
    assert answer.message == {"role": "assistant", "content": "Good day to you"}
    assert (answer.model, answer.provider, answer.generation_id) == ("test/model", "TestProvider", "gen-1")
    assert (answer.usage.tokens_in, answer.usage.tokens_out, answer.usage.cost_usd) == (10, 5, 0.0001)


async def test_many_chats_at_once_share_few_connections(server: ModelServer, stand_in: StandIn) -> None:
    answers = await asyncio.gather(*(answer_to(server, f"Number {n}") for n in range(60)))
    assert [answer.text for answer in answers] == [f"You said: Number {n}" for n in range(60)]
    assert stand_in.connections <= 20


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (OPENROUTER_URL, "openrouter"),
        ("https://openrouter.ai.evil.example/v1", "generic"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://localhost:1234/v1", "lmstudio"),
        ("http://localhost:8080/v1", "llamacpp"),
        ("http://localhost:8000/v1", "vllm"),
        ("https://models.example.com/v1", "generic"),
    ],
)
def test_the_address_tells_the_kind_of_server(url: str, kind: str) -> None:
    assert profile_by_address(url).kind == kind


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ({"id": "m", "pricing": {}, "architecture": {}}, "openrouter"),
        ({"id": "m.gguf", "meta": {"n_ctx": 4096}}, "llamacpp"),
        ({"id": "m", "max_model_len": 8192}, "vllm"),
        ({"id": "m", "owned_by": "library"}, "ollama"),
        ({"id": "m", "owned_by": "organization_owner"}, "lmstudio"),
        ({"id": "m"}, "generic"),
    ],
)
async def test_the_list_of_models_tells_it_better(
    server_of: ServerMaker, stand_in: StandIn, entry: dict[str, Any], kind: str
) -> None:
    stand_in.script(json_reply({"object": "list", "data": [entry]}), path="/models")
    server = server_of(kind=None)
    assert (await server.prepare()).kind == kind
    await ask(server)
    assert ("plugins" in stand_in.sent()[0]) == (kind == "openrouter")
    assert len([r for r in stand_in.requests if r.path == "/models"]) == 1
    assert profile_by_models([], profile_by_address("http://localhost:1234")).kind == "lmstudio"


async def test_a_server_that_is_down_keeps_the_guess_and_is_asked_again_later(server_of: ServerMaker) -> None:
    server = server_of("http://127.0.0.1:9/v1", kind=None)
    assert (await server.prepare()).kind == "generic"
    with pytest.raises(StepError, match="could not be reached: nothing answers there"):
        await server.catalogue.list()
