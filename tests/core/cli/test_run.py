from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Cli
from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_replies import text_stream

ECHO = """\
inputs:
  text: {type: string, default: hello}
  count: {type: integer, default: 1}
  tags: {type: array, default: []}
  loud: {type: boolean, default: false}
steps:
  say: {type: template, config: {text: "{{ input.text }}"}}
outputs:
  text: "{{ say.text }}"
  count: "{{ input.count }}"
  tags: "{{ input.tags }}"
  loud: "{{ input.loud }}"
"""
BROKEN = """\
steps:
  compare: {type: condition, config: {value: abc, operator: greater_than, operand: 3}}
"""
Write = Callable[..., Path]


def test_json_gives_one_object_with_everything_about_the_run(cli: Cli, database: str, write: Write) -> None:
    done = cli("run", write("Echo", ECHO), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["status"] == "completed"
    assert done.json["outputs"] == {"text": "hello", "count": 1, "tags": [], "loud": False}
    assert {"run_id", "status", "outputs", "error", "tokens", "cost_usd", "duration_s"} <= set(done.json)
    assert cli("runs", "show", done.json["run_id"], "--json").json["status"] == "completed"


def test_text_shows_the_steps_on_standard_error_and_the_outputs_on_standard_output(cli: Cli, write: Write) -> None:
    done = cli("run", write("Echo", ECHO), "--memory-only", "-i", "text=good day")
    assert done.code == 0
    assert done.out == "text: good day\ncount: 1\ntags: []\nloud: false\n"
    assert "✓ say" in done.err
    assert "Completed in" in done.err


def test_events_are_lines_of_json_from_start_to_end(cli: Cli, write: Write) -> None:
    done = cli("run", write("Echo", ECHO), "--memory-only", "--events")
    assert [event["event"] for event in done.events] == [
        "run_started",
        "step_started",
        "step_completed",
        "run_completed",
    ]
    assert done.events[2]["output"] == {"text": "hello"}
    assert done.err == ""


def test_inputs_take_the_types_that_the_workflow_asks_for(cli: Cli, write: Write) -> None:
    given = ("-i", "text=7", "-i", "count=7", "-i", 'tags=["a", 2]', "-i", "loud=true")
    done = cli("run", write("Echo", ECHO), "--memory-only", "--json", *given)
    assert done.json["outputs"] == {"text": "7", "count": 7, "tags": ["a", 2], "loud": True}


def test_an_input_can_come_from_a_file_and_an_at_sign_can_be_meant(cli: Cli, write: Write, tmp_path: Path) -> None:
    (tmp_path / "ticket.txt").write_text("Ünïcode\nlines", encoding="utf-8")
    file = write("Echo", ECHO)
    assert (
        cli("run", file, "--memory-only", "--json", "-i", "text=@ticket.txt").json["outputs"]["text"]
        == "Ünïcode\nlines"
    )
    assert cli("run", file, "--memory-only", "--json", "-i", "text=@@you").json["outputs"]["text"] == "@you"


def test_inputs_of_the_command_line_come_before_those_of_the_file(cli: Cli, write: Write, tmp_path: Path) -> None:
    (tmp_path / "inputs.json").write_text('{"text": "from the file", "count": 3}')
    done = cli("run", write("Echo", ECHO), "--memory-only", "--json", "--inputs", "inputs.json", "-i", "text=typed")
    assert (done.json["outputs"]["text"], done.json["outputs"]["count"]) == ("typed", 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("-i", "text"), "'text' is not of the form NAME=VALUE"),
        (("-i", "text=@gone.txt"), "gone.txt cannot be read: No such file"),
        (("-i", "txt=1"), "Did you mean 'text'?"),
        (("-i", "count=many"), "inputs.count"),
        (("--inputs", "gone.json"), "gone.json cannot be read"),
        (("--inputs", "list.json"), "must hold a JSON object"),
        (("--inputs", "broken.json"), "broken.json is no JSON"),
        (("--json", "--events"), "not both"),
        (("--timeout", "soon"), "--timeout"),
        (("--nonsense",), "No such option"),
    ],
)
def test_wrong_usage_is_said_in_words_with_exit_code_2(
    cli: Cli, write: Write, tmp_path: Path, given: tuple[str, ...], said: str
) -> None:
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    done = cli("run", write("Echo", ECHO), "--memory-only", *given)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_workflow_that_is_not_there_is_named_with_the_nearest(cli: Cli, write: Write) -> None:
    write("triage", ECHO)
    done = cli("run", "triaje", "--memory-only")
    assert done.code == 2
    assert "There is no workflow 'triaje'" in done.err
    assert "Did you mean 'triage.loom.yaml'?" in done.err


def test_a_workflow_that_is_like_no_other_comes_with_where_to_look(cli: Cli, database: str, tmp_path: Path) -> None:
    (tmp_path / "folder.loom.yaml").mkdir()
    assert "`steploom workflows list` shows what is there." in cli("run", "folder.loom.yaml").err


def test_missing_inputs_come_with_the_options_that_give_them(cli: Cli, write: Write) -> None:
    done = cli(
        "run", write("Ask", "inputs: {one: {type: string}, two: {type: string}}\n"), "-i", "one=x", "--memory-only"
    )
    assert done.code == 2
    assert done.err.endswith("The input 'two' is missing. Give a text.\nGive them with: --input two=VALUE\n")


def test_what_is_doubtful_is_said_before_the_run_and_keeps_nobody_from_it(cli: Cli, write: Write) -> None:
    loop = "{type: for_each, config: {items: [1]}, body: {say: {type: template, config: {text: x}}}, then: tell}"
    tell = "{type: template, config: {text: '{{ all.results }}'}}"
    file = write("Doubt", f"steps:\n  all: {loop}\n  tell: {tell}\n")
    done = cli("run", file, "--memory-only")
    assert done.code == 0
    assert done.err.startswith("warning: tell.config.text: all.results is always empty")
    assert "warning" not in cli("run", file, "--memory-only", "--json").err


def test_a_document_with_errors_is_not_run_and_all_its_problems_are_said(cli: Cli, write: Write) -> None:
    done = cli("run", write("Bad", "steps:\n  a: {type: chatt}\n  b: {type: wait, then: nowhere}\n"), "--memory-only")
    assert done.code == 2
    assert "chatt" in done.err
    assert "nowhere" in done.err


def test_a_file_that_is_no_document_is_refused(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.loom.yaml").write_bytes(b"\xff\x00: [")
    assert cli("run", "x.loom.yaml", "--memory-only").code == 2


def test_a_failed_run_says_its_error_once_and_how_to_go_on(cli: Cli, database: str, write: Write) -> None:
    done = cli("run", write("Broken", BROKEN))
    assert done.code == 1
    assert done.err.count("cannot be ordered against") == 1
    assert "Go on with it: steploom runs resume " in done.err


def test_a_failed_run_in_memory_does_not_pretend_that_it_can_go_on(cli: Cli, write: Write) -> None:
    done = cli("run", write("Broken", BROKEN), "--memory-only")
    assert done.code == 1
    assert "runs resume" not in done.err
    assert "Nothing of this run was kept" in done.err


def test_a_failed_run_as_json_names_the_step_and_the_kind_of_error(cli: Cli, write: Write) -> None:
    done = cli("run", write("Broken", BROKEN), "--memory-only", "--json")
    assert done.code == 1
    assert (done.json["status"], done.json["outputs"]) == ("failed", None)
    assert done.json["error"]["step"] == "compare"
    assert "cannot be ordered" in done.json["error"]["message"]


def test_a_run_that_takes_longer_than_the_timeout_fails(cli: Cli, write: Write) -> None:
    done = cli(
        "run",
        write("Slow", "steps:\n  a: {type: wait, config: {duration: 50s}}\n"),
        "--memory-only",
        "--json",
        "--timeout",
        "200ms",
    )
    assert done.code == 1
    assert done.json["error"]["type"] == "timeout"


def test_nothing_is_kept_of_a_run_in_memory(cli: Cli, database: str, write: Write) -> None:
    cli("run", write("Echo", ECHO), "--memory-only")
    assert cli("runs", "list", "--json").json == []


def test_a_run_without_a_key_says_how_to_set_one(cli: Cli, examples: Path, stand_in: StandIn) -> None:
    done = cli("run", examples / "support_triage.loom.yaml", "--memory-only", "-i", "ticket=It burns", "--json")
    assert done.code == 1
    assert done.json["error"]["type"] == "credentials"
    assert "steploom keys set openrouter" in done.json["error"]["message"]
    assert stand_in.sent() == []


def test_a_real_model_server_is_asked_with_the_key_of_the_environment(
    cli: Cli, database: str, examples: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    stand_in.script(text_stream("5"), text_stream("We are on it."))
    done = cli("run", examples / "support_triage.loom.yaml", "-i", "ticket=It burns", "--json")
    assert (done.code, done.json["error"]) == (0, None)
    assert done.json["outputs"] == {"urgency": "5", "queue": "urgent", "answer": "We are on it."}
    assert done.json["tokens"] > 0
    assert done.json["cost_usd"] > 0
    chats = [request for request in stand_in.requests if request.path == "/chat/completions"]
    assert {request.headers["authorization"] for request in chats} == {f"Bearer {KEY}"}
    assert "Tone: calm and brief" in json.dumps(chats[1].body)
    shown = cli("runs", "show", "last", "--json")
    assert KEY not in shown.out
    assert shown.json["tokens"] == done.json["tokens"]


def test_the_demo_asks_no_server(cli: Cli, examples: Path, stand_in: StandIn) -> None:
    done = cli("run", examples / "support_triage.loom.yaml", "--demo", "--memory-only", "-i", "ticket=x", "--json")
    assert done.code == 0
    assert "(demo)" in done.json["outputs"]["answer"]
    assert stand_in.requests == []


def test_a_folder_is_written_to_only_if_it_was_granted(cli: Cli, write: Write, tmp_path: Path) -> None:
    file = write("Writer", "steps:\n  w: {type: write_file, config: {path: out/x.txt, content: hello}}\n")
    refused = cli("run", file, "--memory-only")
    assert refused.code == 1
    assert "--allow-write" in refused.err
    assert not (tmp_path / "out").exists()
    assert cli("run", file, "--memory-only", "--allow-write", "out").code == 0
    assert (tmp_path / "out/x.txt").read_text() == "hello"


def test_the_sample_shows_its_steps_its_result_and_where_the_report_lies(cli: Cli, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("# Apples\n\nApples keep for months in a cool cellar.\n")
    (notes / "b.md").write_text("# Pears\n\nPears do not.\n")
    done = cli("sample", "--folder", notes, "--memory-only")
    assert done.code == 0
    assert "summarise_all[1] · Summarise" in done.err
    assert done.err.splitlines()[-1] == "The report lies in out/digest.md"
    report = (tmp_path / "out/digest.md").read_text()
    assert "Apples keep for months" in report
    assert "2 documents" in report
    assert "Apples keep for months" in done.out


@pytest.mark.parametrize("timeout", ["0", "-5", "0ms"])
def test_a_timeout_that_leaves_no_time_is_refused(cli: Cli, write: Write, timeout: str) -> None:
    done = cli("run", write("Echo", ECHO), "--memory-only", "--timeout", timeout)
    assert done.code == 2
    assert "leaves no time" in done.err


def test_a_run_that_waits_for_a_time_says_when_to_go_on_and_asks_nothing(cli: Cli, database: str, write: Write) -> None:
    done = cli("run", write("Later", "steps:\n  w: {type: wait, config: {duration: 2h}}\n"))
    assert done.code == 3
    assert "When that time has come, a worker goes on with it if one runs; or you do: steploom runs resume" in done.err
    assert "answer" not in done.err


def test_what_fails_unexpectedly_is_told_in_words_and_its_traceback_goes_to_the_log(
    cli: Cli, write: Write, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("core.steps.template.TemplateStep.run", broken)
    done = cli("run", write("Echo", ECHO), "--memory-only")
    assert done.code == 1
    assert "failed unexpectedly: RuntimeError: boom" in done.err
    log = (home / "logs" / "steploom.log").read_text(encoding="utf-8")
    assert "Traceback" in log
    assert "boom" in log
