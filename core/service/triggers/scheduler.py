"""The scheduler: starts the runs of schedules when their time comes, together with any number of other schedulers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Final

from core.engine.clock import Clock
from core.engine.errors import InputError
from core.service.queue import RunQueue
from core.service.triggers.ticks import GRACE, Decision, decide
from core.store.errors import StoreError
from core.store.schedules import ScheduledWorkflow, Schedules, Settled
from core.workflow.problems import DocumentError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
"""Seconds between two looks at most: others may have switched schedules on meanwhile."""

TRIGGER_LABEL: Final = "trigger"
"""The label of runs that a trigger started; its value is the trigger's type."""

TIME_LABEL: Final = "scheduled_for"
"""The label with the time that a run was started for, in UTC."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A run that a schedule started. lag_s: seconds between its time, with its jitter, and the start."""

    workflow: str
    run_id: str
    time: datetime
    lag_s: float


class Scheduler:
    """Starts the runs of active schedules. `run` does it until cancelled; `start` and `stop` do so in the background.

    Several may work on one database: the row of a schedule is locked by whoever settles it, and its run is queued in
    the same transaction as its next time, so that no time is lost or counts twice. told: hears of every run that was
    started, for example to measure how late. held: hears the id of a run that has not ended, for which a time was
    skipped.
    """

    def __init__(
        self,
        schedules: Schedules,
        queue: RunQueue,
        *,
        clock: Clock,
        random: Random | None = None,
        told: Callable[[Fired], None] = lambda _: None,
        held: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._schedules = schedules
        self._queue = queue
        self._clock = clock
        self._random = random or SystemRandom()
        self._told = told
        self._held = held
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop; does nothing if it has begun."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self.run(), name="scheduler")

    async def stop(self) -> None:
        """End what `start` began; a schedule that is being settled is settled by the next one who looks."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def run(self) -> None:
        """Start runs until cancelled; while the database is away, wait for it."""
        while True:
            try:
                await self.fire_due()
                pause = await self._until_next()
            except StoreError as error:
                _log.warning("Schedules wait: %s", error)
                pause = LOOK_EVERY_S
            await self._clock.sleep(pause)

    async def fire_due(self) -> list[Fired]:
        """Settle every schedule whose time has come; the runs that were started."""
        fired: list[Fired] = []
        while True:
            started: list[Fired] = []

            async def settle(
                connection: AsyncConnection, found: ScheduledWorkflow, started: list[Fired] = started
            ) -> Settled:
                started.clear()  # the transaction may be done again
                return await self._settle(connection, found, started)

            settled = await self._schedules.settle_due(self._clock.now(), settle)
            if settled is None:
                return fired
            if settled.problem:
                _log.error("Schedule of %r starts nothing any more: %s", settled.name, settled.problem)
            for one in started:
                _log.info("Schedule of %r started run %s, %.3f s late", one.workflow, one.run_id, one.lag_s)
                self._told(one)
            fired += started

    async def _until_next(self) -> float:
        due = await self._schedules.next_due()
        if due is None:
            return LOOK_EVERY_S
        return min(LOOK_EVERY_S, max(0.0, (due - self._clock.now()).total_seconds()))

    async def _settle(self, connection: AsyncConnection, found: ScheduledWorkflow, started: list[Fired]) -> Settled:
        schedule, time, now = found.schedule, found.next_at, self._clock.now()
        if time is None or found.due_at is None:
            return Settled(None, None)
        if schedule.jitter and not found.delayed and now - time <= GRACE:
            later = timedelta(seconds=self._random.uniform(0, schedule.jitter))
            return Settled(time, time + later, delayed=True)
        decision = decide(schedule, time, now, busy=found.busy)
        if decision.run_for is None:
            _log.info("Schedule of %r at %s: %s", found.name, time, decision.outcome)
            if found.busy and decision.outcome.startswith("skipped"):
                self._held(found.last_run_id)
            return Settled(decision.next_at, decision.next_at, last_at=time, outcome=decision.outcome)
        return await self._enqueue(connection, found, decision, started)

    async def _enqueue(
        self, connection: AsyncConnection, found: ScheduledWorkflow, decision: Decision, started: list[Fired]
    ) -> Settled:
        time, due_at = decision.run_for, found.due_at
        assert time is not None
        assert due_at is not None
        try:
            run_id = await self._queue.enqueue(
                found.active.workflow,
                found.schedule.inputs,
                labels={TRIGGER_LABEL: "schedule", TIME_LABEL: time.isoformat()},
                key=f"schedule:{found.active.id}:{time.isoformat()}",
                on=connection,
            )
        except (DocumentError, InputError) as error:
            reason = str(error).strip().splitlines()
            _log.error("Schedule of %r started nothing at %s: %s", found.name, time, error)
            outcome = f"failed: {' '.join(line.strip() for line in reason)[:500]}"
            return Settled(decision.next_at, decision.next_at, last_at=time, outcome=outcome)
        if decision.waits:
            await self._schedules.run_alone(connection, run_id)
        lag = (self._clock.now() - max(due_at, time)).total_seconds()
        started.append(Fired(found.name, run_id, time, max(0.0, lag)))
        return Settled(decision.next_at, decision.next_at, last_at=time, last_run_id=run_id, outcome=decision.outcome)
