"""The spans of time that can be looked at, and the pieces in which runs are counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

CHOICES: Final[Mapping[str, timedelta]] = {
    "24 hours": DAY,
    "7 days": 7 * DAY,
    "30 days": 30 * DAY,
}
"""What is offered, by its name; the last one of the box is a range of one's own."""

LONGEST: Final = 3 * 366 * DAY

_PIECES: Final = ((2 * DAY, HOUR), (10 * DAY, 3 * HOUR), (100 * DAY, DAY), (LONGEST, 7 * DAY))


@dataclass(frozen=True, slots=True)
class Range:
    """From a full hour or day of the person's time on. piece: how long one bar is."""

    since: datetime
    until: datetime
    piece: timedelta

    @property
    def pieces(self) -> int:
        """How many bars there are."""
        return max(1, -(-(self.until - self.since) // self.piece))

    def start_of(self, index: int) -> datetime:
        """Where a piece begins."""
        return self.since + index * self.piece

    def index_of(self, when: datetime) -> int:
        """Which piece a time falls into."""
        return (when - self.since) // self.piece

    @property
    def title(self) -> str:
        """What its bars are called."""
        names = {HOUR: "Runs per hour", 3 * HOUR: "Runs per three hours", DAY: "Runs per day"}
        return names.get(self.piece, "Runs per week")


def last(length: timedelta, now: datetime, zone: tzinfo | None = None) -> Range:
    """That long until the end of the hour or day that is now. zone: the person's; None for the machine's."""
    piece = _piece(length)
    local = now.astimezone(zone)
    end = local.replace(minute=0, second=0, microsecond=0) + HOUR
    if piece >= DAY:
        end = local.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    return Range(end - length, end, piece)


def between(first: datetime, end: datetime) -> Range:
    """From the beginning of one day to that of another; at least one day and at most LONGEST."""
    end = min(max(end, first + DAY), first + LONGEST)
    return Range(first, end, _piece(end - first))


def _piece(length: timedelta) -> timedelta:
    return next((piece for longest, piece in _PIECES if length <= longest), 7 * DAY)
