from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.ids import new_run_id
from core.store.store import Store
from tests.support.command_line import Cli

Write = Callable[..., Path]

ASKS = """\
steps:
  first: {type: template, config: {text: once}, then: ask}
  ask: {type: approval, title: Ask, config: {message: Send it?, choices: [yes, no]}, then: {yes: sent, no: kept}}
  sent: {type: template, config: {text: sent}}
  kept: {type: template, config: {text: kept}}
outputs:
  end: "{{ sent.text or kept.text }}"
"""
FORM = """\
steps:
  ask:
    type: approval
    config:
      message: How many?
      form: {type: object, properties: {n: {type: integer}}, required: [n]}
outputs:
  n: "{{ ask.form.n }}"
"""
TWO = """\
steps:
  left: {type: approval, config: {message: Left?, choices: [yes, no]}}
  right: {type: approval, config: {message: Right?, choices: [yes, no]}}
"""
FAILS = """\
steps:
  read: {type: read_file, config: {path: later.txt}, then: say}
  say: {type: template, config: {text: "{{ read.text }}"}}
outputs: {text: "{{ say.text }}"}
"""


@pytest.fixture(autouse=True)
def _database(database: str) -> None:
    """Every test here needs one."""


def test_a_picture_is_painted_approved_and_written_as_a_png(cli: Cli, examples: Path, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "fox.png"
    grants = ("--allow-write", tmp_path / "kept")
    asked = cli(
        "run", examples / "picture_from_brief.loom.yaml", "--demo", "-i", "brief=a fox", "-i", f"file={file}", *grants
    )
    assert asked.code == 3
    assert "Keep this picture?" in asked.err
    hint = asked.err.splitlines()[-1]
    assert hint.startswith("Answer keep or discard: steploom runs answer ")
    assert hint.endswith(f"CHOICE --allow-write {tmp_path / 'kept'}")
    assert not file.exists()
    shown = cli("runs", "show", "last")
    assert "asked by approve; choices: keep, discard" in shown.out
    assert "paint-1.png (image/png" in shown.out
    answered = cli("runs", "answer", "last", "keep", *grants)
    assert answered.code == 0
    assert "✓ Paint it  already done" in answered.err
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert f"file: {file}" in answered.out


def test_another_answer_takes_the_other_way(cli: Cli, write: Write) -> None:
    assert cli("run", write("Asks", ASKS)).code == 3
    done = cli("runs", "answer", "last", "no", "--json")
    assert (done.code, done.json["outputs"]) == (0, {"end": "kept"})


def test_a_suspended_run_as_json_tells_what_it_waits_for(cli: Cli, write: Write) -> None:
    done = cli("run", write("Asks", ASKS), "--json")
    assert (done.code, done.json["status"], done.json["waiting"]) == (3, "suspended", ["ask"])
    shown = cli("runs", "show", done.json["run_id"], "--json").json
    (asked,) = [step for step in shown["steps"] if step["status"] == "suspended"]
    assert (asked["question"], asked["choices"]) == ("Send it?", ["yes", "no"])


def test_an_answer_can_be_given_now_and_the_run_resumed_later(cli: Cli, write: Write) -> None:
    cli("run", write("Asks", ASKS))
    answered = cli("runs", "answer", "last", "yes", "--no-resume")
    assert answered.code == 0
    assert "Go on with: steploom runs resume" in answered.err
    assert cli("runs", "list", "--json").json[0]["status"] == "suspended"
    assert cli("runs", "resume", "last", "--json").json["outputs"] == {"end": "sent"}


def test_an_answer_that_was_not_offered_is_refused(cli: Cli, write: Write) -> None:
    cli("run", write("Asks", ASKS))
    done = cli("runs", "answer", "last", "maybe")
    assert done.code == 2
    assert "'maybe' is not one of the choices: yes, no" in done.err
    assert cli("runs", "answer", "last", "yes").code == 0


def test_an_answer_without_words_says_what_is_asked_and_what_may_be_answered(cli: Cli, write: Write) -> None:
    cli("run", write("Asks", ASKS))
    done = cli("runs", "answer", "last")
    assert (done.code, done.err) == (2, "Send it?\nask asks this. Answer yes or no.\n")


def test_a_form_is_answered_with_json(cli: Cli, write: Write) -> None:
    asked = cli("run", write("Form", FORM))
    assert "Answer a JSON object of n: steploom runs answer" in asked.err
    assert "give a JSON object of n" in cli("runs", "answer", "last", "three").err
    misfit = cli("runs", "answer", "last", '{"n": "three"}')
    assert misfit.code == 2
    assert "n: 'three' is not of type" in misfit.err
    assert cli("runs", "answer", "last", '{"n": 3}', "--json").json["outputs"] == {"n": 3}


def test_which_of_two_questions_is_answered_has_to_be_said(cli: Cli, write: Write) -> None:
    asked = cli("run", write("Two", TWO))
    assert asked.err.rstrip().endswith("CHOICE --step left")
    unclear = cli("runs", "answer", "last", "yes")
    assert unclear.code == 2
    assert "--step: left, right" in unclear.err
    assert cli("runs", "answer", "last", "yes", "--step", "right").code == 3
    assert cli("runs", "answer", "last", "yes").code == 0
    assert "asks anything" in cli("runs", "answer", "last", "yes").err


def test_a_failed_run_goes_on_once_its_cause_is_gone(cli: Cli, write: Write, tmp_path: Path) -> None:
    assert cli("run", write("Fails", FAILS)).code == 1
    (tmp_path / "later.txt").write_text("here now")
    done = cli("runs", "resume", "last", "--json")
    assert (done.code, done.json["outputs"]) == (0, {"text": "here now"})


def test_a_demo_run_goes_on_with_the_demo_model(cli: Cli, write: Write, tmp_path: Path) -> None:
    steps = FAILS.replace("{type: template, config: {text:", "{type: chat, config: {prompt:")
    assert cli("run", write("Demo", steps), "--demo").code == 1
    (tmp_path / "later.txt").write_text("here now")
    assert "(demo)" in cli("runs", "resume", "last", "--json").json["outputs"]["text"]


def test_a_run_that_has_ended_cannot_be_resumed(cli: Cli, write: Write) -> None:
    cli("run", write("Done", "steps:\n  a: {type: template, config: {text: x}}\n"))
    done = cli("runs", "resume", "last")
    assert done.code == 1
    assert "has ended (completed)" in done.err


def test_a_waiting_run_can_be_cancelled_for_good(cli: Cli, write: Write) -> None:
    cli("run", write("Asks", ASKS))
    assert cli("runs", "cancel", "last").code == 0
    assert cli("runs", "list", "--json").json[0]["status"] == "cancelled"
    assert "has ended" in cli("runs", "resume", "last").err


def test_runs_are_listed_newest_first_and_filtered(cli: Cli, write: Write) -> None:
    cli("run", write("Done", "steps:\n  a: {type: template, config: {text: x}}\n"))
    cli("run", write("Asks", ASKS))
    everything = cli("runs", "list", "--json").json
    assert [(run["workflow"], run["status"]) for run in everything] == [("Asks", "suspended"), ("Done", "completed")]
    assert [run["workflow"] for run in cli("runs", "list", "--status", "completed", "--json").json] == ["Done"]
    assert [run["workflow"] for run in cli("runs", "list", "--workflow", "Asks", "--json").json] == ["Asks"]
    assert len(cli("runs", "list", "--limit", "1", "--json").json) == 1
    table = cli("runs", "list").out.splitlines()
    assert table[0].split()[:3] == ["run", "workflow", "status"]
    assert "Asks" in table[1]
    assert [line for line in table if line != line.rstrip()] == []


def test_runs_are_filtered_by_when_they_began(cli: Cli, write: Write) -> None:
    cli("run", write("Asks", ASKS))
    assert len(cli("runs", "list", "--since", "1h", "--json").json) == 1
    assert cli("runs", "list", "--until", "1h", "--json").json == []
    assert cli("runs", "list", "--since", "2999-01-01", "--json").json == []
    assert len(cli("runs", "list", "--until", "2999-01-01T09:00", "--json").json) == 1
    assert cli("runs", "list", "--since", "2999-01-01").out == "No such runs.\n"
    wrong = cli("runs", "list", "--since", "yesterday")
    assert wrong.code == 2
    assert "'yesterday' is no time" in " ".join(wrong.err.split())


def test_a_run_whose_process_died_is_shown_as_interrupted(cli: Cli, write: Write, database: str, home: Path) -> None:
    run_id = cli("run", write("Asks", ASKS), "--json").json["run_id"]

    async def kill() -> str:
        async with await Store.open(database, home) as store:
            run = replace(await store.journal.run(run_id), id=new_run_id(), status="running")
            await store.journal.close_run(await store.journal.open_run(run))
            return run.id

    killed = asyncio.run(kill())
    (listed,) = cli("runs", "list", "--status", "interrupted", "--json").json
    assert (listed["run_id"], listed["status"]) == (killed, "interrupted")
    assert cli("runs", "list", "--status", "running", "--json").json == []
    shown = cli("runs", "show", killed).out
    assert f"Its process died. Go on with it: steploom runs resume {killed}" in shown
    assert cli("runs", "resume", killed).code == 3
    assert cli("runs", "show", killed, "--json").json["status"] == "suspended"


def test_show_tells_which_part_ran(cli: Cli, write: Write) -> None:
    file = write("Asks", ASKS)
    cli("run", file, "--to", "first")
    assert "up to the step first" in cli("runs", "show", "last").out
    assert cli("runs", "show", "last", "--json").json["part"] == {"until": "first"}


def test_a_run_is_named_by_its_id_a_part_of_it_or_last(cli: Cli, write: Write) -> None:
    run_id = cli("run", write("Asks", ASKS), "--json").json["run_id"]
    for name in (run_id, run_id[:13], run_id[-6:], "last"):
        assert cli("runs", "show", name, "--json").json["run_id"] == run_id


@pytest.mark.parametrize("name", ["nothing", "01a204a7-a181-7183-a55f-17b3cae9122d"])
@pytest.mark.parametrize("command", [("show",), ("resume",), ("cancel",), ("answer", "yes")])
def test_an_unknown_run_is_refused_with_where_to_look(cli: Cli, name: str, command: tuple[str, ...]) -> None:
    done = cli("runs", command[0], name, *command[1:])
    assert done.code == 2
    assert "steploom runs list" in done.err


def test_an_unknown_status_is_refused(cli: Cli) -> None:
    done = cli("runs", "list", "--status", "happy")
    assert done.code == 2
    assert "suspended" in done.err


def test_an_empty_list_says_how_to_start(cli: Cli) -> None:
    assert "steploom run FILE" in cli("runs", "list").out


def test_show_tells_every_attempt_its_error_and_its_output(cli: Cli, write: Write) -> None:
    cli("run", write("Fails", FAILS))
    shown = cli("runs", "show", "last")
    assert "✗ read" in shown.out
    assert shown.out.count("later.txt") == 1
    cli("run", write("Asks", ASKS))
    shown = cli("runs", "show", "last")
    assert "✓ first" in shown.out
    assert "once" in shown.out
    assert "Send it?" in shown.out


def test_the_files_that_steps_made_can_be_looked_at(cli: Cli, examples: Path, tmp_path: Path) -> None:
    cli("run", examples / "picture_from_brief.loom.yaml", "--demo", "-i", "brief=a fox")
    done = cli("runs", "show", "last", "--files", tmp_path / "look")
    (picture,) = (tmp_path / "look").iterdir()
    assert picture.name == "paint-1.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert done.err == f"Wrote {picture}\n"
    picture.write_bytes(b"mine")
    cli("runs", "show", "last", "--files", tmp_path / "look")
    assert picture.read_bytes() == b"mine"
    assert len(list((tmp_path / "look").iterdir())) == 2


def test_a_run_whose_steps_made_no_files_says_so(cli: Cli, write: Write, tmp_path: Path) -> None:
    cli("run", write("Asks", ASKS))
    assert cli("runs", "show", "last", "--files", tmp_path / "made").err == "Its steps made no files.\n"
    assert not (tmp_path / "made").exists()


def test_the_list_of_runs_keeps_its_rows_on_a_narrow_terminal(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = cli("run", write("Asks", ASKS), "--json").json["run_id"]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("runs", "list").out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(run_id[-8:])


def test_why_a_step_was_skipped_is_shown(cli: Cli, database: str, write: Write) -> None:
    run_id = cli("run", write("asks", ASKS), "--json").json["run_id"]
    assert cli("runs", "answer", run_id, "yes").code == 0
    assert "kept  no wire that leads to it is live" in cli("runs", "show", run_id).out
