"""Which cheaper models can stand in for those that a run asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.engine.budget import Reached, Spender
from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.testing import ManualClock
from core.llm.catalogue import ModelInfo, ModelList
from core.monitoring.budgets import Budgets, RunModels
from core.monitoring.cheaper import OFFERED, can_stand_in, cheaper, models_of, price
from core.settings import BudgetSettings
from core.store.spending import Family
from core.workflow.model import Limits, Step, Workflow
from tests.support.engine_rig import KeptWorkflows, step, workflow

SPENT = Usage(3000, 1000, 0.5)


def model(id: str, price_in: float, price_out: float, *abilities: str, **more: Any) -> ModelInfo:
    """Prices: US dollars for a million tokens."""
    facts: dict[str, Any] = {
        "context": 400_000, "input_modalities": ("text", "image"), "output_modalities": ("text",),
        "parameters": abilities or ("tools", "structured_outputs", "reasoning"), "created": 1, **more,
    }  # fmt: skip
    return ModelInfo(id, id, price_in=price_in / 1e6, price_out=price_out / 1e6, **facts)


LARGE = model("openai/large", 10, 40)
MIDDLE = model("openai/middle", 2, 8, created=5)
SMALL = model("openai/small", 0.5, 2, created=4)
OTHER = model("google/other", 1, 4, created=9)
ALL = (LARGE, MIDDLE, SMALL, OTHER)


def offered(models: Sequence[ModelInfo], *used: ModelInfo) -> list[str]:
    found = cheaper(models, used, SPENT)
    return [] if found is None else [offer.model.id for offer in found[1]]


def test_cheaper_models_are_offered_the_dearest_first_with_their_part_of_the_price() -> None:
    found = cheaper(ALL, (LARGE, SMALL), SPENT)
    assert found is not None
    dearest, offers = found
    assert dearest is LARGE
    assert [(offer.model.id, round(offer.share, 3)) for offer in offers] == [
        ("openai/middle", 0.2), ("google/other", 0.1), ("openai/small", 0.05),
    ]  # fmt: skip
    assert offered(ALL, SMALL) == []


@pytest.mark.parametrize(
    "unfit",
    [
        model("a/blind", 1, 4, input_modalities=("text",)),
        model("a/mute", 1, 4, "tools", "reasoning"),
        model("a/short", 1, 4, context=32_000),
        model("a/leaving", 1, 4, expires="2026-12-01"),
        model("a/free", 0, 0),
        model("a/small:free", 1, 4),
        model("a/nearly", 9, 36),
        model("a/pictures", 1, 4, makes_pictures=True),
        replace(model("a/varies", 1, 4), price_in=None),
    ],
    ids=lambda each: each.id,
)
def test_a_model_that_can_do_less_or_saves_little_is_not_offered(unfit: ModelInfo) -> None:
    assert offered((*ALL, unfit), LARGE) == ["openai/middle", "google/other", "openai/small"]


def test_a_model_need_not_do_what_only_cheaper_ones_that_stay_can() -> None:
    hears = model("b/hears", 0.1, 0.4, input_modalities=("text", "image", "audio"))
    assert "openai/small" in offered((*ALL, hears), LARGE, hears)
    assert can_stand_in(replace(LARGE, context=128_000), LARGE)
    assert not can_stand_in(LARGE, hears)


def test_half_of_many_offers_are_of_the_same_maker_and_one_of_each_other_the_newest() -> None:
    own = [model(f"openai/m{n}", 1 + n / 10, 4, created=n) for n in range(9)]
    others = [model(f"maker{n}/m{k}", 1, 4, created=10 * n + k) for n in range(5) for k in range(2)]
    found = offered((LARGE, *own, *others), LARGE)
    assert len(found) == OFFERED
    assert sorted(found) == ["maker2/m1", "maker3/m1", "maker4/m1", "openai/m6", "openai/m7", "openai/m8"]
    assert len(offered((LARGE, *own), LARGE)) == OFFERED


def test_the_price_goes_by_the_tokens_that_were_used() -> None:
    talks = model("x/talks", 1, 100)
    assert price(talks, Usage(1_000_000, 0)) == pytest.approx(1)
    assert price(talks, Usage()) == pytest.approx(103e-6)
    assert price(replace(talks, price_out=None), SPENT) is None


async def test_the_models_of_a_workflow_are_those_of_its_chats_agents_and_inner_workflows() -> None:
    inner = workflow(
        step("c", "chat", config={"model": "m/inner"}), step("i", "workflow", config={"workflow": "Inner"})
    )
    document = workflow(
        step("a", "chat", config={"model": "m/one"}),
        step("b", "chat", config={}),
        step("t", "chat", config={"model": "{{ vars.m }}"}),
        Step("off", "chat", config={"model": "m/off"}, disabled=True),
        step("g", "agent", config={"agent": "Ada"}),
        step("h", "agent", config={"agent": "{{ vars.a }}"}),
        step("each", "for_each", body=[step("w", "workflow", config={"workflow": "Inner"})]),
        step("x", "workflow", config={"workflow": "Gone"}),
    )

    async def agent_model(name: str) -> str:
        return {"Ada": "m/ada"}.get(name, "")

    kept = KeptWorkflows(replace(inner, name="Inner"))
    found = await models_of(document, default="m/usual", agent_model=agent_model, workflows=kept)
    assert found == ["m/one", "m/usual", "m/ada", "m/inner"]


class Listed:
    """A list of models at hand."""

    def __init__(self, *models: ModelInfo) -> None:
        self.models = models
        self.away = False
        self.asked = 0

    async def list(self) -> ModelList:
        self.asked += 1
        if self.away:
            raise StepError("The server is away.", kind="connection")
        return ModelList(self.models, None)

    def known(self, model: str) -> ModelInfo | None:
        return next((each for each in self.models if each.id == model), None)


async def no_agent(name: str) -> str:
    return ""


def budgets(prices: Listed, **limits: Any) -> Budgets:
    return Budgets(BudgetSettings(**limits), None, ManualClock(), RunModels(prices, "openai/large", no_agent))


ASKS = workflow(step("a", "chat", config={}), name="Asks")
SPENDER = Spender("run-1", "Asks", SPENT, document=ASKS)


async def test_a_reached_limit_offers_models_with_their_prices() -> None:
    limit = await budgets(Listed(*ALL), usd_per_run=0.5).reached(SPENDER)
    assert isinstance(limit, Reached)
    assert limit.cheaper == ("openai/middle", "google/other", "openai/small")
    assert limit.message.splitlines()[-6:] == [
        "| Model | 1 M tokens in | 1 M tokens out | Costs |",
        "| --- | ---: | ---: | ---: |",
        "| openai/large | $10.00 | $40.00 | now |",
        "| openai/middle | $2.00 | $8.00 | 20 % |",
        "| google/other | $1.00 | $4.00 | 10 % |",
        "| openai/small | $0.50 | $2.00 | 5 % |",
    ]


async def test_a_run_that_went_on_with_a_cheaper_model_is_offered_only_cheaper_ones_still() -> None:
    limit = await budgets(Listed(*ALL), usd_per_run=0.5).reached(replace(SPENDER, cheaper="google/other"))
    assert isinstance(limit, Reached)
    assert limit.cheaper == ("openai/small",)


async def test_a_server_that_does_not_tell_its_models_keeps_nobody_from_being_asked() -> None:
    away = Listed(*ALL)
    away.away = True
    assert (await budgets(Listed(), usd_per_run=0.5).reached(SPENDER)).cheaper == ()  # type: ignore[union-attr]
    limit = await budgets(away, usd_per_run=0.5).reached(replace(SPENDER, cheaper="openai/small"))
    assert isinstance(limit, Reached)
    assert "cheaper model" not in limit.message


def test_which_of_two_models_is_dearer() -> None:
    known = budgets(Listed(*ALL))
    assert known.is_dearer("", "openai/small")
    assert not known.is_dearer("openai/small", "openai/middle")
    assert not known.is_dearer("local/one", "local/one")
    assert known.is_dearer("local/unknown", "openai/small")


async def test_the_lower_of_the_settings_limit_and_the_documents_own_holds() -> None:
    own = replace(SPENDER, document=replace(ASKS, limits=Limits(usd_per_run=0.25)))
    limit = await budgets(Listed(), usd_per_run=5.0).reached(own)
    assert isinstance(limit, Reached)
    assert limit.message.startswith("This run has spent $0.50 on models; the limit that the workflow sets is $0.25.")
    assert (limit.key, limit.up_to_usd) == ("run", 0.75)
    lower = await budgets(Listed(), usd_per_run=0.1).reached(own)
    assert isinstance(lower, Reached)
    assert "; the limit is $0.10." in lower.message
    assert await budgets(Listed()).reached(replace(own, document=replace(ASKS, limits=Limits(2.0)))) is None


async def test_the_documents_limit_of_a_day_counts_all_runs_of_the_workflow() -> None:
    class Known:
        async def since(self, when: object) -> float:
            return 99.0

        async def of_workflow(self, workflow: str, since: object) -> float:
            return {"Asks": 3.0}[workflow]

        async def of_run(self, run_id: str, limit: str) -> Family:
            return Family(run_id)

        async def may_ask(self, family: Family, limit: str, run_id: str) -> bool:
            raise AssertionError("a run that shares nothing asks")

    limited = replace(SPENDER, document=replace(ASKS, limits=Limits(usd_per_day=3)))
    found = await Budgets(BudgetSettings(workflows={"Asks": 9}), Known(), ManualClock()).reached(limited)
    assert isinstance(found, Reached)
    assert (
        "Today the runs of “Asks” have spent $3.00 on models; the limit that the workflow sets is $3.00."
        in found.message
    )
    assert isinstance(limited.document, Workflow)
