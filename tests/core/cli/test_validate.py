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
    lines = [problem["line"] for problem in problems]
    assert lines == sorted(lines)
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


def test_a_file_that_cannot_be_read_is_a_problem_beside_those_of_the_others(
    cli: Cli, write: Callable[..., Path], tmp_path: Path
) -> None:
    done = cli("validate", "gone.loom.yaml", str(tmp_path), write("Good", "steps: {}\n"))
    assert done.code == 2
    assert "gone.loom.yaml: error: The file cannot be read: No such file" in done.out
    assert "Is a directory" in done.out
    assert "Good.loom.yaml: no problems" in done.out


def test_the_hint_for_an_unknown_step_names_the_known_ones_in_document_order(
    cli: Cli, write: Callable[..., Path]
) -> None:
    steps = "".join(f"  {name}: {{type: template, config: {{text: x}}}}\n" for name in ("zeta", "alpha", "mid"))
    done = cli("validate", write("Laid", f"steps:\n{steps}layout:\n  nowhere: [1, 2]\n"))
    assert "Known steps: zeta, alpha, mid." in done.out
