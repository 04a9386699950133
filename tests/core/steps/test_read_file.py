"""The read_file step reads inside the granted folders only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from core.engine.errors import StepError
from core.engine.services import Services
from core.engine.testing import lone_context, run_lone
from core.steps.read_file import ReadFileStep
from core.workflow.model import Json
from tests.support.step_services import MemoryBlobs, OneFolder

_STEP = ReadFileStep()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    granted = tmp_path / "granted"
    (granted / "notes" / "deep").mkdir(parents=True)
    (granted / "notes" / "b.md").write_bytes("zwei\r\nlines ä\n".encode())
    (granted / "notes" / "a.md").write_text("one", encoding="utf-8")
    (granted / "notes" / ".hidden.md").write_text("no", encoding="utf-8")
    (granted / "notes" / "deep" / "c.md").write_text("three", encoding="utf-8")
    (granted / "data.json").write_text('{"a": [1, 2.5]}', encoding="utf-8")
    (granted / "picture.png").write_bytes(b"\x89PNG\x00\xff")
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    return granted


async def _read(folder: Path, blobs: MemoryBlobs | None = None, **config: Any) -> dict[str, Any]:
    services = Services(folders=OneFolder(folder), blobs=blobs)
    return (await run_lone(_STEP, config, lone_context(services=services, origin=str(folder)))).value


def _names(output: dict[str, Any]) -> list[str]:
    return [file["name"] for file in output["files"]]


async def test_a_file_is_read_as_text_with_plain_line_ends(folder: Path) -> None:
    done = await _read(folder, path="notes/b.md")
    assert done["text"] == "zwei\nlines ä\n"
    assert done["path"] == str(folder / "notes" / "b.md")
    assert (done["name"], done["size"], done["count"]) == ("b.md", 15, 1)
    assert done["files"][0]["text"] == done["text"]


async def test_a_json_file_is_parsed(folder: Path) -> None:
    assert (await _read(folder, path="data.json"))["json"] == {"a": [1, 2.5]}


async def test_lines_are_a_list(folder: Path) -> None:
    assert (await _read(folder, path="notes/b.md", read_as="lines"))["lines"] == ["zwei", "lines ä"]


async def test_what_is_no_text_goes_to_the_blob_store(folder: Path) -> None:
    blobs = MemoryBlobs()
    done = await _read(folder, blobs, path="picture.png")
    assert done["blob"]["media_type"] == "image/png"
    assert done["blob"]["name"] == "picture.png"
    assert blobs.kept[done["blob"]["blob"]] == b"\x89PNG\x00\xff"


async def test_the_files_of_a_folder_come_sorted_without_hidden_ones(folder: Path) -> None:
    done = await _read(folder, path="notes")
    assert _names(done) == ["a.md", "b.md"]
    assert [file["text"] for file in done["files"]] == ["one", "zwei\nlines ä\n"]
    assert "text" not in done


async def test_a_folder_is_read_with_those_inside_if_asked(folder: Path) -> None:
    assert _names(await _read(folder, path="notes", recursive=True)) == ["a.md", "b.md", "c.md"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("notes/*.md", ["a.md", "b.md"]),
        ("notes/[b-z].md", ["b.md"]),
        ("**/?.md", ["a.md", "b.md", "c.md"]),
        ("notes/**", ["a.md", "b.md", "c.md"]),
        ("notes/.h*", [".hidden.md"]),
        ("notes/*.txt", []),
    ],
)
async def test_a_pattern_stands_for_the_files_that_fit(folder: Path, pattern: str, names: list[str]) -> None:
    done = await _read(folder, path=pattern, read_as="names")
    assert _names(done) == names
    assert done["count"] == len(names)
    assert all("text" not in file for file in done["files"])


async def test_a_file_whose_name_looks_like_a_pattern_is_read(folder: Path) -> None:
    (folder / "report [1].txt").write_text("first", encoding="utf-8")
    assert (await _read(folder, path="report [1].txt"))["text"] == "first"


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("../outside.txt", "refused", "lies outside"),
        ("../*.txt", "refused", "lies outside"),
        ("*/../../outside.txt", "refused", r"goes up by \.\."),
        ("missing.txt", "not_found", "no file or folder 'missing.txt'"),
        ("missing/*.txt", "not_found", "no file or folder"),
    ],
)
async def test_a_path_outside_or_missing_fails_the_step(folder: Path, path: str, kind: str, said: str) -> None:
    with pytest.raises(StepError, match=said) as caught:
        await _read(folder, path=path)
    assert caught.value.kind == kind


async def test_a_link_that_leads_out_of_the_folder_is_refused_also_when_a_pattern_finds_it(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "outside.txt")
    with pytest.raises(StepError, match="lies outside"):
        await _read(folder, path="*.txt")


async def test_the_size_limit_counts_all_files_together(folder: Path) -> None:
    assert (await _read(folder, path="notes", max_bytes=18))["count"] == 2
    with pytest.raises(StepError, match="size limit") as caught:
        await _read(folder, path="notes", max_bytes=17)
    assert caught.value.kind == "limit"


async def test_more_files_than_allowed_are_an_error(folder: Path) -> None:
    with pytest.raises(StepError, match="2 files") as caught:
        await _read(folder, path="notes", max_files=1)
    assert caught.value.kind == "limit"


@pytest.mark.parametrize(
    ("read_as", "path", "said"),
    [
        ("text", "picture.png", "is not utf-8 text"),
        ("json", "notes/a.md", "is not JSON"),
        ("blob", "data.json", "blob"),
    ],
)
async def test_what_cannot_be_read_like_that_fails_the_step(folder: Path, read_as: str, path: str, said: str) -> None:
    with pytest.raises(StepError, match=said):
        await _read(folder, path=path, read_as=read_as)


async def test_another_encoding_is_understood_and_a_byte_order_mark_dropped(folder: Path) -> None:
    (folder / "latin.txt").write_bytes(b"gr\xfcn")
    (folder / "bom.txt").write_bytes(b"\xef\xbb\xbfhello")
    assert (await _read(folder, path="latin.txt", encoding="latin-1"))["text"] == "grün"
    assert (await _read(folder, path="bom.txt"))["text"] == "hello"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a Unix thing")
async def test_a_pipe_is_refused_rather_than_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(StepError, match="neither a file nor a folder"):
        await _read(folder, path="pipe")
    assert "pipe" not in _names(await _read(folder, path=".", read_as="names"))


async def test_without_granted_folders_the_step_says_so() -> None:
    with pytest.raises(StepError, match="Grant a folder"):
        await run_lone(_STEP, {"path": "x"})


@pytest.mark.parametrize(
    ("config", "field"),
    [({}, "path"), ({"path": ""}, "path"), ({"path": "x", "encoding": "klingon"}, "encoding"),
     ({"path": "x", "encoding": "rot13"}, "encoding"), ({"path": "x", "read_as": "xml"}, "read_as")],
)  # fmt: skip
def test_a_bad_config_is_a_problem(config: dict[str, Json], field: str) -> None:
    (problem,) = _STEP.check_config(config)
    assert problem.path == (field,)
