"""Output that nobody takes, as real pipes of real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.support.command_line import Cli
from tests.support.http_site import running_site

STEPS = """\
steps:
  first: {{type: template, config: {{text: hello}}, then: second}}
  second: {{type: api, config: {{url: "{site}/second"}}}}
outputs:
  second: "{{{{ second.status }}}}"
"""
PROGRAM = "from core.cli import main; main()"


@contextmanager
def piped(
    environment: dict[str, str], *arguments: str | Path
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """A command in a process of its own, with what reads its output and its errors."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield process, process.stdout, process.stderr


def test_events_whose_reader_leaves_end_the_run_so_that_it_can_be_resumed(
    cli: Cli,
    database: str,
    write: Callable[..., Path],
    process_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = '["127.0.0.1"]'
    monkeypatch.setenv("STEPLOOM_ALLOWED_HOSTS", allowed)
    with running_site() as site:
        site.hangs("/second")
        environment = {**process_environment, "STEPLOOM_ALLOWED_HOSTS": allowed, "STEPLOOM_DATABASE_URL": database}
        file = write("Read", STEPS.format(site=site.url))
        with piped(environment, "run", file, "--events") as (process, out, err):
            first = json.loads(out.readline())
            out.close()
            site.go_on.set()
            errors = err.read().decode()
            code = process.wait(60)
    assert errors == ""
    shown = cli("runs", "show", first["run_id"], "--json").json
    # It may have come to its end before anything was written after the reader had left.
    assert (code, shown["status"]) in [(130, "cancelled"), (0, "completed")]


def test_progress_that_nobody_reads_does_not_stop_the_run(
    write: Callable[..., Path], process_environment: dict[str, str]
) -> None:
    file = write("Quiet", "steps:\n  a: {type: template, config: {text: done}}\noutputs: {text: '{{ a.text }}'}\n")
    with piped(process_environment, "run", file, "--memory-only") as (process, out, err):
        err.close()
        assert out.read() == b"text: done\n"
        assert process.wait(60) == 0


def test_a_reader_who_leaves_before_the_result_comes_hears_no_complaint(
    write: Callable[..., Path], process_environment: dict[str, str]
) -> None:
    file = write("Left", "steps:\n  a: {type: template, config: {text: done}}\noutputs: {text: '{{ a.text }}'}\n")
    with piped(process_environment, "run", file, "--memory-only") as (process, out, err):
        out.close()
        said = err.read().decode()
        assert process.wait(60) == 1
    assert "Broken pipe" not in said
    assert "Exception" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_result_that_cannot_be_written_is_said_in_words(
    write: Callable[..., Path], process_environment: dict[str, str]
) -> None:
    file = write("Full", "steps:\n  a: {type: template, config: {text: done}}\n")
    command = [sys.executable, "-c", PROGRAM, "run", str(file), "--memory-only", "--json"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, env=process_environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.decode()
    assert "did not expect" not in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize("backend", ["no.such.Backend", "."])
def test_a_keyring_that_cannot_be_loaded_is_said_in_words(process_environment: dict[str, str], backend: str) -> None:
    environment = {**process_environment, "PYTHON_KEYRING_BACKEND": backend}
    command = [sys.executable, "-c", PROGRAM, "keys", "remove", "openrouter"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PYTHON_KEYRING_BACKEND" in done.stderr
    assert "did not expect" not in done.stderr
