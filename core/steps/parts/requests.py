"""The config of an API call made into headers and requests."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from core.steps.parts.attachments import Attachment
from core.steps.parts.exchange import Build, encoded
from core.steps.parts.text import as_text
from core.steps.parts.unpacking import PACKINGS
from core.workflow.model import Json

HIDDEN = "•••"
"""What stands for credentials in the recorded request; the encoded form could not be found and masked later."""

_SHOWN_BODY = 10_000


def own_headers(
    headers: Mapping[str, str], auth_headers: Mapping[str, str], idempotency_key: str, user_agent: str = "Steploom"
) -> dict[str, str]:
    """All headers of a call but those of its body; what the person wrote wins over what is added."""
    wanted = {"Accept": "*/*", "Accept-Encoding": PACKINGS, "User-Agent": user_agent}
    if idempotency_key:
        wanted["Idempotency-Key"] = idempotency_key
    out = {**wanted, **auth_headers}
    for name, value in headers.items():
        for added in [known for known in out if known.lower() == name.lower()]:
            del out[added]
        out[name] = value
    return out


def basic(username: str, password: str) -> str:
    """The value of a basic Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def no_body() -> Build:
    """A request without a body."""
    return lambda method, url, headers: httpx.Request(method, url, headers=encoded(headers))


def content_body(content: bytes, media_type: str) -> Build:
    """A request with these bytes. The person's own Content-Type header, if any, wins."""

    def build(method: str, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Request:
        if not any(name.lower() == "content-type" for name in headers):
            headers = {**headers, "Content-Type": media_type}
        return httpx.Request(method, url, headers=encoded(headers), content=content)

    return build


def json_body(value: Any, media_type: str) -> Build:
    """A request with a JSON value."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return content_body(text.encode("utf-8"), media_type or "application/json")


def form_body(fields: Mapping[str, Any], media_type: str) -> Build:
    """A request with form fields; a list gives a field several times."""
    pairs = [(name, as_text(item)) for name, value in fields.items() for item in _several(value)]
    content = str(httpx.QueryParams(pairs)).encode("ascii")
    return content_body(content, media_type or "application/x-www-form-urlencoded")


def multipart_body(fields: Mapping[str, Any], files: Sequence[tuple[str, Attachment]]) -> Build:
    """A request with form fields and files, as a browser uploads them."""
    texts = {name: [str(as_text(item)) for item in _several(value)] for name, value in fields.items()}
    parts = [(field, (file.name, file.data, file.media_type)) for field, file in files]

    def build(method: str, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Request:
        return httpx.Request(method, url, headers=encoded(headers), data=texts, files=parts)

    return build


def with_query(url: httpx.URL, query: Mapping[str, Any]) -> httpx.URL:
    """The address with more query parameters; a list gives a parameter several times, null leaves it out."""
    added = [(name, as_text(item)) for name, value in query.items() if value is not None for item in _several(value)]
    return url.copy_with(params=[*url.params.multi_items(), *added]) if added else url


def recorded(
    method: str, url: str, query: Mapping[str, Any], headers: Mapping[str, str], body: Json, secret_headers: set[str]
) -> dict[str, Json]:
    """The request for the inspector: texts as the person wrote them, so that secrets in them can be masked."""
    shown: dict[str, Json] = {
        name: HIDDEN if name.lower() in secret_headers else value for name, value in headers.items()
    }
    out: dict[str, Json] = {"method": method, "url": url, "headers": shown}
    if query:
        out["query"] = dict(query)
    if body is not None:
        out["body"] = body[:_SHOWN_BODY] if isinstance(body, str) else body
    return out


def _several(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
