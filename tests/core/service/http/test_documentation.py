"""The curl examples of the documentation, run as they stand."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil

import pytest

from core.resources import root
from tests.support.http_service import Site

PAGE = (root() / "docs/http-api.md").read_text("utf-8")

COMMANDS = [line for line in PAGE.splitlines() if line.startswith("curl ")]


def test_there_are_examples() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_every_example_works_as_it_stands(site: Site) -> None:
    _, token = await site.tokens.create("reader of the documentation", ["run", "read", "answer"])
    environment = {**os.environ, "STEPLOOM": site.url, "TOKEN": token, "NO_PROXY": "127.0.0.1"}
    for command in COMMANDS:
        running = await asyncio.create_subprocess_shell(
            command.replace("curl ", "curl --fail-with-body ", 1), env=environment, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await running.communicate()
        assert running.returncode == 0, (command, out)
        if "Bearer" in command and "metrics" not in command and "-sN" not in command:
            assert json.loads(out)
        elif "-sN" in command:
            assert b"event: turn_ended" in out


def test_the_scopes_are_told() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == ["run", "read", "answer", "admin"]
