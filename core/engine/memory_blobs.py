"""Files that live as long as the process: for runs that nobody keeps, and for tests."""

from __future__ import annotations

import hashlib

from core.engine.errors import StepError
from core.engine.services import BlobRef


class MemoryBlobs:
    """The Blobs protocol without any storage."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}

    async def put(self, data: bytes, media_type: str, name: str = "") -> BlobRef:
        """Keep bytes; the same bytes are kept once."""
        blob_hash = hashlib.sha256(data).hexdigest()
        self._data[blob_hash] = bytes(data)
        return BlobRef(blob_hash, media_type, len(data), name)

    async def get(self, blob_hash: str) -> bytes:
        """The bytes. Raises StepError(kind='not_found')."""
        try:
            return self._data[blob_hash]
        except KeyError:
            raise StepError(f"There is no file {blob_hash[:12]}… in this run's memory.", kind="not_found") from None
