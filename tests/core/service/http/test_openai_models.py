"""The openai package talking to agents whose models really stream, call functions, fail, and are stopped."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from core.agents.agent import Agent, Function, ModelChoice
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.http_service import WORKFLOWS, Site, running
from tests.support.openrouter import StandIn
from tests.support.openrouter_replies import (
    Gate,
    call_piece,
    chunk,
    error_reply,
    stream_reply,
    text_stream,
    usage_chunk,
)

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
MODEL = "openai/gpt-5-mini"

GREET: dict[str, Any] = {"type": "function", "function": {"name": "greet"}}
MISFITS: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 3},
    "max_tokens": {"max_tokens": 0},
    "tools": {"tools": [GREET]},
    "tool_choice": {"tool_choice": "required"},
    "response_format": {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
}


@pytest.fixture
async def site(database_url: str, home: Path, stand_in: StandIn) -> AsyncIterator[Site]:
    async with Workspace.open(home, database_url=database_url) as workspace:
        assert workspace.store is not None
        for text in WORKFLOWS:
            await workspace.store.workflows.save(loads(text), 0)
        greet = Function("greet", "Greets.", "workflow", "Greet", policy="auto")
        agent = Agent("Helper", prompt="Help.", model=ModelChoice(MODEL), functions=(greet,))
        await workspace.agents.save(agent, 0)
        async with running(workspace) as made:
            yield made


@asynccontextmanager
async def _client(site: Site, retries: int = 0) -> AsyncIterator[openai.AsyncOpenAI]:
    _, token = await site.tokens.create("chat client", ["run"])
    async with (
        httpx2.AsyncClient(trust_env=False) as web,
        openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=token, http_client=web, max_retries=retries) as made,
    ):
        yield made


async def _told(stream: openai.AsyncStream[Any]) -> str:
    return "".join([each.choices[0].delta.content or "" async for each in stream if each.choices])


async def test_calls_of_functions_are_made_inside_and_the_texts_around_them_stay_apart(
    site: Site, stand_in: StandIn
) -> None:
    call = call_piece(0, "call-1", "greet", '{"who": "Ada"}')
    wants = stream_reply(
        chunk("Let me greet her."), chunk(tool_calls=[call]), chunk(finish="tool_calls"), usage_chunk(20, 5, 0.001)
    )
    stand_in.script(wants, text_stream("I said hello to Ada."))
    async with _client(site) as client:
        stream = await client.chat.completions.create(
            model="agent/Helper", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [each async for each in stream]
    told = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert told == "Let me greet her.\n\nI said hello to Ada."
    assert not any(each.choices and each.choices[0].delta.tool_calls for each in chunks)
    *pieces, last = chunks
    assert all(each.usage is None for each in pieces)
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert last.usage is not None
    assert (last.choices, last.usage.completion_tokens) == ([], 10)
    assert last.usage.prompt_tokens >= 30, "those of both requests, and of what memory asked for"
    results = [message for message in stand_in.sent()[1]["messages"] if message["role"] == "tool"]
    assert "Hello Ada x1!" in results[0]["content"]


async def test_what_a_model_thinks_aloud_is_told_apart_from_its_answer(site: Site, stand_in: StandIn) -> None:
    stand_in.script(
        stream_reply(chunk("", reasoning="Hm."), chunk("Hi."), chunk(finish="stop"), usage_chunk()),
    )
    async with _client(site) as client:
        stream = await client.chat.completions.create(model="agent/Helper", messages=HELLO, stream=True)
        deltas = [each.choices[0].delta async for each in stream if each.choices]
    assert "".join(delta.content or "" for delta in deltas) == "Hi."
    assert "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas) == "Hm."


async def test_an_answer_that_fails_is_an_error_that_the_package_does_not_pay_for_again(
    site: Site, stand_in: StandIn
) -> None:
    stand_in.script(*[error_reply(402, "You have no credits left") for _ in range(4)])
    async with _client(site, retries=2) as client:
        with pytest.raises(openai.InternalServerError, match="credits"):
            await client.chat.completions.create(model="agent/Helper", messages=HELLO)
        assert len(stand_in.sent()) == 1
        stream = await client.chat.completions.create(model="agent/Helper", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="credits"):
            await _told(stream)


async def test_an_answer_is_stopped_by_leaving_and_the_conversation_goes_on_from_there(
    site: Site, stand_in: StandIn
) -> None:
    gate = Gate()
    stand_in.script(stream_reply(chunk("Once upon"), gate, chunk(" a time"), chunk(finish="stop")), text_stream("Yes."))
    async with _client(site) as client:
        stream = await client.chat.completions.create(model="agent/Helper", messages=HELLO, stream=True)
        told = ""
        async for each in stream:
            told += each.choices[0].delta.content or ""
            if told:
                break
        await stream.close()
        await stand_in.lost_client()
        said: list[Any] = [*HELLO, {"role": "assistant", "content": told}, {"role": "user", "content": "Go on?"}]
        again = await client.chat.completions.create(model="agent/Helper", messages=said)
    assert again.choices[0].message.content == "Yes."
    sent = stand_in.sent()[1]["messages"]
    assert [message["role"] for message in sent if message["role"] != "system"] == ["user", "assistant", "user"]
    assert "Once upon" in str(sent)


async def test_pictures_that_were_sent_before_are_sent_again_by_a_service_that_does_not_know_them(
    site: Site, stand_in: StandIn
) -> None:
    def picture(content: bytes) -> dict[str, Any]:
        data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + content).decode()
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}

    question = {"type": "text", "text": "What is it?"}
    said: list[Any] = [
        {"role": "user", "content": [question, picture(b"one")]},
        {"role": "assistant", "content": "A loom."},
        {"role": "user", "content": "Sure?"},
    ]
    async with _client(site) as client:
        first = await client.chat.completions.create(model="agent/Helper", messages=said)
        said.append({"role": "assistant", "content": first.choices[0].message.content})
        said.append({"role": "user", "content": [question, picture(b"two")]})
        second = await client.chat.completions.create(model="agent/Helper", messages=said)
    assert first.model_extra is not None
    assert second.model_extra is not None
    assert first.model_extra["steploom"]["conversation_id"] == second.model_extra["steploom"]["conversation_id"]
    pictures = [
        part["image_url"]["url"]
        for message in stand_in.sent()[-1]["messages"]
        for part in (message["content"] if isinstance(message["content"], list) else [])
        if part["type"] == "image_url"
    ]
    assert [base64.b64decode(each.partition(",")[2])[8:] for each in pictures] == [b"one", b"two"]


async def test_errors_name_the_parameter_that_is_wrong(site: Site) -> None:
    async with _client(site) as client:
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="gpt-5", messages=HELLO)
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError) as misfit:
            await client.chat.completions.create(model="agent/Helper", messages=[])
        assert misfit.value.param == "messages"
        with pytest.raises(openai.BadRequestError) as old:
            await client.chat.completions.create(
                model="agent/Helper", messages=HELLO, extra_body={"functions": [{"name": "f"}]}
            )
        assert old.value.param == "tools"
        tools_of_nobody = await client.chat.completions.create(model="agent/Helper", messages=HELLO, tools=[])
        assert tools_of_nobody.choices[0].message.content
        for param, wish in MISFITS.items():
            with pytest.raises(openai.BadRequestError) as refused:
                await client.chat.completions.create(model="agent/Helper", messages=HELLO, extra_body=wish)
            assert (refused.value.param or "").partition(".")[0] == param, refused.value
