"""What a schedule's time asks for, given how late it is noticed and whether the run before has ended. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from core.workflow.schedule_times import next_time, times_before
from core.workflow.triggers import Schedule

GRACE: Final = timedelta(seconds=60)
"""A time that is noticed so much later (and its jitter) is missed."""

MOST_MISSED: Final = 100
"""Runs that `missed: all` makes at most; of more missed times the latest count."""

MOST_COUNTED: Final = 1000
"""Missed times that are counted one by one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done at a time.

    run_for: the time that a run is started for, None for none. waits: it waits until no other run of the workflow is
    executed. next_at: the time after. outcome: what is done, in words.
    """

    run_for: datetime | None
    next_at: datetime | None
    waits: bool = False
    outcome: str = "started"


def decide(schedule: Schedule, time: datetime, now: datetime, *, busy: bool) -> Decision:
    """What the time that came asks for. busy: whether the schedule's run before has not ended."""
    if now - time <= GRACE + timedelta(seconds=schedule.jitter):
        return _overlapping(schedule, Decision(time, next_time(schedule, time)), busy=busy)
    if schedule.missed == "skip":
        outcome = f"missed {_count(schedule, time, now - GRACE)}: nothing was there to start it"
        return Decision(None, next_time(schedule, now - GRACE), outcome=outcome)
    if schedule.missed == "once":
        latest = max(time, next(times_before(schedule, now), time))
        once = Decision(latest, next_time(schedule, latest), outcome="started late, once for all that was missed")
        return _overlapping(schedule, once, busy=busy)
    kept = list(islice(times_before(schedule, now), MOST_MISSED))
    time = max(time, kept[-1]) if kept else time
    # Runs that catch up would otherwise skip each other.
    waits = schedule.overlap != "parallel"
    return Decision(time, next_time(schedule, time), waits=waits, outcome="started late")


def _count(schedule: Schedule, first: datetime, until: datetime) -> str:
    """How many times there were from the first on."""
    times = islice(times_before(schedule, until), MOST_COUNTED)
    number = max(1, sum(1 for _ in takewhile(lambda at: at >= first, times)))
    return "1 time" if number == 1 else f"{number} times{' or more' if number == MOST_COUNTED else ''}"


def _overlapping(schedule: Schedule, decision: Decision, *, busy: bool) -> Decision:
    if schedule.overlap == "queue":
        return Decision(decision.run_for, decision.next_at, waits=True, outcome=decision.outcome)
    if busy and schedule.overlap == "skip":
        return Decision(None, decision.next_at, outcome="skipped: the run before has not ended")
    return decision
