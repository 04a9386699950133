"""Unpacking a reply piece by piece, so that a few hundred bytes cannot become gigabytes before anybody counts them.

httpx unpacks each piece wholly, and layer upon layer if a server says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PACKINGS = "gzip, deflate"
"""What servers are told that replies may be packed in."""

_PIECE = 64 * 1024


class UnpackingError(Exception):
    """The reply is packed in a way that was not asked for, or is damaged."""


class Unpacker:
    """Unpacks one reply. encoding: its Content-Encoding. Raises UnpackingError for one that was not asked for."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise UnpackingError(f"it is packed as {encoding[:40]!r}, which was not asked for")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip and zlib by their heads
        self._is_first = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the reply hold, in pieces of at most 64 KiB. Raises UnpackingError."""
        if self._encoding in ("", "identity"):
            yield data
            return
        while data:
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                if not (self._is_first and self._encoding == "deflate"):
                    raise UnpackingError("it is packed, and damaged") from error
                # Some servers send the bare stream, without zlib's head (RFC 9110, 8.4.1.2, note).
                self._inflate, self._is_first = zlib.decompressobj(-zlib.MAX_WBITS), False
                continue
            self._is_first = False
            data = self._inflate.unconsumed_tail
            yield piece
