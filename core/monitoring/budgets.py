"""The limits of the settings on what may be spent on models: for a run, for a workflow and for all of a day.

They are looked at before every step that spends; what is being spent at that moment by steps side by side is not known
yet, so that a limit may be passed by as much as those cost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from core.engine.budget import Reached, Spender
from core.engine.clock import Clock
from core.engine.errors import StepError
from core.settings import BudgetSettings
from core.store.errors import StoreError

if TYPE_CHECKING:
    from core.store.spending import Estimate
    from core.store.store import Store

FRESH_S: Final = 5.0
"""Seconds for which a sum is believed by runs that have spent nothing since: many steps ask at the same time."""


class Spent(Protocol):
    """What `core.store.spending.Spending` knows."""

    async def since(self, when: datetime) -> float:
        """US dollars of all runs and chats since then."""

    async def of_workflow(self, workflow: str, since: datetime) -> float:
        """US dollars of a workflow's runs since then."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """What was spent when it was read. seen: what runs had spent by then, of those that asked."""

    read: float
    dollars: float
    seen: dict[str, float]


class Budgets:
    """The engine's Budget. spent: None where nothing is kept; then only the limit of a run holds."""

    def __init__(self, limits: BudgetSettings, spent: Spent | None, clock: Clock) -> None:
        self._limits = limits
        self._spent = spent
        self._clock = clock
        self._sums: dict[tuple[str, datetime], _Sum] = {}

    async def reached(self, spender: Spender) -> Reached | None:
        """The first limit that is reached: of the run, its workflow, the day. Raises StepError(kind='connection')."""
        limits, name = self._limits, spender.workflow
        today = midnight(self._clock.now())
        day = f"{today:%Y-%m-%d}"

        async def own() -> float:
            return spender.spent_usd

        checks: list[tuple[str, float, str, Callable[[], Awaitable[float]]]] = [
            ("run", limits.usd_per_run, "This run has", own)
        ]
        if self._spent is not None:
            checks += [
                (f"workflow {day}", limits.workflows.get(name, 0.0), f"Today the runs of “{name}” have",
                 lambda: self._sum(spender, name, today)),
                (f"day {day}", limits.usd_per_day, "Today all runs and chats have",
                 lambda: self._sum(spender, "", today)),
            ]  # fmt: skip
        for key, limit, who, spent in checks:
            if not limit:
                continue
            dollars = await spent()
            if dollars >= max(limit, spender.allowed.get(key, 0.0)):
                return Reached(key, _words(who, dollars, limit), dollars + limit)
        return None

    async def _sum(self, spender: Spender, workflow: str, since: datetime) -> float:
        now = self._clock.monotonic()
        known = self._sums.get((workflow, since))
        is_fresh = known is not None and now - known.read < FRESH_S
        if known is not None and is_fresh and spender.spent_usd == known.seen.setdefault(spender.run_id, 0.0):
            return known.dollars
        source = self._spent
        assert source is not None
        try:
            dollars = await (source.of_workflow(workflow, since) if workflow else source.since(since))
        except StoreError as error:
            raise StepError(
                f"Whether a limit on spending is reached could not be looked up: {error}", kind="connection",
                retryable=True,
            ) from error  # fmt: skip
        self._sums = {key: value for key, value in self._sums.items() if key[1] == since}
        self._sums[workflow, since] = _Sum(now, dollars, {spender.run_id: spender.spent_usd})
        return dollars


def budget(limits: BudgetSettings, store: Store | None, clock: Clock) -> Budgets | None:
    """The Budgets of the settings, None if they limit nothing. store: None where nothing is kept."""
    if not (limits.usd_per_run or limits.usd_per_day or limits.workflows):
        return None
    return Budgets(limits, store.spending if store is not None else None, clock)


def midnight(now: datetime) -> datetime:
    """The beginning of this machine's day."""
    return now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def estimate_words(workflow: str, estimate: Estimate | None) -> str:
    """What a run of a workflow will cost, for people."""
    if estimate is None:
        return f"No completed run of “{workflow}” with a real model is kept, so nothing is known of its cost."
    runs = "run" if estimate.runs == 1 else f"{estimate.runs} runs"
    if not estimate.most_usd:
        return f"The last {runs} cost nothing."
    most = f", at most {dollars(estimate.most_usd)}" if estimate.runs > 1 else ""
    return f"The last {runs} cost {dollars(estimate.usual_usd)}{most} in {_time(estimate.usual_s)}."


def dollars(amount: float) -> str:
    """US dollars: to the cent from one dollar on, small amounts as exactly as they need."""
    if amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.001 else f"${amount:.6f}"


def _words(who: str, spent: float, limit: float) -> str:
    return (
        f"{who} spent {dollars(spent)} on models; the limit is {dollars(limit)}.\n\n"
        f"*Continue* lets this run go on until {dollars(spent + limit)} are spent. *Stop* ends it here: what is done "
        "is kept, and it can be resumed later."
    )


def _time(seconds: float) -> str:
    return f"about {seconds:.1f} s" if seconds < 60 else f"about {seconds / 60:.0f} min"
