"""The queue of runs: whoever wants a workflow executed by a worker asks here, and learns the run's id at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from core.engine.clock import Clock
from core.engine.engine import Run
from core.engine.errors import EngineError, InputError, RunBusy
from core.engine.journal import Journal, RunRecord
from core.engine.templates import evaluate
from core.ids import new_run_id
from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Workflow
from core.workflow.problems import DocumentError, Problem

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from core.settings import Settings
    from core.store.queued_runs import QueuedRuns
    from core.store.spread_runs import SpreadRuns
    from core.store.store import Store

_log = logging.getLogger(__name__)

ASKED: Final = "a person cancelled the run"

DEMO_LABEL: Final = "demo"
"""The label of runs that use the demonstration model, so that they go on with it when resumed."""


class Check(Protocol):
    """Whether a run can be asked for; of a workspace."""

    def __call__(self, workflow: Workflow, inputs: Mapping[str, Json]) -> Mapping[str, Json]:
        """The complete inputs. Raises DocumentError or InputError."""


Resume: TypeAlias = Callable[[str], Awaitable[Run]]
"""Goes on with a run, or begins a queued one; of a workspace."""


class Host(Protocol):
    """What a queue needs of a workspace."""

    journal: Journal
    store: Store | None
    clock: Clock
    settings: Settings
    demo: bool

    def validate(self, workflow: Workflow) -> list[Problem]:
        """Everything that is wrong with a workflow."""

    async def resume(self, run_id: str) -> Run:
        """Go on with a run, or begin a queued one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a run wants to wait. run_at: not before. key: whoever asks with the same one gets the same run.

    priority: the higher, the sooner. concurrency_key: runs of one key share a limit. key_s: seconds for which the key
    holds, None for as long as the run is kept.
    """

    queue: str = "default"
    priority: int = 0
    run_at: datetime | None = None
    key: str = ""
    concurrency_key: str = ""
    key_s: float | None = None


class RunQueue(ABC):
    """Where runs wait for whoever executes them. labels: what every run is marked with."""

    def __init__(
        self, journal: Journal, *, check: Check, clock: Clock, labels: Mapping[str, str] | None = None
    ) -> None:
        self._labels = dict(labels or {})
        self._journal = journal
        self._check = check
        self._clock = clock

    async def enqueue(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Json],
        *,
        labels: Mapping[str, str] | None = None,
        priority: int = 0,
        queue: str = "default",
        run_at: datetime | None = None,
        key: str = "",
        key_s: float | None = None,
        concurrency_key: str = "",
        origin: str = "",
        on: AsyncConnection | None = None,
    ) -> str:
        """Ask for a run; its id, at once, and durable if anything is kept.

        priority: the higher, the sooner. run_at: not before. key: whoever asks with the same one gets the same run,
        for key_s seconds, or for as long as the run is kept. concurrency_key: runs of one key share a limit; '' for
        what the workflow's trigger says. origin: folder that relative names start from. on: a transaction, on the
        store's loop, in which it is all done. Raises DocumentError or InputError.
        """
        complete = self._check(workflow, inputs)
        run = RunRecord(
            id=new_run_id(), workflow=workflow, inputs=complete, status="queued", created=self._clock.now(),
            origin=origin, labels={**(labels or {}), **self._labels},
        )  # fmt: skip
        shared = concurrency_key or concurrency_key_of(workflow, complete)
        return await self._add(run, Wish(queue, priority, run_at, key, shared, key_s), on)

    @abstractmethod
    async def _add(self, run: RunRecord, wish: Wish, on: AsyncConnection | None) -> str:
        """Let the run wait; its id, or that of the run that the key was used for before."""

    @abstractmethod
    async def wake(self, run_id: str) -> bool:
        """Go on with a run that was answered; False for one that is parked. Raises RunNotFound."""

    @abstractmethod
    async def cancel(self, run_id: str, reason: str = ASKED) -> None:
        """Stop a run, wherever it waits or is executed. Raises RunNotFound, or EngineError if it has ended."""

    async def waits_for(self, run_id: str) -> str:
        """What the workers lack that saw the run, or why none takes it any more; '' for nothing."""
        return ""

    @abstractmethod
    async def depth(self) -> Mapping[str, tuple[int, float]]:
        """How many runs wait in each queue, and for how many seconds the oldest of them."""


class PostgresQueue(RunQueue):
    """The RunQueue that workers of any machine take from.

    workflow_limits: how many runs of a workflow may be executed at the same time, by its name.
    """

    def __init__(
        self,
        queued: QueuedRuns,
        spread: SpreadRuns,
        journal: Journal,
        *,
        check: Check,
        clock: Clock,
        labels: Mapping[str, str] | None = None,
        workflow_limits: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(journal, check=check, clock=clock, labels=labels)
        self._workflow_limits = dict(workflow_limits or {})
        self._queued = queued
        self._spread = spread

    async def _add(self, run: RunRecord, wish: Wish, on: AsyncConnection | None) -> str:
        from core.store.queued_runs import QueuePlace

        of_key, of_workflow = concurrency_of(run.workflow, wish.concurrency_key)
        of_workflow = of_workflow or self._workflow_limits.get(run.workflow.name, 0)
        place = QueuePlace(
            wish.queue, wish.priority, wish.key, wish.concurrency_key, wish.run_at, of_key, of_workflow, wish.key_s
        )  # fmt: skip
        return await self._queued.add(run, place, connection=on)

    async def wake(self, run_id: str) -> bool:
        """As the protocol says; what was answered may also be a run that it asked for."""
        return await self._spread.answered(run_id) or await self._queued.again(run_id)

    async def cancel(self, run_id: str, reason: str = ASKED) -> None:
        """Stop a run and those that its steps have asked for; what is executed stops a moment later."""
        run = await self._journal.run(run_id)
        if run.status in ("completed", "failed") or (run.status == "cancelled" and not run.resumable):
            raise EngineError(f"Run {run_id} has ended already ({run.status}); there is nothing to cancel.")
        if not await self._queued.cancel(run_id, reason):
            try:
                await self._journal.cancel(run_id)
            except RunBusy:
                if await self._queued.get(run_id) is None:
                    raise
                return
            except EngineError:
                # Its worker was told before, and may have been quicker.
                if (await self._journal.run(run_id)).status != "cancelled":
                    raise
                return
        await self._spread.drop(run_id, reason=reason)
        await self._spread.has_ended(run_id)

    async def waits_for(self, run_id: str) -> str:
        """As the protocol says."""
        known = await self._queued.get(run_id)
        return (known.parked or known.waits_for) if known is not None and known.wanted else ""

    async def depth(self) -> Mapping[str, tuple[int, float]]:
        """As the protocol says."""
        return await self._queued.depth()


def queue_of(host: Host) -> PostgresQueue | ProcessQueue:
    """The queue of a workspace: in its database, or in this process if it keeps nothing."""

    def check(workflow: Workflow, inputs: Mapping[str, Json]) -> Mapping[str, Json]:
        if errors := [problem for problem in host.validate(workflow) if problem.severity == "error"]:
            raise DocumentError(errors, workflow.name)
        complete, problems = check_inputs(workflow, inputs)
        if problems:
            raise InputError(problems)
        return complete

    if host.store is None:
        return ProcessQueue(host.journal, host.resume, check=check, clock=host.clock)
    marks = {DEMO_LABEL: "yes"} if host.demo else {}
    return PostgresQueue(
        host.store.queued_runs,
        host.store.spread_runs,
        host.journal,
        check=check,
        clock=host.clock,
        labels=marks,
        workflow_limits=host.settings.limits.workflows,
    )


def concurrency_of(workflow: Workflow, key: str) -> tuple[int, int]:
    """How many runs with that key, and of the workflow, its trigger's option `concurrency` allows at the same time.

    0 for any number. Runs with a key are executed one by one unless it says otherwise.
    """
    option = workflow.trigger.options.get("concurrency")
    number = option if isinstance(option, int) and not isinstance(option, bool) and option > 0 else 0
    return (number or 1, 0) if key else (0, number)


def concurrency_key_of(workflow: Workflow, inputs: Mapping[str, Json]) -> str:
    """The key that the workflow's trigger makes of the inputs by its template `concurrency_key`, '' for none."""
    template = workflow.trigger.options.get("concurrency_key")
    if not isinstance(template, str) or not template:
        return ""
    value = evaluate(template, {"input": dict(inputs)}, tolerant=True)
    return value if isinstance(value, str) else str(value)


class ProcessQueue(RunQueue):
    """The RunQueue of a process that executes its runs itself: for tests and `--memory-only`.

    concurrency: runs at the same time. `close` cancels what still runs.
    """

    def __init__(self, journal: Journal, resume: Resume, *, check: Check, clock: Clock, concurrency: int = 10) -> None:
        super().__init__(journal, check=check, clock=clock)
        self._resume = resume
        self._free = concurrency
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, datetime, str]] = []
        self._keys: dict[str, tuple[str, datetime]] = {}
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def _add(self, run: RunRecord, wish: Wish, on: AsyncConnection | None) -> str:
        if (known := self._keys.get(wish.key)) is not None:
            run_id, asked = known
            if wish.key_s is None or (self._clock.now() - asked).total_seconds() <= wish.key_s:
                return run_id
        if wish.key:
            self._keys[wish.key] = run.id, self._clock.now()
        await self._journal.close_run(await self._journal.open_run(run))
        if wish.run_at is not None and (seconds := (wish.run_at - self._clock.now()).total_seconds()) > 0:
            self._clock.call_later(seconds, lambda: self._enter(run.id, wish.priority))
        else:
            self._enter(run.id, wish.priority)
        return run.id

    async def wake(self, run_id: str) -> bool:
        """As the protocol says."""
        await self._journal.run(run_id)
        self._enter(run_id, 0)
        return True

    async def cancel(self, run_id: str, reason: str = ASKED) -> None:
        """Stop a run; one that is executed stops a moment later."""
        run = self._runs.get(run_id)
        if run is not None and not run.done:
            run.cancel(reason)
        else:
            await self._journal.cancel(run_id)

    async def depth(self) -> Mapping[str, tuple[int, float]]:
        """As the protocol says."""
        if not self._waiting:
            return {}
        oldest = min(entered for _, _, entered, _ in self._waiting)
        return {"default": (len(self._waiting), (self._clock.now() - oldest).total_seconds())}

    async def close(self) -> None:
        """Cancel what still runs, resumably, and wait until that is written down."""
        self._waiting.clear()
        for run in self._runs.values():
            run.cancel("the program was closing", resumable=True)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _enter(self, run_id: str, priority: int) -> None:
        heapq.heappush(self._waiting, (-priority, next(self._order), self._clock.now(), run_id))
        self._begin()

    def _begin(self) -> None:
        while self._waiting and self._free:
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._execute(heapq.heappop(self._waiting)[-1]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _execute(self, run_id: str) -> None:
        try:
            self._runs[run_id] = run = await self._resume(run_id)
            await run.result()
        except EngineError as error:
            _log.warning("Run %s could not be executed: %s", run_id, error)
        finally:
            self._runs.pop(run_id, None)
            self._free += 1
            self._begin()
