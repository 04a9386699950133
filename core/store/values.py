"""JSON values and texts in the form in which they are kept, so that nothing of them is lost.

Values go into `json` columns as ASCII text: NUL and lone surrogates stay escapes. A value whose text is longer than
`LARGEST` becomes a blob, and a JSON string with the blob's hash stands in its place; kept values are always objects,
so the two are never confused. `text` columns can hold neither NUL nor lone surrogates: such texts are escaped and
marked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

LARGEST = 256 * 1024
"""Characters of JSON text that stand in a row; longer ones become blobs."""

VALUE_MEDIA_TYPE = "application/vnd.steploom.value+json"
"""Media type of the blobs that hold values too large for their row."""

_MARK = "\ufdd0"
"""First character of an escaped text: a code point that no text uses."""
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_CUT_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-f]{0,3})?$")
_NAMED_BLOB = re.compile(r'"blob":"([0-9a-f]{64})"')


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain).encode
"""JSON text of a value, ASCII. Raises TypeError, ValueError or RecursionError if it is no JSON value."""


def encode_rows(rows: object) -> str:
    """JSON text of rows: numbers, times, lists and texts that were made fit for `text` and `json` columns."""
    return orjson.dumps(rows).decode()


class Packer:
    """Turns the values of one row into their kept form and collects the blobs that go with them.

    blobs: bytes by hash, to be written with the row. names: hashes of all blobs that the row depends on.
    """

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self._blobs = blobs
        self.names: set[str] = set()

    def pack(self, value: object) -> str:
        """The text for a `json` column."""
        if value == {}:
            return "{}"
        kept = encode(value)
        if '"blob":"' in kept:
            self.names.update(_NAMED_BLOB.findall(kept))
        if len(kept) <= LARGEST:
            return kept
        data = kept.encode("ascii")
        name = hashlib.sha256(data).hexdigest()
        self._blobs[name] = data
        self.names.add(name)
        return f'"{name}"'


def blob_of(kept: object) -> str | None:
    """The hash of the blob that holds the value which was read from a `json` column, or None if it is the value."""
    return kept if isinstance(kept, str) else None


def unpack(kept: Any, blobs: Mapping[str, bytes]) -> Any:
    """The value that was read from a `json` column. blobs: at least the one that it names."""
    name = blob_of(kept)
    return kept if name is None else json.loads(blobs[name])


def escape(text: str) -> str:
    """The form of a text for a `text` column; the text itself unless it holds what Postgres cannot keep."""
    if text.isascii() and "\x00" not in text:
        return text
    if _UNKEEPABLE.search(text) or text.startswith(_MARK):
        return _MARK + json.dumps(text)[1:-1]
    return text


def unescape(kept: str) -> str:
    """The text that `escape` was given."""
    return str(json.loads(f'"{kept[1:]}"')) if kept.startswith(_MARK) else kept


def unescape_start(kept: str) -> str:
    """The beginning of a text, from the beginning of what `escape` gave, cut anywhere."""
    if not kept.startswith(_MARK):
        return kept
    whole = _CUT_ESCAPE.sub(r"\1", kept)
    try:
        return unescape(whole)
    except ValueError:  # not a beginning but a piece from within
        return whole[1:]
