"""Files that runs and conversations hold: how they are told of, and how they are sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from core.engine.named_files import named_files
from core.service.http.errors import ApiError
from core.steps.parts.attachments import extension_of
from core.workflow.model import Json

BLOB: Final = re.compile(r"[0-9a-f]{64}\Z")
"""What the hash of a file looks like."""

ANY_TYPE: Final = "application/octet-stream"

_WORD: Final = "[A-Za-z0-9!#$&^_.+-]{1,100}"
_TYPE: Final = re.compile(rf"{_WORD}/{_WORD}(; ?{_WORD}={_WORD})*\Z")
_LONGEST_NAME: Final = 200
EXAMPLE_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def file_example(place: str) -> dict[str, Json]:
    """A file as an example of the description. place: address of what holds it."""
    facts: dict[str, Json] = {"name": "picture-1.png", "media_type": "image/png", "size": 48_213, "hash": EXAMPLE_HASH}
    return {**facts, "url": f"{place}/files/{EXAMPLE_HASH}"}


def files_json(place: str, *values: object) -> list[Json]:
    """The files that values name, each once, with the address of each. place: address of what holds them."""
    found: dict[str, Json] = {}
    for ref in _named(values):
        blob: str = ref["blob"]
        found.setdefault(blob, {
            "name": str(ref.get("name") or ""), "media_type": str(ref["media_type"]), "hash": blob,
            "size": size if isinstance(size := ref.get("size"), int) else None, "url": f"{place}/files/{blob}",
        })  # fmt: skip
    return list(found.values())


def find_file(blob: str, *values: object) -> Mapping[str, Any]:
    """What is known of the file of that hash by the values that may name it. Raises ApiError if none does."""
    found = next((ref for ref in _named(values) if ref["blob"] == blob), None)
    if found is None:
        raise ApiError(404, "no_file", "There is no such file. `files` lists those there are.")
    return found


def file_response(data: bytes, ref: Mapping[str, Any]) -> Response:
    """A file to be saved. A browser that opens it runs nothing that is in it."""
    media_type = sent_type(ref.get("media_type"))
    headers = {
        "Content-Type": media_type,
        "Content-Disposition": disposition(str(ref.get("name") or ""), media_type),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(data, headers=headers)


def sent_type(stated: object) -> str:
    """A media type as it may stand in a header: what a workflow says may be anything."""
    return stated if isinstance(stated, str) and _TYPE.match(stated) else ANY_TYPE


def disposition(name: str, media_type: str) -> str:
    """How a file is to be saved, and under what name (RFC 6266)."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(" .")[-_LONGEST_NAME:]
    shown = shown or f"file{extension_of(media_type.partition(';')[0])}"
    plain = re.sub(r"[^ !#-\[\]-~]|%", "_", shown)
    words = f'attachment; filename="{plain}"'
    return words if plain == shown else f"{words}; filename*=UTF-8''{quote(shown, safe='')}"


def _named(values: object) -> Iterator[Mapping[str, Any]]:
    """What stands for files within values, if it can stand in an address."""
    return (ref for ref in named_files(values) if BLOB.match(ref["blob"]))
