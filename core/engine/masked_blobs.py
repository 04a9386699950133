"""Keeping secrets out of the files that a run keeps."""

from __future__ import annotations

import asyncio
from typing import Final

from core.engine.mask import Mask
from core.engine.services import BlobRef, Blobs

AT_ONCE: Final = 1_000_000
"""Bytes; more are searched on a thread, so that other runs go on meanwhile."""


class MaskedBlobs:
    """The Blobs service of one run: what its steps keep holds none of the secrets that the run has used."""

    def __init__(self, kept: Blobs, mask: Mask) -> None:
        self._kept = kept
        self._mask = mask

    async def put(self, data: bytes, media_type: str, name: str = "") -> BlobRef:
        """Keep bytes, each secret in them replaced by `[secret NAME]`."""
        masked = self._mask.data(data) if len(data) < AT_ONCE else await asyncio.to_thread(self._mask.data, data)
        return await self._kept.put(masked, media_type, self._mask.text(name))

    async def get(self, blob_hash: str) -> bytes:
        """The bytes. Raises StepError(kind='not_found')."""
        return await self._kept.get(blob_hash)
