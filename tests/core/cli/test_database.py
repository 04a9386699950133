from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from core.settings import load
from core.store.address import Address
from core.store.move import Moved
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


def test_a_password_that_the_address_lacks_comes_from_the_keyring(
    cli: Cli, box: BoxKeyring, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.set_password("steploom", "database", "p@ss word")
    used: list[str] = []

    def no_copy(_source: Address, target: Address, _told: object) -> Moved:
        used.append(str(conninfo_to_dict(target.dsn)["password"]))
        return Moved({}, 0)

    monkeypatch.setattr("core.store.move.move", no_copy)
    done = cli("db", "move", "postgresql://me@localhost/x?connect_timeout=5&sslmode=disable")
    assert "steploom db use 'postgresql://me@localhost/x?connect_timeout=5&sslmode=disable'" in done.err
    own = cli("db", "move", "postgresql://me:0wn7@localhost/x")
    words = cli("db", "move", "host=localhost user=me password=w0rd7 dbname=x")
    assert used == ["p@ss word", "0wn7", "w0rd7"]
    for each in (own, words):
        assert (each.code, "steploom db use" in each.err) == (0, True)
        assert "0wn7" not in each.err
        assert "w0rd7" not in each.err


def test_a_password_among_the_words_of_an_address_goes_to_the_keyring_too(
    cli: Cli, box: BoxKeyring, home: Path
) -> None:
    assert cli("db", "use", "host=localhost user=me password=w0rd7 dbname=x").code == 0
    assert box.kept[("steploom", "database")] == "w0rd7"
    assert "w0rd7" not in (home / "settings.toml").read_text()
    assert "dbname=x" in load(home).database_url


def test_a_copy_that_is_interrupted_says_that_nothing_was_copied(
    cli: Cli, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Moved:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.store.move.move", interrupted)
    done = cli("db", "move", "postgresql://me@localhost/x")
    assert (done.code, "nothing was copied to postgresql://me@localhost/x" in done.err) == (130, True)
