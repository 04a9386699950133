"""The runs that a worker executes: begun, watched, cancelled, left to another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from core.engine.clock import Clock
from core.engine.engine import Run
from core.engine.errors import EngineError, JournalUnavailable, LeaseLost, RunBusy, RunNotFound
from core.engine.events import Event
from core.engine.journal import Journal
from core.engine.lifecycle import RunResult
from core.service.queue import Resume
from core.store.errors import StoreError
from core.workflow.problems import WorkflowError

if TYPE_CHECKING:
    from core.store.queued_runs import QueuedRun, QueuedRuns
    from core.store.spread_runs import SpreadRuns

_log = logging.getLogger(__name__)

OTHERS_TRY_AFTER: Final = timedelta(seconds=15)
"""How long a run waits that this worker lacks something for, before any worker looks at it again."""


@dataclass(slots=True)
class _Executed:
    """A run in this worker; None until it has begun. wish: why it is to be stopped, '' for not."""

    run: Run | None = None
    wish: str = ""


class WorkerRuns:
    """Executes runs by their ids, at most `concurrency` at the same time. told: hears what happens in them."""

    def __init__(
        self,
        queued: QueuedRuns,
        spread: SpreadRuns,
        journal: Journal,
        resume: Resume,
        *,
        clock: Clock,
        concurrency: int,
        told: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._queued = queued
        self._spread = spread
        self._journal = journal
        self._resume = resume
        self._clock = clock
        self._told = told
        self._room = asyncio.Semaphore(concurrency)
        self._executed: dict[str, _Executed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._hurried = asyncio.Event()

    @property
    def ids(self) -> tuple[str, ...]:
        """The runs that are being executed."""
        return tuple(self._executed)

    async def execute(self, run_id: str) -> None:
        """Execute a run until it ends, waits, or is taken away; a second call for it meanwhile does nothing.

        Returns early if the caller is cancelled; the run goes on. Raises nothing of what happens to the run.
        """
        if run_id in self._executed:
            return
        self._executed[run_id] = _Executed()
        task = asyncio.get_running_loop().create_task(self._execute(run_id), name=f"queued run {run_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    def cancel(self, run_id: str, reason: str) -> None:
        """Stop a run for good, if it is executed here."""
        executed = self._executed.get(run_id)
        if executed is None or executed.wish:
            return
        executed.wish = reason
        if executed.run is not None:
            executed.run.cancel(reason)

    def hurry(self) -> None:
        """Give what runs no more time to come to its end."""
        self._hurried.set()

    async def stop(self, grace_s: float) -> None:
        """Let what runs come to its end for so many seconds; then, or when `hurry` is called, hand the rest over to
        other workers.
        """
        self._stopping = True
        if self._tasks:
            hurried = asyncio.create_task(self._hurried.wait())
            ended = asyncio.create_task(asyncio.wait(self._tasks, timeout=grace_s))
            await asyncio.wait((ended, hurried), return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            hurried.cancel()
        left = [(run_id, executed) for run_id, executed in self._executed.items() if not executed.wish]
        for run_id, executed in left:
            try:
                # Noted before: if this process is killed now, the run is found all the same.
                await self._queued.hand_over(run_id)
            except StoreError as error:
                _log.warning("Run %s could not be handed over: %s", run_id, error)
            if executed.run is not None:
                executed.run.cancel("its worker was stopped; another one goes on with it", resumable=True)
        if self._tasks:
            await asyncio.wait(self._tasks)
        for run_id, _ in left:
            await self._pass_on(run_id)

    async def _pass_on(self, run_id: str) -> None:
        try:
            run = await self._journal.run(run_id)
            if run.status == "cancelled" and run.resumable:
                await self._queued.again(run_id)
                _log.info("Run %s was handed over", run_id)
        except (EngineError, StoreError) as error:
            _log.warning("Run %s waits until the queue is looked after: %s", run_id, error)

    async def _execute(self, run_id: str) -> None:
        executed = self._executed[run_id]
        limited = False
        try:
            async with self._room:
                if self._stopping:
                    await self._queued.again(run_id)
                    return
                queued = await self._queued.get(run_id)
                if queued is None or queued.parked or not queued.wanted:
                    return
                if queued.cancel:
                    await self._cancel_for_good(run_id)
                    return
                limited = queued.place.is_limited and (queued.has_slot or await self._queued.take_slot(run_id))
                if limited or not queued.place.is_limited:
                    await self._go_on(run_id, executed, queued)
        except StoreError as error:
            _log.warning("The queue could not be asked about run %s: %s", run_id, error)
        except Exception:  # noqa: BLE001 - one run's surprise must not end the worker; the upkeep brings the run back
            _log.exception("Run %s met an error that was not expected", run_id)
        finally:
            del self._executed[run_id]
            if limited:
                await self._free_slot(run_id)

    async def _go_on(self, run_id: str, executed: _Executed, queued: QueuedRun) -> None:
        """Begin a run, or go on with it, and wait until nothing of it runs any more."""
        try:
            executed.run = run = await self._resume(run_id)
            run.listeners.append(self._told)
            if queued.noted:
                await self._queued.forget_notes(run_id)
            if executed.wish:
                run.cancel(executed.wish)
            elif self._stopping:
                run.cancel("its worker was stopped; another one goes on with it", resumable=True)
            result = await run.result()
            _tell_failure(result)
            if result.status == "suspended":
                await self._spread.waits(run_id)
            elif queued.spread and not result.resumable:
                await self._spread.has_ended(run_id)
        except RunBusy as error:
            # Whoever had it may be gone without our knowing: the upkeep brings it back when its lease has ended.
            _log.info("%s", error)
        except (RunNotFound, LeaseLost) as error:
            _log.info("Run %s was left: %s", run_id, error)
        except JournalUnavailable as error:
            _log.warning("Run %s stopped: %s", run_id, error)
        except WorkflowError as error:
            await self._leave_to_others(run_id, str(error))
        except EngineError as error:
            await self._note_fault(run_id, error)

    async def _leave_to_others(self, run_id: str, lack: str) -> None:
        """This program does not know all that the document needs; a newer one, or one with a plug-in, may."""
        _log.warning("Run %s is left for a worker that can execute it: %s", run_id, lack)
        await self._queued.leave_to_others(run_id, lack, self._clock.now() + OTHERS_TRY_AFTER)

    async def _note_fault(self, run_id: str, error: EngineError) -> None:
        try:
            run = await self._journal.run(run_id)
        except EngineError:
            return
        if run.status == "running":
            # It would be tried again for ever; so it counts as a worker that was lost over it.
            _log.error("Run %s: %s", run_id, error)
            await self._queued.note_loss(run_id)
        else:
            _log.info("Run %s needs no worker: %s", run_id, error)

    async def _cancel_for_good(self, run_id: str) -> None:
        try:
            await self._journal.cancel(run_id)
            await self._spread.has_ended(run_id)
        except EngineError as error:
            _log.info("Run %s was not cancelled here: %s", run_id, error)

    async def _free_slot(self, run_id: str) -> None:
        try:
            await self._queued.free_slot(run_id)
        except StoreError as error:
            _log.warning("What waits for run %s is let go a little later: %s", run_id, error)


def _tell_failure(result: RunResult) -> None:
    if result.status == "failed" and result.error is not None:
        where = f" at {result.error_path}" if result.error_path else ""
        message = " ".join(result.error.message.split())
        _log.warning("Run %s of %s failed%s: %s", result.run_id, result.workflow, where, message)
