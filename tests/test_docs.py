"""What the documentation shows is true: its scripts run, its workflows are right, its commands exist."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from core.agents.agent_file import loads
from core.agents.check import check_agent
from core.cli.app import app
from core.cli.step_reference import reference
from core.resources import examples, root
from core.steps import discover
from core.workflow.validate import check_text

PAGES = [root() / "README.md", *sorted((root() / "docs").glob("*.md"))]

SHOWS = {
    "run_workflow(": ["completed", "(demo)"],
    "asyncio.gather": ["completed"] * 3,
    'Workflow("Broken"': ["{'greeting': 'Hello Ada'}", "Did you mean 'chat'?"],
    "Part(only=": ["HELLO ADA!", "WELCOME!", "AHOY!"],
    "workspace.stream(": ["Rate the urgency", "Draft the answer", "(demo)"],
    "workspace.answer(": ["suspended ('approve',)", "completed", "fox.png", "save 1 completed"],
    '{"ticket": "It is broken"}': ["completed", "(demo)"],
    "memories.revert(": ["new", "updated", "vector - I now live in Lisbon", "replaced", "made"],
    "workspace.chat.send(": ["called stock completed", "There are 12.", "(demo)", "completed"],
}
"""A piece of each script, and what it prints, in order."""


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def all_blocks(language: str, beginning: str = "") -> list[Any]:
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page, language))
        if block.startswith(beginning)
    ]


@pytest.mark.parametrize("script", all_blocks("python"))
def test_every_script_runs_and_prints_what_it_should(
    script: str,
    home: Path,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", database_url)
    folder = tmp_path / "resources/examples"
    folder.mkdir(parents=True)
    for example in examples():
        shutil.copy(example, folder)
    exec(compile(script, "<documentation>", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    (expected,) = [shows for piece, shows in SHOWS.items() if piece in script]
    place = 0
    for text in expected:
        assert text in printed[place:], printed
        place = printed.index(text, place) + len(text)
    if "fox.png" in script:
        assert (tmp_path / "fox.png").read_bytes().startswith(b"\x89PNG")


def test_every_kind_of_script_is_shown() -> None:
    scripts = [block for page in PAGES for block in blocks(page, "python")]
    assert len(scripts) == len(SHOWS)


@pytest.mark.parametrize("text", all_blocks("yaml", "steploom:"))
def test_every_whole_workflow_that_is_shown_is_right(text: str) -> None:
    _, problems = check_text(text, discover())
    assert [str(problem) for problem in problems] == []


@pytest.mark.parametrize("text", all_blocks("yaml", "steploom_agent:"))
def test_every_whole_agent_that_is_shown_is_right(text: str) -> None:
    assert [str(problem) for problem in check_agent(loads(text))] == []


def commands(page: Path) -> Iterator[list[str]]:
    """The words of every command that a page shows, in blocks, in tables and within sentences."""
    text = page.read_text("utf-8").replace("\\|", "|")
    fenced = [line for language in ("sh", "") for block in blocks(page, language) for line in block.splitlines()]
    indented = re.findall(r"^    (.*)$", text, re.MULTILINE)
    inline = re.findall(r"`(steploom [^`\n]+)`", text)
    for line in [*fenced, *indented, *inline]:
        words = re.match(r"(?:\.venv/bin/)?steploom (.+)", line.strip())
        if words is not None:
            yield from _alternatives(shlex.split(words.group(1), comments=True))


def _alternatives(words: list[str]) -> Iterator[list[str]]:
    """`keys set|list` as two commands; what stands in capitals is an argument."""
    for place, word in enumerate(words):
        if "|" in word and word.islower() and "{" not in word and "=" not in word:
            for choice in word.split("|"):
                yield [*words[:place], choice, *words[place + 1 :]]
            return
    yield words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_that_is_shown_exists_with_its_options(page: Path) -> None:
    wrong = [" ".join(words) for words in commands(page) if not _exists(words)]
    assert wrong == []


@pytest.mark.parametrize(
    "line", ["rum FILE", "runs shwo ID", "run FILE --dry", "keys list --json", "--verbose", "runs list --jsn"]
)
def test_a_command_that_does_not_exist_would_be_noticed(line: str) -> None:
    assert not _exists(line.split())


def test_the_pages_show_commands() -> None:
    assert len(list(commands(root() / "docs/command-line.md"))) > 15
    assert len(list(commands(root() / "README.md"))) > 5


def _exists(words: list[str]) -> bool:
    command: Any = typer.main.get_command(app)
    words = [word.strip("[].,;") for word in words]
    words = words[: words.index("--")] if "--" in words else words  # what follows is another program's
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command = command.commands.get(words.pop(0))
        if command is None:
            return False
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return all(word.partition("=")[0] in known | {"--help"} for word in words if word.startswith("-"))


def test_the_reference_of_steps_is_current() -> None:
    kept = (root() / "docs/steps.md").read_text("utf-8")
    assert kept == reference(discover()), "docs/steps.md is stale: run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text)]
    missing = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert missing == []


def test_every_file_that_is_named_exists() -> None:
    names = re.compile(r"resources/(?:examples|agents)/[\w.]+\.yaml")
    named = {name for page in PAGES for name in names.findall(page.read_text("utf-8"))}
    assert named
    assert [name for name in named if not (root() / name).exists()] == []
