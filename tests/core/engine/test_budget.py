from __future__ import annotations

from dataclasses import replace

import pytest

from core.engine.budget import BUDGET, Instead, Reached, Spender
from core.engine.errors import StepError
from core.engine.events import StepCompleted, StepFailed, StepSuspended
from core.workflow.model import Step
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")


class OneLimit:
    """Lets a run spend so much; every answer lets it spend as much again."""

    def __init__(self, usd: float) -> None:
        self.usd = usd
        self.offers: tuple[str, ...] = ()
        self.asked: list[Spender] = []
        self.family: Reached | Instead | None = None

    async def reached(self, spender: Spender) -> Reached | Instead | None:
        self.asked.append(replace(spender, allowed=dict(spender.allowed), document=None))
        if self.family is not None:
            return self.family
        limit = max(self.usd, spender.allowed.get("run", 0.0))
        spent = spender.spent.cost_usd
        if spent < limit:
            return None
        return Reached("run", f"The run has spent ${spent:g}.", spent + self.usd, self.offers)

    def is_dearer(self, model: str, than: str) -> bool:
        return model not in ("m/tiny", than)


def spends(step_id: str, cents: int = 10, then: str | list[str] = "", **more: object) -> Step:
    """A step that costs so many tenths of a cent."""
    return step(step_id, then=then, config={"effect": "spends", "tokens": cents, **more})


LINE = workflow(spends("a", 10, "b"), spends("b", 10, "c"), spends("c", 10), name="Line")


@pytest.fixture
def limit(rig: Rig) -> OneLimit:
    made = OneLimit(0.01)
    rig.engine.services = replace(rig.engine.services, budget=made)
    return made


async def answer(rig: Rig, path: str, choice: str) -> None:
    await rig.journal.answer("run-1", path, {"choice": choice})


async def test_a_reached_limit_suspends_the_run_with_a_question_before_anything_more_is_spent(
    rig: Rig, limit: OneLimit
) -> None:
    result = await rig.run(LINE)
    assert (result.status, result.waiting) == ("suspended", ("b",))
    assert rig.stage.paths == ["a"]
    (event,) = rig.told(StepSuspended)
    assert event.question is not None
    assert (event.question.message, event.question.choices) == ("The run has spent $0.01.", ("continue", "stop"))
    assert [(each.run_id, each.workflow, each.spent.cost_usd) for each in limit.asked] == [
        ("run-1", "Line", 0.0), ("run-1", "Line", 0.01),
    ]  # fmt: skip


async def test_continuing_lets_the_run_spend_up_to_the_next_limit_and_runs_nothing_twice(
    rig: Rig, limit: OneLimit
) -> None:
    await rig.run(LINE)
    await answer(rig, "b", "continue")
    assert (await rig.resume()).waiting == ("c",)
    assert rig.stage.paths == ["a", "b"]
    await answer(rig, "c", "continue")
    result = await rig.resume()
    assert result.status == "completed"
    assert rig.stage.paths == ["a", "b", "c"]
    assert result.usage.cost_usd == pytest.approx(0.03)


async def test_stopping_fails_the_run_and_a_resumed_one_asks_again(rig: Rig, limit: OneLimit) -> None:
    await rig.run(LINE)
    await answer(rig, "b", "stop")
    result = await rig.resume()
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.type == "budget"
    assert (await rig.resume()).waiting == ("b",)
    await answer(rig, "b", "continue")
    assert (await rig.resume()).waiting == ("c",)


async def test_an_answer_that_is_no_choice_is_asked_for_again(rig: Rig, limit: OneLimit) -> None:
    await rig.run(LINE)
    await answer(rig, "b", "maybe")
    assert (await rig.resume()).waiting == ("b",)
    assert rig.stage.paths == ["a"]


async def test_one_question_is_asked_for_steps_that_reach_the_limit_together(rig: Rig, limit: OneLimit) -> None:
    wide = workflow(spends("a", 10, ["b", "c", "d"]), spends("b", 0), spends("c", 0), spends("d", 0))
    result = await rig.run(wide)
    assert set(result.waiting) == {"b", "c", "d"}
    asked = [event.path for event in rig.told(StepSuspended) if event.question is not None]
    assert len(asked) == 1
    await answer(rig, asked[0], "continue")
    assert (await rig.resume()).status == "completed"
    assert sorted(rig.stage.paths) == ["a", "b", "c", "d"]


async def test_nobody_is_asked_twice_while_another_answer_lets_the_run_go_on(rig: Rig, limit: OneLimit) -> None:
    both = workflow(
        spends("a", 10, ["ask", "b"]), step("ask", "ask", then={"answered": "c"}), spends("b", 0), spends("c", 0)
    )
    await rig.run(both)
    await answer(rig, "ask", "yes")
    result = await rig.resume()
    assert set(result.waiting) == {"b", "c"}
    assert len([event for event in rig.told(StepSuspended, "c") if event.question is not None]) == 0
    await answer(rig, "b", "continue")
    assert (await rig.resume()).status == "completed"


async def test_steps_that_spend_nothing_run_on_past_the_limit(rig: Rig, limit: OneLimit) -> None:
    free = workflow(spends("a", 10, "b"), step("b", config={"effect": "reads"}, then="c"), step("c"))
    assert (await rig.run(free)).status == "completed"
    assert len(limit.asked) == 1


async def test_a_step_inside_a_loop_waits_and_the_loop_goes_on_after_the_answer(rig: Rig, limit: OneLimit) -> None:
    loop = workflow(
        step("each", "many", config={"items": [1, 2, 3]}, body=[spends("pay", 10, then="more"), spends("more", 0)])
    )
    result = await rig.run(loop)
    assert result.status == "suspended"
    asked = [event.path for event in rig.told(StepSuspended) if event.question is not None]
    assert asked == ["each[0]/more"]
    await answer(rig, asked[0], "continue")
    while (result := await rig.resume()).status == "suspended":
        asked = [event.path for event in rig.told(StepSuspended) if event.question is not None]
        await answer(rig, asked[-1], "continue")
    assert result.status == "completed"
    assert set(rig.stage.times.values()) == {1}


async def test_what_a_person_answered_a_step_before_is_still_known_to_it(rig: Rig, limit: OneLimit) -> None:
    document = workflow(step("ask", "ask", config={"effect": "spends", "state": {"n": 1}}), spends("pay", 10))
    assert (await rig.run(document)).waiting == ("ask",)
    await answer(rig, "ask", "yes")
    assert (await rig.resume()).waiting == ("ask",)
    await answer(rig, "ask", "continue")
    assert (await rig.resume()).status == "completed"
    assert rig.stage.answers == [("ask", None), ("ask", {"choice": "yes"})]
    assert rig.told(StepCompleted, "ask")[0].output == {"choice": "yes", "state": {"n": 1}}


async def test_a_limit_that_cannot_be_looked_up_fails_the_step_in_words(rig: Rig) -> None:
    class Broken:
        async def reached(self, spender: Spender) -> Reached | None:
            raise StepError("The database is away.", kind="connection")

        def is_dearer(self, model: str, than: str) -> bool:
            return True

    rig.engine.services = replace(rig.engine.services, budget=Broken())
    result = await rig.run(LINE)
    assert result.status == "failed"
    assert rig.told(StepFailed)[0].error.message == "The database is away."
    assert rig.stage.paths == []


async def test_the_mark_of_a_limit_is_in_the_record(rig: Rig, limit: OneLimit) -> None:
    await rig.run(LINE)
    record = (await rig.journal.steps("run-1"))[-1]
    assert record.state == {BUDGET: {"key": "run", "up_to_usd": 0.02}}
    assert len(rig.told(StepCompleted)) == 1


async def test_a_run_waits_for_what_another_that_shares_its_work_is_told(rig: Rig, limit: OneLimit) -> None:
    limit.family = Reached("run", asked=True)
    result = await rig.run(LINE)
    assert (result.status, result.waiting) == ("suspended", ("a",))
    assert [event.question for event in rig.told(StepSuspended)] == [None]
    assert (await rig.resume()).waiting == ("a",), "it is still asked"
    limit.family = Reached("run", stopped=True)
    result = await rig.resume()
    assert result.error is not None
    assert (result.status, result.error.type) == ("failed", "budget")
    assert rig.stage.paths == []


async def test_a_run_takes_the_model_over_that_another_that_shares_its_work_went_on_with(
    rig: Rig, limit: OneLimit
) -> None:
    limit.family = Instead("m/tiny")
    assert (await rig.run(LINE)).status == "completed"
    assert [each.cheaper for each in limit.asked] == ["", "m/tiny", "m/tiny"]
