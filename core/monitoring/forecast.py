"""What the next run of a workflow will cost: the tokens of its last runs at today's prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from core.engine.errors import StepError
from core.engine.step_type import is_template
from core.llm.catalogue import ModelCatalogue, ModelInfo
from core.monitoring.budgets import RunModels
from core.monitoring.cheaper import AgentModel, models_of
from core.monitoring.money import dollars
from core.workflow.model import Workflow

if TYPE_CHECKING:
    from core.store.spending import Asked, PastRun, Spending


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will cost if it asks as much as the workflow's newest completed runs did. runs: how many those are.

    usual_usd, usual_s: half of them would cost, or took, no more; in US dollars at today's prices, and seconds.
    most_usd: the dearest of them. billed_usd: what half of them were billed no more than, at their time. unpriced:
    models without a price today, whose bills of then are taken.
    """

    runs: int
    usual_usd: float
    most_usd: float
    billed_usd: float
    usual_s: float
    unpriced: tuple[str, ...] = ()


async def models_today(workflow: Workflow, *, default: str, agent_model: AgentModel) -> dict[str, str]:
    """The model that each step asks today, by the step's id; without those that a template names."""
    found: dict[str, str] = {}
    for _, step in workflow.walk():
        name = step.config.get({"chat": "model", "agent": "agent"}.get(step.type, ""), "")
        if not isinstance(name, str) or is_template(name):
            continue
        if step.type == "chat":
            found[step.id] = name or default
        elif step.type == "agent" and name:
            found[step.id] = await agent_model(name) or default
    return found


class Forecasts:
    """Makes forecasts. past: reads the last runs; None where nothing is kept. models: what is known of those asked."""

    def __init__(self, past: Spending | None, catalogue: ModelCatalogue, models: RunModels) -> None:
        self._past = past
        self._catalogue = catalogue
        self._models = models

    async def of(self, workflow: Workflow, *, fresh: bool = False) -> Forecast | None:
        """What the next run will cost; None if no run of the workflow is known.

        fresh: ask the model server for its prices if those that are kept are old.
        """
        past = await self._past.past(workflow.name) if self._past is not None else ()
        if not past:
            return None
        with suppress(StepError):  # kept prices are better than none
            await (self._catalogue.list() if fresh else self._catalogue.kept())
        today = await models_today(workflow, default=self._models.default, agent_model=self._models.agent_model)
        names = {*today.values(), *(asked.model for run in past for asked in run.asked)}
        known = {name: info for name in names if (info := self._catalogue.known(name)) is not None}
        return forecast(past, today, known)

    async def words(self, workflow: Workflow, origin: str = "") -> str:
        """The same for people, with the prices of the workflow's models if no run of it is known."""
        known = await self.of(workflow, fresh=True)
        if known is not None:
            return forecast_words(workflow, known)
        models = self._models
        names = await models_of(
            workflow, default=models.default, agent_model=models.agent_model, workflows=models.workflows, origin=origin
        )
        found = [await self._catalogue.look_up(name) for name in names]
        return forecast_words(workflow, None, [model for model in found if model is not None])


def forecast(past: Sequence[PastRun], today: Mapping[str, str], prices: Mapping[str, ModelInfo]) -> Forecast | None:
    """What the next run will cost; None without past runs. today: the model of each step. prices: by model."""
    if not past:
        return None
    unpriced: dict[str, None] = {}

    def cost(asked: Asked) -> float:
        name = today.get(asked.step_id, asked.model)
        model = prices.get(name) or prices.get(asked.model)
        if model is None or model.price_in is None or model.price_out is None or not asked.tokens:
            if asked.tokens:
                unpriced[name] = None
            return asked.cost_usd
        return asked.tokens_in * model.price_in + asked.tokens_out * model.price_out

    costs = [sum(map(cost, run.asked)) for run in past]
    return Forecast(
        runs=len(past),
        usual_usd=median(costs),
        most_usd=max(costs),
        billed_usd=median(run.cost_usd for run in past),
        usual_s=median(run.duration_s for run in past),
        unpriced=tuple(name for name in unpriced if name),
    )


def forecast_words(workflow: Workflow, known: Forecast | None, models: Sequence[ModelInfo] = ()) -> str:
    """What a run of a workflow will cost, for people. models: that it asks, for one of which no run is known."""
    if known is None:
        nothing = f"No completed run of “{workflow.name}” with a real model is kept, so nothing is known of its cost."
        rates = ", ".join(
            f"{model.id} {dollars((model.price_in or 0.0) * 1e6)} in and {dollars((model.price_out or 0.0) * 1e6)} out"
            for model in models
            if model.price_in is not None and model.price_out is not None
        )
        return f"{nothing} Its models cost, for a million tokens: {rates}." if rates else nothing
    runs = "the last run" if known.runs == 1 else f"the last {known.runs} runs"
    if not known.most_usd and not known.billed_usd:
        return f"A run costs nothing, going by {runs}."
    most = f", at most {dollars(known.most_usd)}" if known.most_usd > known.usual_usd else ""
    told = [f"A run costs about {dollars(known.usual_usd)}{most}, and takes {_time(known.usual_s)}: "
            f"the tokens of {runs} at today's prices."]  # fmt: skip
    if abs(known.billed_usd - known.usual_usd) > 0.1 * max(known.billed_usd, known.usual_usd):
        when = "it" if known.runs == 1 else "they"
        told.append(f"When {when} ran, {dollars(known.billed_usd)} was billed.")
    if known.unpriced:
        told.append(f"Of {', '.join(known.unpriced)} no price is known; its bills of then are taken.")
    limit = workflow.limits.usd_per_run
    if limit is not None and known.usual_usd >= limit:
        told.append(f"It will stop at its limit of {dollars(limit)} and ask you.")
    return " ".join(told)


def short_words(known: Forecast | None) -> str:
    """The same where there is little room; '' if there is nothing to say."""
    return f"≈ {dollars(known.usual_usd)} a run" if known is not None and known.usual_usd else ""


def _time(seconds: float) -> str:
    return f"about {seconds:.1f} s" if seconds < 60 else f"about {seconds / 60:.0f} min"
