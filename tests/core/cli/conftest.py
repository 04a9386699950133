"""The command line, called as a person would, within the test's process."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest

from core.cli.app import run_command
from core.resources import root
from tests.support.command_line import BoxKeyring, Cli, Outcome
from tests.support.openrouter import StandIn, running_stand_in


class Keyboard(io.StringIO):
    """Standard input of a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def box() -> Iterator[BoxKeyring]:
    """A keyring service that this machine has, for once."""
    before = keyring.get_keyring()
    made = BoxKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def cli(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command: `cli("run", file, "--json", stdin="...")`. Nothing may be left in a crash report.

    keyboard: whether a person sits there, so that commands ask.
    """
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str | Path, stdin: str = "", keyboard: bool = False) -> Outcome:
        monkeypatch.setattr("sys.stdin", Keyboard(stdin) if keyboard else io.StringIO(stdin))
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "did not expect" not in printed.err, printed.err
        assert "Traceback" not in printed.err + printed.out
        return Outcome(code, printed.out, printed.err)

    return run


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh database that commands use."""
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", database_url)
    return database_url


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A local OpenRouter that commands take for the real one."""
    with running_stand_in() as running:
        monkeypatch.setenv("STEPLOOM_MODEL_SERVER__BASE_URL", running.base_url)
        monkeypatch.setenv("STEPLOOM_MODEL_SERVER__KIND", "openrouter")
        yield running


@pytest.fixture
def examples() -> Path:
    """The folder of the example workflows."""
    return root() / "resources" / "examples"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a workflow document: `write("name", steps)`, its steps as YAML."""

    def document(name: str, text: str) -> Path:
        path = tmp_path / f"{name}.loom.yaml"
        path.write_text(f"steploom: 1\nname: {name}\n{text}", encoding="utf-8")
        return path

    return document


@pytest.fixture
def process_environment(home: Path) -> dict[str, str]:
    """The environment of a process of its own that uses the same home and working folder, and buffers as usual."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**kept, "PYTHONPATH": str(root()), "STEPLOOM_HOME": str(home)}
