"""Runs that steps of other runs have asked for, in the queue of a database: what the engine spreads by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from core.engine.clock import Clock
from core.engine.errors import JournalUnavailable
from core.engine.events import Usage
from core.engine.spread import Ended, Order, Spot, Standing
from core.service.queue import DEMO_LABEL, concurrency_key_of, concurrency_of
from core.store.errors import StoreError
from core.store.queued_runs import QueuePlace

if TYPE_CHECKING:
    from core.store.spread_runs import SpreadRuns

T = TypeVar("T")


class QueuedSpread:
    """The engine's Spread. is_worker: whether a worker executes the runs that ask.

    workflow_limits: how many runs of a workflow may be executed at the same time, by its name.
    """

    def __init__(
        self, runs: SpreadRuns, clock: Clock, *, is_worker: bool, workflow_limits: Mapping[str, int] | None = None
    ) -> None:
        self.is_worker = is_worker
        self._runs = runs
        self._clock = clock
        self._workflow_limits = dict(workflow_limits or {})

    async def begin(self, spot: Spot, order: Order) -> None:
        """As the protocol says."""
        created = self._clock.now()
        await _reached(lambda: self._runs.add(spot, order, created, (DEMO_LABEL,), self._limits(spot, order)))

    async def again(self, spot: Spot, *, failed: bool) -> None:
        """As the protocol says."""
        await _reached(lambda: self._runs.again(spot, failed=failed))

    async def standing(self, spot: Spot) -> Standing:
        """As the protocol says."""
        return await _reached(lambda: self._runs.standing(spot))

    async def ended(self, spot: Spot) -> Sequence[Ended]:
        """As the protocol says."""
        return await _reached(lambda: self._runs.ended(spot))

    async def usage(self, run_id: str) -> Usage:
        """As the protocol says."""
        return await _reached(lambda: self._runs.usage(run_id))

    async def drop(self, run_id: str, *, spot: Spot | None = None, keep: Collection[str] = (), reason: str) -> None:
        """As the protocol says."""
        await _reached(lambda: self._runs.drop(run_id, spot=spot, keep=keep, reason=reason))

    def _limits(self, spot: Spot, order: Order) -> QueuePlace:
        """Of a loop's passes so many at once; a workflow has the limits that it has whoever asks for it."""
        if len(order.runs) > order.at_once:
            return QueuePlace(limit_key=f"spread {spot.run_id} {spot.round} {spot.path}", key_limit=order.at_once)
        first = order.runs[0]
        if first.part.one_pass is not None:
            return QueuePlace()
        shared = concurrency_key_of(first.workflow, first.inputs)
        of_key, of_workflow = concurrency_of(first.workflow, shared)
        limit = of_workflow or self._workflow_limits.get(first.workflow.name, 0)
        return QueuePlace(limit_key=shared, key_limit=of_key, workflow_limit=limit)


async def _reached(call: Callable[[], Awaitable[T]]) -> T:
    try:
        return await call()
    except StoreError as error:
        raise JournalUnavailable(str(error)) from error
