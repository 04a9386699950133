"""The files that the steps of a run made, written where a person can look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.engine.journal import StepRecord
from core.engine.named_files import named_files
from core.engine.services import Blobs
from core.workflow.model import Json


async def write_files(steps: Sequence[StepRecord], blobs: Blobs, folder: Path) -> list[Path]:
    """Write every file in the steps' outputs into a folder, each once; where they are now.

    A file that has the name of another one gets its hash in front. Nothing that is there already is overwritten.
    """
    return await write_named([step.output or {} for step in steps], blobs, folder)


async def write_named(values: Iterable[Json | Mapping[str, Json]], blobs: Blobs, folder: Path) -> list[Path]:
    """Write every file that these values name into a folder, as `write_files` does."""
    written: dict[str, Path] = {}
    for value in values:
        for file in named_files(value):
            if (blob_hash := file["blob"]) not in written:
                data, name = await blobs.get(blob_hash), _plain(str(file.get("name") or ""))
                written[blob_hash] = await asyncio.to_thread(_write, folder, name, blob_hash, data)
    return list(written.values())


def _plain(name: str) -> str:
    """A file's name that cannot lead to another folder."""
    last = Path(name.replace("\\", "/")).name.replace("\0", "")
    return last if last not in ("", ".", "..") else "file"


def _write(folder: Path, name: str, blob_hash: str, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if path.exists() and path.read_bytes() != data:
        path = folder / f"{blob_hash[:12]}-{name}"
    path.write_bytes(data)
    return path
