from __future__ import annotations

import stat
from pathlib import Path

import pytest

from core.settings import load
from tests.support.command_line import BoxKeyring, Cli

KEY = "sk-or-v1-planted"


def test_a_key_goes_to_the_keyring_is_listed_by_name_and_removed(cli: Cli, box: BoxKeyring, home: Path) -> None:
    done = cli("keys", "set", "openrouter", stdin=f"{KEY}\n")
    assert (done.code, done.err) == (0, "Kept openrouter in the keyring.\n")
    assert list(box.kept.values()) == [KEY]
    listed = cli("keys", "list")
    assert listed.out.splitlines()[1].split() == ["openrouter", "keyring"]
    assert KEY not in listed.out + done.out
    assert [path for path in home.rglob("*") if path.is_file() and KEY in path.read_text()] == []
    assert cli("keys", "remove", "openrouter").code == 0
    assert box.kept == {}
    assert "No keys" in cli("keys", "list").out


def test_a_key_that_is_not_there_cannot_be_removed(cli: Cli, box: BoxKeyring) -> None:
    done = cli("keys", "remove", "nothing")
    assert done.code == 1
    assert "There is no key 'nothing'" in done.err


def test_without_a_keyring_a_key_is_kept_in_a_private_file_only_when_asked_for(cli: Cli, home: Path) -> None:
    refused = cli("keys", "set", "openrouter", stdin=KEY)
    assert refused.code == 1
    assert "no keyring service" in refused.err
    assert "--file" in refused.err
    assert not (home / "secrets.json").exists()
    done = cli("keys", "set", "openrouter", "--file", stdin=KEY)
    assert (done.code, done.err) == (0, "Kept openrouter in a file that only you can read.\n")
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600
    assert load(home).secrets_file is True
    assert cli("keys", "list").out.splitlines()[1].split() == ["openrouter", "private", "file"]
    assert cli("keys", "remove", "openrouter").code == 0
    assert KEY not in (home / "secrets.json").read_text()


def test_nobody_types_a_key_that_cannot_be_kept(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def prompt(text: str, hide_input: bool = False) -> str:
        assert hide_input
        prompts.append(text)
        return KEY

    monkeypatch.setattr("typer.prompt", prompt)
    assert "--file" in cli("keys", "set", "openrouter", keyboard=True).err
    assert "is no name for a key" in cli("keys", "set", "open router", keyboard=True).err
    assert prompts == []
    assert cli("keys", "set", "openrouter", "--file", keyboard=True).err.startswith("Kept openrouter")
    assert prompts == ["Key openrouter"]


def test_keeping_a_key_in_a_file_writes_nothing_of_the_environment_into_the_settings(
    cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", "postgresql://me:hidden@localhost/x")
    assert cli("keys", "set", "openrouter", "--file", stdin=KEY).code == 0
    assert (home / "settings.toml").read_text().strip() == "secrets_file = true"


def test_a_key_of_the_environment_is_listed_as_such_and_said_to_come_first(
    cli: Cli, box: BoxKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    assert cli("keys", "list").out.splitlines()[1].split() == ["openrouter", "environment"]
    assert "comes first" in cli("keys", "set", "openrouter", stdin=KEY).err


@pytest.mark.parametrize(("name", "value"), [("no spaces", KEY), ("short", "abc"), ("empty", "")])
def test_a_key_that_cannot_be_kept_is_refused_without_showing_it(
    cli: Cli, box: BoxKeyring, name: str, value: str
) -> None:
    done = cli("keys", "set", name, stdin=value)
    assert done.code == 1
    assert box.kept == {}
    assert value not in done.err.replace(name, "") or not value
