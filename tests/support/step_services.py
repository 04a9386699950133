"""Small real implementations of the services that steps use, kept in memory or in a test's own folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.engine.errors import StepError
from core.engine.services import BlobRef
from core.engine.step_type import StepContext, StepType
from core.engine.testing import run_lone


async def output_of(
    step_type: StepType[Any], config: Mapping[str, Any], context: StepContext | None = None
) -> dict[str, Any]:
    """The output of one step run outside any workflow; typed for reading in tests."""
    return (await run_lone(step_type, config, context)).value


@dataclass
class MemoryBlobs:
    """Bytes by their hash, in a dict."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def put(self, data: bytes, media_type: str, name: str = "") -> BlobRef:
        key = hashlib.sha256(data).hexdigest()
        self.kept[key] = data
        return BlobRef(key, media_type, len(data), name)

    async def get(self, blob_hash: str) -> bytes:
        if blob_hash not in self.kept:
            raise StepError(f"There is no blob {blob_hash}.", kind="not_found")
        return self.kept[blob_hash]


@dataclass
class OneFolder:
    """The one folder that is granted."""

    root: Path

    def resolve(self, path: str, origin: str, *, write: bool) -> Path:
        place = (self.root / path).resolve()
        if not place.is_relative_to(self.root.resolve()):
            raise StepError(f"{path!r} lies outside the granted folders.", kind="refused")
        return place


@dataclass
class AllowedHosts:
    """Hosts that are allowed though they are local. asked: every question, in order."""

    hosts: set[str]
    asked: list[tuple[str, int]] = field(default_factory=list)

    def is_allowed(self, host: str, port: int) -> bool:
        self.asked.append((host, port))
        return host in self.hosts
