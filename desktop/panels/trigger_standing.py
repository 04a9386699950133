"""How a trigger stands, in words: what it runs, how far the editor is ahead, when it came and comes. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from desktop.panels.wording import RUN_STATES

if TYPE_CHECKING:
    from datetime import tzinfo

    from core.store.publications import Publication
    from core.store.schedules import PastTime, ScheduledWorkflow

_WORDS = {
    "queued": "Queued", "running": "Running", "suspended": "Waits for an answer", "completed": "Done",
    "failed": "Failed", "cancelled": "Stopped",
}  # fmt: skip
"""What is said of a run by its status."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A workflow of the library. schedule: None unless one of it is at work. past: what came last, the latest first.

    starts_here: this window starts runs of triggers.
    """

    publication: Publication
    schedule: ScheduledWorkflow | None = None
    past: tuple[PastTime, ...] = ()
    starts_here: bool = True

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


@dataclass(frozen=True, slots=True)
class Came:
    """A time that came, in words. tone: the name of a state's colour. run_id: '' if there is no run to look at.

    more: the whole of it, where `said` is shorter.
    """

    when: str
    said: str
    tone: str
    run_id: str = ""
    more: str = ""


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


def who_runs(type_: str, *, has_service: bool, starts_here: bool) -> str:
    """Which program acts on an active trigger now. starts_here: this window does."""
    if has_service:
        return "The background service sees to it, also when this window is closed."
    if type_ == "api":
        return "It is called over HTTP: start the background service for that."
    if not starts_here:
        return "This window starts nothing by itself: it is a demonstration. The background service does."
    return "It starts runs while this window is open. The background service goes on without it."


def comes_next(stands: Standing) -> str:
    """When it comes next, '' if that is not known."""
    schedule = stands.schedule
    if schedule is None or schedule.problem:
        return ""
    if schedule.paused:
        return "Paused: its times pass"
    at = schedule.next_at
    return _at(at.astimezone(schedule.schedule.place)) if at is not None else "No more"


def past(stands: Standing, place: tzinfo | None) -> list[Came]:
    """What came last, the latest first. place: the time zone that is spoken of; None for that of this machine."""
    return [_came(one, place) for one in stands.past]


def _came(one: PastTime, place: tzinfo | None) -> Came:
    at = one.at.astimezone(place)
    when = f"{at:%a %-d %b %H:%M:%S}".removesuffix(":00")
    if not one.run_id:
        said = _capital(one.outcome)
        if said.startswith("Missed"):
            return Came(when, said.partition(":")[0], "skipped", more=said)
        return Came(when, said, "failed" if said.startswith("Failed") else "skipped")
    if one.status is None:
        return Came(when, "Its run is not kept any more", "idle")
    late = "" if one.outcome in ("", "started") else f", {one.outcome}"
    return Came(when, f"{_WORDS[one.status]}{late}", RUN_STATES[one.status], one.run_id)


def _at(time: datetime) -> str:
    return f"{time:%a %-d %b %Y %H:%M} {time.tzname() or ''}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
