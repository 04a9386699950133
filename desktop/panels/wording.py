"""Costs, times and states as the panels say them; durations and sizes are said as on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from core.engine.events import RunStatus
from core.engine.part import Part
from core.workflow.model import Workflow
from desktop.overlay import StepState
from desktop.step_words import steps_on

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
    "queued": "queued",
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


def path_words(path: str, workflow: Workflow) -> str:
    """Where in a run something happened, by the titles of steps: `Pay it`, `Each order, pass 3 > Pay it`."""
    said = []
    for part, step in steps_on(path, workflow):
        step_id, _, rest = part.partition("[")
        name = step.name if step is not None else step_id
        index = rest.rstrip("]")
        said.append(f"{name}, pass {int(index) + 1}" if index.isdecimal() else name)
    return " > ".join(said)


def part_words(part: Part, workflow: Workflow) -> str:
    """What of a workflow a run executes: `Draft alone`, `to Draft`, `from Draft`, `Draft edited`, `what changed`.

    '' for all of it.
    """
    edited = next((step for step, given in part.given.items() if given.why == "edited"), "") if part.is_whole else ""
    step_id = part.end or part.anew or edited
    step = workflow.step(step_id) if step_id else None
    if step is None:
        return "what changed" if part.base and not step_id else ""
    if part.only:
        return f"{step.name} alone"
    if part.until:
        return f"to {step.name}"
    return f"from {step.name}" if part.anew else f"{step.name} edited"
