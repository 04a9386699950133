from __future__ import annotations

import pytest

from tests.support.command_line import Cli
from tests.support.openrouter import StandIn
from tests.support.openrouter_replies import error_reply


def test_models_are_listed_with_their_prices(cli: Cli, stand_in: StandIn) -> None:
    found = cli("models", "--json").json
    assert len(found) > 1
    assert all(model["id"] for model in found)
    table = cli("models").out
    assert table.splitlines()[0].startswith("model")
    assert found[0]["id"] in table


def test_a_search_keeps_only_what_fits(cli: Cli, stand_in: StandIn) -> None:
    everything = [model["id"] for model in cli("models", "--json").json]
    some = cli("models", "--json", "--search", everything[0].upper()).json
    assert [model["id"] for model in some] == [name for name in everything if everything[0] in name]
    assert "No model matches 'xyzzy'" in cli("models", "--search", "xyzzy").out


def test_the_list_is_kept_and_asked_for_again_on_request(cli: Cli, stand_in: StandIn) -> None:
    cli("models")
    asked = len(stand_in.requests)
    cli("models")
    assert len(stand_in.requests) == asked
    cli("models", "--refresh")
    assert len(stand_in.requests) > asked


def test_a_kept_list_is_shown_with_a_warning_when_the_server_is_gone(cli: Cli, stand_in: StandIn) -> None:
    cli("models")
    stand_in.script(error_reply(503, "gone fishing"), path="/models")
    done = cli("models", "--refresh", "--json")
    assert done.code == 0
    assert "may be old" in done.err
    assert done.json


def test_a_server_that_cannot_be_reached_is_said_in_words(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLOOM_MODEL_SERVER__BASE_URL", "http://127.0.0.1:1/v1")
    done = cli("models")
    assert done.code == 1
    assert "could not be reached" in done.err
