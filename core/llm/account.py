"""What a key may still spend, and what an answer that was cut short cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.engine.errors import StepError
from core.engine.events import Usage
from core.llm.connection import ServerConnection


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as OpenRouter knows it. Amounts in US dollars; None for no limit or unknown.

    label: the key with its middle left out. limit_reset: `daily`, `weekly`, `monthly` or ''. expires_at: ISO time or
    ''. free_requests_left: requests to free models that remain today.
    """

    label: str
    used: float
    used_today: float | None = None
    limit: float | None = None
    remaining: float | None = None
    limit_reset: str = ""
    is_free_tier: bool = False
    is_management_key: bool = False
    expires_at: str = ""
    free_requests_left: int | None = None
    free_requests_limit: int | None = None


async def key_info(connection: ServerConnection) -> KeyInfo:
    """What OpenRouter says of the key in use. Raises StepError."""
    answer = await connection.get("/key", key_needed=True)
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, Mapping):
        raise StepError("OpenRouter sent no information about the key. Try again later.", kind="server", retryable=True)
    free = data.get("free_model_daily_requests")
    free = free if isinstance(free, Mapping) else {}
    return KeyInfo(
        label=str(data.get("label") or ""),
        used=_amount(data.get("usage")) or 0.0,
        used_today=_amount(data.get("usage_daily")),
        limit=_amount(data.get("limit")),
        remaining=_amount(data.get("limit_remaining")),
        limit_reset=str(data.get("limit_reset") or ""),
        is_free_tier=bool(data.get("is_free_tier")),
        is_management_key=bool(data.get("is_management_key")),
        expires_at=str(data.get("expires_at") or ""),
        free_requests_left=_count(free.get("remaining")),
        free_requests_limit=_count(free.get("limit")),
    )


async def generation_usage(connection: ServerConnection, generation_id: str) -> Usage:
    """What one answer cost in the end, also one that was aborted and so never sent its counts. Raises StepError."""
    answer = await connection.get("/generation", {"id": generation_id}, key_needed=True)
    data = answer.get("data") if isinstance(answer, Mapping) else None
    data = data if isinstance(data, Mapping) else {}
    tokens_in = _amount(data.get("native_tokens_prompt")) or _amount(data.get("tokens_prompt")) or 0
    tokens_out = _amount(data.get("native_tokens_completion")) or _amount(data.get("tokens_completion")) or 0
    return Usage(int(tokens_in), int(tokens_out), _amount(data.get("total_cost")) or 0.0)


def _amount(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    amount = _amount(value)
    return None if amount is None else int(amount)
