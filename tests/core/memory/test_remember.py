from __future__ import annotations

import json

import pytest

from core.engine.clock import Clock
from core.engine.errors import StepError
from core.engine.testing import ManualClock
from core.ids import new_id
from core.memory.budget import Budget
from core.memory.embedder import Embedder
from core.memory.memories import Memories
from core.memory.model_decision import ModelDecider
from core.memory.proposal import Proposed
from core.store.memories import MemoryRecords
from core.store.memory_records import MemoryFilter, Scope, Source, SourceKind
from core.store.memory_upkeep import MemoryUpkeep
from tests.support.memory import Meanings


class Alike(Meanings):
    """A model to which all texts mean the same: what embeddings find alike, others must tell apart."""

    def vector(self, text: str, size: int) -> list[float]:
        return [1.0, *[0.001 * (sum(map(ord, text)) % 7)] * (size - 1)]


@pytest.fixture
def models() -> Meanings:
    return Alike()


async def _live(memories: Memories) -> list[str]:
    page = await memories.list(MemoryFilter(states=("live",), order="content"))
    return [memory.content for memory in page.items]


async def test_the_same_proposal_twice_is_one_memory(memories: Memories, ada: Scope) -> None:
    first = await memories.remember(ada, Proposed("Ada likes tea"))
    second = await memories.remember(ada, Proposed("  ada likes  TEA. "))
    assert (first.kind, second.kind) == ("new", "same")
    assert first.memory is not None
    assert second.memory is not None
    assert second.memory.id == first.memory.id
    assert [change.kind for change in await memories.history(first.memory.id)] == ["repeated", "made"]


@pytest.mark.parametrize(
    ("known", "new"),
    [
        ("The trip cost 5000 euros", "The trip cost 50000 euros"),
        ("Li Guoyu wrote the report", "Li Guosong wrote the report"),
        ("Ada manages Bob", "Bob manages Ada"),
        ("The train leaves at 8:15 on 2026-03-01", "The train leaves at 8:15 on 2026-03-02"),
        ("Version 2.1 broke the build", "Version 2.2 broke the build"),
        ("My friend is Tom", "My friend is Tim"),
        ("Ada sent invoice 1041", "Ada sent invoice 1042"),
    ],
)
async def test_what_differs_in_a_number_a_name_or_an_order_is_kept_beside_the_other(
    memories: Memories, ada: Scope, known: str, new: str
) -> None:
    await memories.remember(ada, Proposed(known))
    outcome = await memories.remember(ada, Proposed(new))
    assert outcome.kind == "new"
    assert await _live(memories) == sorted([known, new], key=str.lower)


@pytest.mark.parametrize(
    ("known", "new"),
    [
        ("I live in Berlin", "I now live in Rome"),
        ("My budget is 5000 euros", "My budget is 50000 euros"),
        ("Ada's phone number is 555 0199", "Ada's phone number is 555 0200"),
        ("The deadline for Apollo is Friday", "The deadline for Apollo is Monday"),
        ("My favourite colour is blue", "My favorite color is green"),
    ],
)
async def test_a_newer_value_replaces_the_old_one_which_stays_in_the_history(
    memories: Memories, ada: Scope, known: str, new: str
) -> None:
    old = (await memories.remember(ada, Proposed(known))).memory
    outcome = await memories.remember(ada, Proposed(new))
    assert outcome.kind == "updated"
    assert old is not None
    assert outcome.memory is not None
    assert outcome.replaced == old.id
    before = await memories.get(old.id)
    assert (before.state, before.superseded_by) == ("replaced", outcome.memory.id)
    assert before.valid_to == outcome.memory.valid_from
    assert [change.kind for change in await memories.history(old.id)] == ["replaced", "made"]
    assert await _live(memories) == [new]


async def test_another_ones_fact_does_not_replace(memories: Memories, ada: Scope, bob: Scope) -> None:
    await memories.remember(ada, Proposed("I live in Berlin"))
    assert (await memories.remember(bob, Proposed("I live in Rome"))).kind == "new"
    assert (await memories.remember(ada, Proposed("Sam lives in Rome"))).kind == "new"


async def test_a_denial_replaces_what_it_denies(memories: Memories, ada: Scope) -> None:
    await memories.remember(ada, Proposed("I eat meat"))
    outcome = await memories.remember(ada, Proposed("I don't eat meat any more"))
    assert outcome.kind == "contradiction"
    assert await _live(memories) == ["I don't eat meat any more"]


async def test_an_older_value_can_come_back(memories: Memories, ada: Scope) -> None:
    for place in ("Berlin", "Rome", "Berlin"):
        await memories.remember(ada, Proposed(f"I live in {place}"))
    assert await _live(memories) == ["I live in Berlin"]


@pytest.mark.parametrize("source", ["web", "mcp", "tool", "file"])
async def test_what_came_from_outside_waits_for_a_person(memories: Memories, ada: Scope, source: SourceKind) -> None:
    await memories.remember(ada, Proposed("My budget is 100"))
    outcome = await memories.remember(ada, Proposed("My budget is 999999", source=Source(source)))
    assert outcome.kind == "quarantined"
    assert await _live(memories) == ["My budget is 100"]
    assert outcome.memory is not None
    confirmed = await memories.confirm(outcome.memory.id, who="Sam")
    assert confirmed.kind == "updated"
    assert await _live(memories) == ["My budget is 999999"]
    kinds = [change.kind for change in await memories.history(outcome.memory.id)]
    assert kinds == ["confirmed", "made"]


async def test_a_tainted_turn_is_quarantined_and_cannot_pin(memories: Memories, ada: Scope) -> None:
    outcome = await memories.remember(ada, Proposed("The price is 5", tainted=True, pinned=True))
    assert outcome.kind == "quarantined"
    assert outcome.memory is not None
    assert not outcome.memory.pinned


async def test_a_person_who_says_the_same_confirms_what_was_quarantined(memories: Memories, ada: Scope) -> None:
    await memories.remember(ada, Proposed("Ada likes tea", source=Source("web")))
    outcome = await memories.remember(ada, Proposed("Ada likes tea"))
    assert outcome.memory is not None
    assert outcome.memory.state == "live"


async def test_what_was_forgotten_comes_back_only_if_a_person_asks(memories: Memories, ada: Scope) -> None:
    memory = (await memories.remember(ada, Proposed("Ada likes tea"))).memory
    assert memory is not None
    await memories.forget(memory.id)
    assert (await memories.remember(ada, Proposed("Ada likes tea", source=Source("assistant")))).kind == "refused"
    assert (await memories.remember(ada, Proposed("Ada likes tea"))).kind == "refused"
    outcome = await memories.remember(ada, Proposed("Ada likes tea", explicit=True))
    assert outcome.kind == "new"
    assert await _live(memories) == ["Ada likes tea"]


async def test_secrets_never_reach_the_database(memories: Memories, ada: Scope) -> None:
    outcome = await memories.remember(ada, Proposed("The password is hunter22"))
    assert (outcome.kind, outcome.memory) == ("refused", None)
    assert "hunter22" not in outcome.reason
    assert (await memories.list(MemoryFilter(states=()))).total == 0


def _deciding(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: Clock, *answers: str | StepError, usd: float | None = None
) -> tuple[Memories, Alike]:
    models = Alike(answers=answers)
    budget = Budget(clock, usd=usd)
    decider = ModelDecider(models, "small", budget)
    embedder = Embedder(models, "alike", clock)
    return Memories(records, upkeep, clock=clock, new_id=new_id, embedder=embedder, decider=decider), models


def _answer(decision: str, of: int) -> str:
    return json.dumps({"decision": decision, "of": of, "reason": "so it is"})


async def test_a_model_decides_what_words_leave_open(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, ada: Scope
) -> None:
    memories, models = _deciding(records, upkeep, clock, _answer("updated", 1))
    await memories.remember(ada, Proposed("Sam works on the Apollo project"))
    outcome = await memories.remember(ada, Proposed("Sam has moved over to Hermes"))
    assert outcome.kind == "updated"
    assert outcome.usage.cost_usd == 0.001
    assert "Sam works on the Apollo project" in models.requests[0].messages[-1]["content"]
    assert await _live(memories) == ["Sam has moved over to Hermes"]


async def test_a_model_may_not_merge_what_differs_in_a_number(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, ada: Scope
) -> None:
    memories, _ = _deciding(records, upkeep, clock, _answer("same", 1))
    await memories.remember(ada, Proposed("The trip cost 5000 euros"))
    outcome = await memories.remember(ada, Proposed("For the trip 50000 euros were paid"))
    assert outcome.kind == "new"
    assert len(await _live(memories)) == 2


async def test_when_the_model_fails_or_the_budget_is_spent_both_are_kept(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, ada: Scope
) -> None:
    answers = (StepError("away", kind="connection"), _answer("same", 1))
    memories, models = _deciding(records, upkeep, clock, *answers, usd=0.001)
    for text in ("Sam plays the flute", "The flute is what Sam plays", "Flutes are played by Sam", "Sam and his flute"):
        await memories.remember(ada, Proposed(text))
    assert len(models.requests) == 2, "the second answer spent the budget"
    assert len(await _live(memories)) == 3
    await clock.advance(86_400)
    with pytest.raises(AssertionError, match="never asked"):
        await _one_more(memories, ada, models)


async def _one_more(memories: Memories, ada: Scope, models: Meanings) -> None:
    before = len(models.requests)
    await memories.remember(ada, Proposed("It is the flute that Sam plays so well"))
    assert len(models.requests) == before, "never asked"
