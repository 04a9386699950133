"""The files that the steps of a run made, written where a person can look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from core.engine.journal import StepRecord
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
        for blob_hash, name in _files_in(value):
            if blob_hash not in written:
                data = await blobs.get(blob_hash)
                written[blob_hash] = await asyncio.to_thread(_write, folder, _plain(name), blob_hash, data)
    return list(written.values())


def _files_in(value: Json | Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Hash and name of every blob that a value names."""
    if isinstance(value, Mapping):
        blob_hash = value.get("blob")
        if isinstance(blob_hash, str) and "media_type" in value:
            yield blob_hash, str(value.get("name") or "")
            return
        for item in value.values():
            yield from _files_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files_in(item)


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
