from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import pytest

from core.cli import doctor
from core.store import schema
from core.store.address import Address
from core.store.migrations import REVISIONS
from tests.support.command_line import BoxKeyring, Cli, Outcome
from tests.support.openrouter import KEY, StandIn


def findings(done: Outcome) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in done.json}


@pytest.fixture
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLOOM_MODEL_SERVER__BASE_URL", "http://127.0.0.1:1/v1")


def test_where_everything_is_there_nothing_is_found_wanting(
    cli: Cli, database: str, box: BoxKeyring, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    done = cli("doctor", "--json")
    found = findings(done)
    assert list(found) == ["python", "settings", "database", "keyring", "model key", "model server", "traces", "Qt"]
    assert [name for name, finding in found.items() if not finding["ok"] and name != "Qt"] == []
    assert "pgvector" in found["database"]["fact"]
    assert stand_in.base_url in found["model server"]["fact"]
    assert done.code == 0
    assert KEY not in done.out


@pytest.mark.usefixtures("_no_server")
def test_what_is_missing_but_not_needed_comes_with_its_cure_and_exit_code_0(cli: Cli, database: str) -> None:
    done = cli("doctor")
    assert done.code == 0
    for cure in ("steploom keys set NAME --file", "steploom keys set openrouter", "Check the network"):
        assert cure in done.out
    assert "! model server" in done.out
    found = findings(cli("doctor", "--json"))
    assert {name for name in found if not found[name]["ok"]} >= {"keyring", "model key", "model server"}
    assert all(finding["ok"] or finding["cure"] for finding in found.values())


@pytest.mark.usefixtures("_no_server")
def test_a_database_that_cannot_be_reached_is_needed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", "postgresql://me:hidden7@127.0.0.1:1/x")
    done = cli("doctor", "--json")
    assert done.code == 1
    database = findings(done)["database"]
    assert (database["ok"], database["needed"]) == (False, True)
    assert "Check that the server runs" in database["fact"]
    assert "hidden7" not in done.out


@pytest.mark.usefixtures("_no_server")
def test_settings_that_cannot_be_read_are_named_and_nothing_else_hides_it(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("nonsense = [")
    done = cli("doctor", "--json")
    assert done.code == 1
    assert "settings.toml is not valid TOML" in findings(done)["settings"]["fact"]


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_model_server_that_never_answers_does_not_hold_it_up(
    cli: Cli, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PATIENCE", 0.2)
    with silent_server() as port:
        monkeypatch.setenv("STEPLOOM_MODEL_SERVER__BASE_URL", f"http://127.0.0.1:{port}/v1")
        began = time.monotonic()
        done = cli("doctor", "--json")
        assert time.monotonic() - began < 30
    assert done.code == 0
    assert "did not answer within" in findings(done)["model server"]["fact"]


@pytest.mark.usefixtures("_no_server")
def test_traces_that_are_asked_for_and_cannot_be_sent_are_told_of(
    cli: Cli, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(cli("doctor", "--json"))["traces"]["fact"] == "sent nowhere, as no endpoint is set"
    monkeypatch.setenv("STEPLOOM_TELEMETRY__ENDPOINT", "http://127.0.0.1:4318/v1/traces")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = cli("doctor", "--json")
    traces = findings(done)["traces"]
    assert (done.code, traces["ok"]) == (0, False)
    assert "127.0.0.1:4318" in traces["fact"]
    assert "Install steploom[telemetry]" in traces["cure"]


@pytest.mark.usefixtures("_no_server")
def test_tables_of_an_older_steploom_are_told_of_and_no_reason_to_fail(cli: Cli, database: str) -> None:
    address = Address.parse(database)
    schema.upgrade(address)
    schema.downgrade(address, REVISIONS[-2])
    done = cli("doctor", "--json")
    found = findings(done)["database"]
    assert (done.code, found["ok"]) == (0, False)
    assert found["fact"].endswith("its tables are of an older Steploom")
    assert "steploom db upgrade" in found["cure"]
