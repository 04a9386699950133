"""Agents in a run that goes on with a cheaper model, because a limit on spending was reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.agents.agent import Agent, Function, ModelChoice
from core.agents.kit import ModelFacts
from core.engine.budget import Reached, Spender
from core.engine.engine import Run
from core.engine.events import Event
from core.engine.lifecycle import RunResult
from core.workflow.model import Step, Workflow
from tests.core.agents.test_workflow_integration import rig_with_steps
from tests.support.agent_rig import Recording, wants

DOCUMENT = Workflow(
    "Costly",
    steps={
        "first": Step("first", "chat", config={"model": "m/large", "prompt": "Hi"}, then={"out": ("answer",)}),
        "answer": Step("answer", "agent", config={"agent": "Ada", "task": "Help."}),
    },
    outputs={"text": "{{ answer.text }}"},
)


class OneCent:
    """Lets a run spend a cent, then as much as it likes."""

    async def reached(self, spender: Spender) -> Reached | None:
        if spender.spent.cost_usd < 0.01 or spender.allowed:
            return None
        return Reached("run", "Too much.", 9.0, ("m/small",))

    def is_dearer(self, model: str, than: str) -> bool:
        return model == "m/large"


async def told(running: Run) -> tuple[RunResult, list[Event]]:
    events: list[Event] = []
    running.listeners.append(events.append)
    return await running.result(), events


async def test_an_agent_its_helpers_and_what_is_known_of_their_models_follow_the_choice() -> None:
    looked_up: list[str] = []

    async def look_up(model: str) -> ModelFacts:
        looked_up.append(model)
        return ModelFacts(model, context=32_000)

    agents = [
        Agent(
            "Ada",
            model=ModelChoice("m/large"),
            functions=(Function("clerk", kind="agent", target="Clerk", policy="auto"),),
        ),
        Agent("Clerk", model=ModelChoice("m/large")),
    ]
    script = ("One.", wants(("clerk", {"task": "Look."})), "Looked.", "Done.")
    rig = rig_with_steps(*script, agents=agents, look_up=look_up)
    rig.engine.services = replace(rig.engine.services, budget=OneCent())
    result, _ = await told(rig.engine.start(DOCUMENT))
    assert result.waiting == ("answer",)
    assert looked_up == []
    await rig.journal.answer(result.run_id, "answer", {"choice": "use m/small"})
    result, _ = await told(await rig.engine.resume(result.run_id))
    assert (result.status, result.outputs) == ("completed", {"text": "Done."})
    assert [request.model for request in rig.models.requests] == ["m/large", "m/small", "m/small", "m/small"]
    assert set(looked_up) == {"m/small"}


async def test_an_agent_stops_for_the_limit_between_its_requests_and_goes_on_where_it_was() -> None:
    look = Recording("look", "seen")
    script = ("One.", wants(("look", {})), wants(("look", {"again": True})), "Done.")
    rig = rig_with_steps(*script, agents=[Agent("Ada", model=ModelChoice("m/large"))], functions=[look])
    limit = Cents(2)
    rig.engine.services = replace(rig.engine.services, budget=limit)
    result, _ = await told(rig.engine.start(DOCUMENT))
    assert (result.status, result.waiting) == ("suspended", ("answer",))
    assert (len(rig.models.requests), len(look.calls)) == (2, 1)
    assert limit.asked[-1] == pytest.approx(0.02)
    assert result.usage.cost_usd == pytest.approx(0.02)
    await rig.journal.answer(result.run_id, "answer", {"choice": "use m/small"})
    result, _ = await told(await rig.engine.resume(result.run_id))
    assert (result.status, result.outputs) == ("completed", {"text": "Done."})
    assert [request.model for request in rig.models.requests] == ["m/large", "m/large", "m/small", "m/small"]
    assert len(look.calls) == 2
    assert result.usage.cost_usd == pytest.approx(0.04)


async def test_an_agent_whose_limit_a_person_does_not_raise_fails_with_that_reason() -> None:
    rig = rig_with_steps("One.", wants(("look", {})), agents=[Agent("Ada")], functions=[Recording("look")])
    rig.engine.services = replace(rig.engine.services, budget=Cents(2))
    result, _ = await told(rig.engine.start(DOCUMENT))
    await rig.journal.answer(result.run_id, "answer", {"choice": "stop"})
    result, _ = await told(await rig.engine.resume(result.run_id))
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.type == "budget"


class Cents(OneCent):
    """Lets a run spend so many cents, then as much as it likes."""

    def __init__(self, cents: int) -> None:
        self.cents = cents
        self.asked: list[float] = []

    async def reached(self, spender: Spender) -> Reached | None:
        self.asked.append(spender.spent.cost_usd)
        if spender.spent.cost_usd < self.cents / 100 or spender.allowed:
            return None
        return Reached("run", "Too much.", 9.0, ("m/small",))
