"""`steploom service`: the service in the background, from a terminal."""

from __future__ import annotations

from pathlib import Path

import httpx

from core.settings import change
from tests.support.command_line import Cli


def test_the_service_is_started_found_restarted_and_stopped(cli: Cli, home: Path, database: str) -> None:
    change(home, service={"port": 0})
    assert cli("service", "status").code == 1
    try:
        assert "Running at http://127.0.0.1:" in cli("service", "start", "--demo").err
        first = cli("service", "status", "--json").json
        assert (first["state"], first["keeper"], first["demo"], first["installed"]) == (
            "running",
            "window",
            True,
            False,
        )
        assert httpx.get(f"{first['address']}/healthz", trust_env=False).json()["status"] == "ok"
        assert "with the demonstration model" in cli("service", "start").err
        assert cli("service", "restart", "--demo").code == 0
        second = cli("service", "status", "--json").json
        assert second["pid"] != first["pid"]
        assert cli("service", "stop").code == 0
        assert cli("service", "status").err.strip() == "The service is not running."
    finally:
        cli("service", "stop", "--now")


def test_without_systemd_nothing_is_installed_and_the_next_move_is_said(cli: Cli, home: Path) -> None:
    refused = cli("service", "install")
    assert refused.code == 1
    assert "`steploom service start` works without" in refused.err
    assert cli("service", "uninstall").code == 2


def test_a_service_that_fails_shows_its_last_words(cli: Cli, home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("[service]\nport = 'anything'\n")
    failed = cli("service", "start")
    assert failed.code == 1
    assert "exit code 2" in failed.err
    assert "service.port" in failed.err
