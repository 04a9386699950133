"""Costs, times and states as the panels say them; durations and sizes are said as on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from core.engine.events import RunStatus
from desktop.overlay import StepState

STATE_ICONS: Final[Mapping[StepState, str]] = {
    "idle": "circle",
    "queued": "clock",
    "running": "loader-circle",
    "waiting": "hand",
    "done": "circle-check",
    "failed": "circle-x",
    "skipped": "skip-forward",
    "cancelled": "circle-slash",
}
"""The sign of each state, so that none is told by colour alone."""

RUN_STATES: Final[Mapping[RunStatus, StepState]] = {
    "running": "running",
    "suspended": "waiting",
    "completed": "done",
    "failed": "failed",
    "cancelled": "cancelled",
}
"""The state whose colour and sign a run's status has."""


def money(usd: float) -> str:
    """A cost: `$0.0040`, `$1.25`; '' for nothing."""
    if not usd:
        return ""
    return f"${usd:.4f}" if usd < 1 else f"${usd:,.2f}"


def ago(then: datetime, now: datetime) -> str:
    """How long ago that was: `just now`, `5 min ago`, `3 h ago`, `yesterday`, else the day."""
    seconds = (now - then).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    days = (now.astimezone().date() - then.astimezone().date()).days
    if days == 0:
        return f"{seconds // 3600:.0f} h ago"
    return "yesterday" if days == 1 else f"{then.astimezone():%Y-%m-%d}"


def clock_time(at: datetime, now: datetime) -> str:
    """A time of day, with the day if it is another: `14:05:12`, `2026-03-01 14:05`."""
    local = at.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"
