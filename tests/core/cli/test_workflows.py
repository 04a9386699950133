from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Cli

Write = Callable[..., Path]
SAYS = "steps:\n  say: {{type: template, config: {{text: {0}}}}}\noutputs: {{text: '{{{{ say.text }}}}'}}\n"


@pytest.fixture(autouse=True)
def _database(database: str) -> None:
    """Every test here needs one."""


def test_an_imported_workflow_is_listed_run_by_name_and_exported_as_it_was(
    cli: Cli, examples: Path, tmp_path: Path
) -> None:
    file = examples / "support_triage.loom.yaml"
    assert "saved 'Support triage', version 1" in cli("workflows", "import", file, "--folder", "help desk").err
    (entry,) = cli("workflows", "list", "--json").json
    assert (entry["name"], entry["folder"], entry["version"]) == ("Support triage", "help desk", 1)
    assert cli("run", "Support triage", "--demo", "-i", "ticket=x").code == 0
    assert cli("workflows", "list", "--json").json[0]["last_run_status"] == "completed"
    assert cli("workflows", "export", "Support triage").out == file.read_text("utf-8")
    written = cli("workflows", "export", "Support triage", tmp_path / "copy.loom.yaml")
    assert (written.code, written.err) == (0, f"Wrote {tmp_path / 'copy.loom.yaml'}\n")
    assert (tmp_path / "copy.loom.yaml").read_bytes() == file.read_bytes()


def test_an_import_over_another_workflow_needs_to_be_asked_for(cli: Cli, write: Write) -> None:
    file = write("Says", SAYS.format("one"))
    cli("workflows", "import", file)
    file = write("Says", SAYS.format("two"))
    refused = cli("workflows", "import", file)
    assert refused.code == 2
    assert "--replace" in refused.err
    assert cli("run", "Says", "--json").json["outputs"] == {"text": "two"}  # the file beside comes first
    assert "version 2" in cli("workflows", "import", file, "--replace").err
    assert "text: two" in cli("workflows", "export", "Says").out
    assert "text: one" in cli("workflows", "export", "Says", "--version", "1").out


def test_several_files_are_imported_even_if_one_has_errors(cli: Cli, write: Write) -> None:
    bad = write("Bad", "steps:\n  a: {type: chatt}\n")
    good = write("Good", SAYS.format("x"))
    done = cli("workflows", "import", bad, good)
    assert done.code == 0
    assert "chatt" in done.err
    assert [entry["name"] for entry in cli("workflows", "list", "--json").json] == ["Bad", "Good"]


def test_files_that_are_no_documents_do_not_hold_up_the_others(cli: Cli, write: Write, tmp_path: Path) -> None:
    broken = tmp_path / "broken.loom.yaml"
    broken.write_text("name: [", encoding="utf-8")
    done = cli("workflows", "import", "gone.loom.yaml", broken, write("Good", SAYS.format("x")))
    assert done.code == 2
    assert "gone.loom.yaml cannot be read" in done.err
    assert "broken.loom.yaml has 1 problem" in done.err
    assert [entry["name"] for entry in cli("workflows", "list", "--json").json] == ["Good"]


def test_a_workflow_that_is_not_there_cannot_be_exported(cli: Cli, write: Write) -> None:
    cli("workflows", "import", write("Says", SAYS.format("x")))
    done = cli("workflows", "export", "Sais")
    assert done.code == 2
    assert "steploom workflows list" in done.err
    done = cli("workflows", "export", "Says", "--version", "7")
    assert done.code == 2


def test_an_empty_library_says_how_to_fill_it(cli: Cli) -> None:
    assert "steploom workflows import" in cli("workflows", "list").out
