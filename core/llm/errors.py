"""What a model server's refusals and failures mean, as StepError in words for a person.

Bodies come in many shapes: OpenRouter's `{"error": {code, message, metadata, availability}}`, OpenAI's with a text
as code, `{"detail": ...}`, `{"message": ...}`, plain text, HTML. The real reason of a provider's failure is in
`metadata.raw`; "Provider returned error" alone helps nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from core.engine.errors import StepError
from core.workflow.model import Json

LONGEST_WAIT = 60.0
"""Seconds; a server that asks for a longer pause is waited for no longer than this."""

_CONTEXT_WORDS = re.compile(
    r"context[ _](length|window|size)|maximum context|prompt is too long|too many (input )?tokens|exceed_context", re.I
)
_KEY_LIKE = re.compile(r"sk-[A-Za-z0-9_*.\-]{6,}|(?<=[Bb]earer )\S+")
_TYPE_STATUS = {
    "authentication": 401,
    "payment_required": 402,
    "permission_denied": 403,
    "not_found": 404,
    "timeout": 408,
    "rate_limit_exceeded": 429,
    "server": 500,
    "unmapped": 500,
    "provider_unavailable": 502,
    "provider_overloaded": 529,
    "content_policy_violation": 400,
    "refusal": 400,
    "context_length_exceeded": 400,
    "invalid_request": 400,
    "invalid_request_error": 400,
    "exceed_context_size_error": 400,
}
_NEXT_MOVES = {
    "rate_limit": "Wait a little and run it again, or choose another model.",
    "timeout": "Run it again, or choose a faster model.",
    "connection": "Run it again.",
    "server": "Run it again later, or choose another model.",
    "credentials": "Check the key: `steploom keys set openrouter` stores a new one.",
    "payment": "Add credit or raise the key's limit at https://openrouter.ai/settings/credits, then run it again.",
    "not_found": "Check the model's name: `steploom models` lists what the server offers.",
    "refused": "Reword the request, or choose another model.",
    "context_length": "Shorten the prompt or the files in it, or choose a model with a larger context.",
    "bad_request": "Change the step's settings as the message says.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for what, so that an error can name it. secret: the key, never shown. start_hint: see profile."""

    server: str
    model: str = ""
    secret: str = ""
    start_hint: str = ""

    def of(self, model: str) -> Asked:
        """The same server asked for another model."""
        return replace(self, model=model)

    @property
    def what(self) -> str:
        """The server and the model as a person would say them."""
        return f"{self.server} ({self.model})" if self.model else self.server

    def clean(self, text: str) -> str:
        """The text without the key or anything that looks like one, in one line of at most 600 characters."""
        if self.secret:
            text = text.replace(self.secret, "[key]")
        text = " ".join(_KEY_LIKE.sub("[key]", text).split())
        return text if len(text) <= 600 else text[:599] + "…"


def answer_error(asked: Asked, status: int, body: Any, headers: Mapping[str, str] | None = None) -> StepError:
    """The error that an answer stands for.

    status: of the HTTP answer; 200 for an error inside a successful answer or a stream. body: parsed JSON, or text.
    """
    facts = _Facts.of(body, status)
    kind = facts.kind
    retry_after = _seconds(facts.availability.get("retry_after"))
    if retry_after is None and headers is not None:
        retry_after = retry_after_of(headers)
    retryable = kind in ("rate_limit", "timeout", "server", "connection")
    if isinstance(facts.availability.get("retryable"), bool):
        retryable = facts.availability["retryable"]
    reason = asked.clean(facts.reason) or f"HTTP status {facts.status}"
    text = f"{asked.what} answered: {reason.rstrip('.')}. {_next_move(facts, kind, retry_after)}"
    return StepError(text, kind=kind, retryable=retryable, retry_after=retry_after, detail=facts.detail(asked))


def connection_error(asked: Asked, reason: str, *, kind: str = "connection", refused: bool = False) -> StepError:
    """The server could not be reached or the connection broke. refused: nothing listens at the address."""
    move = asked.start_hint if refused and asked.start_hint else _NEXT_MOVES[kind]
    text = f"{asked.what} {asked.clean(reason).rstrip('.')}. {move}"
    return StepError(text, kind=kind, retryable=True, detail={"model": asked.model})


def unreached(reason: str) -> str:
    """Why a server could not be reached, for people. reason: the system's, `[Errno 111] Connection refused`."""
    plain = re.sub(r"^\[[^\]]*\]\s*", "", reason)
    if any(words in plain for words in ("not known", "name resolution", "getaddrinfo")):
        return "its name leads nowhere from here"
    if "connection attempts failed" in plain or "refused" in plain:
        return "nothing answers there"
    return plain or "no answer in time"


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; None if there is none."""
    value = headers.get("retry-after", "")
    seconds = _seconds(value)
    if seconds is not None or not value:
        return seconds
    try:
        when = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    try:
        return max(0.0, (when - sent).total_seconds())
    except TypeError:  # one of the dates names no zone
        return None


@dataclass(frozen=True, slots=True)
class _Facts:
    status: int
    reason: str
    error_type: str
    metadata: Mapping[str, Any]
    availability: Mapping[str, Any]

    @staticmethod
    def of(body: Any, status: int) -> _Facts:
        error = body.get("error", body) if isinstance(body, Mapping) else body
        if not isinstance(error, Mapping):
            return _Facts(_status(status, {}, ""), _plain(error), "", {}, {})
        metadata = _mapping(error.get("metadata"))
        kind = str(metadata.get("error_type") or error.get("type") or "")
        availability = _mapping(error.get("availability"))
        return _Facts(_status(status, error, kind), _reason(error, metadata), kind, metadata, availability)

    @property
    def kind(self) -> str:
        code = str(self.availability.get("code", ""))
        if self.error_type in ("content_policy_violation", "refusal") or code == "region_restricted":
            return "refused"
        if self.status in (400, 413) and self._is_about_context():
            return "context_length"
        if self.status == 403:
            return self._kind_of_forbidden()
        if code in ("model_not_found", "no_endpoints", "model_deprecated", "free_variant_ended"):
            return "not_found"
        known = {401: "credentials", 402: "payment", 404: "not_found", 429: "rate_limit"}
        if self.status in (408, 504, 524):
            return "timeout"
        return known.get(self.status, "server" if self.status >= 500 else "bad_request")

    def _is_about_context(self) -> bool:
        return "context" in self.error_type or _CONTEXT_WORDS.search(self.reason) is not None

    def _kind_of_forbidden(self) -> str:
        if any(name in self.metadata for name in ("reasons", "flagged_input", "patterns")):
            return "refused"
        spent = re.search(r"\b(limit|budget|credit)", self.reason, re.IGNORECASE)
        return "payment" if spent else "credentials"

    def detail(self, asked: Asked) -> dict[str, Json]:
        found: dict[str, Any] = {
            "status": self.status,
            "model": asked.model,
            "error_type": self.error_type,
            "provider": self.metadata.get("provider_name"),
            "availability": self.availability.get("code"),
            "fallback_models": _names(self.availability.get("fallback_models")),
            "reasons": _names(self.metadata.get("reasons")),
            "docs_url": self.availability.get("docs_url"),
        }
        return {name: value for name, value in found.items() if value not in (None, "", [])}


def _status(status: int, error: Mapping[str, Any], error_type: str) -> int:
    if status >= 400:
        return status
    for value in (error.get("code"), error.get("http_status"), error.get("status")):
        number = _seconds(value)
        if number is not None and 400 <= number < 600:
            return int(number)
    return _TYPE_STATUS.get(error_type, _TYPE_STATUS.get(str(error.get("code")), 502))


def _reason(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    message = _plain(error.get("message") or error.get("detail") or "")
    raw = _plain(metadata.get("raw"))
    provider = str(metadata.get("provider_name") or "")
    if raw and raw not in message:
        vague = not message or message.lower().startswith("provider returned error")
        message = raw if vague else f"{message} ({raw})"
    if provider and provider not in message:
        message = f"{provider}: {message}"
    reasons = _names(metadata.get("reasons"))
    return f"{message} ({', '.join(reasons)})" if reasons else message


def _plain(value: Any) -> str:
    """The message inside whatever a server put there: text, JSON as text, an object, a list of problems."""
    if isinstance(value, str):
        if value[:1] in "{[":
            try:
                return _plain(json.loads(value)) or value
            except ValueError:
                return value
        without_tags = re.sub(r"<(style|script).*?</\1>|<[^>]+>", " ", value, flags=re.S | re.I)
        return without_tags if value.lstrip()[:1] == "<" else value
    if isinstance(value, Mapping):
        for name in ("message", "error", "detail", "msg"):
            if value.get(name):
                return _plain(value[name])
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_plain, value)))
    return "" if value is None else str(value)


def _next_move(facts: _Facts, kind: str, retry_after: float | None) -> str:
    others = _names(facts.availability.get("fallback_models"))
    move = _NEXT_MOVES[kind]
    if retry_after is not None and kind in ("rate_limit", "server"):
        move = f"Wait {retry_after:.0f} s and run it again, or choose another model."
    elif kind == "rate_limit" and "free" in facts.reason.lower():
        move += " Free models have daily limits per account."
    return f"{move} These would do instead: {', '.join(others)}." if others else move


def _names(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
