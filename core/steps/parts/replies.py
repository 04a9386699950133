"""What an API replied: its body read, its status judged, its failure put into words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx

from core.engine.errors import StepError
from core.steps.parts.text import clean_text, parse_json
from core.workflow.model import Json

SHOWN = 300
"""How many characters of a reply an error shows."""

_TEXT_TYPES = re.compile(r"text/.*|application/(.*\+)?(xml|yaml|javascript|toml|x-yaml|x-www-form-urlencoded|x-ndjson)")
_JSON_TYPES = re.compile(r"application/(.*\+)?json|text/json")
_KINDS = {401: "credentials", 402: "budget", 403: "credentials", 404: "not_found", 408: "timeout", 410: "not_found"}
_MOVES = {
    "rate_limit": "Wait, or let the step retry.",
    "server": "The fault is on the other side; let the step retry, or try later.",
    "timeout": "Let the step retry, or try later.",
    "credentials": "Check the key and what it is allowed to do.",
    "not_found": "Check the address.",
    "budget": "Check the account there.",
    "bad_request": "Check the query, headers and body.",
    "failed": "If that status is fine, list it under expected.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. shown: method and address for error texts, without the query. complete_url: with it."""

    status: int
    headers: httpx.Headers
    content: bytes
    shown: str
    complete_url: httpx.URL

    @property
    def media_type(self) -> str:
        """The stated media type without its parameters, in lower case; '' if none is stated."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def text(self) -> str:
        """The body as text: in the stated character set if it is known, else UTF-8."""
        stated = httpx.Response(200, headers={"content-type": self.headers.get("content-type", "")}).charset_encoding
        try:
            return clean_text(self.content.decode(stated or "utf-8-sig", "replace"))
        except LookupError:
            return clean_text(self.content.decode("utf-8", "replace"))

    def json(self) -> Json:
        """The body as a JSON value, None if it is empty. Raises StepError of kind validation."""
        if not self.content.strip():
            return None
        try:
            return parse_json(self.text())
        except ValueError as error:
            raise StepError(
                f"{self.shown} replied with something that is not JSON ({error}): {self.excerpt()} "
                "Check the address, or set response to text.",
                kind="validation",
            ) from None

    def excerpt(self) -> str:
        """The beginning of the body for an error text."""
        if (
            self.media_type
            and not _TEXT_TYPES.fullmatch(self.media_type)
            and not _JSON_TYPES.fullmatch(self.media_type)
        ):
            return f"({len(self.content)} bytes of {self.media_type})"
        text = " ".join(self.text().split())
        return text[:SHOWN] + ("…" if len(text) > SHOWN else "")

    def file_name(self) -> str:
        """The name the other side gives the file, else the last part of the address."""
        stated = re.search(r'filename="?([^";]+)"?', self.headers.get("content-disposition", ""))
        name = stated.group(1) if stated else self.complete_url.path
        return clean_text(re.split(r"[/\\]", name.strip().rstrip("/"))[-1]) or "reply"


def form_of(reply: Reply, wanted: Literal["auto", "json", "text", "blob"]) -> Literal["json", "text", "blob"]:
    """How a reply is to be read: as wanted, or by its media type; an empty one as JSON's null."""
    if wanted != "auto":
        return wanted
    if _JSON_TYPES.fullmatch(reply.media_type) or not reply.content:
        return "json"
    if _TEXT_TYPES.fullmatch(reply.media_type) or not reply.media_type:
        return "text"
    return "blob"


def is_expected(status: int, expected: Sequence[str]) -> bool:
    """Whether a status is among those listed as '200', '2xx' or '200-299'."""
    for entry in expected:
        low, _, high = entry.replace("xx", "00").partition("-")
        top = int(high or low) + (99 if "xx" in entry and not high else 0)
        if int(low) <= status <= top:
            return True
    return False


def raise_unexpected(reply: Reply, now: datetime) -> None:
    """Raise the StepError for a reply whose status was not expected. now: UTC, for dates in Retry-After."""
    kind = _kind(reply.status)
    detail: Mapping[str, Json] = {"status": reply.status, "body": reply.excerpt()}
    raise StepError(
        f"{reply.shown} replied {_status_words(reply.status)}. {_said(reply)}{_MOVES[kind]}",
        kind=kind,
        retryable=kind in ("rate_limit", "server", "timeout"),
        retry_after=retry_after(reply.headers.get("retry-after", ""), now),
        detail=detail,
    )


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number of seconds or an HTTP date; None if it says nothing usable."""
    value = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _kind(status: int) -> str:
    if status == 429:
        return "rate_limit"
    if status >= 500:
        return "server"
    return _KINDS.get(status) or ("bad_request" if status >= 400 else "failed")


def _status_words(status: int) -> str:
    try:
        return f"{status} {httpx.codes(status).name.replace('_', ' ').capitalize()}"
    except ValueError:
        return str(status)


def _said(reply: Reply) -> str:
    excerpt = reply.excerpt()
    return f"It said: {excerpt} " if excerpt else ""
