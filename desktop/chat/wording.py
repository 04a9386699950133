"""Tokens, costs, states and reasons as the chat says them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from core.engine.events import Usage
from core.store.conversation_records import CallStatus, FunctionCall, StoredMessage
from core.workflow.model import Json
from desktop.overlay import StepState
from desktop.panels.wording import money

CALL_STATES: Final[Mapping[CallStatus, StepState]] = {
    "waiting": "waiting",
    "approved": "queued",
    "denied": "cancelled",
    "started": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "unknown": "waiting",
}
"""The state whose colour and sign a call's status has."""

CALL_WORDS: Final[Mapping[CallStatus, str]] = {
    "waiting": "waits for you",
    "approved": "allowed",
    "denied": "denied",
    "started": "running",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "unknown": "interrupted",
}

SECTIONS: Final = {
    "system": "System prompt",
    "memory": "Memory",
    "summary": "Notes of what was left out",
    "history": "Conversation",
    "functions": "Functions",
}
"""What the parts of a request are called."""


def seconds(duration: float) -> str:
    """A duration: `0.4 s`, `12 s`, `3 min 5 s`; '' for none."""
    if duration <= 0:
        return ""
    if duration < 10:
        return f"{duration:.1f} s"
    if duration < 120:
        return f"{duration:.0f} s"
    return f"{duration // 60:.0f} min {duration % 60:.0f} s"


def tokens(count: int) -> str:
    """A number of tokens: `842`, `12.4k`, `128k`, `1.05M`."""
    if count < 10_000:
        return f"{count:,}"
    if count < 1_000_000:
        return f"{count / 1000:.1f}".removesuffix(".0") + "k"
    return f"{count / 1_000_000:.2f}".rstrip("0").removesuffix(".") + "M"


def spent(usage: Usage, duration: float = 0.0) -> str:
    """What was spent: `1,204 tok · $0.0040 · 1.8 s`."""
    count = usage.tokens_in + usage.tokens_out
    parts = [f"{tokens(count)} tok" if count else "", money(usage.cost_usd), seconds(duration)]
    return " · ".join(part for part in parts if part)


def call_seconds(call: FunctionCall) -> float:
    """How long a call took, waits left out; 0 while it is not over."""
    return call.worked_s


def arguments_text(call: FunctionCall) -> str:
    """All arguments of a call, for a person."""
    if call.arguments is None:
        return call.raw
    return json.dumps(call.arguments, ensure_ascii=False, indent=2, default=str)


def arguments_line(call: FunctionCall) -> str:
    """The arguments of a call on one line."""
    if call.arguments is None:
        return call.raw.replace("\n", " ")
    return ", ".join(f"{name}: {_short(value)}" for name, value in call.arguments.items())


def why_it_ended(message: StoredMessage) -> str:
    """Why an answer is not whole, '' if it is."""
    if message.role != "assistant" or message.status == "complete":
        return ""
    begin = "This answer is not whole." if message.text else "There is no answer."
    if message.status == "failed":
        begin = "The answer broke off." if message.text else "The answer failed."
    return f"{begin} {message.reason}".strip()


def attached(message: StoredMessage) -> list[Mapping[str, Any]]:
    """The files that a message brings along: objects with `blob`, `media_type`, `name` and `size`, or with the
    address of a picture elsewhere under `image_url`."""
    content = message.body.get("content")
    parts = [part for part in content if _is_kept(part)] if isinstance(content, list) else []
    images = message.body.get("images") if message.role == "assistant" else None
    return [*parts, *(part for part in images or () if _is_kept(part) or _is_elsewhere(part))]


def made(message: StoredMessage) -> list[Mapping[str, Any]]:
    """The files that the functions made which a message called, each once."""
    found: dict[str, Mapping[str, Any]] = {}
    for call in message.calls:
        for part in call.files:
            if _is_kept(part):
                found.setdefault(str(part["blob"]), part)
    return list(found.values())


def reasoning_of(message: StoredMessage) -> str:
    """What the model thought aloud before an answer, '' for nothing."""
    text = message.detail.get("reasoning")
    return text if isinstance(text, str) and text.strip() else ""


def _is_kept(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "blob" and isinstance(part.get("blob"), str)


def _is_elsewhere(part: Any) -> bool:
    """Whether a part is a picture with an address; one that brings its data along was not kept."""
    place = part.get("image_url") if isinstance(part, Mapping) else None
    url = place.get("url") if isinstance(place, Mapping) else place
    return isinstance(url, str) and not url.startswith("data:")


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
