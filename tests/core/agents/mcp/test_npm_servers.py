"""The public servers from npm, if they are installed in the folder that MCP_NPM_FOLDER names.

    npm install --prefix FOLDER @modelcontextprotocol/server-everything @modelcontextprotocol/server-filesystem \
        @modelcontextprotocol/server-memory
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from core.agents.mcp.exchange import Elicitation, ElicitationAnswer, McpProgress
from core.workflow.model import Json
from tests.core.agents.mcp.conftest import Rig

PROGRAMS = Path(os.environ.get("MCP_NPM_FOLDER", "/nowhere")) / "node_modules/.bin"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (PROGRAMS / "mcp-server-everything").exists(),
    reason="node and the servers of MCP_NPM_FOLDER are not there",
)


def configure(rig: Rig, name: str, *args: str, **entry: object) -> str:
    from core.agents.mcp.server_config import read_entry

    command = str(PROGRAMS / f"mcp-server-{name}")
    rig.configuration.put(name, read_entry(name, {"command": command, "args": list(args), **entry}))
    return name


async def test_everything(rig: Rig, tmp_path: Path) -> None:
    async def answer(question: Elicitation) -> ElicitationAnswer:
        assert "name" in question.schema["properties"]  # type: ignore[operator] # an object, by the protocol
        return ElicitationAnswer("accept", {"name": "Ada"})

    name = configure(rig, "everything", roots=[str(tmp_path)])
    tools = await rig.approve_all(name)
    assert "trigger-sampling-request" not in tools  # it is offered to clients that let themselves be asked
    seen: list[McpProgress] = []
    assert (await rig.servers.call(name, "echo", {"message": "hi"})).text == "Echo: hi"
    slow = {"duration": 1, "steps": 4}
    await rig.servers.call(name, "trigger-long-running-operation", slow, progress=seen.append)
    assert [(each.done, each.total) for each in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    call = asyncio.create_task(
        rig.servers.call(name, "trigger-long-running-operation", {"duration": 60, "steps": 5}, elicit=answer)
    )
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert "Name: Ada" in (await rig.servers.call(name, "trigger-elicitation-request", elicit=answer)).text
    assert [each.media_type for each in (await rig.servers.call(name, "get-tiny-image")).images] == ["image/png"]
    weather = await rig.servers.call(name, "get-structured-content", {"location": "New York"})
    assert isinstance(weather.structured, dict)
    assert tmp_path.as_uri() in (await rig.servers.call(name, "get-roots-list")).text


async def test_filesystem(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    name = configure(rig, "filesystem", str(tmp_path))
    tools = await rig.approve_all(name)
    assert (tools["read_text_file"].read_only_hint, tools["write_file"].read_only_hint) == (True, False)
    assert (await rig.servers.call(name, "read_text_file", {"path": str(tmp_path / "a.txt")})).text == "hello"
    outside = await rig.servers.call(name, "read_text_file", {"path": "/etc/hostname"})
    assert outside.is_error
    assert "Access denied" in outside.text


async def test_memory(rig: Rig, tmp_path: Path) -> None:
    name = configure(rig, "memory", env={"MEMORY_FILE_PATH": str(tmp_path / "memory.json")})
    await rig.approve_all(name)
    ada: Json = {"name": "Ada", "entityType": "person", "observations": ["likes maths"]}
    await rig.servers.call(name, "create_entities", {"entities": [ada]})
    found = await rig.servers.call(name, "search_nodes", {"query": "maths"})
    assert "likes maths" in found.text
