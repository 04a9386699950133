"""Everything that the panel shows at one time, read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from desktop.monitoring.ranges import Range

if TYPE_CHECKING:
    from core.store.statistics import RunCount, Spent, StepTimes
    from core.store.store import Store
    from core.store.workers import WorkerFacts

STATES: Final = ("completed", "failed", "cancelled", "suspended", "running", "queued")
"""How runs stand, from the bottom of a bar to its top."""

COLOURS: Final[Mapping[str, str]] = {
    "completed": "state.done",
    "failed": "state.failed",
    "cancelled": "state.cancelled",
    "suspended": "state.waiting",
    "running": "state.running",
    "queued": "state.queued",
}

WORDS: Final[Mapping[str, str]] = {
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "suspended": "Waiting",
    "running": "Running",
    "queued": "Queued",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """The runs of one piece of time. counts: by how they stand."""

    counts: Mapping[str, int] = field(default_factory=dict)
    cost_usd: float = 0.0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of a range, perhaps of one workflow only (workflow: '' for all).

    spent: by `model`, `workflow` and `agent`; agents are told of all workflows. waiting: by queue, how many runs and
    for how many seconds the oldest. uncounted: runs whose steps are not in the numbers yet.
    """

    range: Range
    workflow: str
    bars: Sequence[Bar]
    types: Sequence[StepTimes] = ()
    steps: Sequence[StepTimes] = ()
    spent: Mapping[str, Sequence[Spent]] = field(default_factory=dict)
    waiting: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    workers: Sequence[WorkerFacts] = ()
    workflows: Sequence[str] = ()
    uncounted: int = 0

    @property
    def runs(self) -> int:
        """All runs of the range."""
        return sum(bar.total for bar in self.bars)

    def number(self, status: str) -> int:
        """The runs of the range that stand so."""
        return sum(bar.counts.get(status, 0) for bar in self.bars)

    @property
    def cost_usd(self) -> float:
        """What the runs of the range have cost."""
        return sum(bar.cost_usd for bar in self.bars)

    @property
    def failing(self) -> float | None:
        """The share of runs that failed among those that ended, 0 to 1; None if none did."""
        ended = self.number("completed") + self.number("failed")
        return self.number("failed") / ended if ended else None


async def read(store: Store, range_: Range, workflow: str) -> Numbers:
    """The numbers as they are now. Raises StoreError."""
    from core.store.statistics import Span

    span = Span(range_.since, range_.until, workflow or None)
    known = store.statistics
    counts, steps, names, uncounted = await asyncio.gather(
        known.runs(span, range_.piece), known.steps(span), known.workflows(), known.uncounted()
    )
    agents, waiting, workers = await asyncio.gather(
        store.spending.agents(span),
        store.queued_runs.depth(),
        store.workers.list(),
    )
    return Numbers(
        range_,
        workflow,
        bars(counts, range_),
        steps.types,
        steps.steps,
        {"model": steps.models, "workflow": steps.workflows, "agent": agents},
        waiting,
        workers,
        names,
        uncounted,
    )


def bars(counts: Sequence[RunCount], range_: Range) -> Sequence[Bar]:
    """One bar for each piece of a range, also where nothing ran."""
    found: list[dict[str, int]] = [{} for _ in range(range_.pieces)]
    cost = [0.0] * range_.pieces
    for count in counts:
        index = range_.index_of(count.at)
        if 0 <= index < len(found):
            found[index][count.status] = found[index].get(count.status, 0) + count.number
            cost[index] += count.cost_usd
    return [Bar(each, dollars) for each, dollars in zip(found, cost, strict=True)]
