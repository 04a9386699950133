from __future__ import annotations

from pathlib import Path

import pytest

from core.agents.agent_file import load
from core.agents.check import check_agent
from core.resources import example_agents
from core.workflow.document import load as load_workflow
from tests.support.command_line import Cli

ADA = "steploom_agent: 1\nname: Ada\nprompt: Help.\n"


@pytest.fixture(autouse=True)
def _database(database: str) -> None:
    """Every test here needs one."""


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    file = tmp_path / "ada.agent.yaml"
    file.write_text(ADA, encoding="utf-8")
    return file


@pytest.fixture
def shipped() -> list[Path]:
    return example_agents()


def test_the_examples_are_right_and_find_the_workflows_that_they_use(
    cli: Cli, shipped: list[Path], examples: Path
) -> None:
    assert len(shipped) >= 2
    before = cli("agents", "import", *shipped)
    assert before.code == 0
    assert "There is no workflow 'Support triage'" in before.err
    for file in examples.glob("*.loom.yaml"):
        assert cli("workflows", "import", file).code == 0
    after = cli("agents", "import", *shipped)
    assert after.code == 0
    assert "error:" not in after.err
    assert "warning:" not in after.err
    assert [entry["version"] for entry in cli("agents", "list", "--json").json] == [1] * len(shipped)


def test_example_functions_give_their_workflows_what_they_take(shipped: list[Path], examples: Path) -> None:
    workflows = {workflow.name: workflow for workflow in map(load_workflow, examples.glob("*.loom.yaml"))}
    for file in shipped:
        agent = load(file)
        assert [str(problem) for problem in check_agent(agent)] == []
        for function in agent.functions:
            if function.kind == "workflow":
                inputs = workflows[function.target].inputs
                parameters = function.parameters or {}
                offered, needed = parameters["properties"], parameters["required"]
                assert isinstance(offered, dict)
                assert isinstance(needed, list)
                assert set(offered) <= set(inputs)
                assert {name for name, schema in inputs.items() if "default" not in schema} <= set(map(str, needed))


def test_an_imported_agent_is_listed_shown_and_exported_as_it_was(
    cli: Cli, shipped: list[Path], tmp_path: Path
) -> None:
    file = next(each for each in shipped if each.name.startswith("support"))
    assert "saved 'Support desk', version 1" in cli("agents", "import", file, "--trust").err
    (entry,) = cli("agents", "list", "--json").json
    assert (entry["name"], entry["version"], entry["functions"]) == ("Support desk", 1, ["triage", "ask_reader"])
    assert "Support desk" in cli("agents", "list").out
    assert cli("agents", "export", "Support desk").out == file.read_text("utf-8")
    assert cli("agents", "export", "Support desk", tmp_path).code == 0
    assert (tmp_path / "Support desk.agent.yaml").read_bytes() == file.read_bytes()
    shown = cli("agents", "show", "Support desk")
    assert shown.out == file.read_text("utf-8")
    assert "unknown" not in shown.out
    assert "There is no agent 'Document reader'" in shown.err
    assert "* version 1," in shown.err
    detail = cli("agents", "show", "Support desk", "--json").json
    assert detail["agent"]["limits"]["usd"] == 0.5
    assert {problem["code"] for problem in detail["problems"]} == {"unknown_workflow", "unknown_agent"}


def test_an_import_over_another_agent_needs_to_be_asked_for(cli: Cli, ada: Path) -> None:
    cli("agents", "import", ada)
    ada.write_text(ADA.replace("Help.", "Help more."), encoding="utf-8")
    refused = cli("agents", "import", ada)
    assert refused.code == 2
    assert "--replace" in refused.err
    assert "version 2" in cli("agents", "import", ada, "--replace").err
    assert "version 1" in cli("agents", "import", ada, "--name", "Ada two").err
    assert "Help more." in cli("agents", "export", "Ada").out
    assert "Help." in cli("agents", "export", "Ada", "--version", "1").out
    assert cli("agents", "import", ada, ada, "--name", "x").code == 2


def test_a_file_that_is_no_agent_does_not_keep_others_out(cli: Cli, ada: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.agent.yaml"
    bad.write_text("steploom_agent: 1\nname: Bad\nlimits: {steps: many}\n", encoding="utf-8")
    done = cli("agents", "import", bad, ada)
    assert done.code == 2
    assert "line 3: limits.steps" in done.err
    assert [entry["name"] for entry in cli("agents", "list", "--json").json] == ["Ada"]
    gone = cli("agents", "import", tmp_path / "gone.agent.yaml")
    assert (gone.code, "cannot be read" in gone.err) == (2, True)


def test_agents_are_copied_renamed_deleted_and_restored(cli: Cli, ada: Path) -> None:
    cli("agents", "import", ada)
    assert cli("agents", "duplicate", "Ada", "Bea's copy").code == 0
    taken = cli("agents", "rename", "Ada", "Bea's copy")
    assert (taken.code, "already" in taken.err) == (2, True)
    assert "steploom agents restore 'Bea'\"'\"'s copy'" in cli("agents", "delete", "Bea's copy").err
    assert [entry["name"] for entry in cli("agents", "list", "--json").json] == ["Ada"]
    assert [entry["name"] for entry in cli("agents", "list", "--deleted", "--json").json] == ["Bea's copy"]
    assert cli("agents", "restore", "Bea's copy").code == 0
    assert cli("agents", "rename", "Ada", "Ada Lovelace").code == 0
    assert "name: Ada Lovelace" in cli("agents", "show", "Ada Lovelace").out
    for command in (("show", "Ada"), ("delete", "Ada"), ("duplicate", "Ada", "x"), ("restore", "Ada")):
        missing = cli("agents", *command)
        assert missing.code == 2
        assert "no " in missing.err


def test_who_still_names_a_deleted_agent_is_said(cli: Cli, ada: Path, tmp_path: Path) -> None:
    boss = tmp_path / "boss.agent.yaml"
    boss.write_text(
        "steploom_agent: 1\nname: Boss\nprompt: x\nfunctions:\n  ask: {agent: Ada, description: d}\n", encoding="utf-8"
    )
    assert "warning" not in cli("agents", "import", ada, boss).err
    assert "Functions of 'Boss' still name it." in cli("agents", "delete", "Ada").err


def test_files_are_checked_with_lines_and_without_a_database(cli: Cli, ada: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.agent.yaml"
    bad.write_text(
        "steploom_agent: 1\nname: Bad\nprompt: '{{ nothing }}'\nmodel: {temperature: 9}\nfunctions:\n"
        "  'look up': {workflow: x, description: d}\n",
        encoding="utf-8",
    )
    done = cli("agents", "check", bad, ada)
    assert done.code == 2
    assert "line 3: prompt: The instructions read 'nothing'" in done.out
    assert "line 4: model.temperature" in done.out
    assert "line 6: functions.look up" in done.out
    assert f"{ada}: no problems" in done.out
    report = cli("agents", "check", bad, "--json").json
    assert {problem["line"] for problem in report} == {3, 4, 6}
    assert cli("agents", "check", ada).code == 0
    assert cli("agents", "list").out.startswith("There are no agents")


def test_an_example_brings_along_what_it_calls_and_leaves_what_is_there(cli: Cli, tmp_path: Path) -> None:
    mine = tmp_path / "reader.agent.yaml"
    mine.write_text(ADA.replace("Ada", "Document reader"), encoding="utf-8")
    done = cli("agents", "import", "--example", "Support desk")
    assert (done.code, "saved 'Support desk'" in done.err) == (0, True)
    assert "the agent 'Document reader', which it calls" in done.err
    assert "the workflow 'Support triage', which it calls" in done.err
    detail = cli("agents", "show", "Support desk", "--json").json
    assert detail["problems"] == []
    assert cli("agents", "show", "Document reader", "--json").json["problems"] == []
    assert cli("agents", "import", mine, "--replace").code == 0
    again = cli("agents", "import", "--example", "Support desk")
    assert "saved 'Support desk'" in again.err
    assert "which it calls" not in again.err
    assert "Help." in cli("agents", "export", "Document reader").out


def test_an_example_that_is_none_is_refused_with_those_there_are(cli: Cli, ada: Path) -> None:
    refused = cli("agents", "import", "--example", "Nobody")
    assert (refused.code, "Support desk" in refused.err) == (2, True)
    assert cli("agents", "import").code == 2
    assert cli("agents", "import", ada, "--example", "Support desk").code == 2


def test_a_file_does_not_let_an_agent_run_python_by_itself_unless_it_is_trusted(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "Shell.agent.yaml"
    file.write_text(
        "steploom_agent: 1\nname: Shell\nprompt: x\nfunctions:\n"
        "  shell: {python: 'subprocess:getoutput', description: Runs it., policy: auto}\n",
        encoding="utf-8",
    )
    taken = cli("agents", "import", file)
    assert "The file lets shell run unasked. Here a person is asked before what changes something" in taken.err
    assert "--trust takes the file at its word." in taken.err
    assert "policy" not in cli("agents", "show", "Shell").out
    assert "asked" not in cli("agents", "import", file, "--replace", "--trust").err
    assert "policy: auto" in cli("agents", "show", "Shell").out
    again = cli("agents", "import", file, "--replace")  # what it may do already, it still may
    assert (again.code, "asked" in again.err) == (0, False)
    assert "policy: auto" in cli("agents", "show", "Shell").out
