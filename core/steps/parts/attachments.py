"""Files that go along with a request: paths in granted folders, blobs, data URLs and web addresses."""

from __future__ import annotations

import asyncio
import base64
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes, urlsplit

from pydantic import BeforeValidator

from core.engine.errors import StepError
from core.engine.services import ChatImage, Message
from core.engine.step_type import StepContext
from core.steps.parts.needs import blobs_of, folders_of
from core.workflow.model import Json

MAX_BYTES = 50_000_000
"""The largest file that is sent along, in bytes."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_TEXT_TYPES = re.compile(r"text/.*|application/(.*\+)?(json|xml|yaml|javascript|toml|x-yaml)")
_FROM_OUTSIDE = re.compile(r"\b(input|vars|item)\b")
_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "vnd.wave": "wav", "mp4": "m4a", "x-m4a": "m4a"}


def _flat(value: Any) -> Any:
    """One level of lists taken out, so that `["{{ a.images }}", b.png]` works, and a lone file made a list."""
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        return [value]
    return [item for entry in value for item in (entry if isinstance(entry, list) else [entry]) if item is not None]


Attachments = Annotated[list[str | dict[str, Any]], BeforeValidator(_flat)]
"""Config field: paths, blob objects, file objects of read_file, data URLs, https addresses; one or a list."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file's bytes with what is known of it."""

    data: bytes
    media_type: str
    name: str

    async def data_url(self) -> str:
        """The file as a `data:` URL."""
        return f"data:{self.media_type};base64,{await self.base64()}"

    async def base64(self) -> str:
        """The bytes in base64, made beside the loop because pictures are large."""
        return (await asyncio.to_thread(base64.b64encode, self.data)).decode("ascii")


async def load(item: str | Mapping[str, Any], context: StepContext) -> Attachment | str:
    """The file that an item of an Attachments field names, or its address if it is a web address.

    Raises StepError of kind not_found, refused, limit or validation.
    """
    if isinstance(item, str):
        if item.startswith("data:"):
            return _from_data_url(item)
        if item.startswith(("https://", "http://")):
            return item
        return await _from_path(item, context)
    if isinstance(item.get("blob"), str):
        return await _from_blob(item, context)
    if isinstance(item.get("path"), str):
        return await _from_path(item["path"], context)
    raise StepError(
        f"A file is given as an object with the keys {', '.join(map(repr, item)) or 'none'}, "
        "but a blob ({'blob': ...}) or a file of read_file ({'path': ...}) is needed.",
        kind="validation",
    )


def address_hosts(items: Sequence[Json]) -> Sequence[str] | None:
    """The hosts of the web addresses among the items of a config; None if a template may give one.

    What another step gave is a file of this run, but what comes in from outside the run may be an address.
    """
    hosts: list[str] = []
    for item in items:
        if not isinstance(item, str):
            continue
        if "{{" in item or "{%" in item:
            if "://" in item or _FROM_OUTSIDE.search(item):
                return None
        elif re.match(r"https?://", item, re.IGNORECASE):
            hosts.append(urlsplit(item).hostname or "")
    return hosts


async def load_bytes(item: str | Mapping[str, Any], context: StepContext) -> Attachment:
    """As `load`, but web addresses are refused: their bytes have to be fetched by an api step first."""
    found = await load(item, context)
    if isinstance(found, str):
        raise StepError(
            f"{_without_query(found)} is a web address, but the file itself is needed here. "
            "Fetch it with an api step (response: blob) and give its blob.",
            kind="validation",
        )
    return found


async def pictures(items: Sequence[str | Mapping[str, Any]], context: StepContext) -> list[ChatImage]:
    """The pictures that the items name. Raises StepError, also for a file that is no picture."""
    found = [await load_bytes(item, context) for item in items]
    for entry in found:
        _require_picture(entry)
    return [ChatImage(entry.data, entry.media_type) for entry in found]


async def keep_pictures(images: Sequence[ChatImage], context: StepContext) -> list[Json]:
    """The pictures put into the blob store, as blob objects. Raises StepError when there is no store."""
    kept: list[Json] = []
    for number, image in enumerate(images, 1):
        name = f"{context.step_id}-{number}{extension_of(image.media_type)}"
        ref = await blobs_of(context).put(image.data, image.media_type, name)
        kept.append(ref.as_json())
    return kept


async def keep_attachments(items: Sequence[str | Mapping[str, Any]], context: StepContext) -> list[dict[str, Json]]:
    """The files that the items name as blob objects, put into the blob store unless they are there.

    Raises StepError.
    """
    kept: list[dict[str, Json]] = []
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("blob"), str):
            kept.append(dict(item))
            continue
        found = await load_bytes(item, context)
        kept.append((await blobs_of(context).put(found.data, found.media_type, found.name)).as_json())
    return kept


async def picture_part(item: str | Mapping[str, Any], context: StepContext) -> Message:
    """A picture as a part of a chat message."""
    found = await load(item, context)
    if isinstance(found, str):
        return {"type": "image_url", "image_url": {"url": found}}
    _require_picture(found)
    return {"type": "image_url", "image_url": {"url": await found.data_url()}}


async def file_part(item: str | Mapping[str, Any], context: StepContext) -> Message:
    """A file as a part of a chat message: text as text, pictures, sound and video as such, the rest as a file."""
    found = await load(item, context)
    if isinstance(found, str):
        return {"type": "file", "file": {"filename": _name_of_url(found), "file_data": found}}
    kind, _, subtype = found.media_type.partition("/")
    if is_text(found.media_type):
        text = found.data.decode("utf-8", "replace").replace("\0", "\ufffd")
        return {"type": "text", "text": f"File {found.name}:\n{text}"}
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": await found.data_url()}}
    if kind == "audio":
        sound = {"data": await found.base64(), "format": _AUDIO_FORMATS.get(subtype, subtype)}
        return {"type": "input_audio", "input_audio": sound}
    if kind == "video":
        return {"type": "video_url", "video_url": {"url": await found.data_url()}}
    return {"type": "file", "file": {"filename": found.name, "file_data": await found.data_url()}}


def media_type_of(data: bytes, name: str, stated: str = "") -> str:
    """The media type of a file by its first bytes, else as stated, else by its name."""
    for signature, media_type in _SIGNATURES:
        if data.startswith(signature):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return stated or mimetypes.guess_type(name)[0] or "application/octet-stream"


def is_text(media_type: str) -> bool:
    """Whether files of that type are sent as text."""
    return _TEXT_TYPES.fullmatch(media_type) is not None


def extension_of(media_type: str) -> str:
    """The usual file name ending of a media type, with its dot."""
    return {"image/jpeg": ".jpg"}.get(media_type) or mimetypes.guess_extension(media_type) or ".bin"


async def _from_path(path: str, context: StepContext) -> Attachment:
    place = folders_of(context).resolve(path, context.origin, write=False)
    data = await asyncio.to_thread(_read, place, path)
    return Attachment(data, media_type_of(data, place.name), place.name)


def _read(place: Path, shown: str) -> bytes:
    try:
        with place.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise StepError(f"There is no file {shown!r}. Check the path.", kind="not_found") from None
    except IsADirectoryError:
        raise StepError(f"{shown!r} is a folder, not a file. Name a file in it.", kind="validation") from None
    except OSError as error:
        raise StepError(f"The file {shown!r} cannot be read: {error.strerror}.", kind="refused") from None
    return _within_limit(data, shown)


def _within_limit(data: bytes, shown: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise StepError(
            f"{shown!r} is larger than {MAX_BYTES // 1_000_000} MB and cannot be sent along. Send a smaller one.",
            kind="limit",
        )
    return data


async def _from_blob(item: Mapping[str, Any], context: StepContext) -> Attachment:
    data = await blobs_of(context).get(item["blob"])
    name = str(item.get("name") or "file")
    return Attachment(_within_limit(data, name), media_type_of(data, name, str(item.get("media_type") or "")), name)


def _from_data_url(url: str) -> Attachment:
    head, comma, payload = url[5:].partition(",")
    media_type, *options = head.split(";")
    try:
        data = base64.b64decode(payload, validate=True) if "base64" in options else unquote_to_bytes(payload)
    except ValueError:
        comma = ""
    if not comma:
        raise StepError("A data: URL among the files is damaged. Give the file again.", kind="validation")
    kind = media_type_of(data, "", media_type)
    return Attachment(_within_limit(data, "data: URL"), kind, f"file{extension_of(kind)}")


def _require_picture(entry: Attachment) -> None:
    if not entry.media_type.startswith("image/"):
        raise StepError(
            f"{entry.name!r} is not a picture but {entry.media_type}. A chat step takes it under files.",
            kind="validation",
        )


def _name_of_url(url: str) -> str:
    return urlsplit(url).path.rsplit("/", 1)[-1] or "file"


def _without_query(url: str) -> str:
    return url.partition("?")[0]
