"""A small picture made from a text, for the demonstration model."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib


def demo_picture(text: str, *, width: int = 192, height: int = 192) -> bytes:
    """A PNG whose colours and waves follow from the text: the same text gives the same bytes. Sizes in pixels."""
    seed = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    start, end = seed[0:3], seed[3:6]
    across, down, turn = 1 + seed[6] % 5, 1 + seed[7] % 5, seed[8] / 255 * math.tau
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # each row says how it is filtered: not at all
        for x in range(width):
            wave = math.sin(across * math.tau * x / width + turn) * math.cos(down * math.tau * y / height)
            share = 0.35 * (x / width + y / height) + 0.15 * (wave + 1)
            rows += bytes(round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"tEXt", b"Comment\0Made by the demonstration model")
        + _chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
