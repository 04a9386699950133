"""Files inside texts: `data:` addresses, and what a file's first bytes say it is."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from core.engine.services import ChatImage


def data_url(image: ChatImage) -> str:
    """The picture as a `data:` address."""
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"


def parse_data_url(url: str) -> ChatImage | None:
    """The file inside a `data:` address; None if it is no such address or is damaged."""
    if not url.startswith("data:"):
        return None
    head, comma, payload = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    if not comma:
        return None
    if "base64" not in parameters:
        return ChatImage(unquote_to_bytes(payload), media_type or "text/plain")
    data = decode_base64(payload)
    return None if data is None else ChatImage(data, media_type or media_type_of(data))


def decode_base64(text: str) -> bytes | None:
    """The bytes, standard or URL-safe alphabet, padding optional; None if the text is damaged."""
    text = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def media_type_of(data: bytes) -> str:
    """The media type of a picture by its first bytes; PNG if they say nothing."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if b"<svg" in data[:300]:
        return "image/svg+xml"
    return "image/png"


def shortened(text: str) -> str:
    """The text, with the payload of a `data:` address replaced by its size: `data:image/png;base64,…(123 kB)`."""
    if not text.startswith("data:") or len(text) < 200:
        return text
    head, comma, payload = text.partition(",")
    if not comma or len(head) > 150:
        return text
    size = len(payload) * 3 // 4 if head.endswith(";base64") else len(payload)
    return f"{head},…({_size(size)})"


def _size(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
