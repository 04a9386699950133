"""Workflows offered through MCP: as an assistant sees and runs them, in both generations of the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import mcp_types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from core.engine.events import RunCancelled
from core.service.bearer import BearerGate
from core.service.mcp_server import LABEL, WorkflowServer, loopback, serve_http
from core.service.mcp_tools import RESULT_TOOL, tool_name
from core.workflow.problems import DocumentError
from core.workspace import Workspace

GREET = """
steploom: 1
name: Greet somebody
description: Says hello.
inputs:
  who: {type: string, description: Whom to greet}
  times: {type: integer, minimum: 1, default: 1}
steps:
  hello: {type: template, config: {text: "Hello {{ input.who }} x{{ input.times }}"}, then: again}
  again: {type: template, config: {text: "{{ hello.text }}!"}}
outputs:
  greeting: "{{ again.text }}"
"""

PUBLISH = """
steploom: 1
name: Publish
inputs: {note: {type: string}}
steps:
  ask:
    type: approval
    config: {message: "Publish {{ input.note }}?", choices: [publish, drop]}
    then: {publish: done, drop: dropped}
  done: {type: template, config: {text: "published"}}
  dropped: {type: template, config: {text: "dropped: {{ ask.comment }}"}}
outputs:
  answer: "{{ done.text if ask.choice == 'publish' else dropped.text }}"
  by: "{{ ask.answered_by }}"
"""

FORM = """
steploom: 1
name: Order
steps:
  ask:
    type: approval
    config:
      message: How many?
      form: {type: object, properties: {count: {type: integer}, note: {type: string}}, required: [count]}
outputs: {count: "{{ ask.form.count }}"}
"""

DEEP_FORM = FORM.replace("name: Order", "name: Deep").replace("{type: string}", "{type: object}")

SLOW = """
steploom: 1
name: Slow
steps:
  first: {type: template, config: {text: "x"}, then: code}
  code: {type: wait, config: {duration: 50s}}
outputs: {x: "{{ first.text }}"}
"""

FAILING = """
steploom: 1
name: Failing
steps:
  stop: {type: stop, config: {status: failed, message: The cupboard is bare}}
"""

Asked: TypeAlias = list[mcp_types.ElicitRequestFormParams]
Open: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
async def workspace(home: Path) -> AsyncIterator[Workspace]:
    async with Workspace.open(memory_only=True) as opened:
        yield opened


@pytest.fixture(params=["auto", "legacy"])
def opened(request: pytest.FixtureRequest, workspace: Workspace, tmp_path: Path) -> Open:
    """Connects to a server that offers these documents. reply: what the person answers; None: nobody can be asked."""

    @asynccontextmanager
    async def client(
        *documents: str, reply: mcp_types.ElicitResult | None = None, asked: Asked | None = None, **options: Any
    ) -> AsyncIterator[Client]:
        files = []
        for number, document in enumerate(documents):
            file = tmp_path / f"{number}.loom.yaml"
            await asyncio.to_thread(file.write_text, document)
            files.append(str(file))

        async def elicit(context: Any, params: Any) -> mcp_types.ElicitResult:
            if asked is not None:
                asked.append(params)
            assert reply is not None
            return reply

        server = WorkflowServer(workspace, files, version="1.0", **options)
        await server.load()
        callback = elicit if reply is not None else None
        async with Client(server.server(), mode=request.param, elicitation_callback=callback) as connected:
            yield connected

    return client


def text_of(result: mcp_types.CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, mcp_types.TextContent))


def accepted(**content: Any) -> mcp_types.ElicitResult:
    return mcp_types.ElicitResult(action="accept", content=content)


async def test_a_workflow_is_a_tool_with_its_inputs_as_they_are_typed(opened: Open) -> None:
    async with opened(GREET, PUBLISH) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["greet_somebody", "publish", RESULT_TOOL]
    greet = tools["greet_somebody"]
    assert greet.title == "Greet somebody"
    assert greet.description == "Says hello. Gives: greeting."
    assert greet.input_schema == {
        "type": "object",
        "properties": {
            "who": {"type": "string", "description": "Whom to greet"},
            "times": {"type": "integer", "minimum": 1, "default": 1},
        },
        "required": ["who"],
        "additionalProperties": False,
    }
    assert greet.annotations is not None
    assert (greet.annotations.read_only_hint, greet.annotations.open_world_hint) == (True, False)
    assert "may ask a person" in (tools["publish"].description or "")


async def test_a_call_runs_the_workflow_and_tells_how_far_it_is(opened: Open, workspace: Workspace) -> None:
    seen: list[tuple[Any, ...]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with opened(GREET) as client:
        result = await client.call_tool("greet_somebody", {"who": "Ada", "times": 2}, progress_callback=progress)
    assert text_of(result) == "Hello Ada x2!"
    assert not result.is_error
    assert result.structured_content["outputs"] == {"greeting": "Hello Ada x2!"}
    assert seen == sorted(seen, key=lambda news: news[0])
    assert seen[-1] == (2, 2, "again: done")
    (run,) = await workspace.runs()
    assert run.id == result.structured_content["run_id"]
    assert LABEL in run.labels


async def test_wrong_inputs_are_all_told_so_that_a_model_can_mend_them(opened: Open, workspace: Workspace) -> None:
    async with opened(GREET) as client:
        result = await client.call_tool("greet_somebody", {"whom": "Ada", "times": "often"})
        assert result.is_error
        for said in ("no input 'whom'. Did you mean 'who'?", "'who' is missing", "'times' does not fit"):
            assert said in text_of(result)
        with pytest.raises(MCPError, match="There is no workflow 'greet' here"):
            await client.call_tool("greet", {})
    assert await workspace.runs() == []


async def test_a_failed_run_says_where_and_why(opened: Open) -> None:
    async with opened(FAILING) as client:
        result = await client.call_tool("failing", {})
    assert result.is_error
    assert "The cupboard is bare" in text_of(result)
    assert "steploom runs show" in text_of(result)


async def test_a_person_is_asked_through_the_client_and_the_run_goes_on(opened: Open) -> None:
    asked: Asked = []
    async with opened(PUBLISH, reply=accepted(choice="drop", comment="not yet"), asked=asked) as client:
        result = await client.call_tool("publish", {"note": "Hi"})
    assert asked[0].message == "Publish Hi?"
    assert asked[0].requested_schema["properties"]["choice"]["enum"] == ["publish", "drop"]
    outputs = result.structured_content["outputs"]
    assert outputs["answer"] == "dropped: not yet"
    assert outputs["by"].startswith("through ")


async def test_a_form_is_put_to_the_person_if_it_is_flat(opened: Open) -> None:
    asked: Asked = []
    async with opened(FORM, DEEP_FORM, reply=accepted(count=3), asked=asked) as client:
        result = await client.call_tool("order", {})
        assert result.structured_content["outputs"] == {"count": 3}
        assert asked[0].requested_schema["required"] == ["count"]
        deep = await client.call_tool("deep", {})
    assert deep.structured_content["status"] == "suspended"
    assert "steploom runs answer" in text_of(deep)
    assert len(asked) == 1


@pytest.mark.parametrize("way", ["nobody", "declined", "not allowed"])
async def test_without_an_answer_the_run_waits_and_the_result_says_how_to_answer(
    opened: Open, workspace: Workspace, way: str
) -> None:
    asked: Asked = []
    replies = {"declined": mcp_types.ElicitResult(action="decline"), "not allowed": accepted(choice="publish")}
    reply = replies.get(way)
    async with opened(PUBLISH, reply=reply, asked=asked, ask_client=way != "not allowed") as client:
        result = await client.call_tool("publish", {"note": "Hi"})
        run_id = result.structured_content["run_id"]
        assert result.structured_content["status"] == "suspended"
        assert f"steploom runs answer {run_id} CHOICE" in text_of(result)
        assert "Choices: publish, drop" in text_of(result)
        assert (await workspace.journal.run(run_id)).status == "suspended"
        later = await client.call_tool(RESULT_TOOL, {"run_id": run_id})
        assert later.structured_content["status"] == "suspended"
        await workspace.answer(run_id, "ask", {"choice": "publish"})
        later = await client.call_tool(RESULT_TOOL, {"run_id": run_id})
        assert later.structured_content["outputs"]["answer"] == "published"
    assert len(asked) == (1 if way == "declined" else 0)


async def test_no_tool_answers_for_the_person(opened: Open) -> None:
    """A model that is asked to approve must have no way to do so by itself."""
    async with opened(PUBLISH) as client:
        tools = (await client.list_tools()).tools
    taken = {tool.name: list(tool.input_schema["properties"]) for tool in tools}
    assert taken == {"publish": ["note"], RESULT_TOOL: ["run_id"]}


async def test_nothing_is_told_of_runs_that_did_not_come_from_here(opened: Open, workspace: Workspace) -> None:
    async with opened(GREET) as client:
        found = await workspace.find(str(Path.cwd() / "0.loom.yaml"))
        other = await workspace.start(found.workflow, {"who": "secret"}).result()
        for run_id in (other.run_id, "nothing"):
            result = await client.call_tool(RESULT_TOOL, {"run_id": run_id})
            assert result.is_error
            assert "secret" not in text_of(result)


async def test_a_cancelled_call_stops_the_run(opened: Open, workspace: Workspace) -> None:
    began, ended = asyncio.Event(), asyncio.Event()
    workspace.engine.listeners.append(lambda event: ended.set() if isinstance(event, RunCancelled) else None)

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        if progress >= 1:
            began.set()

    async with opened(SLOW) as client:
        call = asyncio.create_task(client.call_tool("slow", {}, progress_callback=progress))
        await began.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.wait_for(ended.wait(), 20)
    (run,) = await workspace.runs()
    assert (run.status, run.resumable) == ("cancelled", True)


async def test_a_workflow_is_read_anew_and_a_broken_one_says_so(opened: Open, tmp_path: Path) -> None:
    async with opened(GREET) as client:
        file = tmp_path / "0.loom.yaml"
        await asyncio.to_thread(file.write_text, GREET.replace("Hello", "Good day"))
        result = await client.call_tool("greet_somebody", {"who": "Ada"})
        assert text_of(result) == "Good day Ada x1!"
        await asyncio.to_thread(file.write_text, GREET.replace("again.text", "agin.text"))
        broken = await client.call_tool("greet_somebody", {"who": "Ada"})
        assert broken.is_error
        assert "cannot be run as it is now" in text_of(broken)
        assert [tool.name for tool in (await client.list_tools()).tools] == ["greet_somebody", RESULT_TOOL]


async def test_a_workflow_that_is_wrong_from_the_start_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "x.loom.yaml"
    file.write_text(GREET.replace("again.text", "agin.text"))
    with pytest.raises(DocumentError, match="agin"):
        await WorkflowServer(workspace, [str(file)], version="1").load()


def test_names_of_workflows_become_names_of_tools() -> None:
    assert tool_name("Überblick: Tag & Nacht") == "uberblick_tag_nacht"
    assert tool_name("日本語").startswith("workflow_")
    names: list[str] = []
    for name in ["A b", "a-b", "a b", "A  B", "x" * 100, "日本", "日本"]:
        names.append(tool_name(name, names))
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 64


async def test_over_http_only_the_token_opens(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "x.loom.yaml"
    file.write_text(GREET)
    server = WorkflowServer(workspace, [str(file)], version="1")
    await server.load()
    place = loopback(0)
    host, port = place.getsockname()
    assert host == "127.0.0.1"
    serving = asyncio.create_task(serve_http(server, place, "sesame-token"))
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        async with httpx.AsyncClient() as web:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "sesame-token"}):
                refused = await web.post(url, json={}, headers=headers)
                assert refused.status_code == 401
                assert "sesame" not in refused.text
            foreign = await web.post(
                url, json={}, headers={"Authorization": "Bearer sesame-token", "Host": "evil.example"}
            )
            assert foreign.status_code in (400, 403, 421)
        from core.agents.mcp.agreements import MemoryAgreements
        from core.agents.mcp.configuration import McpConfiguration
        from core.agents.mcp.server_config import read_entry
        from core.agents.mcp.servers import McpServers
        from tests.core.agents.mcp.conftest import Keys

        configuration = McpConfiguration(tmp_path)
        configuration.put("loom", read_entry("loom", {"url": url, "headers": {"Authorization": "Bearer ${secret:t}"}}))
        servers = McpServers(
            configuration, secrets=Keys({"t": "sesame-token"}), agreements=MemoryAgreements(), clock=workspace.clock
        )
        tools = await servers.tools("loom")
        await servers.approve("loom", tools[0].name, tools[0].hash)
        assert (await servers.call("loom", "greet_somebody", {"who": "Ada"})).text == "Hello Ada x1!"
        await servers.aclose()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_port_that_is_taken_is_said_to_be_so() -> None:
    place = loopback(0)
    place.listen()
    with pytest.raises(OSError, match="in use"):
        loopback(place.getsockname()[1])
    place.close()


def test_a_gate_without_a_token_cannot_be_made() -> None:
    async def application(*_: Any) -> None: ...

    with pytest.raises(AssertionError):
        BearerGate(application, "")
