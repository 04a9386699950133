"""The limits on what may be spent on models: for a run, for a workflow and for all of a day.

They are looked at before every step that spends; what is being spent at that moment by steps side by side is not known
yet, so that a limit may be passed by as much as those cost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from core.engine.budget import Instead, Reached, Spender
from core.engine.clock import Clock, midnight
from core.engine.errors import StepError
from core.engine.events import NO_USAGE
from core.engine.services import WorkflowSource
from core.llm.catalogue import ModelInfo, ModelList
from core.monitoring.cheaper import AgentModel, Offer, cheaper, models_of, price
from core.monitoring.money import dollars
from core.settings import BudgetSettings
from core.store.errors import StoreError
from core.workflow.model import NO_LIMITS

if TYPE_CHECKING:
    from core.store.spending import Family
    from core.store.store import Store

T = TypeVar("T")

_RUN: Final = "run"
"""Key of the limit of a run."""

FRESH_S: Final = 5.0
"""Seconds for which a sum is believed by runs that have spent nothing since: many steps ask at the same time."""


class Spent(Protocol):
    """What `core.store.spending.Spending` knows."""

    async def since(self, when: datetime) -> float:
        """US dollars of all runs and chats since then."""

    async def of_workflow(self, workflow: str, since: datetime) -> float:
        """US dollars of a workflow's runs since then."""

    async def of_run(self, run_id: str, limit: str) -> Family:
        """A run with those that share its work. limit: the key of one."""

    async def may_ask(self, family: Family, limit: str, run_id: str) -> bool:
        """Whether that run is the one of these that asks a person about a limit."""


@dataclass(frozen=True, slots=True)
class _Sum:
    """What was spent when it was read. seen: what runs had spent by then, of those that asked."""

    read: float
    dollars: float
    seen: dict[str, float]


class Prices(Protocol):
    """What `core.llm.catalogue.ModelCatalogue` knows."""

    async def list(self) -> ModelList:
        """All models, as of today. Raises StepError."""

    def known(self, model: str) -> ModelInfo | None:
        """What is known of a model without asking anyone."""


@dataclass(frozen=True, slots=True)
class RunModels:
    """What is known of the models that runs ask. default: the one that a step without a model means.

    agent_model: the model of an agent. workflows: those that workflows run.
    """

    prices: Prices
    default: str
    agent_model: AgentModel
    workflows: WorkflowSource | None = None


class Budgets:
    """The engine's Budget: the limits of the settings, and those that a run's own document names.

    spent: None where nothing is kept; then only the limit of a run holds. models: None offers no cheaper ones.
    """

    def __init__(
        self, limits: BudgetSettings, spent: Spent | None, clock: Clock, models: RunModels | None = None
    ) -> None:
        self._limits = limits
        self._spent = spent
        self._clock = clock
        self._models = models
        self._sums: dict[tuple[str, datetime], _Sum] = {}

    async def reached(self, spender: Spender) -> Reached | Instead | None:
        """The first limit that is reached: of the run, its workflow, the day. Raises StepError(kind='connection').

        What a person answers holds for all runs that share one work.
        """
        if spender.cheaper:
            await self._list()
        model = ""
        for check in self._checks(spender):
            dollars, family = await check.spent()
            if dollars < max(check.limit, spender.allowed.get(check.key, 0.0)):
                continue
            if family is None and self._spent is not None:
                family = await _told(self._spent.of_run(spender.run_id, check.key))
            if family is None or dollars >= family.up_to:
                return await self._asking(check, dollars, spender, family)
            model = family.model or model
        if model in ("", spender.cheaper):
            return None
        await self._list()
        return Instead(model)

    async def day_is_over(self) -> str:
        """Why nothing more may be spent today outside of runs, which ask a person instead; '' if more may.

        Raises StepError(kind='connection').
        """
        limit = self._limits.usd_per_day
        if not limit or self._spent is None:
            return ""
        spent = await _told(self._spent.since(midnight(self._clock.now())))
        if spent < limit:
            return ""
        return (
            f"Today all runs and chats have spent {dollars(spent)} on models; the limit is {dollars(limit)}. "
            "Raise it in the settings (Budgets), or go on tomorrow."
        )

    def is_dearer(self, model: str, than: str) -> bool:
        """Whether a chat model ('' for the default) costs more than another; also if that is not known."""
        if self._models is None:
            return True
        name = model or self._models.default
        own, other = self._models.prices.known(name), self._models.prices.known(than)
        if name == than:
            return False
        cost, least = (price(each, NO_USAGE) if each is not None else None for each in (own, other))
        return cost is None or least is None or cost > least

    def _checks(self, spender: Spender) -> Iterator[_Check]:
        """The limits that hold, each with how to learn what has been spent of it."""
        limits, name = self._limits, spender.workflow
        own = spender.document.limits if spender.document is not None else NO_LIMITS

        lowest = _lowest(limits.usd_per_run, own.usd_per_run)
        if lowest:
            yield _Check(
                _RUN, lowest, "This run has", lambda: self._of_run(spender), of_document=lowest == own.usd_per_run
            )
        if self._spent is None:
            return
        today = midnight(self._clock.now())
        day = f"{today:%Y-%m-%d}"
        lowest = _lowest(limits.workflows.get(name, 0.0), own.usd_per_day)
        if lowest:
            yield _Check(
                f"workflow {day}", lowest, f"Today the runs of “{name}” have",
                lambda: self._sum(spender, name, today), of_document=lowest == own.usd_per_day,
            )  # fmt: skip
        if limits.usd_per_day:
            yield _Check(
                f"day {day}", limits.usd_per_day, "Today all runs and chats have", lambda: self._sum(spender, "", today)
            )

    async def _asking(self, check: _Check, dollars: float, spender: Spender, family: Family | None) -> Reached:
        if family is not None and family.runs > 1:
            if family.is_stopped:
                return Reached(check.key, stopped=True)
            assert self._spent is not None, "who is related is known from what is kept"
            if family.is_asked or not await _told(self._spent.may_ask(family, check.key, spender.run_id)):
                return Reached(check.key, asked=True)
        found = await self._cheaper(spender)
        offers = found[1] if found is not None else []
        return Reached(
            check.key,
            _words(check, dollars) + (_table(*found, dollars + check.limit) if found is not None and offers else ""),
            dollars + check.limit,
            tuple(offer.model.id for offer in offers),
        )

    async def _cheaper(self, spender: Spender) -> tuple[ModelInfo, list[Offer]] | None:
        """What the run could go on with instead. None if nothing is known of its models."""
        models = self._models
        if models is None or spender.document is None:
            return None
        known = await self._list()
        names = await models_of(
            spender.document, default=models.default, agent_model=models.agent_model, workflows=models.workflows,
            origin=spender.origin,
        )  # fmt: skip
        if spender.cheaper:
            names = [*(each for each in names if not self.is_dearer(each, spender.cheaper)), spender.cheaper]
        used = [info for name in names if (info := models.prices.known(name)) is not None]
        return cheaper(known, used, spender.spent)

    async def _list(self) -> Sequence[ModelInfo]:
        """The models that there are; none if the server does not tell, for that must not keep anyone from asking."""
        if self._models is None:
            return ()
        try:
            return (await self._models.prices.list()).models
        except StepError:
            return ()

    async def _of_run(self, spender: Spender) -> tuple[float, Family | None]:
        """What it has spent together with the runs that share its work."""
        own = spender.spent.cost_usd
        if self._spent is None:
            return own, None
        family = await _told(self._spent.of_run(spender.run_id, _RUN))
        return max(own, family.dollars), family

    async def _sum(self, spender: Spender, workflow: str, since: datetime) -> tuple[float, None]:
        now = self._clock.monotonic()
        known = self._sums.get((workflow, since))
        is_fresh = known is not None and now - known.read < FRESH_S
        if known is not None and is_fresh and spender.spent.cost_usd == known.seen.setdefault(spender.run_id, 0.0):
            return known.dollars, None
        source = self._spent
        assert source is not None
        dollars = await _told(source.of_workflow(workflow, since) if workflow else source.since(since))
        self._sums = {key: value for key, value in self._sums.items() if key[1] == since}
        self._sums[workflow, since] = _Sum(now, dollars, {spender.run_id: spender.spent.cost_usd})
        return dollars, None


def budget(limits: BudgetSettings, store: Store | None, clock: Clock, models: RunModels | None = None) -> Budgets:
    """The Budgets of a workspace. store: None where nothing is kept."""
    return Budgets(limits, store.spending if store is not None else None, clock, models)


@dataclass(frozen=True, slots=True)
class _Check:
    """A limit to look at. who: the beginning of a sentence. spent: US dollars, and the runs that share the run's work
    if these are known by then. of_document: the workflow names it.
    """

    key: str
    limit: float
    who: str
    spent: Callable[[], Awaitable[tuple[float, Family | None]]]
    of_document: bool = False


async def _told(reading: Awaitable[T]) -> T:
    try:
        return await reading
    except StoreError as error:
        raise StepError(
            f"Whether a limit on spending is reached could not be looked up: {error}", kind="connection", retryable=True
        ) from error


def _lowest(setting: float, own: float | None) -> float:
    """The lower of two limits, 0 for none."""
    return min(filter(None, (setting, own)), default=0.0)


def _words(check: _Check, spent: float) -> str:
    whose = "the limit that the workflow sets is" if check.of_document else "the limit is"
    return (
        f"{check.who} spent {dollars(spent)} on models; {whose} {dollars(check.limit)}.\n\n"
        f"*Continue* lets this run go on until {dollars(spent + check.limit)} are spent. *Stop* ends it here: what is "
        "done is kept, and it can be resumed later."
    )


def _table(dearest: ModelInfo, offers: Sequence[Offer], up_to: float) -> str:
    """The offers as Markdown, with today's prices."""
    rows = [(each.model, f"{each.share * 100:.0f} %") for each in offers]
    lines = [
        f"| {model.id} | {_rate(model.price_in)} | {_rate(model.price_out)} | {share} |"
        for model, share in [(dearest, "now"), *rows]
    ]
    return (
        f"\n\nOr go on with a *cheaper model*, also until {dollars(up_to)} are spent: from here on the run asks it "
        "wherever it would ask a dearer one.\n\n"
        "| Model | 1 M tokens in | 1 M tokens out | Costs |\n| --- | ---: | ---: | ---: |\n" + "\n".join(lines)
    )


def _rate(price: float | None) -> str:
    """What a million tokens cost."""
    return dollars(round((price or 0.0) * 1e6, 4))
