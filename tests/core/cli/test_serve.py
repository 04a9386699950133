"""`steploom tokens` and `steploom serve`, as a person starts and stops it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from core.cli.serve import host_names
from core.resources import root
from tests.support.command_line import PROGRAM, Cli

GREET = """
steploom: 1
name: Greet
inputs: {who: {type: string}}
steps: {hello: {type: template, config: {text: "Hello {{ input.who }}"}}}
outputs: {greeting: "{{ hello.text }}"}
"""


def test_tokens_are_made_listed_and_revoked(cli: Cli, database: str) -> None:
    assert "No tokens yet" in cli("tokens", "list").out
    made = cli("tokens", "create", "ci", "--scope", "run,read", "--expires", "30d")
    assert re.fullmatch(r"stk_[0-9a-f]{12}_[0-9a-f]{64}\n", made.out)
    assert "not shown again" in made.err
    (listed,) = cli("tokens", "list", "--json").json
    assert (listed["name"], listed["scopes"], listed["last_used"]) == ("ci", ["read", "run"], None)
    assert made.out.strip() not in cli("tokens", "list").out
    assert cli("tokens", "revoke", listed["id"]).code == 0
    assert "revoked" in cli("tokens", "list").out
    assert "steploom tokens list" in cli("tokens", "revoke", "nobody").err
    assert cli("tokens", "create", "x", "--scope", "everything").code == 2
    assert cli("tokens", "create", "x", "--expires", "soon").code == 2
    assert cli("tokens", "create", "x", "--rate", "often").code == 2
    assert cli("tokens", "create", "slow", "--rate", "5/1m", "--json").json["rate"] == "5/1m"
    assert "5/1m" in cli("tokens", "list").out


def test_where_others_can_reach_it_a_token_has_to_be_there_first(cli: Cli, database: str) -> None:
    refused = cli("serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 2
    assert "steploom tokens create" in refused.err


def test_a_port_that_is_taken_is_named(cli: Cli, database: str) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = cli("serve", "--port", str(taken.getsockname()[1]))
    assert refused.code == 2
    assert "cannot be listened at" in refused.err


def test_names_that_are_answered_to() -> None:
    assert host_names("127.0.0.1", []) == {"localhost", "127.0.0.1", "::1"}
    assert host_names("192.168.1.2", ["loom.example"]) == {"192.168.1.2", "loom.example"}


@contextmanager
def _serving(environment: dict[str, str], folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A `steploom serve` of its own; the process, and what it said until it listened."""
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--demo", *options],
            env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        lines = ""
        assert process.stderr is not None
        try:
            for line in process.stderr:
                lines += line
                said.write(line)
                if "Ctrl-C stops it" in line:
                    break
            yield process, lines
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_asked_to_end(
    cli: Cli, database: str, process_environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "greet.loom.yaml").write_text(GREET)
    assert cli("workflows", "import", "greet.loom.yaml").code == 0
    token = cli("tokens", "create", "shop", "--scope", "run").out.strip()
    environment = {**process_environment, "STEPLOOM_DATABASE_URL": database}
    with _serving(environment, tmp_path, "--log-json") as (process, said):
        (address,) = re.findall(r"Serving at (http://127\.0\.0\.1:\d+),", said)
        assert "stk_" not in said
        with httpx.Client(base_url=address, headers={"authorization": f"Bearer {token}"}, trust_env=False) as client:
            body = {"workflow": "Greet", "inputs": {"who": "Ada"}, "wait_s": 60}
            run = client.post("/api/v1/runs", json=body, timeout=60)
            assert run.json()["outputs"] == {"greeting": "Hello Ada"}
            assert client.get("/readyz").json() == {"status": "ready"}
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert token not in rest
    written = [json.loads(line) for line in rest.splitlines() if line.startswith("{")]
    (about,) = [each for each in written if each.get("path") == "/api/v1/runs"]
    assert (about["status"], about["method"], about["event"]) == (200, "POST", "request")
    assert "Traceback" not in rest


def test_the_first_token_is_shown_to_a_person_and_to_no_log(
    cli: Cli, database: str, process_environment: dict[str, str], tmp_path: Path
) -> None:
    environment = {**process_environment, "STEPLOOM_DATABASE_URL": database}
    with _serving(environment, tmp_path) as (_, said):
        assert "steploom tokens create" in said
        assert "stk_" not in said
    assert cli("tokens", "list", "--json").json == []
    screen, terminal = os.openpty()
    command = [sys.executable, "-c", PROGRAM, "serve", "--port", "0", "--demo"]
    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=terminal)
    try:
        seen = b""
        while b"Ctrl-C stops it" not in seen:
            seen += os.read(screen, 10_000)
    finally:
        process.terminate()
        process.wait(60)
        os.close(terminal)
        os.close(screen)
    assert re.search(rb"stk_[0-9a-f]{12}_[0-9a-f]{64}", seen)
    (listed,) = cli("tokens", "list", "--json").json
    assert (listed["name"], listed["scopes"]) == ("first", ["answer", "read", "run"])


def test_the_unit_starts_what_there_is(cli: Cli) -> None:
    unit = (root() / "packaging/systemd/steploom.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=\S*steploom (.+)$", unit, re.MULTILINE)
    assert command.split()[0] == "serve"
    assert cli("serve", "--help").code == 0
    assert "Restart=on-failure" in unit
    assert os.environ["STEPLOOM_HOME"]
