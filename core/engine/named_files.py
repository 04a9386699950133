"""Finding the kept files that a value names, such as the output of a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

DEEPEST: Final = 100
"""Values within values that are looked into."""


def named_files(value: object, deepest: int = DEEPEST) -> Iterator[Mapping[str, Any]]:
    """What stands for files within a value, in the form of BlobRef.as_json, in order and as often as it is there."""
    if isinstance(value, Mapping):
        if isinstance(value.get("blob"), str) and isinstance(value.get("media_type"), str):
            yield value
            return
        inside: Sequence[object] = [*value.values()]
    else:
        inside = value if isinstance(value, list | tuple) else ()
    for each in inside if deepest else ():
        yield from named_files(each, deepest - 1)
