"""The example workflows: written as Steploom writes them, without problems, and useful to their end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.engine.lifecycle import RunResult
from core.grants import Grant
from core.resources import example, examples
from core.steps import discover
from core.workflow.document import dumps, loads
from core.workflow.model import Json
from core.workflow.validate import check_text
from core.workspace import Workspace
from tests.support.http_site import Asked, Page, Site

FILES = pytest.mark.parametrize("file", examples(), ids=lambda file: file.name.partition(".")[0])


async def run(name: str, home: Path, **inputs: Json) -> RunResult:
    """Run an example with the demonstration model; it may write to the test's folder."""
    grants = [Grant(home.parent, write=True)]
    async with Workspace.open(memory_only=True, demo=True, grants=grants) as workspace:
        return await workspace.run(example(name), inputs)


def test_there_are_four_at_least() -> None:
    assert len(examples()) >= 4


@FILES
def test_it_is_written_in_canonical_form(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text == dumps(loads(text))


@FILES
def test_it_has_no_problems(file: Path) -> None:
    _, problems = check_text(file.read_bytes(), discover())
    assert [str(problem) for problem in problems] == []


@FILES
def test_it_explains_itself_and_every_step_has_a_title_and_a_place(file: Path) -> None:
    workflow = loads(file.read_bytes())
    assert workflow.description
    steps = [step for _, step in workflow.walk()]
    assert [step.id for step in steps if not step.title] == []
    assert sorted(workflow.layout) == sorted(step.id for step in steps)


async def test_support_triage_answers_and_chooses_a_queue(home: Path) -> None:
    result = await run("support_triage", home, ticket="The site is down")
    assert result.status == "completed"
    assert result.outputs is not None
    urgency = int(str(result.outputs["urgency"]))
    assert 1 <= urgency <= 5
    assert result.outputs["queue"] == ("urgent" if urgency > 3 else "normal")
    assert "(demo)" in str(result.outputs["answer"])


async def test_the_digest_reads_real_files_and_writes_a_report(home: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    (notes / "deep").mkdir(parents=True)
    (notes / "apples.md").write_text("# Apples\n\nApples keep for months in a cool cellar. They are round.\n")
    (notes / "deep/pears.md").write_text("# Pears\n\nPears do not keep. Eat them soon.\n")
    (notes / "empty.md").write_text("")
    (notes / "picture.bin").write_bytes(b"\xff\x00")
    report = tmp_path / "out/digest.md"
    result = await run("document_digest", home, folder=str(notes), report=str(report))
    assert result.status == "completed", result.error
    assert result.outputs is not None
    assert (result.outputs["documents"], result.outputs["failed"]) == (3, 0)
    assert result.outputs["text"] == report.read_text("utf-8")
    for text in ("## apples.md", "Apples keep for months", "## pears.md", "Pears do not keep"):
        assert text in report.read_text("utf-8")


async def test_the_digest_takes_other_files_than_markdown(home: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("Plain text is enough.")
    inputs = {"folder": str(tmp_path / "notes"), "report": str(tmp_path / "r.md"), "files": "*.txt"}
    result = await run("document_digest", home, **inputs)
    assert result.outputs is not None
    assert result.outputs["documents"] == 1


def pages(asked: Asked) -> Page:
    """250 items on three pages."""
    size, page = int(asked.query["per_page"][0]), int(asked.query["page"][0])
    items = [{"n": n, "kind": "even" if n % 2 == 0 else "odd"} for n in range(250)]
    return Page(json.dumps(items[(page - 1) * size : page * size]).encode(), 200, {"content-type": "application/json"})


async def test_the_api_report_counts_every_page(home: Path, allowed_site: Site) -> None:
    allowed_site.pages["/items"] = pages
    result = await run("api_report", home, url=f"{allowed_site.url}/items", group_by="kind", pages=5)
    assert result.status == "completed", result.error
    assert result.outputs is not None
    assert (result.outputs["total"], result.outputs["groups"]) == (250, {"even": 125, "odd": 125})
    assert "(demo)" in str(result.outputs["report"])


async def test_the_api_report_says_that_nothing_came(home: Path, allowed_site: Site) -> None:
    allowed_site.page("/none", b"[]", content_type="application/json")
    result = await run("api_report", home, url=f"{allowed_site.url}/none")
    assert result.outputs is not None
    assert (result.outputs["total"], result.outputs["report"]) == (0, "There was nothing to report.")


@pytest.mark.parametrize(("choice", "kept"), [("keep", True), ("discard", False)])
async def test_the_picture_is_kept_only_if_a_person_says_so(
    home: Path, tmp_path: Path, choice: str, kept: bool
) -> None:
    file = tmp_path / "fox.png"
    async with Workspace.open(memory_only=True, demo=True, grants=[Grant(tmp_path, write=True)]) as workspace:
        asked = await workspace.run(example("picture_from_brief"), {"brief": "A fox", "file": str(file)})
        assert (asked.status, asked.waiting) == ("suspended", ("approve",))
        result = await workspace.answer(asked.run_id, "approve", {"choice": choice})
    assert result.status == "completed"
    assert file.exists() is kept
    if kept:
        assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
