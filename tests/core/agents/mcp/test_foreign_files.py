"""Servers in the files of other programs, with what each of them does in its own way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.agents.mcp import jsonc
from core.agents.mcp.errors import BadConfiguration
from core.agents.mcp.foreign_files import known_files, program_of, read_file, read_text
from core.agents.mcp.servers import McpServers
from tests.core.agents.mcp.conftest import Rig

KEY = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


def test_a_file_of_claude_desktop_is_read_and_fills_nothing_in(tmp_path: Path) -> None:
    file = tmp_path / "claude_desktop_config.json"
    file.write_text(
        json.dumps(
            {
                "globalShortcut": "",
                "mcpServers": {
                    "github": {"command": "npx", "args": ["-y", "gh"], "env": {"GITHUB_TOKEN": KEY, "LEVEL": "debug"}},
                    "odd name!": {"command": "run", "args": ["${HOME}"]},
                },
            }
        )
    )
    github, odd = read_file(file)
    assert github.config is not None
    assert github.config.env == {"GITHUB_TOKEN": "${secret:mcp.github.GITHUB_TOKEN}", "LEVEL": "debug"}
    assert github.secrets == {"mcp.github.GITHUB_TOKEN": KEY}
    assert KEY not in repr(github)
    assert odd.name == "odd name"
    assert odd.config is not None
    assert odd.config.args == ("$${HOME}",)


def test_a_file_of_vs_code_has_comments_inputs_and_places(tmp_path: Path) -> None:
    folder = tmp_path / "project/.vscode"
    folder.mkdir(parents=True)
    file = folder / "mcp.json"
    file.write_text(
        """{
          // what to ask for
          "inputs": [{"type": "promptString", "id": "gh-key", "description": "GitHub key", "password": true}],
          "servers": {
            "gh": {"type": "http", "url": "https://example.org/mcp/",
                   "headers": {"Authorization": "Bearer ${input:gh-key}"}},
            "db": {"command": "serve", "args": ["${workspaceFolder}/db", "${env:DB_LEVEL}"], "envFile": ".env",},
          }, /* the end */
        }"""
    )
    gh, db = read_file(file)
    assert gh.config is not None
    assert db.config is not None
    assert gh.config.headers == {"Authorization": "Bearer ${secret:mcp.gh.gh-key}"}
    assert gh.wanted == ("mcp.gh.gh-key",)
    assert any("GitHub key" in note and "steploom keys set mcp.gh.gh-key" in note for note in gh.notes)
    assert db.config.args == (f"{tmp_path}/project/db", "${env:DB_LEVEL}")
    assert any("envFile" in note for note in db.notes)


def test_a_file_of_claude_code_keeps_servers_for_each_project(tmp_path: Path) -> None:
    file = tmp_path / ".claude.json"
    mine = {"command": "a", "env": {"K": "${K:-none}"}}
    file.write_text(
        json.dumps({"mcpServers": {"a": mine}, "projects": {"/p": {"mcpServers": {"a": {"command": "x"}, "b": mine}}}})
    )
    first, second = read_file(file)
    assert [(each.name, each.config and each.config.command) for each in (first, second)] == [("a", "a"), ("b", "a")]
    assert first.config is not None
    assert first.config.env == {"K": "${K:-none}"}


def test_a_file_of_cursor_and_others_may_approve_by_itself_which_is_left_out() -> None:
    (server,) = read_text(
        '{"mcpServers": {"a": {"command": "x", "autoApprove": ["all"], "timeout": 60000, "enabled": false}}}'
    )
    assert server.config is not None
    assert server.config.timeout == 60
    assert server.config.disabled
    assert any("autoApprove" in note for note in server.notes)
    assert any("milliseconds" in note for note in server.notes)


@pytest.mark.parametrize(
    "text",
    [
        '{"command": "npx", "args": ["x"]}',
        '{"files": {"command": "npx", "args": ["x"]}}',
        '{"mcp": {"servers": {"files": {"command": ["npx", "x"]}}}}',
    ],
)
def test_what_people_paste_is_understood(text: str) -> None:
    (server,) = read_text(text)
    assert server.config is not None
    assert (server.config.command, server.config.args) == ("npx", ("x",))


def test_a_bad_server_is_told_beside_the_good_ones() -> None:
    good, bad, worse = read_text('{"mcpServers": {"good": {"command": "x"}, "bad": {"args": []}, "worse": 7}}')
    assert good.config is not None
    assert bad.config is None
    assert "neither a command" in bad.problem
    assert "is no object" in worse.problem


@pytest.mark.parametrize(("text", "said"), [("{", "no JSON"), ("{}", "names no MCP servers"), ("[1]", "names no MCP")])
def test_a_text_without_servers_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=said):
        read_text(text)


def test_the_files_of_all_programs_are_found(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    places = [
        home / ".config/Claude/claude_desktop_config.json", home / ".claude.json", home / ".cursor/mcp.json",
        home / ".config/Code/User/mcp.json", project / ".mcp.json", project / ".vscode/mcp.json",
    ]  # fmt: skip
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("{}")
    found = known_files(home, project, "linux")
    assert [each.path for each in found] == places
    assert [program_of(each.path) for each in found] == [each.program for each in found]
    assert known_files(home, None, "darwin")[0].program == "Claude Code"


async def test_a_server_that_is_taken_in_leaves_its_secrets_in_the_keyring_alone(rig: Rig) -> None:
    (server,) = read_text(json.dumps({"mcpServers": {"gh": {"command": "x", "env": {"TOKEN": KEY}}}}))
    await rig.servers.add(server)
    assert rig.keys.kept == {"mcp.gh.TOKEN": KEY}
    assert KEY not in rig.configuration.file.read_text()
    await rig.servers.remove("gh")
    assert rig.keys.kept == {}
    assert rig.configuration.servers() == {}


async def test_without_a_keyring_nothing_is_taken_in(rig: Rig) -> None:
    from core.secrets import NoKeyring

    class Locked:
        async def get(self, name: str) -> str | None:
            return None

        async def set(self, name: str, value: str) -> str:
            raise NoKeyring

        async def delete(self, name: str) -> bool:
            return False

    servers = McpServers(rig.configuration, secrets=Locked(), agreements=rig.agreements, clock=rig.clock)
    (server,) = read_text(json.dumps({"mcpServers": {"gh": {"command": "x", "env": {"TOKEN": KEY}}}}))
    with pytest.raises(NoKeyring):
        await servers.add(server)
    assert not rig.configuration.file.exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            '{"a": "// no comment", "b": "/* nor this */", "c": ",}"}',
            {"a": "// no comment", "b": "/* nor this */", "c": ",}"},
        ),
        ('\ufeff{"a": 1, // one\n "b": [1, 2, /* three */ ], }', {"a": 1, "b": [1, 2]}),
        (r'{"path": "C:\\dir\\", "q": "\"//\""}', {"path": "C:\\dir\\", "q": '"//"'}),
    ],
)
def test_comments_and_trailing_commas_are_passed_over(text: str, value: object) -> None:
    assert jsonc.loads(text) == value


def test_a_mistake_is_told_at_its_own_line() -> None:
    with pytest.raises(json.JSONDecodeError) as told:
        jsonc.loads('{\n// a\n/* b\nc */\n"a": x}')
    assert told.value.lineno == 5
