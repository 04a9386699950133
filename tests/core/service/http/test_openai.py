"""The openai package, as any chat client uses it, talking to agents and workflows."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import httpx2
import openai
import pytest

from core.workflow.model import Trigger
from tests.support.http_service import Site


@asynccontextmanager
async def _client(site: Site) -> AsyncIterator[openai.AsyncOpenAI]:
    _, token = await site.tokens.create("chat client", ["run"])
    async with (
        httpx2.AsyncClient(trust_env=False) as web,
        openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=token, http_client=web, max_retries=0) as made,
    ):
        yield made


async def test_agents_and_workflows_that_take_a_message_are_models(site: Site) -> None:
    async with _client(site) as client:
        listed = [model async for model in client.models.list()]
        assert [model.id for model in listed] == ["agent/Helper", "workflow/Echo"]
        assert [await client.models.retrieve(model.id) for model in listed] == listed
        assert all(model.owned_by == "steploom" and model.created > 1_700_000_000 for model in listed)
        assert site.workspace.store is not None
        library = site.workspace.store.workflows
        await library.publish("Echo")
        by_hand = (await library.get("Echo")).workflow
        await library.save(replace(by_hand, trigger=Trigger()), 1)  # a change that is not at work yet
        assert [model.id async for model in client.models.list()] == ["agent/Helper", "workflow/Echo"]


async def test_an_agent_answers_whole_and_in_pieces(site: Site) -> None:
    hello: list[Any] = [{"role": "user", "content": "Hello"}]
    async with _client(site) as client:
        whole = await client.chat.completions.create(model="agent/Helper", messages=hello)
        text = whole.choices[0].message.content
        assert text
        assert (whole.choices[0].finish_reason, whole.model) == ("stop", "agent/Helper")
        assert whole.usage is not None
        assert whole.usage.total_tokens > 0
        pieces = ""
        usage = None
        stream = await client.chat.completions.create(
            model="agent/Helper", messages=hello, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            pieces += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            usage = chunk.usage or usage
        assert pieces == text
        assert usage is not None


async def test_a_conversation_that_is_known_goes_on_and_another_is_begun_with_what_was_said(site: Site) -> None:
    said: list[Any] = [{"role": "user", "content": "one"}]
    async with _client(site) as client:
        first = await client.chat.completions.create(model="workflow/Echo", messages=said)
        answer = first.choices[0].message.content
        assert answer == "You said: one (after 0)"
        said += [{"role": "assistant", "content": answer}, {"role": "user", "content": "two"}]
        second = await client.chat.completions.create(model="workflow/Echo", messages=said)
        assert second.choices[0].message.content == "You said: two (after 2)"
        assert first.model_extra is not None
        assert second.model_extra is not None
        assert first.model_extra["steploom"] == second.model_extra["steploom"]
        said[1]["content"] = "something that was never answered"
        third = await client.chat.completions.create(model="workflow/Echo", messages=said)
        assert third.choices[0].message.content == "You said: two (after 2)"
        assert third.model_extra is not None
        assert third.model_extra["steploom"] != first.model_extra["steploom"]


async def test_what_the_client_says_of_itself_comes_first(site: Site) -> None:
    messages: list[Any] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go"}]
    async with _client(site) as client:
        answer = await client.chat.completions.create(model="workflow/Echo", messages=messages)
        text = answer.choices[0].message.content or ""
        assert "Be brief." in text
        assert "Go (after 0)" in text
        messages.insert(1, {"role": "assistant", "content": "How may I help?"})
        greeted = await client.chat.completions.create(model="workflow/Echo", messages=messages)
        text = greeted.choices[0].message.content or ""
        assert "Be brief." in text
        assert "Go (after 1)" in text


async def test_such_conversations_are_not_among_a_persons_own(site: Site, http: httpx.AsyncClient) -> None:
    async with _client(site) as client:
        await client.chat.completions.create(model="agent/Helper", messages=[{"role": "user", "content": "Hi"}])
    assert (await http.get("/api/v1/conversations")).json()["conversations"] == []
    assert len((await http.get("/api/v1/conversations?own=false")).json()["conversations"]) == 1


async def test_pictures_go_along_only_as_data(site: Site) -> None:
    def message(address: str) -> list[Any]:
        parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": address}}]
        return [{"role": "user", "content": parts}]

    png = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    async with _client(site) as client:
        answer = await client.chat.completions.create(model="agent/Helper", messages=message(png))
        assert answer.choices[0].message.content
        with pytest.raises(openai.BadRequestError, match="data: URLs"):
            await client.chat.completions.create(model="agent/Helper", messages=message("http://127.0.0.1/x.png"))


async def test_a_long_conversation_with_pictures_is_taken(site: Site) -> None:
    png = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(4_000_000)).decode()
    picture: Any = {"type": "image_url", "image_url": {"url": png}}
    said: list[Any] = [{"role": "user", "content": [picture]}, {"role": "assistant", "content": "A loom."}] * 3
    async with _client(site) as client:
        said.append({"role": "user", "content": "Sure?"})
        answer = await client.chat.completions.create(model="agent/Helper", messages=said)
    assert answer.choices[0].message.content


async def test_what_is_not_possible_is_said_as_openais_package_understands_it(site: Site) -> None:
    hello: list[Any] = [{"role": "user", "content": "Hello"}]
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
    async with _client(site) as client:
        for name in ("agent/Nobody", "gpt-5", "workflow/Order", "workflow/", "agent/"):
            with pytest.raises(openai.NotFoundError, match="/v1/models lists"):
                await client.chat.completions.create(model=name, messages=hello)
        with pytest.raises(openai.BadRequestError, match="steps of its own"):
            await client.chat.completions.create(model="workflow/Echo", messages=hello, tools=[tool])
        with pytest.raises(openai.BadRequestError, match="`n`"):
            await client.chat.completions.create(model="agent/Helper", messages=hello, n=2)
        with pytest.raises(openai.BadRequestError, match="role `user`"):
            await client.chat.completions.create(
                model="agent/Helper", messages=[{"role": "assistant", "content": "I answer myself"}]
            )
    async with (
        httpx2.AsyncClient(trust_env=False) as web,
        openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key="sk-x", http_client=web, max_retries=0) as stranger,
    ):
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()
