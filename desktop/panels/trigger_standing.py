"""How a trigger stands, in words: what it runs, how far the editor is ahead, when it came and comes. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.engine.journal import RunRecord
    from core.store.publications import Publication
    from core.store.schedules import ScheduledWorkflow

_STATES = {
    "queued": "queued", "running": "running", "suspended": "waits for an answer", "completed": "done",
    "failed": "failed", "cancelled": "stopped",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """A workflow of the library. schedule: None unless one of it is at work. last_run: that its trigger started."""

    publication: Publication
    schedule: ScheduledWorkflow | None = None
    last_run: RunRecord | None = None

    @property
    def is_paused(self) -> bool:
        """Whether its schedule is held."""
        return self.schedule is not None and self.schedule.paused

    @property
    def problem(self) -> str:
        """Why its schedule starts nothing though it is active, '' if nothing is wrong."""
        return self.schedule.problem if self.schedule is not None else ""

    @property
    def ahead(self) -> int:
        """Saved versions that are newer than the published one."""
        return self.publication.newest - self.publication.published if self.publication.published else 0


def headline(stands: Standing) -> tuple[str, str]:
    """Whether it is active, in a word or two, and the name of a state's colour for it ('' for none)."""
    if not stands.publication.is_active:
        return "Not active", ""
    if stands.problem:
        return "Active, but cannot be read", "failed"
    if stands.is_paused:
        return "Active, and paused", "waiting"
    return "Active", "done"


def versions(stands: Standing, *, unsaved: bool) -> str:
    """What the trigger runs, and how far the editor is ahead of that. unsaved: there are edits that are not saved."""
    one = stands.publication
    if not one.published:
        return f"Nothing starts it by itself yet. Switching it on publishes version {one.newest}."
    runs = f"Runs version {one.published}" if one.is_active else f"Version {one.published} is published"
    if not stands.ahead and not unsaved:
        return f"{runs}, the newest."
    if not stands.ahead:
        return f"{runs}; you edit changes that are not saved yet."
    changes = "1 change" if stands.ahead == 1 else f"{stands.ahead} changes"
    also = ", and some that are not saved yet" if unsaved else ""
    return f"{runs}; you edit version {one.newest}, {changes} ahead{also}."


def who_runs(type_: str, *, has_service: bool) -> str:
    """Which program acts on an active trigger now."""
    if has_service:
        return "The background service sees to it, also when this window is closed."
    if type_ == "api":
        return "It is called over HTTP: start the background service for that."
    return "It starts runs while this window is open. The background service goes on without it."


def times(stands: Standing) -> list[tuple[str, str]]:
    """When it comes, came, and what became of that, by name; what is not known is left out."""
    found: list[tuple[str, str]] = []
    schedule = stands.schedule
    if schedule is not None and not schedule.problem:
        place = schedule.schedule.place
        if schedule.paused:
            found.append(("Comes next", "Paused: its times pass"))
        else:
            at = schedule.next_at
            found.append(("Comes next", _at(at.astimezone(place)) if at is not None else "No more"))
        if schedule.last_at is not None:
            found.append(("Came last", _at(schedule.last_at.astimezone(place))))
            if schedule.outcome not in ("", "started"):
                found.append(("", _capital(schedule.outcome)))
    if stands.last_run is not None:
        run = stands.last_run
        at = (run.ended or run.created).astimezone()
        found.append(("Last run", f"{_capital(_STATES[run.status])}, {_at(at)}"))
    return found


def _at(time: datetime) -> str:
    return f"{time:%a %-d %b %Y %H:%M} {time.tzname() or ''}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
