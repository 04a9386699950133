"""The write_file step writes whole files inside the granted folders only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from core.engine.errors import StepError
from core.engine.services import Services
from core.engine.testing import lone_context, run_lone
from core.steps.write_file import WriteFileStep
from core.workflow.model import Json
from tests.support.step_services import MemoryBlobs, OneFolder

_STEP = WriteFileStep()


async def _write(folder: Path, blobs: MemoryBlobs | None = None, key: str = "", **config: Any) -> dict[str, Json]:
    services = Services(folders=OneFolder(folder), blobs=blobs)
    context = lone_context(services=services, origin=str(folder), idempotency_key=key)
    return (await run_lone(_STEP, config, context)).value


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


async def test_text_is_written_as_it_is_and_folders_are_made(tmp_path: Path) -> None:
    done = await _write(tmp_path, path="reports/today.md", content="Grün\n")
    target = tmp_path / "reports" / "today.md"
    assert target.read_bytes() == "Grün\n".encode()
    assert done == {"path": str(target), "size": 6}
    assert _files(tmp_path) == ["reports", "today.md"]


async def test_other_values_are_written_as_json(tmp_path: Path) -> None:
    await _write(tmp_path, path="a.json", content={"ä": [1]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "ä": [\n    1\n  ]\n}\n'


async def test_a_blob_is_written_as_its_bytes(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    kept = await blobs.put(b"\x89PNG\x00", "image/png")
    await _write(tmp_path, blobs, path="a.png", content=kept.as_json())
    assert (tmp_path / "a.png").read_bytes() == b"\x89PNG\x00"


async def test_creating_refuses_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    with pytest.raises(StepError, match="already") as caught:
        await _write(tmp_path, path="a.txt", content="new")
    assert caught.value.kind == "refused"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
    assert _files(tmp_path) == ["a.txt"]


async def test_creating_twice_with_an_idempotency_key_is_done_once(tmp_path: Path) -> None:
    for _ in range(2):
        await _write(tmp_path, key="k", path="a.txt", content="same")
    with pytest.raises(StepError, match="already"):
        await _write(tmp_path, key="k", path="a.txt", content="other")


async def test_overwriting_replaces_the_content_and_keeps_the_permissions(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old and long", encoding="utf-8")
    (tmp_path / "a.txt").chmod(0o600)
    done = await _write(tmp_path, path="a.txt", content="new", mode="overwrite")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "new"
    assert done["size"] == 3
    assert os.name == "nt" or (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o600


async def test_appending_adds_at_the_end(tmp_path: Path) -> None:
    await _write(tmp_path, path="log.txt", content="one\n", mode="append")
    done = await _write(tmp_path, path="log.txt", content="two\n", mode="append")
    assert (tmp_path / "log.txt").read_bytes() == b"one\ntwo\n"
    assert done["size"] == 8


@pytest.mark.skipif(os.name == "nt", reason="permissions are a Unix thing")
async def test_a_new_file_has_the_permissions_that_any_program_would_give_it(tmp_path: Path) -> None:
    await _write(tmp_path, path="a.txt", content="x")
    (tmp_path / "plain.txt").write_text("x", encoding="utf-8")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


async def test_a_path_outside_the_granted_folders_is_refused(tmp_path: Path) -> None:
    granted = tmp_path / "granted"
    granted.mkdir()
    with pytest.raises(StepError, match="lies outside") as caught:
        await _write(granted, path="../a.txt", content="x")
    assert caught.value.kind == "refused"
    assert _files(tmp_path) == ["granted"]


@pytest.mark.parametrize(
    ("path", "content", "encoding", "said"),
    [
        ("folder", "x", "utf-8", "is a folder"),
        ("file.txt/a.txt", "x", "utf-8", "could not be used|already"),
        ("a.txt", "Grün", "ascii", "has no 'ü'"),
        ("a.txt", "x", "klingon", "no encoding"),
        ("a.png", {"blob": "0" * 64, "media_type": "image/png"}, "utf-8", "no blob"),
    ],
)
async def test_what_cannot_be_written_fails_the_step_and_leaves_nothing(
    tmp_path: Path, path: str, content: Json, encoding: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    with pytest.raises(StepError, match=said):
        await _write(tmp_path, MemoryBlobs(), path=path, content=content, encoding=encoding)
    assert _files(tmp_path) == ["file.txt", "folder"]


async def test_without_granted_folders_the_step_says_so() -> None:
    with pytest.raises(StepError, match="Grant a folder"):
        await run_lone(_STEP, {"path": "x", "content": "y"})


@pytest.mark.parametrize(
    ("config", "field"),
    [({"path": "x"}, "content"), ({"content": "x"}, "path"), ({"path": "x", "content": "", "mode": "erase"}, "mode"),
     ({"path": "x", "content": "", "encoding": "klingon"}, "encoding")],
)  # fmt: skip
def test_a_bad_config_is_a_problem(config: dict[str, Json], field: str) -> None:
    (problem,) = _STEP.check_config(config)
    assert problem.path == (field,)
