from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.settings import load
from tests.support.command_line import BoxKeyring, Cli


def test_a_current_database_is_said_to_be_so(cli: Cli, database: str) -> None:
    done = cli("db", "status")
    assert done.code == 0
    assert "up to date" in done.out
    assert cli("db", "status", "--json").json["pending"] == []


def test_a_database_without_tables_is_brought_up_to_date(
    cli: Cli, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", empty_database_url)
    before = cli("db", "status")
    assert before.code == 1
    assert "steploom db upgrade" in before.out
    assert cli("db", "upgrade").code == 0
    assert cli("db", "upgrade").code == 0
    assert cli("db", "status").code == 0


@pytest.mark.parametrize("command", [("db", "status"), ("db", "upgrade"), ("runs", "list"), ("workflows", "list")])
@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("postgresql://me:hidden7@127.0.0.1:1/x", 1, "cannot be reached"),
        ("hidden7 is no address", 1, "STEPLOOM_DATABASE_URL"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_words_without_its_password(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], url: str, code: int, said: str
) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", url)
    done = cli(*command)
    assert done.code == code
    assert said in done.err
    assert "hidden7" not in done.err + done.out


def test_wrong_settings_are_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_PATIENCE_S", "soon")
    done = cli("runs", "list")
    assert done.code == 2
    assert "database_patience_s" in done.err


def test_the_password_of_another_database_goes_to_the_keyring(
    cli: Cli, box: BoxKeyring, home: Path, database_url: str
) -> None:
    done = cli("db", "use", "postgresql://me:p%40ss%20word@localhost:5432/x")
    assert done.code == 0
    assert box.kept[("steploom", "database")] == "p@ss word"
    assert load(home).database_url == "postgresql://me@localhost:5432/x"
    assert "p%40ss" not in done.err + (home / "settings.toml").read_text()
    assert cli("db", "use", "").code == 0
    assert load(home).database_url == ""
    assert cli("db", "use", "nonsense").code == 1
    assert load(home).database_url == ""


def test_a_database_of_the_settings_is_used(
    cli: Cli, home: Path, database_url: str, write: Callable[..., Path]
) -> None:
    assert cli("db", "use", database_url).code == 0
    file = write("Says", "steps:\n  a: {type: template, config: {text: x}}\n")
    run_id = cli("run", file, "--json").json["run_id"]
    assert cli("runs", "list", "--json").json[0]["run_id"] == run_id
