"""Functions that a client of OpenAI's API carries out itself, and how it wants the model to sample."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from core.agents.agent import Agent, Function, ModelChoice
from core.agents.chat_events import TurnEnded, TurnWaiting
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.http_service import WORKFLOWS, Site, running
from tests.support.openrouter import StandIn
from tests.support.openrouter_replies import Reply, call_piece, chunk, stream_reply, text_stream, usage_chunk

MODEL = "openai/gpt-5-mini"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
    },
}
ASKED: list[Any] = [{"role": "user", "content": "Is it dry in Ghent?"}]


@asynccontextmanager
async def _site(database_url: str, home: Path) -> AsyncIterator[Site]:
    async with Workspace.open(home, database_url=database_url) as workspace, running(workspace) as made:
        yield made


@pytest.fixture
async def site(database_url: str, home: Path, stand_in: StandIn) -> AsyncIterator[Site]:
    async with _site(database_url, home) as made:
        assert made.workspace.store is not None
        await made.workspace.store.workflows.save(loads(WORKFLOWS[0]), 0)
        greet = Function("greet", "Greets.", "workflow", "Greet", policy="auto")
        agent = Agent("Helper", prompt="Help.", model=ModelChoice(MODEL, max_tokens=500), functions=(greet,))
        await made.workspace.agents.save(agent, 0)
        yield made


@asynccontextmanager
async def _client(site: Site, token: str = "") -> AsyncIterator[openai.AsyncOpenAI]:
    if not token:
        _, token = await site.tokens.create("chat client", ["run"])
    async with (
        httpx2.AsyncClient(trust_env=False) as web,
        openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=token, http_client=web, max_retries=0) as made,
    ):
        yield made


async def _ask(client: openai.AsyncOpenAI, said: list[Any], **wish: Any) -> Any:
    return await client.chat.completions.create(model="agent/Helper", messages=said, **wish)


def _wants(*calls: tuple[str, dict[str, Any]], text: str = "") -> Reply:
    """A model's answer that wants these functions called."""
    pieces = [call_piece(at, f"wire-{at}", name, json.dumps(given)) for at, (name, given) in enumerate(calls)]
    return stream_reply(chunk(text), chunk(tool_calls=pieces), chunk(finish="tool_calls"), usage_chunk(20, 5, 0.001))


def _result(call: Any, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call.id, "content": text}


async def test_the_client_carries_out_a_call_and_the_answer_goes_on_with_what_it_gave(
    site: Site, stand_in: StandIn
) -> None:
    stand_in.script(_wants(("weather", {"town": "Ghent"}), text="Let me look."), text_stream("Yes, it is dry."))
    async with _client(site) as client:
        first = await _ask(client, ASKED, tools=[WEATHER])
        choice = first.choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me look.")
        (call,) = choice.message.tool_calls
        assert call.type == "function"
        assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"town": "Ghent"})
        said = [*ASKED, choice.message.model_dump(exclude_none=True), _result(call, "Dry, 12 degrees")]
        second = await _ask(client, said, tools=[WEATHER])
        assert (second.choices[0].finish_reason, second.choices[0].message.content) == ("stop", "Yes, it is dry.")
        assert first.usage is not None
        assert second.usage is not None
        assert (first.usage.completion_tokens, second.usage.completion_tokens) == (5, 5), "each tells of itself"
        said += [{"role": "assistant", "content": "Yes, it is dry."}, {"role": "user", "content": "Thanks"}]
        third = await _ask(client, said, tools=[WEATHER])
    assert first.model_extra is not None
    assert third.model_extra is not None
    assert third.model_extra["steploom"]["conversation_id"] == first.model_extra["steploom"]["conversation_id"]
    offered = [tool["function"]["name"] for tool in stand_in.sent()[0]["tools"]]
    assert {"greet", "weather"} <= set(offered)
    results = [message for message in stand_in.sent()[1]["messages"] if message["role"] == "tool"]
    assert "Dry, 12 degrees" in results[0]["content"]


async def test_calls_come_as_a_stream_beside_calls_that_the_agent_makes_itself(site: Site, stand_in: StandIn) -> None:
    both = _wants(("greet", {"who": "Ada"}), ("weather", {"town": "Ghent"}), ("weather", {"town": "Bruges"}))
    stand_in.script(both, text_stream("Both are dry."))
    async with _client(site) as client:
        stream = await _ask(client, ASKED, tools=[WEATHER], stream=True)
        chunks = [each.choices[0] async for each in stream]
        assert chunks[-1].finish_reason == "tool_calls"
        calls = [call for each in chunks for call in each.delta.tool_calls or ()]
        assert [call.index for call in calls] == [0, 1]
        assert [
            json.loads(call.function.arguments)["town"] for call in calls if call.function and call.function.arguments
        ] == [
            "Ghent",
            "Bruges",
        ]
        wire = [
            {"id": call.id, "type": "function", "function": {"name": "weather", "arguments": "{}"}} for call in calls
        ]
        said = [*ASKED, {"role": "assistant", "content": None, "tool_calls": wire}]
        with pytest.raises(openai.BadRequestError, match="weather has none"):
            await _ask(client, [*said, _result(calls[0], "Dry")])
        said += [_result(calls[0], "Dry"), _result(calls[1], "Dry too")]
        stream = await _ask(client, said, stream=True)
        assert "".join([each.choices[0].delta.content or "" async for each in stream]) == "Both are dry."
    results = [message["content"] for message in stand_in.sent()[1]["messages"] if message["role"] == "tool"]
    assert ["Hello Ada x1!" in results[0], "Dry" in results[1], "Dry too" in results[2]] == [True, True, True]


async def test_results_that_are_handed_in_again_are_answered_again(site: Site, stand_in: StandIn) -> None:
    stand_in.script(_wants(("weather", {"town": "Ghent"})), text_stream("Dry."), text_stream("Dry, I said."))
    async with _client(site) as client:
        first = await _ask(client, ASKED, tools=[WEATHER])
        (call,) = first.choices[0].message.tool_calls
        said = [*ASKED, first.choices[0].message.model_dump(exclude_none=True), _result(call, "Dry")]
        told = [(await _ask(client, said)).choices[0].message.content for _ in range(2)]
    assert told == ["Dry.", "Dry, I said."]
    assert stand_in.sent()[1]["messages"] == stand_in.sent()[2]["messages"]


async def test_a_service_that_was_started_anew_goes_on_with_a_call_of_before(
    site: Site, stand_in: StandIn, database_url: str, home: Path
) -> None:
    stand_in.script(_wants(("weather", {"town": "Ghent"})), text_stream("Dry."))
    _, token = await site.tokens.create("chat client", ["run"])
    async with _client(site, token) as client:
        first = await _ask(client, ASKED, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls
    said = [*ASKED, first.choices[0].message.model_dump(exclude_none=True), _result(call, "Dry")]
    async with _site(database_url, home) as other, _client(other, token) as client:
        second = await _ask(client, said, tools=[WEATHER])
    assert second.choices[0].message.content == "Dry."


async def test_what_calls_gave_in_a_conversation_that_is_not_known_here_stays_in_it(
    site: Site, stand_in: StandIn
) -> None:
    stand_in.script(text_stream("As I said: dry."))
    wire = [{"id": "call_9", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    said = [
        *ASKED,
        {"role": "assistant", "content": "Let me look.", "tool_calls": wire},
        {"role": "tool", "tool_call_id": "call_9", "content": "Dry, 12 degrees"},
        {"role": "user", "content": "So?"},
    ]
    async with _client(site) as client:
        await _ask(client, said, tools=[WEATHER])
    sent = [message for message in stand_in.sent()[0]["messages"] if message["role"] != "system"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert "Let me look." in sent[1]["content"]
    assert "Dry, 12 degrees" in sent[1]["content"]


async def test_nobody_else_hands_in_results(site: Site, stand_in: StandIn) -> None:
    stand_in.script(_wants(("weather", {"town": "Ghent"})))
    async with _client(site) as client, _client(site) as stranger:
        first = await _ask(client, ASKED, tools=[WEATHER])
        (call,) = first.choices[0].message.tool_calls
        asked = [*ASKED, first.choices[0].message.model_dump(exclude_none=True)]
        with pytest.raises(openai.BadRequestError, match="of no call that this token was asked for"):
            await _ask(stranger, [*asked, _result(call, "Rain")])
        unknown: Any = {"role": "tool", "tool_call_id": "call_nobody_knows", "content": "Rain"}
        with pytest.raises(openai.BadRequestError, match="of no call that this token was asked for"):
            await _ask(client, [*asked, unknown])
    assert len(stand_in.sent()) == 1


async def test_a_choice_of_function_holds_for_the_first_request_alone(site: Site, stand_in: StandIn) -> None:
    stand_in.script(_wants(("weather", {"town": "Ghent"})), text_stream("Dry."), text_stream("Hi."))
    named: Any = {"type": "function", "function": {"name": "weather"}}
    async with _client(site) as client:
        first = await _ask(client, ASKED, tools=[WEATHER], tool_choice=named)
        (call,) = first.choices[0].message.tool_calls
        said = [*ASKED, first.choices[0].message.model_dump(exclude_none=True), _result(call, "Dry")]
        await _ask(client, said, tools=[WEATHER])
        await _ask(client, ASKED, tools=[WEATHER], tool_choice="none")
    chosen, free, without = stand_in.sent()
    assert (chosen["tool_choice"], [tool["function"]["name"] for tool in chosen["tools"]]) == (named, ["weather"])
    assert "tool_choice" not in free
    assert "weather" not in [tool["function"]["name"] for tool in without["tools"]]


async def test_the_client_says_how_the_model_samples_within_what_the_agent_allows(
    site: Site, stand_in: StandIn
) -> None:
    stand_in.script(text_stream("Hi."), text_stream("Hi."), text_stream("Hi."))
    async with _client(site) as client:
        await _ask(client, ASKED, temperature=0.25, top_p=0.5, stop=["END"], seed=7, max_tokens=50,
            presence_penalty=1.0,
        )  # fmt: skip
        await _ask(client, ASKED, max_completion_tokens=100_000)
    wished, most = stand_in.sent()
    assert {key: wished.get(key) for key in ("temperature", "top_p", "stop", "seed")} == {
        "temperature": 0.25, "top_p": 0.5, "stop": ["END"], "seed": 7,
    }  # fmt: skip
    assert (wished["max_completion_tokens"], most["max_completion_tokens"]) == (50, 500)
    assert "presence_penalty" not in wished


async def test_an_answer_has_the_form_that_the_client_asks_for(site: Site, stand_in: StandIn) -> None:
    stand_in.script(text_stream('{"dry": true}'))
    schema = {"type": "object", "properties": {"dry": {"type": "boolean"}}, "required": ["dry"]}
    async with _client(site) as client:
        answer = await _ask(
            client,
            ASKED,
            response_format={"type": "json_schema", "json_schema": {"name": "weather", "schema": schema}},
        )
    assert json.loads(answer.choices[0].message.content or "") == {"dry": True}
    sent = stand_in.sent()[0]
    assert schema in (
        sent.get("response_format", {}).get("json_schema", {}).get("schema"),
        *(tool["function"]["parameters"] for tool in sent.get("tools", ())),
    )


async def test_a_person_who_goes_on_with_the_conversation_leaves_the_call_to_the_client(
    site: Site, stand_in: StandIn
) -> None:
    stand_in.script(_wants(("weather", {"town": "Ghent"})), text_stream("Never mind."))
    async with _client(site) as client:
        first = await _ask(client, ASKED, tools=[WEATHER])
    assert first.model_extra is not None
    chat, (each,) = site.workspace.chat, await site.workspace.conversations.list(own=False)
    async with asyncio.timeout(30):
        waiting = await chat.resume(each.conversation.id).outcome()
        assert isinstance(waiting, TurnWaiting)
        assert [pending.kind for pending in waiting.pending] == ["asker"]
        said = await chat.send(each.conversation.id, "Never mind then").outcome()
    assert isinstance(said, TurnEnded)
    assert said.text == "Never mind."
