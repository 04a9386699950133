"""When a schedule comes: its times after and before a moment, through changes of summer and winter time.

Times are in UTC. In cron schedules, a fixed time that the change to summer time leaves out comes at the first minute
after the gap, and one that the change to winter time repeats comes once; a schedule of every hour or minute goes on
evenly (the rules of Debian's cron, which cronsim follows).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from cronsim import CronSim

from core.workflow.triggers import Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def next_time(schedule: Schedule, after: datetime) -> datetime | None:
    """The first time after that moment, None if there is none."""
    return next(times_after(schedule, after), None)


def next_times(schedule: Schedule, after: datetime, count: int = 5) -> list[datetime]:
    """The first times after that moment, in UTC."""
    return list(islice(times_after(schedule, after), count))


def times_after(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """All times after that moment, earliest first."""
    if schedule.start is not None and schedule.start > after:
        after = schedule.start - timedelta(microseconds=1)
    for at in _forward(schedule, after.astimezone(UTC)):
        if schedule.end is not None and at >= schedule.end:
            return
        yield at


def times_before(schedule: Schedule, until: datetime) -> Iterator[datetime]:
    """All times up to and with that moment, latest first."""
    for at in _backward(schedule, until.astimezone(UTC)):
        if schedule.start is not None and at < schedule.start:
            return
        if schedule.end is None or at < schedule.end:
            yield at


def _forward(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    if schedule.at is not None:
        if schedule.at > after:
            yield schedule.at
    elif schedule.every is not None:
        anchor, every = schedule.start or _EPOCH, schedule.every
        number = math.floor((after - anchor).total_seconds() / every) + 1
        while True:
            at = anchor + timedelta(seconds=number * every)
            if at > after:
                yield at
            number += 1
    elif schedule.cron:
        last = after
        for local in CronSim(schedule.cron, after.astimezone(schedule.place)):
            at = local.astimezone(UTC)
            if at > last:
                yield at
                last = at


def _backward(schedule: Schedule, until: datetime) -> Iterator[datetime]:
    if schedule.at is not None:
        if schedule.at <= until:
            yield schedule.at
    elif schedule.every is not None:
        anchor, every = schedule.start or _EPOCH, schedule.every
        number = math.floor((until - anchor).total_seconds() / every)
        while number >= 0:
            yield anchor + timedelta(seconds=number * every)
            number -= 1
    elif schedule.cron:
        # The library goes back in whole minutes and counts none that has begun.
        minute = until.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for local in CronSim(schedule.cron, minute.astimezone(schedule.place), reverse=True):
            at = local.astimezone(UTC)
            if at <= until:
                yield at
