"""A journal that lives as long as the process: for runs that nobody needs to resume, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from core.engine.errors import EngineError, LeaseLost, RunBusy, RunNotFound
from core.engine.events import Event, StepDelta, StepEvent
from core.engine.fold import fold_run, fold_step, is_journalled
from core.engine.journal import Lease, RunPlace, RunRecord, RunStanding, StepRecord
from core.workflow.model import Json


@dataclass(frozen=True, slots=True)
class _Answered:
    """A person answered the question of one record."""

    path: str
    attempt: int
    answer: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class _CancelledForGood:
    """A run that nobody executed was cancelled from outside."""

    at: datetime


@dataclass(slots=True)
class _Entry:
    """One run: everything that happened, and the records as of the first `folded` happenings.

    flushed: how many of the happenings are durable, as far as that word applies here.
    """

    first: RunRecord
    run: RunRecord
    epoch: int = 1
    owned: bool = True
    events: list[Event | _Answered | _CancelledForGood] = field(default_factory=list)
    flushed: int = 0
    folded: int = 0
    steps: dict[tuple[str, int], StepRecord] = field(default_factory=dict)


class MemoryJournal:
    """The Journal protocol without any storage. Events are kept as they are and folded when somebody reads.

    now: the time in UTC, for runs that are cancelled from outside.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}

    async def open_run(self, run: RunRecord) -> Lease:
        """Record a new run and own it. Raises EngineError if a run has that id."""
        if run.id in self._entries:
            raise EngineError(f"There is a run {run.id} already; a new run needs an id of its own.")
        self._entries[run.id] = _Entry(run, run)
        return Lease(run.id, 1)

    async def take_run(self, run_id: str) -> tuple[RunRecord, Sequence[StepRecord], Lease]:
        """Own an existing run that its owner has let go of. Raises RunNotFound or RunBusy."""
        entry = self._entry(run_id)
        if entry.owned:
            raise RunBusy(f"Run {run_id} is being executed by this process. Wait for it, or cancel it first.")
        entry.epoch += 1
        entry.owned = True
        self._fold(entry)
        return entry.run, tuple(entry.steps.values()), Lease(run_id, entry.epoch)

    def put(self, lease: Lease, event: Event) -> None:
        """Keep an event. With a lost lease nothing is kept."""
        entry = self._entries[lease.run_id]
        if entry.epoch != lease.epoch:
            lease.lost = True
        elif type(event) is not StepDelta:
            entry.events.append(event)

    async def flush(self, lease: Lease) -> None:
        """Nothing to wait for. Raises LeaseLost."""
        entry = self._entries[lease.run_id]
        if entry.epoch != lease.epoch:
            lease.lost = True
            raise LeaseLost(LeaseLost.__doc__)
        entry.flushed = len(entry.events)

    async def close_run(self, lease: Lease) -> None:
        """Let go of the run."""
        entry = self._entries[lease.run_id]
        if entry.epoch != lease.epoch:
            lease.lost = True
            return
        entry.flushed = len(entry.events)
        entry.owned = False

    async def run(self, run_id: str) -> RunRecord:
        """One run. Raises RunNotFound."""
        return self._shown(self._entry(run_id))

    async def runs(
        self,
        *,
        status: RunStanding | None = None,
        workflow: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: RunPlace | None = None,
        limit: int = 50,
    ) -> Sequence[RunRecord]:
        """The newest runs first."""
        found = [
            run
            for run in map(self._shown, self._entries.values())
            if status in (None, run.standing)
            and workflow in (None, run.workflow.name)
            and (since is None or run.created >= since)
            and (until is None or run.created < until)
            and (after is None or (run.created, run.id) < (after.created, after.id))
        ]
        return sorted(found, key=lambda run: (run.created, run.id), reverse=True)[:limit]

    async def interrupted(self, limit: int = 50) -> Sequence[RunRecord]:
        """The newest runs that say they run and that nobody executes."""
        return await self.runs(status="interrupted", limit=limit)

    def _shown(self, entry: _Entry) -> RunRecord:
        """A run as whoever looks at it sees it."""
        self._fold(entry)
        return replace(entry.run, interrupted=entry.run.status == "running" and not entry.owned)

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """All records of a run. Raises RunNotFound."""
        entry = self._entry(run_id)
        self._fold(entry)
        return tuple(entry.steps.values())

    async def answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> None:
        """Keep a person's answer. Raises RunNotFound or EngineError."""
        entry = self._entry(run_id)
        self._fold(entry)
        newest = next((record for record in reversed(entry.steps.values()) if record.path == path), None)
        if newest is None or newest.status != "suspended" or newest.question is None:
            raise EngineError(f"Nothing at {path!r} in run {run_id} waits for an answer.")
        if newest.answer is not None:
            raise EngineError(
                f"The question at {path!r} in run {run_id} was answered already; the first answer stands."
            )
        self._happened(entry, _Answered(newest.path, newest.attempt, dict(answer)))

    async def cancel(self, run_id: str) -> None:
        """Cancel a run that nobody executes. Raises RunNotFound, RunBusy or EngineError."""
        entry = self._entry(run_id)
        self._fold(entry)
        run = entry.run
        if entry.owned:
            raise RunBusy(f"Run {run_id} is being executed by this process. Stop it there.")
        if run.status in ("completed", "failed") or (run.status == "cancelled" and not run.resumable):
            raise EngineError(f"Run {run_id} has ended already ({run.status}); there is nothing to cancel.")
        entry.epoch += 1
        self._happened(entry, _CancelledForGood(self._now()))

    def abandon(self, run_id: str) -> None:
        """Make the run look as if its owner had died: anybody may take it, and the old lease is then lost."""
        self._entry(run_id).owned = False

    def survivor(self) -> MemoryJournal:
        """What another process would find if this one were killed now: only what was flushed, and no owners."""
        left = MemoryJournal(self._now)
        for run_id, entry in self._entries.items():
            kept = entry.events[: entry.flushed]
            left._entries[run_id] = _Entry(entry.first, entry.first, entry.epoch, False, kept, len(kept))
        return left

    def forget(self, run_id: str) -> bool:
        """Forget one run; False if there is none or it is executed."""
        entry = self._entries.get(run_id)
        if entry is None or entry.owned:
            return False
        del self._entries[run_id]
        return True

    def _entry(self, run_id: str) -> _Entry:
        try:
            return self._entries[run_id]
        except KeyError:
            raise RunNotFound(f"There is no run {run_id}. `steploom runs list` shows the runs there are.") from None

    def _happened(self, entry: _Entry, change: _Answered | _CancelledForGood) -> None:
        entry.events.append(change)
        entry.flushed = len(entry.events)

    def _fold(self, entry: _Entry) -> None:
        for event in entry.events[entry.folded :]:
            if isinstance(event, _Answered):
                key = event.path, event.attempt
                entry.steps[key] = replace(entry.steps[key], answer=event.answer)
            elif isinstance(event, _CancelledForGood):
                _cancel(entry, event.at)
            elif is_journalled(event) and isinstance(event, StepEvent):
                key = event.path, event.attempt
                entry.steps[key] = fold_step(entry.steps.get(key), event)
            elif is_journalled(event):
                entry.run = fold_run(entry.run, event)
        entry.folded = len(entry.events)


def _cancel(entry: _Entry, at: datetime) -> None:
    entry.run = replace(entry.run, status="cancelled", resumable=False, ended=entry.run.ended or at, wake_at=None)
    for key, record in entry.steps.items():
        if record.status in ("started", "suspended"):
            entry.steps[key] = replace(record, status="cancelled", ended=at)
