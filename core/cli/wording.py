"""Durations, costs and outputs as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.engine.events import Usage
from core.engine.journal import RunRecord


def preview(output: Mapping[str, Any], key: str = "") -> str:
    """The one value of an output that matters, on one line."""
    value = output.get(key) if key else None
    if value is None:
        value = next((item for item in output.values() if item not in (None, "", [], {})), "")
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return "1 item" if len(value) == 1 else f"{len(value)} items"
        case {"blob": str(), "media_type": media_type, "size": int(size), "name": name}:
            return f"{name} ({media_type}, {size_text(size)})"
        case dict():
            return ", ".join(value)
        case _:
            return " ".join(str(value).split())[:200]


def spent(usage: Usage, seconds: float) -> str:
    """Time, tokens and money: `1.2 s · 1,204 tok · $0.0040`."""
    parts = [duration(seconds)]
    if usage.tokens:
        parts.append(f"{usage.tokens:,} tok")
    if usage.cost_usd:
        parts.append(f"${usage.cost_usd:.4f}")
    return " · ".join(parts)


def standing(run: RunRecord) -> str:
    """How a run stands, in a word: its status, that its process died, or that no worker takes it any more."""
    is_parked = run.status == "suspended" and run.error is not None and run.error.type == "parked"
    return "parked" if is_parked else run.standing


def duration(seconds: float) -> str:
    """A duration for people: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size_text(count: int) -> str:
    """Bytes for people: `812 bytes`, `12 kB`, `3.4 MB`."""
    if count < 1000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"
