"""Limits on spending and estimates, with a model server that bills."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Cli
from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_defaults import MODELS, model_entry
from tests.support.openrouter_replies import json_reply, text_stream

TWO_CHATS = """\
steps:
  first: {type: chat, config: {prompt: One?}, then: second}
  second: {type: chat, config: {prompt: "Two? {{ first.text }}"}}
outputs: {text: "{{ second.text }}"}
"""


@pytest.fixture
def asks_models(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    stand_in.script(text_stream("one"), text_stream("two"))
    return stand_in


@pytest.mark.parametrize("limit", ["USD_PER_RUN", "USD_PER_DAY"])
def test_a_run_at_its_limit_waits_for_a_person_and_asks_no_model_before(
    limit: str,
    cli: Cli,
    write: Callable[..., Path],
    database: str,
    asks_models: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"STEPLOOM_BUDGETS__{limit}", "0.00001")
    done = cli("run", write("Two", TWO_CHATS), "--json")
    assert (done.code, done.json["status"], done.json["waiting"]) == (3, "suspended", ["second"])
    assert len(asks_models.sent()) == 1
    shown = cli("runs", "show", "last", "--json").json
    (asked,) = [step for step in shown["steps"] if step["status"] == "suspended"]
    assert "spent $0.000100 on models; the limit is $0.000010" in asked["question"]
    assert asked["choices"] == ["continue", "stop"]

    stopped = cli("runs", "answer", "last", "stop", "--json")
    assert (stopped.code, stopped.json["error"]["type"]) == (1, "budget")
    assert cli("runs", "resume", "last", "--json").code == 3
    monkeypatch.delenv(f"STEPLOOM_BUDGETS__{limit}")
    gone_on = cli("runs", "answer", "last", "continue", "--json")
    assert (gone_on.code, gone_on.json["outputs"]) == (0, {"text": "two"})
    assert len(asks_models.sent()) == 2


def test_an_estimate_runs_nothing_and_takes_the_tokens_of_the_last_runs_at_todays_prices(
    cli: Cli, write: Callable[..., Path], database: str, asks_models: StandIn
) -> None:
    file = write("Two", TWO_CHATS)
    nothing = cli("run", file, "--estimate")
    assert nothing.code == 0
    assert nothing.out.startswith("No completed run of “Two” with a real model is kept")
    assert "Its models cost, for a million tokens: openai/gpt-5-mini $0.25 in and $2.00 out." in nothing.out
    assert asks_models.sent() == []
    assert cli("run", file).code == 0
    assert cli("run", file, "--estimate").out.startswith("A run costs about $0.000025, and takes about ")
    told = cli("run", file, "--estimate", "--json").json
    assert (told["workflow"], told["runs"], told["usual_usd"]) == (
        "Two",
        1,
        pytest.approx(2 * (10 * 0.25 + 5 * 2) / 1e6),
    )
    assert told["billed_usd"] == pytest.approx(0.0002)
    assert len(asks_models.sent()) == 2


def test_a_run_goes_on_with_a_cheaper_model_that_the_person_picks_and_the_journal_tells(
    cli: Cli, write: Callable[..., Path], database: str, asks_models: StandIn
) -> None:
    small = model_entry("openai/gpt-5-nano", prompt="0.00000005", completion="0.0000004")
    listed = json_reply({"data": [*MODELS, small], "links": {"next": None}})
    asks_models.script(listed, path="/models")
    file = write("Two", f"limits: {{usd_per_run: 0.00001}}\n{TWO_CHATS}")
    assert cli("run", file, "--json").code == 3
    (asked,) = [step for step in cli("runs", "show", "last", "--json").json["steps"] if step["status"] == "suspended"]
    assert asked["choices"] == ["continue", "use openai/gpt-5-nano", "stop"]
    assert "the limit that the workflow sets is $0.000010" in asked["question"]
    assert "| openai/gpt-5-mini | $0.25 | $2.00 | now |" in asked["question"]
    assert "| openai/gpt-5-nano | $0.05 | $0.40 | 20 % |" in asked["question"]

    refused = cli("runs", "answer", "last", "use test/model")
    assert refused.code != 0
    assert "'use test/model' is not one of the choices: continue, use openai/gpt-5-nano, stop." in refused.err
    done = cli("runs", "answer", "last", "use openai/gpt-5-nano", "--json")
    assert (done.code, done.json["outputs"]) == (0, {"text": "two"})
    assert [body["model"] for body in asks_models.sent()] == ["openai/gpt-5-mini", "openai/gpt-5-nano"]
    kept = cli("runs", "show", "last", "--json").json["steps"]
    assert [step["answer"]["choice"] for step in kept if step["answer"]] == ["use openai/gpt-5-nano"]
    assert [step["request"]["model"] for step in kept if step["request"]] == ["openai/gpt-5-mini", "openai/gpt-5-nano"]


def test_a_step_that_waits_for_the_answer_to_another_ones_question_says_so(
    cli: Cli, write: Callable[..., Path], database: str, asks_models: StandIn
) -> None:
    beside = '  third: {type: chat, config: {prompt: "Three? {{ first.text }}"}}\noutputs'
    text = TWO_CHATS.replace("outputs", beside).replace("then: second", "then: [second, third]")
    assert cli("run", write("Three", f"limits: {{usd_per_run: 0.00001}}\n{text}")).code == 3
    shown = cli("runs", "show", "last").out
    assert shown.count("waits for the answer about a limit on spending that another step asks for") == 1
    assert shown.count("asked by ") == 1
