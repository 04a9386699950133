"""What the body of a call holds: JSON, a form, files, a text."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from email.message import Message
from typing import Final, TypeAlias
from urllib.parse import parse_qs

from core.service.hooks import HookRefused, HookRequest
from core.workflow.model import Json

KeepFile: TypeAlias = Callable[[bytes, str, str], Awaitable[Mapping[str, Json]]]
"""Keeps bytes of a media type under a name; the object by which steps know the file."""

MOST_FIELDS: Final = 1000

_FORM: Final = "application/x-www-form-urlencoded"
_PARTS: Final = "multipart/form-data"


async def keep_nothing(_data: bytes, _media_type: str, _name: str) -> Mapping[str, Json]:
    """A KeepFile of who has nowhere to keep files."""
    raise HookRefused("Files cannot be kept here.", status=415, code="media_type")


def media_type_of(request: HookRequest) -> str:
    """The media type of the body in lower case, without parameters; JSON if the call does not say."""
    return request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()


def holds_fields(request: HookRequest) -> bool:
    """Whether the body is of a kind that gives values by name."""
    kind = media_type_of(request)
    return kind in (_FORM, _PARTS) or _is_json(kind)


async def body_value(request: HookRequest, keep: KeepFile) -> Json:
    """The whole body: a JSON value, the fields of a form, a text, or else a file; null for none. Raises HookRefused."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HookRefused("Send the body as it is, not compressed.", status=415, code="content_encoding")
    if not request.body:
        return None
    kind = media_type_of(request)
    if _is_json(kind):
        return _json(request.body)
    if kind == _FORM:
        return _form(request.body)
    if kind == _PARTS:
        return await _parts(request, keep)
    if kind.startswith("text/") or kind == "application/xml" or kind.endswith("+xml"):
        return _text(request)
    return dict(await keep(request.body, kind, ""))


def listed(values: list[str]) -> Json:
    """A value that was given once, or all of them as the text of a JSON list."""
    return values[0] if len(values) == 1 else json.dumps(values)


def _is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def _json(body: bytes) -> Json:
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise HookRefused("The body is no JSON.", status=400, code="bad_json") from None
    return value


def _form(body: bytes) -> Json:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HookRefused(f"The form has more than {MOST_FIELDS} fields.", status=400, code="bad_form") from None
    return {name: listed(values) for name, values in fields.items()}


def _text(request: HookRequest) -> str:
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    charset = str(header.get_param("charset") or "utf-8")
    try:
        return request.body.decode(charset)
    except (LookupError, UnicodeError):
        raise HookRefused(f"The body is no text in {charset[:40]}.", status=400, code="bad_text") from None


async def _parts(request: HookRequest, keep: KeepFile) -> Json:
    """The fields of a form with files; each file becomes the object that steps know it by."""
    from starlette.datastructures import Headers, UploadFile
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def body() -> AsyncGenerator[bytes, None]:
        yield request.body
        yield b""

    headers = Headers({"content-type": request.headers.get("content-type", "")})
    size = len(request.body)
    parser = MultiPartParser(headers, body(), max_files=100, max_fields=MOST_FIELDS, max_part_size=size)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise HookRefused(f"The form cannot be read: {error}", status=400, code="bad_form") from None
    found: dict[str, list[Json]] = {}
    try:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                kind = value.content_type or "application/octet-stream"
                found.setdefault(name, []).append(dict(await keep(await value.read(), kind, value.filename or "")))
            else:
                found.setdefault(name, []).append(value)
    finally:
        await form.close()
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
