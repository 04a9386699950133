"""Parts of a workflow on the command line: one step, up to a step, from a step on, with results of an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Cli, Outcome

Write = Callable[..., Path]

CHAIN = """\
inputs: {who: {type: string}, times: {type: integer, default: 1}}
variables: {tone: {type: string, default: kind}}
steps:
  greet: {type: template, config: {text: "Hello {{ input.who }}"}, then: shout}
  shout: {type: template, config: {text: "{{ greet.text }}!"}, then: end}
  end: {type: template, config: {text: "{{ shout.text }} {{ vars.tone }} {{ input.times + 1 }}"}}
outputs: {text: "{{ end.text }}"}
"""
LOOP = """\
steps:
  names: {type: set, config: {values: {all: [Ada, Bob]}}, then: each}
  each:
    type: for_each
    config: {items: "{{ names.all }}"}
    body:
      greet: {type: template, config: {text: "Hello {{ item }}"}, then: shout}
      shout: {type: template, config: {text: "{{ greet.text }}!"}}
outputs: {texts: "{{ each.results }}"}
"""


@pytest.fixture(autouse=True)
def _database(database: str) -> None:
    """Every test here needs one."""


def causes(cli: Cli, done: Outcome) -> dict[str, str]:
    """Why each step of a run ran, or that it did not."""
    return {step["path"]: step["cause"] for step in cli("runs", "show", done.json["run_id"], "--json").json["steps"]}


def test_what_leads_to_a_step_is_run_and_nothing_after_it(cli: Cli, write: Write) -> None:
    done = cli("run", write("Chain", CHAIN), "-i", "who=Ada", "--to", "shout", "--json")
    assert (done.code, done.json["outputs"]["text"]) == (0, "Hello Ada!")
    assert causes(cli, done) == {"greet": "first", "shout": "forced"}


def test_from_a_step_on_the_results_before_it_are_those_of_the_newest_run(cli: Cli, write: Write) -> None:
    file = write("Chain", CHAIN)
    assert "no earlier run of 'Chain'" in cli("run", file, "--from", "shout").err
    cli("run", file, "-i", "who=Ada", "-i", "times=4")
    done = cli("run", file, "--from", "shout", "--json")
    assert done.json["outputs"] == {"text": "Hello Ada! kind 5"}
    assert causes(cli, done) == {"greet": "reused", "shout": "forced", "end": "forced"}


def test_an_earlier_run_is_named_and_its_inputs_changed(cli: Cli, write: Write) -> None:
    file = write("Chain", CHAIN)
    first = cli("run", file, "-i", "who=Ada", "--json").json["run_id"]
    cli("run", file, "-i", "who=Bob")
    done = cli("run", file, "--to", "end", "--of", first, "-i", "times=9", "--json")
    assert done.json["outputs"]["text"] == "Hello Ada! kind 10"
    assert causes(cli, done) == {"greet": "reused", "shout": "reused", "end": "input_changed"}
    last = cli("run", file, "--of", "last", "--to", "shout", "--json")
    assert last.json["outputs"]["text"] == "Hello Ada!"


def test_a_step_alone_takes_what_it_reads_from_the_newest_run_or_from_options(cli: Cli, write: Write) -> None:
    file = write("Chain", CHAIN)
    lacking = cli("run", file, "--step", "end")
    assert lacking.code == 2
    assert "--value shout.text=..." in lacking.err
    typed = cli("run", file, "--step", "end", "--value", "shout.text=Hey", "--value", "vars.tone=rude", "--json")
    assert typed.json["outputs"]["text"] == "Hey rude 2"
    cli("run", file, "-i", "who=Ada")
    known = cli("run", file, "--step", "end", "-i", "times=2", "--json")
    assert known.json["outputs"]["text"] == "Hello Ada! kind 3"
    assert list(causes(cli, known)) == ["end"]


def test_a_step_gives_what_a_person_wrote_instead_of_running(cli: Cli, write: Write) -> None:
    file = write("Chain", CHAIN)
    cli("run", file, "-i", "who=Ada")
    done = cli("run", file, "--of", "last", "--value", 'greet:={"text": "Good day"}', "--json")
    assert done.json["outputs"] == {"text": "Good day! kind 2"}
    assert causes(cli, done) == {"greet": "edited", "shout": "input_changed", "end": "input_changed"}
    fresh = cli("run", file, "-i", "who=Bob", "--value", 'greet:={"text": "Oi"}', "--to", "shout", "--json")
    assert fresh.json["outputs"]["text"] == "Oi!"


def test_a_step_in_a_loop_runs_alone_for_the_first_item(cli: Cli, write: Write) -> None:
    file = write("Loop", LOOP)
    done = cli("run", file, "--json")
    assert done.code == 0, done.err
    alone = cli("run", file, "--step", "shout", "--json")
    assert alone.json["outputs"]["text"] == "Hello Ada!"
    typed = cli("run", file, "--step", "greet", "--value", 'item:={"n": 1}', "--json")
    assert "n" in typed.json["outputs"]["text"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--step", "shot"), "Did you mean 'shout'?"),
        (("--step", "end", "--to", "shout"), "Choose one of --step, --to and --from"),
        (("--value", "a=b"), "has no step 'a'"),
        (("--value", "end.text=b"), "single values are said with --step only"),
        (("--value", "end=b"), "single values are said with --step only"),
        (("--from", "end", "--memory-only"), "With --memory-only there is no earlier run"),
        (("--step", "end", "--value", "nobody.x=1"), "there is no step 'nobody'"),
        (("--step", "end", "--value", "shout=x"), "is an object"),
        (("--step", "end", "--value", "shout:={"), "is no JSON"),
        (("--to", "end", "--of", "nothing"), "There is no run 'nothing'"),
        (("--to", "end", "-i", "whom=x"), "Did you mean 'who'?"),
        (("--to", "end", "--queue"), "--queue goes with"),
        (("--to", "end"), "The input 'who' is missing"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_runs(
    cli: Cli, write: Write, options: tuple[str, ...], said: str
) -> None:
    done = cli("run", write("Chain", CHAIN), *options)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert cli("runs", "list", "--json").json == []
