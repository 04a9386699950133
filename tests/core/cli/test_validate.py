from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import Cli

BAD = """\
steps:
  first:
    type: chatt
  second:
    type: wait
    config: {durration: 3s}
    then: nowhere
  third:
    type: template
    config: {text: "{{ fourth.text }}"}
    then: fourth
  fourth:
    type: template
    config: {text: x}
"""


def test_every_problem_is_said_at_once_with_its_line(cli: Cli, write: Callable[..., Path]) -> None:
    file = write("Bad", BAD)
    done = cli("validate", file)
    assert done.code == 2
    for said in (
        "line 5: first",
        "Did you mean 'chat'?",
        "'durration'",
        "Did you mean 'duration'?",
        "nowhere",
        "fourth",
    ):
        assert said in done.out
    problems = cli("validate", file, "--json").json
    assert {problem["step"] for problem in problems} == {"first", "second", "third"}
    assert all(problem["line"] > 3 and problem["message"] and problem["file"] == str(file) for problem in problems)
    keys = [(problem["code"], problem["step"], problem["field"]) for problem in problems]
    assert len(keys) == len(set(keys))


def test_a_document_without_problems_passes(cli: Cli, examples: Path) -> None:
    files = sorted(examples.glob("*.yaml"))
    done = cli("validate", *files)
    assert done.code == 0
    assert done.out.count("no problems") == len(files) >= 4


def test_one_bad_file_among_good_ones_is_enough_for_exit_code_2(
    cli: Cli, write: Callable[..., Path], examples: Path
) -> None:
    done = cli("validate", examples / "api_report.loom.yaml", write("Bad", BAD))
    assert done.code == 2
    assert "api_report.loom.yaml: no problems" in done.out


def test_warnings_do_not_fail(cli: Cli, write: Callable[..., Path]) -> None:
    steps = "steps:\n  a: {type: set, config: {variables: {v: 1}}}\n  b: {type: set, config: {variables: {v: 2}}}\n"
    done = cli("validate", write("Warned", f"variables: {{v: {{type: integer, default: 0}}}}\n{steps}"))
    assert done.code == 0
    assert "warning" in done.out


def test_text_that_is_no_document_is_a_problem_with_a_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.loom.yaml").write_text("steploom: 1\nname: [\n")
    done = cli("validate", "x.loom.yaml")
    assert done.code == 2
    assert "line " in done.out


def test_a_file_that_is_not_there_is_refused(cli: Cli) -> None:
    done = cli("validate", "gone.loom.yaml")
    assert done.code == 2
    assert "gone.loom.yaml cannot be read" in done.err
