"""mcp.json: what it holds, what is wrong with it, and what is filled in when a server is started."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from core.agents.mcp.configuration import McpConfiguration
from core.agents.mcp.errors import BadConfiguration, UnknownServer
from core.agents.mcp.expansion import expand
from core.agents.mcp.server_config import read_entry
from tests.core.agents.mcp.conftest import Keys


def test_a_server_is_kept_in_the_usual_form(tmp_path: Path) -> None:
    configuration = McpConfiguration(tmp_path)
    assert configuration.servers() == {}
    configuration.put("files", read_entry("files", {"command": "npx", "args": ["-y", "server", "/data"]}))
    configuration.put("hub", read_entry("hub", {"url": "https://example.org/mcp", "timeout": 5}))
    assert json.loads(configuration.file.read_text()) == {
        "mcpServers": {
            "files": {"command": "npx", "args": ["-y", "server", "/data"]},
            "hub": {"type": "http", "url": "https://example.org/mcp", "timeout": 5},
        }
    }
    assert stat.S_IMODE(configuration.file.stat().st_mode) == 0o600
    assert list(configuration.servers()) == ["files", "hub"]
    configuration.remove("files")
    assert list(configuration.servers()) == ["hub"]
    with pytest.raises(UnknownServer, match="There is no MCP server 'files'"):
        configuration.remove("files")


def test_what_the_file_holds_besides_stays(tmp_path: Path) -> None:
    configuration = McpConfiguration(tmp_path)
    configuration.file.write_text(
        '{"theme": "dark", "mcpServers": {"a": {"command": "x", "gallery": true}, "b": {"command": 3}}}'
    )
    configuration.put("a", read_entry("a", {"command": "y"}))
    kept = json.loads(configuration.file.read_text())
    assert kept == {"theme": "dark", "mcpServers": {"a": {"command": "y", "gallery": True}, "b": {"command": 3}}}


def test_one_bad_entry_hides_no_other(tmp_path: Path) -> None:
    configuration = McpConfiguration(tmp_path)
    configuration.file.write_text(
        json.dumps({"mcpServers": {"good": {"command": "x"}, "bad": {"args": ["y"]}, "worse": {"url": "ftp://x"}}})
    )
    assert list(configuration.servers()) == ["good"]
    assert "neither a command to start nor a url to reach" in configuration.problems()["bad"]
    assert "must begin with https:// or http://" in configuration.problems()["worse"]
    with pytest.raises(BadConfiguration, match="'bad' cannot be used"):
        configuration.server("bad")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold an object `mcpServers`"),
        ('{"mcpServers": []}', "must hold an object `mcpServers`"),
    ],
)
def test_a_broken_file_is_named_and_left_as_it_is(tmp_path: Path, text: str, said: str) -> None:
    configuration = McpConfiguration(tmp_path)
    configuration.file.write_text(text)
    with pytest.raises(BadConfiguration, match=said):
        configuration.servers()
    with pytest.raises(BadConfiguration, match=said):
        configuration.put("a", read_entry("a", {"command": "x"}))
    assert configuration.file.read_text() == text


def test_the_complaint_about_an_entry_does_not_repeat_its_values() -> None:
    with pytest.raises(BadConfiguration) as told:
        read_entry("x", {"command": "a", "env": {"TOKEN": ["sesame-open-up"]}, "timeout": "sesame-soon"})
    assert "sesame" not in str(told.value)
    assert "env.TOKEN" in str(told.value)
    assert "timeout" in str(told.value)


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "x" * 65, "a\nb"])
def test_a_name_that_would_be_trouble_is_refused(name: str) -> None:
    with pytest.raises(BadConfiguration, match="no name for an MCP server"):
        read_entry(name, {"command": "x"})


def test_other_programs_spellings_are_understood() -> None:
    assert read_entry("a", {"serverUrl": "https://example.org/mcp"}).type == "http"
    assert read_entry("a", {"type": "streamable-http", "url": "https://example.org/mcp"}).type == "http"
    assert read_entry("a", {"url": "https://example.org/sse"}).type == "sse"
    entry = read_entry("a", {"command": "x", "env": {"PORT": 80, "DEBUG": True, "NOTHING": None}, "args": [1]})
    assert entry.env == {"PORT": "80", "DEBUG": "true"}
    assert entry.args == ("1",)


async def test_variables_and_keys_are_filled_in_when_the_server_is_started() -> None:
    config = read_entry(
        "x",
        {
            "command": "${userHome}/bin/server",
            "args": ["${PORT:-80}", "${env:LEVEL}", "$HOME", "$${LEVEL}", "${TOKEN}"],
            "env": {"KEY": "${secret:mine}"},
            "headers": {"Authorization": "Bearer ${secret:mine}"},
        },
    )
    keys = Keys({"mine": "sesame-open-up", "TOKEN": "from-the-keyring"})
    found = await expand("x", config, keys, {"HOME": "/home/ada", "LEVEL": "debug"})
    assert found.command == "/home/ada/bin/server"
    assert found.args == ("80", "debug", "$HOME", "${LEVEL}", "from-the-keyring")
    assert found.env == {"KEY": "sesame-open-up"}
    assert found.mask.text("it said sesame-open-up to from-the-keyring") == "it said [secret mine] to [secret TOKEN]"
    assert "sesame" not in config.identity


async def test_secrets_written_into_the_file_by_hand_are_masked_too() -> None:
    config = read_entry("x", {"command": "a", "env": {"API_KEY": "sesame-open-up", "LEVEL": "debug"}})
    found = await expand("x", config, None, {})
    assert found.mask.text("sesame-open-up debug") == "[secret API_KEY] debug"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("${NOWHERE}", "needs the variable NOWHERE, which is not set.*steploom keys set NOWHERE"),
        ("${secret:gone}", "needs the key 'gone', which is not set.*steploom keys set gone"),
        ("${config:a.b}", "means nothing here"),
    ],
)
async def test_what_cannot_be_filled_in_is_named(text: str, said: str) -> None:
    config = read_entry("x", {"command": "a", "args": [text]})
    with pytest.raises(BadConfiguration, match=said):
        await expand("x", config, Keys(), {})
