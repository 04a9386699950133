"""Ctrl-C and SIGTERM, as real signals to a real process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import PROGRAM, Cli
from tests.support.http_site import Site, running_site

SLOW = """\
steps:
  first: {{type: api, config: {{url: "{site}/first"}}, then: second}}
  second: {{type: api, config: {{url: "{site}/second"}}}}
outputs:
  first: "{{{{ first.body }}}}"
  second: "{{{{ second.status }}}}"
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_ends_with_130_and_resume_completes_it(
    cli: Cli,
    database: str,
    write: Callable[..., Path],
    process_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    allowed = '["127.0.0.1"]'
    monkeypatch.setenv("STEPLOOM_ALLOWED_HOSTS", allowed)
    with running_site() as site:
        site.page("/first", b"once", content_type="text/plain")
        site.hangs("/second")
        file = write("Slow", SLOW.format(site=site.url))
        environment = {**process_environment, "STEPLOOM_ALLOWED_HOSTS": allowed, "STEPLOOM_DATABASE_URL": database}
        command = [sys.executable, "-c", PROGRAM, "run", str(file), "--json"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            _wait_for(site, "/second")
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, err.decode()) == (130, "")
        ended = json.loads(out)
        assert ended["status"] == "cancelled"
        site.go_on.set()
        done = cli("runs", "resume", ended["run_id"], "--json")
        assert (done.code, done.json["outputs"]) == (0, {"first": "once", "second": 200})
        assert [asked.path for asked in site.asked].count("/first") == 1


def _wait_for(site: Site, path: str) -> None:
    while path not in [asked.path for asked in site.asked]:
        site.arrived.clear()
        if path not in [asked.path for asked in site.asked] and not site.arrived.wait(60):
            raise AssertionError(f"{path} was never asked for")
