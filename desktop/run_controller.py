"""Runs of one open document: starting, stopping, resuming and answering them, and what is shown of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from core.engine.clock import Clock
from core.engine.engine import Run
from core.engine.errors import JournalUnavailable
from core.engine.events import Event, RunSuspended
from core.engine.journal import Journal, RunRecord, StepRecord
from core.engine.part import WHOLE, Given, Part
from core.workflow.model import Json, Workflow
from desktop.bridge import Bridge, OnError, explain
from desktop.document import OpenDocument
from desktop.overlay import RunOverlay
from desktop.watched_run import WatchedRun

if TYPE_CHECKING:
    from core.service.queue import RunQueue

FRAME_MS: Final = 34
"""Milliseconds between two signals `changed`: at most 30 a second."""

RUNS_SHOWN: Final = 20
"""How many runs that are over stay at hand; older ones are opened from the history."""

LOOK_EVERY_S: Final = 5.0
"""Seconds between two looks at whether the process that executes a run is still there."""

_LONGEST_TIMER_S: Final = 86_400.0


class RunsOf(Protocol):
    """What running needs of the workspace."""

    clock: Clock
    journal: Journal

    async def prepare(self, workflow: Workflow, inputs: Mapping[str, Json], *, part: Part = WHOLE) -> None:
        """Check a workflow and its inputs and make it ready. Raises DocumentError, InputError or EngineError."""

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Json] | None = None,
        *,
        origin: str = "",
        checked: bool = False,
        part: Part = WHOLE,
    ) -> Run:
        """Start a run. Raises DocumentError or InputError."""

    async def resume(self, run_id: str) -> Run:
        """Go on with a run."""

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """All records of a run."""

    def follow(self, run_id: str) -> AsyncGenerator[Event, None]:
        """Every event of a run, whichever process executes it."""

    @property
    def queue(self) -> RunQueue:
        """Stops runs, whichever process executes them."""


class RunController(QObject):
    """The runs of one document that this window has started, resumed or opened; those that others execute are followed.

    pins: gives the pinned outputs by step id. changed: something of the shown run is new, at most every FRAME_MS.
    shown_changed: another WatchedRun (or None) is shown. state_changed: a WatchedRun began, ended or was let go. ended:
    the RunResult of a run that is executed no more.
    """

    changed = Signal()
    shown_changed = Signal(object)
    state_changed = Signal(object)
    ended = Signal(object)

    def __init__(
        self, workspace: RunsOf, document: OpenDocument, bridge: Bridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.pins: Callable[[], Mapping[str, Given]] = dict
        self._workspace = workspace
        self._document = document
        self._bridge = bridge
        self._runs: dict[str, WatchedRun] = {}
        self._executing: dict[str, Run] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._far: dict[str, Sequence[asyncio.Task[None]]] = {}
        self._wakers: dict[str, QTimer] = {}
        self._shown: WatchedRun | None = None
        self._idle = RunOverlay()
        self._closed = False
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setTimerType(Qt.TimerType.PreciseTimer)  # a coarse timer may come early
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self.changed)

    @property
    def shown(self) -> WatchedRun | None:
        """The run that the panels and the canvas show."""
        return self._shown

    @property
    def overlay(self) -> RunOverlay:
        """What the canvas shows: the shown run, or no run."""
        return self._shown.overlay if self._shown is not None else self._idle

    @property
    def runs(self) -> Sequence[WatchedRun]:
        """All runs at hand, oldest first."""
        return tuple(self._runs.values())

    @property
    def live(self) -> Sequence[WatchedRun]:
        """The runs that are executed now, here or by another process."""
        return tuple(run for run in self._runs.values() if run.live)

    def now(self) -> float:
        """Monotonic seconds, on the scale of `StepView.since`."""
        return self._workspace.clock.monotonic()

    def start(
        self,
        inputs: Mapping[str, Json] | None = None,
        on_started: Callable[[WatchedRun], None] | None = None,
        on_error: OnError | None = None,
        *,
        part: Part = WHOLE,
    ) -> None:
        """Start a run of the document as it is now, and show it. Pinned steps do not run.

        on_error: gets DocumentError (its problems belong on the steps) or InputError instead of the bridge's signal.
        part: what of the document runs, and what is known before.
        """
        pinned = {} if part.only else {i: given for i, given in self.pins().items() if i not in (part.until, part.anew)}
        part = replace(part, given={**pinned, **part.given})
        self._bridge.spawn(self._start(self._document.workflow, dict(inputs or {}), part), on_started, on_error)

    def stop(self, run_id: str = "") -> None:
        """Stop a run; the shown one if none is named. It can be resumed, unless another process executes it."""
        run_id = run_id or (self._shown.id if self._shown else "")
        run = self._executing.get(run_id)
        if run is not None:
            run.cancel("a person stopped the run", resumable=True)
        elif run_id in self._far:
            self._bridge.spawn(self._workspace.queue.cancel(run_id, "a person stopped the run"))

    def resume(self, run_id: str, on_error: OnError | None = None) -> None:
        """Go on with a run that waits, was stopped, failed or was interrupted; completed steps are not run again."""
        self._bridge.spawn(self._resume(run_id), None, on_error)

    def answer(self, path: str, answer: Mapping[str, Json], run_id: str = "", on_error: OnError | None = None) -> None:
        """Answer what the step at that path asks, and go on with the run as soon as nothing else of it is at work."""
        run_id = run_id or (self._shown.id if self._shown else "")
        self._bridge.spawn(self._answer(run_id, path, dict(answer)), None, on_error)

    def open_past(self, run_id: str, on_error: OnError | None = None) -> None:
        """Show a run of the journal as it was, or as it goes on elsewhere, without executing anything."""
        self._bridge.spawn(self._open_past(run_id), None, on_error)

    def show(self, run_id: str) -> None:
        """Show another run of those at hand; '' shows none."""
        run = self._runs.get(run_id)
        if run is not self._shown:
            self._shown = run
            self.shown_changed.emit(run)

    def close(self) -> None:
        """Stop all runs so that they can be resumed, and wake none any more. Their ends are not told."""
        self._closed = True
        self._frame.stop()
        for timer in self._wakers.values():
            timer.stop()
        self._wakers.clear()
        for run_id in list(self._far):
            self._leave(run_id)
        for run in self._executing.values():
            run.cancel("the window was closed", resumable=True)

    async def _start(self, workflow: Workflow, inputs: Mapping[str, Json], part: Part) -> WatchedRun:
        await self._workspace.prepare(workflow, inputs, part=part)
        file = self._document.file
        origin = str(file.parent) if file else ""
        run = self._workspace.start(workflow, inputs, origin=origin, checked=True, part=part)
        watched = WatchedRun(run.id, workflow, inputs, self._workspace.clock.now(), part)
        self._watch(run, watched)
        self.show(run.id)
        return watched

    async def _resume(self, run_id: str) -> None:
        if run_id in self._executing:
            return
        record = await self._workspace.journal.run(run_id)
        steps = await self._workspace.steps(run_id)
        watched = await asyncio.to_thread(partial(self._watched, record, steps, live=True))
        run = await self._workspace.resume(run_id)
        self._leave(run_id)
        watched.status = "running"
        shown = self._shown is None or self._shown.id == run_id or record.workflow.name == self._document.workflow.name
        self._watch(run, watched)
        if shown:
            self.show(run_id)

    async def _answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> None:
        await self._workspace.journal.answer(run_id, path, answer)
        follower = self._followers.get(run_id)
        if follower is not None:  # other steps are at work; a run is resumed when nothing of it is executed
            await asyncio.wait([follower])
            if (run := self._runs.get(run_id)) is not None and run.status != "suspended":
                return
        await self._resume(run_id)

    async def _open_past(self, run_id: str) -> None:
        if run_id not in self._executing and run_id not in self._far:
            record = await self._workspace.journal.run(run_id)
            if record.status in ("queued", "running") and not record.interrupted:
                self._watch_elsewhere(WatchedRun.untold(record))
            else:
                steps = await self._workspace.steps(run_id)
                self._keep(await asyncio.to_thread(self._watched, record, steps))
        self.show(run_id)

    def _watched(self, record: RunRecord, steps: Sequence[StepRecord], *, live: bool = False) -> WatchedRun:
        return WatchedRun.of(record, steps, live=live, clock=self._workspace.clock)

    def _watch(self, run: Run, watched: WatchedRun) -> None:
        """Follow a run; called before anything is awaited after its start, so that no event is missed."""
        watched.live = True
        self._executing[run.id] = run
        timer = self._wakers.pop(run.id, None)
        if timer is not None:
            timer.stop()
        clock = self._workspace.clock

        def heard(event: Event) -> None:
            watched.take(event, clock.monotonic())
            self._gone_on(watched)

        run.listeners.append(heard)
        self._keep(watched)
        follower = self._bridge.spawn(self._follow(run, watched), name=f"watch {run.id}")
        if follower is not None:
            self._followers[run.id] = follower

    def _gone_on(self, watched: WatchedRun) -> None:
        """Something of a run is new."""
        if watched is self._shown and not self._closed and not self._frame.isActive():
            self._frame.start()

    async def _follow(self, run: Run, watched: WatchedRun) -> None:
        try:
            result = await run.result()
        except Exception as error:
            watched.problem = explain(error)
            self._let_go(watched)
            raise
        watched.end(result)
        self._let_go(watched)
        if self._closed:
            return
        self.ended.emit(result)
        if result.status == "suspended" and result.wake_at is not None:
            self._wake_later(run.id, result.wake_at)

    def _let_go(self, watched: WatchedRun) -> None:
        watched.live = False
        self._executing.pop(watched.id, None)
        self._followers.pop(watched.id, None)
        if self._closed:
            return
        self.state_changed.emit(watched)
        if watched is self._shown:
            self._frame.stop()
            self.changed.emit()

    def _watch_elsewhere(self, watched: WatchedRun) -> None:
        """Follow a run that another process executes, or is about to."""
        tasks = (self._bridge.keep(self._follow_elsewhere(watched)), self._bridge.keep(self._look_after(watched.id)))
        self._far[watched.id] = [task for task in tasks if task is not None]
        self._keep(watched)

    async def _follow_elsewhere(self, watched: WatchedRun) -> None:
        try:
            while not await self._heard_elsewhere(watched):
                await self._workspace.clock.sleep(LOOK_EVERY_S)
                watched = watched.anew()
                self._keep(watched)
        except Exception:
            watched.live = False
            self.state_changed.emit(watched)
            raise
        finally:
            self._leave(watched.id)

    async def _heard_elsewhere(self, watched: WatchedRun) -> bool:
        """Take in all events of a run until it has ended; whether that could be done, or the database is away."""
        journal, clock = self._workspace.journal, self._workspace.clock
        try:
            async with aclosing(self._workspace.follow(watched.id)) as events:
                async for event in events:
                    watched.take(event, clock.monotonic() - (clock.now() - event.at).total_seconds())
                    if isinstance(event, RunSuspended):
                        self._stands(watched, await journal.run(watched.id))
                    elif not watched.live:
                        watched.live, watched.status = True, "running"
                        self.state_changed.emit(watched)
                    self._gone_on(watched)
            self._stands(watched, await journal.run(watched.id))
        except JournalUnavailable:
            return False
        return True

    async def _look_after(self, run_id: str) -> None:
        """Tell if the process that executes a run is gone. Another one may go on with the run later."""
        while True:
            await self._workspace.clock.sleep(LOOK_EVERY_S)
            with suppress(JournalUnavailable):
                record = await self._workspace.journal.run(run_id)
                watched = self._runs[run_id]
                if watched.live and record.interrupted:
                    self._stands(watched, record)

    def _stands(self, watched: WatchedRun, record: RunRecord) -> None:
        """Show that a run is not executed any more."""
        watched.stand(record)
        watched.overlay.settle()
        self.state_changed.emit(watched)
        if watched is self._shown:
            self._frame.stop()
            self.changed.emit()

    def _leave(self, run_id: str) -> None:
        """Follow a run no longer that another process executes."""
        for task in self._far.pop(run_id, ()):
            if task is not asyncio.current_task():
                task.cancel()

    def _keep(self, watched: WatchedRun) -> None:
        self._runs.pop(watched.id, None)
        self._runs[watched.id] = watched
        over = [run.id for run in self._runs.values() if not run.live and run is not self._shown]
        for run_id in over[:-RUNS_SHOWN]:
            del self._runs[run_id]
            self._leave(run_id)
        if self._shown is not None and self._shown.id == watched.id:
            self._shown = watched
            self.shown_changed.emit(watched)
        self.state_changed.emit(watched)

    def _wake_later(self, run_id: str, at: datetime) -> None:
        """Go on with a run when its time has come, if the window is still open then."""
        seconds = (at - self._workspace.clock.now()).total_seconds()
        timer = QTimer(self)
        timer.setSingleShot(True)
        if seconds > _LONGEST_TIMER_S:
            timer.timeout.connect(lambda: self._wake_later(run_id, at))
        else:
            timer.timeout.connect(lambda: self.resume(run_id))
        timer.setTimerType(Qt.TimerType.PreciseTimer)  # a coarse timer may come early, and then the run waits on
        timer.start(math.ceil(min(max(seconds, 0.0), _LONGEST_TIMER_S) * 1000) + 1)
        self._wakers[run_id] = timer
