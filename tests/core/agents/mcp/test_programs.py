"""Servers that are programs on this machine: starting, failing to, dying, going."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

import pytest

from core.agents.mcp.connection import MOST_FAILURES
from core.agents.mcp.errors import (
    BadConfiguration,
    CommandMissing,
    McpError,
    ServerLost,
    ServerUnavailable,
    UnknownServer,
)
from core.agents.mcp.exchange import Elicitation, ElicitationAnswer
from tests.core.agents.mcp.conftest import NEVER, Rig, until


async def test_a_program_is_started_when_it_is_first_used_and_offers_its_tools(rig: Rig) -> None:
    name = rig.program("good")
    assert rig.servers.status(name).state == "stopped"
    tools = {tool.name: tool for tool in await rig.servers.tools(name)}
    assert tools["add"].description == "Add two numbers."
    assert tools["add"].parameters["required"] == ["a", "b"]
    assert tools["add"].read_only_hint is True
    assert tools["count"].read_only_hint is None
    assert rig.servers.status(name).version == "test-server 1.2.3"
    assert [status.state for status in rig.states] == ["connecting", "ready"]


async def test_a_call_gives_text_and_structure_and_a_failing_tool_is_no_exception(rig: Rig) -> None:
    name = rig.program("good")
    await rig.approve_all(name)
    result = await rig.servers.call(name, "add", {"a": 1, "b": 2})
    assert (result.text, result.structured, result.is_error) == ("3", {"result": 3}, False)
    failed = await rig.servers.call(name, "add", {"a": "many", "b": 2})
    assert failed.is_error
    assert "valid integer" in failed.text
    picture = await rig.servers.call(name, "picture")
    assert [(each.media_type, each.data[:4]) for each in picture.images] == [("image/png", b"\x89PNG")]


async def test_the_environment_of_this_program_does_not_leak_into_a_server(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-planted-0123456789")
    rig.keys.kept["mine"] = "sesame-open-up"
    name = rig.program("good", env={"GIVEN": "plain", "KEY": "${secret:mine}"})
    await rig.approve_all(name)
    read = [
        (await rig.servers.call(name, "environment", {"name": each})).text for each in ("OPENROUTER_API_KEY", "GIVEN")
    ]
    assert read == ["not set", "plain"]
    secret = await rig.servers.call(name, "environment", {"name": "KEY"})
    assert secret.text == "[secret mine]"
    assert secret.structured == {"result": "[secret mine]"}


async def test_a_missing_program_is_named_with_where_to_get_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("SHELL", "")
    rig.program("good", command="npx")
    with pytest.raises(CommandMissing, match=r"'npx' is not installed, or not on the PATH\. It comes with Node\.js"):
        await rig.servers.tools("good")
    assert rig.servers.status("good").state == "failed"
    assert rig.clock.slept == []


async def test_a_program_that_only_the_login_shell_knows_is_found(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "tools"
    folder.mkdir()
    _script(folder / "my-server", f'exec {sys.executable} "$@"')
    _script(tmp_path / "shell", f'export PATH="{folder}:$PATH"\necho noise\neval "$2"')
    monkeypatch.setenv("SHELL", str(tmp_path / "shell"))
    name = rig.program("good", command="my-server")
    assert len(await rig.servers.tools(name)) > 3


async def test_a_folder_that_is_not_there_is_named(rig: Rig) -> None:
    name = rig.program("good", cwd="/not/there")
    with pytest.raises(ServerUnavailable, match="to start in /not/there, which is no folder"):
        await rig.servers.tools(name)


async def test_a_silent_program_is_given_up_in_time_with_its_last_words(rig: Rig) -> None:
    name = rig.program("silent", connectTimeout=NEVER)
    starting = asyncio.create_task(rig.servers.tools(name))
    await until(lambda: "warming up" in _said(rig, name))
    rig.time_is_up()
    with pytest.raises(ServerUnavailable, match=r"not ready within 777 s.*raise its connectTimeout.*\n  warming up"):
        await starting
    assert rig.servers.status(name).state == "connecting"  # the person need not wait until the program is gone


async def test_a_program_that_prints_something_else_is_told_from_a_slow_one(rig: Rig) -> None:
    name = rig.program("garbage", connectTimeout=NEVER)
    starting = asyncio.create_task(rig.servers.tools(name))
    await until(lambda: bool(rig.servers._held[name].connection._output.stray) if name in rig.servers._held else False)
    rig.time_is_up()
    with pytest.raises(ServerUnavailable, match="'Listening on port 3000, have fun!', which is no MCP message"):
        await starting


async def test_a_stray_line_does_not_hurt(rig: Rig) -> None:
    assert await rig.servers.tools(rig.program("noisy"))


async def test_a_program_that_ends_at_once_is_tried_again_and_then_left_alone(rig: Rig) -> None:
    rig.keys.kept["token"] = "sesame-open-up"
    name = rig.program("dying", env={"TOKEN": "${secret:token}"})
    with pytest.raises(ServerUnavailable, match="ended before it was ready") as told:
        await rig.servers.tools(name)
    assert "cannot log in with [secret token]" in str(told.value)
    await until(lambda: rig.servers.status(name).state == "failed")
    assert rig.clock.slept == [0.5, 1, 2, 4, 8][: MOST_FAILURES - 1]
    assert "sesame" not in repr(rig.states)
    with pytest.raises(ServerUnavailable):  # and tried again when somebody uses it
        await rig.servers.tools(name)


async def test_a_program_that_dies_during_a_call_is_started_again_and_the_call_is_not_repeated(rig: Rig) -> None:
    name = rig.program("good")
    await rig.approve_all(name)
    with pytest.raises(ServerLost, match=r"effect is not known.*\n.*fatal: the disk is full"):
        await rig.servers.call(name, "die")
    assert (await rig.servers.call(name, "add", {"a": 2, "b": 2})).text == "4"
    assert [status.state for status in rig.states] == ["connecting", "ready", "waiting", "connecting", "ready"]
    assert rig.clock.slept == [0.5]


async def test_all_calls_under_way_hear_that_a_program_died(rig: Rig) -> None:
    name = rig.program("good")
    await rig.approve_all(name)
    hanging = [asyncio.create_task(rig.servers.call(name, "hang", {"mark": str(n)})) for n in range(3)]
    await until(lambda: "hang began 2" in _said(rig, name))
    with pytest.raises(ServerLost):
        await rig.servers.call(name, "die")
    ends = await asyncio.gather(*hanging, return_exceptions=True)
    assert [type(end) for end in ends] == [ServerLost] * 3


async def test_a_cancelled_call_is_cancelled_there_and_the_server_goes_on(rig: Rig) -> None:
    name = rig.program("good")
    await rig.approve_all(name)
    task = asyncio.create_task(rig.servers.call(name, "hang", {"mark": "A"}))
    await until(lambda: "hang began A" in _said(rig, name))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: "hang cancelled A" in _said(rig, name))
    assert (await rig.servers.call(name, "add", {"a": 1, "b": 1})).text == "2"


async def test_ten_megabytes_are_cut_and_it_is_said(rig: Rig) -> None:
    name = rig.program("good")
    await rig.approve_all(name)
    result = await rig.servers.call(name, "big", {"size": 10_000_000})
    assert len(result.text) < 1_001_000
    assert "9,000,000 characters left out" in result.text
    assert result.shortened
    assert result.structured is None


async def test_questions_go_to_whoever_called_in_either_generation_of_the_protocol(rig: Rig) -> None:
    asked: list[Elicitation] = []

    async def answer(question: Elicitation) -> ElicitationAnswer:
        assert threading.current_thread() is threading.main_thread()
        asked.append(question)
        return ElicitationAnswer("accept", {"name": "Ada", "age": 36})

    for mode, protocol in (("good", "2026-07-28"), ("old", "2025-11-25")):
        name = rig.program(mode)
        await rig.approve_all(name)
        assert rig.servers.status(name).protocol == protocol
        assert (await rig.servers.call(name, "ask", elicit=answer)).text == "accept: Ada 36"
        assert (await rig.servers.call(name, "ask")).text == "decline"
        assert (asked[-1].server, asked[-1].tool, asked[-1].mode) == (name, "ask", "form")
        assert asked[-1].schema["required"] == ["name"]


async def test_a_page_to_open_is_put_to_the_person_with_its_whole_address(rig: Rig) -> None:
    asked: list[Elicitation] = []

    async def answer(question: Elicitation) -> ElicitationAnswer:
        asked.append(question)
        return ElicitationAnswer("accept")

    name = rig.program("old")
    await rig.approve_all(name)
    rig.servers.ask_with(answer)
    assert (await rig.servers.call(name, "ask_page")).text == "accept"
    assert (asked[0].mode, asked[0].url) == ("url", "https://example.org/pay?id=1")
    for address in ("file:///bin/sh", "smb://evil.example/share", "javascript:alert(1)", "//evil.example/share"):
        assert (await rig.servers.call(name, "ask_page", {"address": address}, elicit=answer)).text == "decline"
    assert len(asked) == 1


async def test_of_two_calls_under_way_neither_is_asked_for_the_other(rig: Rig) -> None:
    """The older protocol does not say which call a question belongs to."""
    asked: list[str] = []

    async def answer(question: Elicitation) -> ElicitationAnswer:
        asked.append(question.tool)
        return ElicitationAnswer("accept", {"name": "Ada", "age": 36})

    name = rig.program("old")
    await rig.approve_all(name)
    other = asyncio.create_task(rig.servers.call(name, "hang", {"mark": "A"}, elicit=answer))
    await until(lambda: "hang began A" in _said(rig, name))
    assert (await rig.servers.call(name, "ask", elicit=answer)).text == "decline"
    assert asked == []
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)


async def test_roots_are_told_and_sampling_is_not_to_be_had(rig: Rig, tmp_path: Path) -> None:
    for mode in ("good", "old"):
        name = rig.program(mode, roots=[str(tmp_path)])
        await rig.approve_all(name)
        assert (await rig.servers.call(name, "roots")).text == f"file://{tmp_path}"
        with pytest.raises(McpError, match="sampling capability"):
            await rig.servers.call(name, "sample")


async def test_a_changed_entry_starts_the_server_anew(rig: Rig) -> None:
    name = rig.program("good", env={"GIVEN": "one"})
    await rig.approve_all(name)
    rig.program("good", env={"GIVEN": "two"})
    tools = await rig.servers.tools(name)
    assert {tool.state for tool in tools} == {"changed"}  # what was agreed to was another program
    await rig.approve_all(name)
    assert (await rig.servers.call(name, "environment", {"name": "GIVEN"})).text == "two"


async def test_all_servers_are_closed_at_once_even_those_that_do_not_go(rig: Rig) -> None:
    names = [rig.program(mode) for mode in ("slow-end", "good", "old")]
    await asyncio.gather(*(rig.servers.tools(name) for name in names))
    began = time.monotonic()
    await rig.servers.aclose()
    assert time.monotonic() - began < 8
    assert dict.fromkeys(names, rig.states[-1].state) == dict.fromkeys(names, "stopped")
    with pytest.raises(McpError, match="closing"):
        await rig.servers.tools("good")
    assert "steploom-mcp" not in {thread.name for thread in threading.enumerate()}


async def test_a_server_can_be_stopped_while_it_starts(rig: Rig) -> None:
    name = rig.program("silent")
    starting = asyncio.create_task(rig.servers.tools(name))
    await until(lambda: rig.servers.status(name).state == "connecting")
    await rig.servers.stop(name)
    with pytest.raises(ServerUnavailable, match="was stopped"):
        await starting
    assert rig.servers.status(name).state == "stopped"


async def test_unknown_and_disabled_servers_are_said_to_be_so(rig: Rig) -> None:
    rig.program("good", disabled=True)
    with pytest.raises(UnknownServer, match="switched off"):
        await rig.servers.tools("good")
    with pytest.raises(UnknownServer, match="Did you mean 'good'"):
        await rig.servers.tools("goood")


async def test_a_key_that_is_not_set_is_named_with_how_to_set_it(rig: Rig) -> None:
    name = rig.program("good", env={"KEY": "${secret:mine}"})
    with pytest.raises(BadConfiguration, match="steploom keys set mine"):
        await rig.servers.tools(name)
    assert rig.servers.status(name).state == "failed"


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def _said(rig: Rig, name: str) -> str:
    held = rig.servers._held.get(name)
    return "\n".join(held.connection._output.errors) if held is not None else ""
