"""`steploom mcp`: servers in the file, what they offer, agreeing to it, and offering workflows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.agents.mcp.agreements import MemoryAgreements
from core.agents.mcp.configuration import McpConfiguration
from core.agents.mcp.exchange import McpResult
from core.agents.mcp.server_config import read_entry
from core.agents.mcp.servers import McpServers
from core.cli.mcp import TOKEN_KEY
from core.engine.clock import SystemClock
from core.resources import root
from tests.core.agents.mcp.conftest import Keys
from tests.support.command_line import BoxKeyring, Cli
from tests.support.mcp_program import build, turncoat
from tests.support.mcp_site import running_mcp_site

GREET = """
steploom: 1
name: Greet
inputs: {who: {type: string}}
steps: {hello: {type: template, config: {text: "Hello {{ input.who }}"}}}
outputs: {greeting: "{{ hello.text }}"}
"""


def test_a_server_is_added_listed_and_removed(cli: Cli, home: Path, box: BoxKeyring, database: str) -> None:
    assert "No MCP servers" in cli("mcp", "list").out
    added = cli("mcp", "add", "files", "--env", "LEVEL=debug", "--", "npx", "-y", "a server", "--port", "80")
    assert added.code == 0, added.err
    hub = cli("mcp", "add", "hub", "--url", "https://example.org/mcp", "--header", "Authorization: Bearer abc123def")
    assert "Kept in the keyring: mcp.hub.Authorization" in hub.err
    assert box.kept == {("steploom", "mcp.hub.Authorization"): "abc123def"}
    assert "abc123def" not in (home / "mcp.json").read_text() + hub.out + hub.err
    listed = cli("mcp", "list")
    assert "npx -y 'a server' --port 80" in listed.out
    by_name = {each["name"]: each["server"] for each in cli("mcp", "list", "--json").json}
    assert by_name["files"] == {"command": "npx", "args": ["-y", "a server", "--port", "80"], "env": {"LEVEL": "debug"}}
    again = cli("mcp", "add", "files", "--", "other")
    assert (again.code, "Use --replace" in again.err) == (2, True)
    assert cli("mcp", "add", "files", "--replace", "--json", '{"command": "other"}').code == 0
    assert cli("mcp", "remove", "hub").code == 0
    assert box.kept == {}
    assert list(McpConfiguration(home).servers()) == ["files"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["test", "nothing"], "There is no MCP server 'nothing'"),
        (["remove", "nothing"], "There is no MCP server 'nothing'"),
        (["add", "x"], "neither a command to start nor a url"),
        (["add", "x", "--json", "{"], "is no JSON"),
        (["add", "x", "--url", "example.org"], "must begin with https://"),
        (["import", "nowhere.json"], "cannot be read"),
        (["approve", "x"], "Nobody is there to agree"),
        (["serve", "nowhere"], "no workflow 'nowhere'"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do_instead(cli: Cli, arguments: list[str], said: str) -> None:
    if arguments[0] == "serve":
        arguments += ["--memory-only"]
    outcome = cli("mcp", *arguments)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.split())


def test_servers_of_other_programs_are_found_and_taken_in(
    cli: Cli, home: Path, box: BoxKeyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = tmp_path / "person"
    (person / ".cursor").mkdir(parents=True)
    (person / ".cursor/mcp.json").write_text(
        json.dumps({"mcpServers": {"gh": {"command": "gh", "env": {"TOKEN": "abc123def"}}, "bad": {}}})
    )
    monkeypatch.setattr(Path, "home", lambda: person)
    shown = cli("mcp", "import")
    assert "Cursor" in shown.err
    assert "Take them in with --all" in shown.err
    assert not (home / "mcp.json").exists()
    taken = cli("mcp", "import", "--all")
    assert taken.code == 2  # one of them is wrong, and told
    assert "Added gh." in taken.err
    assert "neither a command" in taken.err
    assert box.kept == {("steploom", "mcp.gh.TOKEN"): "abc123def"}
    assert "${secret:mcp.gh.TOKEN}" in (home / "mcp.json").read_text()


def test_a_server_is_tested_and_its_tools_agreed_to(cli: Cli, home: Path, database: str, box: BoxKeyring) -> None:
    with running_mcp_site(build()) as site:
        cli("mcp", "add", "site", "--url", site.url)
        tested = cli("mcp", "test", "site")
        assert tested.code == 0, tested.err
        assert "test-server 1.2.3, protocol 2026-07-28" in tested.err
        assert "Add two numbers." in tested.out
        assert cli("mcp", "approve", "site", "add", "--yes").code == 0
        states = {tool["name"]: tool["state"] for tool in cli("mcp", "test", "site", "--json").json["tools"]}
        assert (states["add"], states["fail"]) == ("approved", "new")
        missing = cli("mcp", "approve", "site", "ad", "--yes")
        assert (missing.code, "offers no tool ad" in missing.err) == (2, True)
    with running_mcp_site(turncoat(), port=site.port):  # another server at the same place
        states = {tool["name"]: tool["state"] for tool in cli("mcp", "test", "site", "--json").json["tools"]}
        assert states == {"weather": "new"}


def test_a_server_that_does_not_work_says_why(cli: Cli, home: Path, database: str) -> None:
    cli("mcp", "add", "gone", "--", "no-such-program-anywhere")
    outcome = cli("mcp", "test", "gone")
    assert outcome.code == 1
    assert "'no-such-program-anywhere' is not installed" in " ".join(outcome.err.split())


async def test_another_assistant_runs_a_workflow_over_standard_input_and_output(tmp_path: Path) -> None:
    """The whole way: our client starts our program, which offers a workflow."""
    file = tmp_path / "greet.loom.yaml"
    file.write_text(GREET)
    configuration = McpConfiguration(tmp_path)
    program = "from core.cli import main; main()"
    arguments = ["-c", program, "mcp", "serve", str(file), "--memory-only"]
    env = {
        "STEPLOOM_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(root()),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    configuration.put("loom", read_entry("loom", {"command": sys.executable, "args": arguments, "env": env}))
    servers = McpServers(configuration, secrets=Keys(), agreements=MemoryAgreements(), clock=SystemClock())
    try:
        tools = {tool.name: tool for tool in await servers.tools("loom")}
        await servers.approve("loom", "greet", tools["greet"].hash)
        result: McpResult = await servers.call("loom", "greet", {"who": "Ada"})
        assert result.text == "Hello Ada"
    finally:
        await servers.aclose()


async def test_the_token_for_http_is_made_once_kept_and_shown_once(
    home: Path, box: BoxKeyring, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.cli.mcp import _token
    from core.workspace import Workspace

    async with Workspace.open(memory_only=True) as workspace:
        token = await _token(workspace, new=False)
        assert f"Bearer {token}" in capsys.readouterr().err
        assert await _token(workspace, new=False) == token
        assert token not in capsys.readouterr().err
        assert await _token(workspace, new=True) != token
    assert len(box.kept["steploom", TOKEN_KEY]) > 40
