"""Going on with a cheaper model where a limit on spending was reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.engine.budget import Reached, Spender
from core.engine.cheaper_models import CheaperModels
from core.engine.events import StepSuspended, Usage
from core.engine.services import ChatRequest
from core.engine.testing_models import ScriptedModels
from core.steps import discover
from core.workflow.model import Workflow
from tests.support.engine_rig import Rig, step, workflow

pytestmark = pytest.mark.usefixtures("no_task_left")

PRICES = {"": 3, "m/large": 3, "m/middle": 2, "m/small": 1, "m/tiny": 0.5}


class Offering:
    """Lets a run spend one cent at a time, and offers two cheaper models when it has."""

    def __init__(self) -> None:
        self.asked: list[Spender] = []

    async def reached(self, spender: Spender) -> Reached | None:
        self.asked.append(spender)
        spent = spender.spent.cost_usd
        if spent < max(0.01, spender.allowed.get("run", 0.0)):
            return None
        return Reached("run", "Too much.", spent + 0.01, ("m/middle", "m/small"))

    def is_dearer(self, model: str, than: str) -> bool:
        return PRICES[model] > PRICES[than]


def line(*models: str) -> Workflow:
    names = [f"s{n}" for n in range(len(models))]
    return workflow(
        *(step(name, "chat", then=after, config={"model": model, "prompt": "Hi"})
          for name, model, after in zip(names, models, [*names[1:], ""], strict=True))
    )  # fmt: skip


def made(*script: str) -> tuple[Rig, ScriptedModels, Offering]:
    rig = Rig(types=discover())
    models, offering = ScriptedModels(*script, usage=Usage(100, 10, 0.01)), Offering()
    rig.engine.services = replace(rig.engine.services, models=models, budget=offering)
    return rig, models, offering


def asked(models: ScriptedModels) -> list[str]:
    return [request.model for request in models.requests]


async def test_a_limit_offers_cheaper_models_beside_going_on_and_stopping() -> None:
    rig, _, offering = made("one")
    document = line("m/large", "m/large")
    assert (await rig.run(document)).waiting == ("s1",)
    (event,) = rig.told(StepSuspended)
    assert event.question is not None
    assert event.question.choices == ("continue", "use m/middle", "use m/small", "stop")
    assert (offering.asked[-1].document, offering.asked[-1].spent) == (document, Usage(100, 10, 0.01))


async def test_the_chosen_model_is_asked_wherever_a_dearer_one_would_be_and_cheaper_ones_stay() -> None:
    rig, models, _ = made("one", "two", "three", "four")
    await rig.run(line("m/large", "", "m/tiny", "m/middle"))
    await rig.journal.answer("run-1", "s1", {"choice": "use m/small"})
    assert (await rig.resume()).waiting == ("s2",)
    await rig.journal.answer("run-1", "s2", {"choice": "continue"})
    assert (await rig.resume()).waiting == ("s3",)
    await rig.journal.answer("run-1", "s3", {"choice": "continue"})
    assert (await rig.resume()).status == "completed"
    assert asked(models) == ["m/large", "m/small", "m/tiny", "m/small"]


async def test_the_journal_keeps_the_choice_for_a_process_that_takes_the_run_up_later() -> None:
    rig, models, _ = made("one", "two")
    await rig.run(line("m/large", "m/large", "m/large"))
    await rig.journal.answer("run-1", "s1", {"choice": "use m/middle"})
    await rig.resume()
    records = await rig.journal.steps("run-1")
    assert records[1].answer == {"choice": "use m/middle"}
    assert records[2].request is not None
    assert records[2].request["model"] == "m/middle"

    later = Rig(types=discover(), journal=rig.journal, clock=rig.clock)
    fresh = ScriptedModels("three")
    later.engine.services = replace(later.engine.services, models=fresh, budget=Offering())
    await rig.journal.answer("run-1", "s2", {"choice": "continue"})
    assert (await later.resume()).status == "completed"
    assert (asked(models), asked(fresh)) == (["m/large", "m/middle"], ["m/middle"])


async def test_the_last_choice_counts() -> None:
    rig, models, _ = made("one", "two", "three")
    await rig.run(line("m/large", "m/large", "m/large"))
    await rig.journal.answer("run-1", "s1", {"choice": "use m/middle"})
    await rig.clock.advance(5)
    await rig.resume()
    await rig.journal.answer("run-1", "s2", {"choice": "use m/small"})
    assert (await rig.resume()).status == "completed"
    assert asked(models) == ["m/large", "m/middle", "m/small"]


async def test_a_model_that_was_not_offered_is_asked_for_again() -> None:
    rig, models, _ = made("one")
    await rig.run(line("m/large", "m/large"))
    await rig.journal.answer("run-1", "s1", {"choice": "use m/tiny"})
    assert (await rig.resume()).waiting == ("s1",)
    assert asked(models) == ["m/large"]


async def test_fallbacks_that_are_dearer_are_left_out() -> None:
    models = ScriptedModels("one", "two")
    cheaper = CheaperModels(models, "m/small", Offering().is_dearer)
    request = ChatRequest([{"role": "user", "content": "Hi"}], "m/large", fallbacks=("m/middle", "m/tiny", "m/small"))
    assert cheaper.wire_request(request) == models.wire_request(
        replace(request, model="m/small", fallbacks=("m/tiny",))
    )
    async for _ in cheaper.stream(request):
        pass
    same = ChatRequest([{"role": "user", "content": "Hi"}], "m/tiny", fallbacks=("m/small",))
    async for _ in cheaper.stream(same):
        pass
    assert [(each.model, each.fallbacks) for each in models.requests] == [
        ("m/small", ("m/tiny",)), ("m/tiny", ("m/small",)),
    ]  # fmt: skip
    assert models.requests[1] is same


async def test_embeddings_are_made_as_before() -> None:
    models = ScriptedModels()
    await CheaperModels(models, "m/small", Offering().is_dearer).embed(["a"], model="m/large")
    assert models.embedded == ["a"]
