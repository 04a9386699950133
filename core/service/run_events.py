"""A run's events for somebody who watches it from outside: from the journal what was, from the engine what is.

The journal keeps records and no events, so what was is told by events made of the records. Each has an id that says
where in time it stands; who lost the connection names the last one seen and misses nothing. Other processes tell of the
runs that they execute (see `run_relay`); what nobody tells of is looked up from time to time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.engine.events import (
    ErrorInfo,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunSuspended,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
)
from core.engine.journal import Journal, RunRecord, StepRecord
from core.engine.spread import SPREAD
from core.service.live_runs import LiveRuns

Place: TypeAlias = tuple[int, int, int, str]
"""Where an event stands: microseconds since 1970, rank among those of the same moment, attempt, path of the step."""

ENDED: Final = frozenset({"completed", "failed", "cancelled"})

_BEGINNING: Final[Place] = (0, 0, 0, "")
_ENDS: Final = (RunCompleted, RunFailed, RunCancelled)
_STEP_ENDS: Final = (StepCompleted, StepFailed, StepRetrying, StepSuspended, StepCancelled)
_NO_ERROR: Final = ErrorInfo("failed", "It does not say why.")
_CATCH_UP: Final = 50
"""Looks at the journal, a tenth of a second apart, until it says what was heard already: that the run has ended or
waits."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its id, '' for one that is told only once."""

    event: Event
    id: str = ""


def place_of(event: Event) -> Place:
    """Where an event stands among the others of its run."""
    moment = int(event.at.timestamp() * 1_000_000)
    match event:
        case RunStarted():
            return _BEGINNING
        case StepEvent():
            return (moment, 2 if isinstance(event, StepStarted) else 3, event.attempt, event.path)
        case RunResumed():
            return (moment, 1, 0, "")
        case _:
            return (moment, 9, 0, "")


def id_of(place: Place) -> str:
    """A place as the id of an event."""
    return ".".join(map(str, place))


def parsed_id(text: str) -> Place | None:
    """The place that an id names, None for what is no id of ours."""
    parts = text.split(".", 3)
    if len(parts) != 4 or not all(part.isdecimal() and len(part) < 20 for part in parts[:3]):
        return None
    return (int(parts[0]), int(parts[1]), int(parts[2]), parts[3])


def events_of(run: RunRecord, steps: list[StepRecord]) -> list[Event]:
    """What the journal knows of a run as events, in their order."""
    events: list[Event] = []
    if run.status != "queued":
        events.append(_start_of(run))
    last = {step.path: at for at, step in enumerate(steps)}
    for at, step in enumerate(steps):
        events += _of_step(step, tried_again=last[step.path] > at)
    if (end := _of_end(run, steps)) is not None:
        events.append(end)
    return sorted(events, key=place_of)


def _start_of(run: RunRecord) -> RunStarted:
    return RunStarted(run.id, run.created, run.workflow.name, run.inputs)


def _of_step(step: StepRecord, *, tried_again: bool) -> Iterator[StepEvent]:
    if step.started is not None:
        yield StepStarted(
            step.run_id, step.started, step.path, step.step_id, step.attempt, step.type, step.title, step.cause,
            step.definition, step.inputs,
        )  # fmt: skip
    if step.ended is None:
        return
    base = (step.run_id, step.ended, step.path, step.step_id, step.attempt)
    reason = str(step.state.get("reason", ""))
    match step.status:
        case "completed":
            yield StepCompleted(
                *base, step.output or {}, step.ports, step.variables, step.request, step.usage, step.duration_s,
                handled=step.error,
            )  # fmt: skip
        case "failed" if tried_again:
            yield StepRetrying(*base, step.error or _NO_ERROR, 0.0, step.request, step.usage, step.duration_s)
        case "failed":
            yield StepFailed(*base, step.error or _NO_ERROR, step.request, step.usage, step.duration_s)
        case "skipped":
            yield StepSkipped(*base, reason, step.title)
        case "suspended":
            yield StepSuspended(*base, step.question, step.until, step.state, step.usage, step.duration_s)
        case "cancelled":
            yield StepCancelled(*base, reason, step.request, step.usage, step.duration_s)
        case _:
            return


def _of_end(run: RunRecord, steps: list[StepRecord]) -> Event | None:
    last = run.ended or max((step.ended for step in steps if step.ended is not None), default=run.created)
    match run.status:
        case "completed":
            return RunCompleted(run.id, last, run.outputs or {}, run.usage, run.duration_s)
        case "failed":
            return RunFailed(run.id, last, run.error_path, run.error or _NO_ERROR, run.usage, run.duration_s)
        case "cancelled":
            return RunCancelled(run.id, last, run.usage, run.duration_s, run.resumable)
        case "suspended":
            waiting = tuple(step.path for step in {each.path: each for each in steps}.values()
                            if step.status == "suspended" and step.answer is None)  # fmt: skip
            return RunSuspended(run.id, last, waiting, run.wake_at, run.usage, run.duration_s)
        case _:
            return None


class _Told:
    """What somebody was told of a run. after: he knows what stands up to there.

    Nothing is told twice, and no start of an attempt after its end, as the journal may know of the start later than
    whoever executes the run tells of the end.
    """

    def __init__(self, after: Place | None) -> None:
        self.after = after
        self._places: set[Place] = set()
        self._begun: set[tuple[str, int]] = set()
        self._ended: dict[tuple[str, int], int] = {}

    def add(self, event: Event) -> Told | None:
        """The event as it is to be told; None if it is not."""
        place = place_of(event)
        if place in self._places or (self.after is not None and place <= self.after):
            return None
        self._places.add(place)
        if isinstance(event, StepStarted):
            if place[0] <= self._ended.get((event.path, event.attempt), -1):
                return None
            self._begun.add((event.path, event.attempt))
        elif isinstance(event, StepEvent):
            self._ended[event.path, event.attempt] = place[0]
        return Told(event, id_of(place))

    def misses_start(self, event: Event) -> bool:
        """Whether an attempt ends here and now whose start was not told."""
        if not isinstance(event, _STEP_ENDS) or (isinstance(event, StepCompleted) and event.replayed):
            return False
        return (event.path, event.attempt) not in self._begun


class RunWatch:
    """Watches runs, whoever executes them.

    poll_s: seconds between two looks at the journal while nobody tells of the run; slow_poll_s: while somebody does.
    """

    def __init__(self, journal: Journal, live: LiveRuns, *, poll_s: float, slow_poll_s: float) -> None:
        self._journal = journal
        self._live = live
        self._poll_s = poll_s
        self._slow_poll_s = slow_poll_s

    async def events(
        self, run_id: str, after: Place | None = None, *, follow: bool = True
    ) -> AsyncGenerator[Told, None]:
        """What happened in a run after that place, and, if it is followed, what happens until it has ended.

        Raises RunNotFound.
        """
        await self._journal.run(run_id)
        heard: asyncio.Queue[Event | None] = asyncio.Queue()
        before = _Told(after)
        with self._live.watching(run_id, heard.put_nowait):
            while True:
                run, fresh = await self._news(run_id, before)
                for told in fresh:
                    yield told
                if run.status in ENDED or not follow:
                    return
                async for told in self._live_news(heard, run, before):
                    yield told

    async def settled(self, run_id: str, seconds: float) -> RunRecord:
        """The run once it has ended or waits, or as it is after that many seconds. Raises RunNotFound."""
        news = asyncio.Event()
        with self._live.watching(
            run_id, lambda event: news.set() if event is None or _is_end(event) else None, asks=False
        ):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    pause = 0.05
                    while await self._goes_on(run_id):
                        with suppress(TimeoutError):
                            await asyncio.wait_for(news.wait(), pause)
                        longest = self._live.pause(run_id, self._poll_s, self._slow_poll_s)
                        pause = 0.01 if news.is_set() else min(pause * 1.5, longest)
                        news.clear()
            return await self._journal.run(run_id)

    async def _goes_on(self, run_id: str) -> bool:
        """Whether something of the run is still to happen without anybody's doing."""
        status = (await self._journal.run(run_id)).status
        if status != "suspended":
            return status in ("queued", "running")
        newest = {step.path: step for step in await self._journal.steps(run_id)}
        waiting = [step for step in newest.values() if step.status == "suspended"]
        if any(step.answer is not None for step in waiting):
            return True
        return any(SPREAD in step.state for step in waiting) and not any(step.question for step in waiting)

    async def _news(self, run_id: str, before: _Told) -> tuple[RunRecord, list[Told]]:
        """What the journal knows that was not told yet."""
        run = await self._journal.run(run_id)
        steps = list(await self._journal.steps(run_id))
        if run.status == "queued" and steps:  # it began between the two
            run = await self._journal.run(run_id)
        return run, [told for event in events_of(run, steps) if (told := before.add(event)) is not None]

    async def _live_news(
        self, heard: asyncio.Queue[Event | None], run: RunRecord, before: _Told
    ) -> AsyncIterator[Told]:
        """What is heard until it is time to look at the journal again. How a run ends is left to it."""
        ends = asyncio.get_running_loop().time() + self._live.pause(run.id, self._poll_s, self._slow_poll_s)
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            try:
                event = await asyncio.wait_for(heard.get(), left)
            except TimeoutError:
                return
            if event is None:
                return
            if _is_end(event):
                await self._until_kept(event.run_id)
                return
            if (start := before.add(_start_of(run))) is not None:  # it began before it was listened to
                yield start
            if isinstance(event, StepDelta):
                yield Told(event)
                continue
            if before.misses_start(event):
                for told in (await self._news(run.id, before))[1]:
                    yield told
            if (now := before.add(event)) is not None:
                yield now

    async def _until_kept(self, run_id: str) -> None:
        for _ in range(_CATCH_UP):
            if (await self._journal.run(run_id)).status != "running":
                return
            await asyncio.sleep(0.1)


def _is_end(event: Event) -> bool:
    return isinstance(event, (*_ENDS, RunSuspended))
