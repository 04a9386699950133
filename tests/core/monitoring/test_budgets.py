from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from pydantic import ValidationError

from core.engine.budget import Instead, Reached, Spender
from core.engine.clock import midnight
from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.testing import ManualClock
from core.monitoring.budgets import FRESH_S, Budgets
from core.settings import BudgetSettings
from core.store.errors import ConnectError
from core.store.spending import Family
from tests.support.engine_rig import Rig, step, workflow

RUN = Spender("run-1", "Triage", Usage(cost_usd=0.5))


class Known:
    """What is said to have been spent today."""

    def __init__(self, everything: float = 0.0, **workflows: float) -> None:
        self.everything = everything
        self.workflows = workflows
        self.asked: list[tuple[str, datetime]] = []
        self.away = False
        self.family = Family("run-1")
        self.claims: set[int] = set()

    async def since(self, when: datetime) -> float:
        self.asked.append(("", when))
        if self.away:
            raise ConnectError("The database is away.")
        return self.everything

    async def of_workflow(self, workflow: str, since: datetime) -> float:
        self.asked.append((workflow, since))
        return self.workflows.get(workflow, 0.0)

    async def of_run(self, run_id: str, limit: str) -> Family:
        if self.away:
            raise ConnectError("The database is away.")
        return self.family

    async def may_ask(self, family: Family, limit: str, run_id: str) -> bool:
        is_first = family.answers not in self.claims
        self.claims.add(family.answers)
        return is_first


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_a_run_may_spend_up_to_its_limit_and_no_more(clock: ManualClock) -> None:
    budgets = Budgets(BudgetSettings(usd_per_run=0.5), None, clock)
    assert await budgets.reached(replace(RUN, spent=Usage(cost_usd=0.49))) is None
    limit = await budgets.reached(RUN)
    assert isinstance(limit, Reached)
    assert (limit.key, limit.up_to_usd) == ("run", 1.0)
    assert limit.message.startswith("This run has spent $0.50 on models; the limit is $0.50.")
    assert "until $1.00 are spent" in limit.message
    assert await budgets.reached(replace(RUN, spent=Usage(cost_usd=0.99), allowed={"run": 1.0})) is None
    assert await budgets.reached(replace(RUN, spent=Usage(cost_usd=1.0), allowed={"run": 1.0})) is not None


async def test_runs_that_share_the_work_of_one_share_its_limit(clock: ManualClock) -> None:
    known = Known()
    budgets = Budgets(BudgetSettings(usd_per_run=2.0), known, clock)
    assert await budgets.reached(RUN) is None
    known.family = Family("run-1", dollars=2.25)
    limit = await budgets.reached(RUN)
    assert isinstance(limit, Reached)
    assert limit.message.startswith("This run has spent $2.25 on models; the limit is $2.00.")
    assert limit.up_to_usd == 4.25
    known.family = Family("run-1", dollars=3.0, up_to=4.25)
    assert await budgets.reached(RUN) is None, "somebody let another of them go on"
    known.away = True
    with pytest.raises(StepError, match=r"could not be looked up: The database is away\."):
        await budgets.reached(RUN)


@pytest.mark.parametrize("settings", [BudgetSettings(usd_per_run=2), BudgetSettings(workflows={"Triage": 2})])
async def test_one_of_the_runs_that_share_the_work_of_one_asks_for_all(
    clock: ManualClock, settings: BudgetSettings
) -> None:
    known = Known(Triage=3.0)
    known.family = family = Family("root", runs=5, dollars=3.0)
    budgets = Budgets(settings, known, clock)
    first, second = await budgets.reached(RUN), await budgets.reached(replace(RUN, run_id="run-2"))
    assert isinstance(first, Reached)
    assert isinstance(second, Reached)
    assert (first.asked, bool(first.message)) == (False, True)
    assert (second.asked, second.message) == (True, "")

    known.family = replace(family, answers=1, up_to=4.0)
    assert await budgets.reached(RUN) is None
    known.family = replace(family, answers=1, up_to=4.0, model="m/tiny")
    assert await budgets.reached(RUN) == Instead("m/tiny")
    assert await budgets.reached(replace(RUN, cheaper="m/tiny")) is None
    known.family = replace(family, answers=1, is_asked=True)
    asked = await budgets.reached(RUN)
    assert isinstance(asked, Reached)
    assert asked.asked, "even if it could claim the right to ask"
    known.family = replace(family, answers=1, is_stopped=True)
    stopped = await budgets.reached(RUN)
    assert isinstance(stopped, Reached)
    assert stopped.stopped


async def test_the_runs_of_a_workflow_share_its_limit_of_the_day(clock: ManualClock) -> None:
    budgets = Budgets(BudgetSettings(workflows={"Triage": 2.0}), Known(Triage=2.5, Other=9.0), clock)
    limit = await budgets.reached(RUN)
    assert isinstance(limit, Reached)
    assert limit.key == f"workflow {midnight(clock.now()):%Y-%m-%d}"
    assert limit.up_to_usd == 4.5
    assert await budgets.reached(replace(RUN, workflow="Other")) is None
    assert await budgets.reached(replace(RUN, allowed={limit.key: 4.5})) is None


async def test_the_day_begins_at_midnight_here_and_a_sum_is_believed_for_moments_only(clock: ManualClock) -> None:
    known = Known(everything=1.0)
    budgets = Budgets(BudgetSettings(usd_per_day=5), known, clock)
    for _ in range(20):
        assert await budgets.reached(RUN) is None
    assert known.asked == [("", midnight(clock.now()))]
    known.everything = 5.0
    await clock.advance(FRESH_S)
    limit = await budgets.reached(RUN)
    assert isinstance(limit, Reached)
    assert limit.message.startswith("Today all runs and chats have spent $5.00")


async def test_what_a_run_has_spent_itself_counts_at_once(clock: ManualClock) -> None:
    known = Known(everything=1.0)
    budgets = Budgets(BudgetSettings(usd_per_day=1.5), known, clock)
    assert await budgets.reached(replace(RUN, spent=Usage(cost_usd=0.0))) is None
    known.everything = 1.5
    assert await budgets.reached(replace(RUN, run_id="run-2", spent=Usage(cost_usd=0.0))) is None
    assert await budgets.reached(replace(RUN, spent=Usage(cost_usd=0.5))) is not None


async def test_a_database_that_is_away_makes_a_step_try_again(clock: ManualClock) -> None:
    known = Known()
    known.away = True
    with pytest.raises(StepError, match=r"could not be looked up: The database is away\.") as caught:
        await Budgets(BudgetSettings(usd_per_day=5), known, clock).reached(RUN)
    assert (caught.value.kind, caught.value.retryable) == ("connection", True)


async def test_chats_are_told_when_the_limit_of_the_day_is_reached(clock: ManualClock) -> None:
    known = Known(everything=4.99)
    budgets = Budgets(BudgetSettings(usd_per_day=5), known, clock)
    assert await budgets.day_is_over() == ""
    known.everything = 5.0
    assert await budgets.day_is_over() == (
        "Today all runs and chats have spent $5.00 on models; the limit is $5.00. Raise it in the settings (Budgets), "
        "or go on tomorrow."
    )
    assert known.asked == [("", midnight(clock.now()))] * 2
    assert await Budgets(BudgetSettings(usd_per_run=1), known, clock).day_is_over() == ""


async def test_where_nothing_is_limited_nothing_is_looked_up(clock: ManualClock) -> None:
    known = Known(everything=9.0)
    assert await Budgets(BudgetSettings(), known, clock).reached(RUN) is None
    assert known.asked == []
    with pytest.raises(ValidationError, match="more than 0 USD must be allowed for Triage"):
        BudgetSettings(workflows={"Triage": 0})


async def test_a_real_run_waits_at_its_limit_and_goes_on_when_a_person_lets_it() -> None:
    rig = Rig()
    rig.engine.services = replace(
        rig.engine.services, budget=Budgets(BudgetSettings(usd_per_run=0.01), None, rig.clock)
    )
    paid = {"effect": "spends", "tokens": 12}
    result = await rig.run(workflow(step("a", config=paid, then="b"), step("b", config=paid)))
    assert (result.status, result.waiting) == ("suspended", ("b",))
    await rig.journal.answer("run-1", "b", {"choice": "continue"})
    assert (await rig.resume()).usage.cost_usd == pytest.approx(0.024)
