from __future__ import annotations

from pathlib import Path

import pytest

from core.cli.run_files import write_files
from core.engine.journal import StepRecord
from core.engine.memory_blobs import MemoryBlobs
from core.workflow.model import Json


def step(path: str, output: dict[str, Json]) -> StepRecord:
    return StepRecord("r", path, path, 1, "completed", output=output)


async def test_every_file_is_written_once_however_deep_it_is_named(tmp_path: Path) -> None:
    blobs = MemoryBlobs()
    one = (await blobs.put(b"one", "text/plain", "a.txt")).as_json()
    two = (await blobs.put(b"two", "text/plain", "a.txt")).as_json()
    steps = [
        step("x", {"deep": [{"file": one}, 3]}),
        step("y", {"again": one, "other": two}),
        step("z", {"blob": "no"}),
    ]
    written = await write_files(steps, blobs, tmp_path / "new")
    assert [path.read_bytes() for path in written] == [b"one", b"two"]
    assert written[0].name == "a.txt"
    assert written[1].name.endswith("-a.txt")


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "..", "", ".", "..\\out.txt", "a/../../out.txt"])
async def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    blobs = MemoryBlobs()
    file = (await blobs.put(b"x", "text/plain", name)).as_json()
    (path,) = await write_files([step("x", {"file": file})], blobs, tmp_path / "in")
    assert path.parent == tmp_path / "in"
    assert path.name in ("out.txt", "file")
