"""Times as they are typed at options."""

from __future__ import annotations

from datetime import datetime, timedelta

import typer

TIMES = "2026-11-27, 2026-11-27T09:00, or 2h for two hours ago"
"""What may be typed."""


def moment(text: str, option: str, now: datetime) -> datetime | None:
    """A time in this machine's zone unless it says another, or so long before now; None for ''.

    Raises typer.BadParameter.
    """
    from core.workflow.durations import parse_duration

    if not text:
        return None
    try:
        return now - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"{option} {text!r} is no time. Write {TIMES}.") from None
