"""The command that calls an api trigger from a terminal: what it says, run by a real shell."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.service.triggers.signatures import check_call, check_signature
from core.workflow.model import Json
from core.workflow.triggers import ApiTrigger, Signing, read_trigger
from core.workspace import Workspace
from desktop.panels.hook_command import hook_command, hook_url
from tests.core.service.triggers.conftest import greeting
from tests.support.http_service import running

ADDRESS = "http://127.0.0.1:8420"
CURL = '#!/bin/sh\nfor each in "$@"; do printf \'%s\\0\' "$each"; done\n'

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="the command is one for POSIX shells")


def run(command: str, folder: Path, key: str = "shared key") -> list[str]:
    """The words that curl gets."""
    curl = folder / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "TOKEN": "stk_1", "KEY": key}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment, check=True)
    return done.stdout.split("\0")[:-1]


def test_a_token_is_taken_from_the_environment_and_inputs_go_into_path_and_body(tmp_path: Path) -> None:
    options = ApiTrigger(path="/orders/{number}", method="PUT")
    inputs: dict[str, Json] = {"number": "7/b", "note": 'It\'s "quoted" $HOME', "count": 2}
    words = run(hook_command(hook_url(ADDRESS, options, "id"), options, inputs), tmp_path)
    assert words[:4] == ["-X", "PUT", "-H", "Authorization: Bearer stk_1"]
    assert words[-1] == f"{ADDRESS}/hooks/orders/7%2Fb"
    assert json.loads(words[words.index("-d") + 1]) == {"note": 'It\'s "quoted" $HOME', "count": 2}


def test_a_signed_call_is_signed_so_that_the_service_takes_it(tmp_path: Path) -> None:
    options = ApiTrigger(auth="hmac", secret="shop")
    words = run(hook_command(hook_url(ADDRESS, options, "0-1"), options, {"who": "Ada"}), tmp_path)
    assert words[-1] == f"{ADDRESS}/hooks/id/0-1"
    body = words[words.index("-d") + 1]
    name, _, value = words[words.index("-H") + 1].partition(": ")
    assert name == "Steploom-Signature"
    check_signature(value, "shared key", body.encode(), now=time.time(), window=60)


@pytest.mark.parametrize("signing", ["slack", "standard"])
def test_a_call_is_signed_as_another_service_signs_it(tmp_path: Path, signing: Signing) -> None:
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    options = ApiTrigger(auth="hmac", secret="shop", signature=signing)
    words = run(hook_command(hook_url(ADDRESS, options, "0-1"), options, {"who": "Ada"}), tmp_path, key)
    body = words[words.index("-d") + 1]
    pairs = [words[at + 1].partition(": ") for at, word in enumerate(words) if word == "-H"]
    headers = {name.lower(): value for name, _, value in pairs}
    check_call(signing, headers, "unused", key, body.encode(), now=time.time(), window=60)


def test_the_whole_body_is_one_input_and_headers_are_none(tmp_path: Path) -> None:
    options = ApiTrigger(path="/a", auth="none", body="order", headers="about")
    inputs: dict[str, Json] = {"order": {"number": 7}, "about": {"x-event": "new"}}
    words = run(hook_command(hook_url(ADDRESS, options, ""), options, inputs), tmp_path)
    assert json.loads(words[words.index("-d") + 1]) == {"number": 7}


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("options", [{}, {"auth": "hmac", "secret": "shop"}, {"method": "GET", "path": "/find/{who}"}])
async def test_the_service_takes_what_the_command_sends(
    options: dict[str, Json], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_SHOP", "shared key")
    async with Workspace.open(tmp_path / "home", database_url=database_url) as workspace, running(workspace) as site:
        assert workspace.store is not None
        workflow = greeting("Greeting", "api", **options)
        await workspace.store.workflows.save(replace(workflow, outputs={"said": "{{ hello.text }}"}), 0)
        await workspace.store.workflows.activate("Greeting")
        hook, _ = read_trigger(workflow.trigger)
        assert isinstance(hook, ApiTrigger)
        place = await workspace.store.workflows.publication("Greeting")
        command = hook_command(hook_url(site.url, hook, place.workflow_id), hook, {"who": "Eve & Bob"})
        _, token = await site.tokens.create("tests", ["run"])
        environment = {"PATH": "/usr/bin:/bin", "TOKEN": token, "KEY": "shared key", "NO_PROXY": "*"}
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", command], capture_output=True, text=True, env=environment, check=False
        )
    assert json.loads(done.stdout)["outputs"] == {"said": "Hello Eve & Bob"}


def test_inputs_of_a_get_go_into_the_query(tmp_path: Path) -> None:
    options = ApiTrigger(path="/find", method="GET", auth="none")
    words = run(hook_command(hook_url(ADDRESS, options, ""), options, {"who": "Ada & Bob", "all": True}), tmp_path)
    assert words == [f"{ADDRESS}/hooks/find?who=Ada+%26+Bob&all=true"]
