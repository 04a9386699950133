"""Vectors from hashed words and parts of words, for the demonstration model: alike texts get alike vectors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from zlib import crc32

DIMENSIONS = 1536
"""Numbers in a vector unless another count is asked for; the size of the memory's columns."""

_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    _WORD.findall(
        "a an and are as at be but by for from has have i in is it its me my of on or our that the their they this to "
        "was we were what which who will with you your"
    )
)


def hashed_vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A vector of length 1, the same in every process. A text without words gets the first unit vector."""
    vector = [0.0] * dimensions
    for feature, weight in _features(text):
        mark = crc32(feature.encode("utf-8", "replace"))
        vector[(mark >> 1) % dimensions] += weight if mark & 1 else -weight
    length = math.sqrt(sum(number * number for number in vector))
    if not length:
        return [1.0] + [0.0] * (dimensions - 1)
    return [number / length for number in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text.lower()):
        if word in _COMMON:
            yield word, 0.1
            continue
        yield word, 1.0
        framed = f"<{word}>"
        for size in (3, 4):
            for start in range(len(framed) - size + 1):
                yield framed[start : start + size], 0.5
