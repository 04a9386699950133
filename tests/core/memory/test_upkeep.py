from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest

from core.engine.errors import StepError
from core.engine.testing import ManualClock, settle
from core.memory.composition import Remembrance
from core.memory.embedder import Embedder
from core.memory.memories import Keep, Memories, content_hash
from core.memory.proposal import Proposed
from core.memory.reembedding import Reembedding
from core.settings import MemorySettings
from core.store.database import Database
from core.store.memories import MemoryRecords, NewMemory
from core.store.memory_records import Memory, MemoryFilter, Scope, Source, Vector
from core.store.memory_upkeep import MemoryUpkeep
from tests.support.memory import Meanings


async def _states(memories: Memories) -> dict[str, str]:
    page = await memories.list(MemoryFilter(states=()))
    return {memory.content: memory.state for memory in page.items}


async def test_the_least_worth_is_forgotten_when_there_are_too_many(
    memories: Memories, ada: Scope, clock: ManualClock
) -> None:
    for content, importance in (("Trivial fact", 0.1), ("Useful fact", 0.6), ("Pinned fact", 0.0), ("Grave fact", 0.9)):
        pinned = content.startswith("Pinned")
        await memories.remember(ada, Proposed(content, importance=importance, pinned=pinned), keep=Keep(most=3))
    states = await _states(memories)
    assert states["Trivial fact"] == "forgotten"
    assert list(states.values()).count("live") == 3
    trivial = next(m for m in (await memories.list(MemoryFilter(states=("forgotten",)))).items)
    newest = (await memories.history(trivial.id))[0]
    assert (newest.kind, newest.cause) == ("forgotten", "the limit of 3 memories")


async def test_what_was_not_of_use_for_long_and_what_is_over_is_forgotten(
    memories: Memories, ada: Scope, clock: ManualClock
) -> None:
    await memories.remember(ada, Proposed("Ada resides in Oslo"))
    await memories.remember(ada, Proposed("The hound barks"))
    await memories.remember(ada, Proposed("Lunch is late", valid_to=clock.now() + timedelta(days=1)))
    await clock.advance(10 * 86_400)
    await memories.recall(ada, "home", touch=True)
    assert await memories.trim(ada, Keep(unused_days=7)) == 2
    assert await _states(memories) == {
        "Ada resides in Oslo": "live", "The hound barks": "forgotten", "Lunch is late": "forgotten",
    }  # fmt: skip


async def test_forgotten_memories_are_removed_for_good_after_their_time(
    memories: Memories, upkeep: MemoryUpkeep, ada: Scope, clock: ManualClock
) -> None:
    kept = (await memories.remember(ada, Proposed("Ada resides in Oslo"))).memory
    gone = (await memories.remember(ada, Proposed("The hound barks"))).memory
    assert kept is not None
    assert gone is not None
    await memories.forget(gone.id)
    assert await upkeep.purge(clock.now()) == 0
    await clock.advance(86_400)
    assert await upkeep.purge(clock.now()) == 1
    assert list(await _states(memories)) == ["Ada resides in Oslo"]
    assert await memories.history(gone.id) == []


def _with(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, models: Meanings, model: str
) -> tuple[Memories, Embedder]:
    embedder = Embedder(models, model, clock)
    numbers: Callable[[], uuid.UUID] = uuid.uuid4
    return Memories(records, upkeep, clock=clock, new_id=numbers, embedder=embedder), embedder


async def test_vectors_of_two_models_are_never_compared(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, models: Meanings, ada: Scope
) -> None:
    old, _ = _with(records, upkeep, clock, models, "old")
    await old.remember(ada, Proposed("Ada resides in Oslo"))
    new, _ = _with(records, upkeep, clock, models, "new")
    await new.remember(ada, Proposed("The hound barks"))
    recall = await new.recall(ada, "home")
    assert [item.memory.content for item in recall.items] == ["The hound barks"]
    by_word = (await new.recall(ada, "Oslo")).items
    assert {item.memory.content: item.why.similarity for item in by_word}["Ada resides in Oslo"] is None
    assert recall.note.startswith("1 of all memories are found by words only")
    assert await upkeep.waiting("new") == 1


async def test_memories_get_vectors_of_the_new_model_in_the_background(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, models: Meanings, ada: Scope, by_words: Memories
) -> None:
    old, _ = _with(records, upkeep, clock, models, "old")
    await old.remember(ada, Proposed("Ada resides in Oslo"))
    await by_words.remember(ada, Proposed("The dish is cold"))
    new, embedder = _with(records, upkeep, clock, models, "new")
    work = Reembedding(upkeep, embedder, clock)
    task = asyncio.create_task(work.run())
    while not task.done():
        await clock.advance(1)
        await asyncio.sleep(0.001)
    assert task.result() == 2
    assert await upkeep.waiting("new") == 0
    assert [item.memory.content for item in (await new.recall(ada, "home")).relevant] == ["Ada resides in Oslo"]
    assert [item.memory.content for item in (await new.recall(ada, "meal")).relevant] == ["The dish is cold"]


async def test_a_failing_model_leaves_the_rest_for_later(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, models: Meanings, ada: Scope, by_words: Memories
) -> None:
    await by_words.remember(ada, Proposed("The dish is cold"))
    models.failing = StepError("away", kind="connection")
    _, embedder = _with(records, upkeep, clock, models, "new")
    assert await Reembedding(upkeep, embedder, clock).run() == 0
    assert await upkeep.waiting("new") == 1


async def test_short_vectors_are_filled_up_and_too_long_ones_asked_for_anew(
    records: MemoryRecords, upkeep: MemoryUpkeep, clock: ManualClock, ada: Scope
) -> None:
    long = Meanings(size=3072)
    memories, _ = _with(records, upkeep, clock, long, "long")
    outcome = await memories.remember(ada, Proposed("Ada resides in Oslo"))
    assert outcome.memory is not None
    vector = await records.vector(outcome.memory.id)
    assert vector is not None
    assert (len(vector.values), vector.model) == (1536, "long")
    short, _ = _with(records, upkeep, clock, Meanings(size=64), "short")
    outcome = await short.remember(Scope(None), Proposed("Ada resides in Oslo"))
    assert outcome.memory is not None
    vector = await records.vector(outcome.memory.id)
    assert vector is not None
    assert set(vector.values[64:]) == {0.0}


async def test_a_workspaces_memories_keep_themselves_in_order(
    database: Database, clock: ManualClock, models: Meanings, ada: Scope, by_words: Memories
) -> None:
    await by_words.remember(ada, Proposed("The dish is cold"))
    gone = (await by_words.remember(ada, Proposed("The hound barks"))).memory
    assert gone is not None
    await by_words.forget(gone.id)
    await clock.advance(100 * 86_400)
    settings = MemorySettings(forgotten_days=90)
    kept = Remembrance(database, models, embedding_model="meanings", settings=settings, clock=clock)
    try:
        while len(await kept.memories.history(gone.id)) > 0:
            await clock.advance(1)
            await asyncio.sleep(0.001)
        await settle()
        assert "The dish is cold" in models.embedded
    finally:
        await kept.close()


async def test_an_audit_finds_what_a_person_should_look_at(
    memories: Memories, records: MemoryRecords, ada: Scope, clock: ManualClock
) -> None:
    told = "Ada resides in Oslo", "The hound barks at night", "The hound barks loudly at night", "The trip cost 5000"
    for content in (*told, "The trip cost 50000"):
        await memories.remember(ada, Proposed(content))
    await memories.remember(Scope(None), Proposed("Ada resides in Oslo."))
    berlin = (await memories.remember(ada, Proposed("I live in Berlin"))).memory
    assert berlin is not None
    await memories.remember(ada, Proposed("I live in Rome"))
    await memories.revert(berlin.id)
    secret = (await memories.remember(ada, Proposed("Box one is red"))).memory
    assert secret is not None
    await records.change(secret.id, {"content": "The password is hunter22"}, "edited", now=clock.now())
    audit = await memories.audit(ada)
    assert audit.looked_at == 9
    assert [f.memories[0].id for f in audit.of("secret")] == [secret.id]
    [double] = audit.of("exact_double")
    assert {memory.agent_id for memory in double.memories} == {ada.agent_id, None}
    near = [{memory.content for memory in finding.memories} for finding in audit.of("near_double")]
    assert {"The hound barks at night", "The hound barks loudly at night"} in near
    assert {"The trip cost 5000", "The trip cost 50000"} not in near
    [conflict] = audit.of("conflict")
    assert {memory.content for memory in conflict.memories} == {"I live in Berlin", "I live in Rome"}
    assert audit.of("never_recalled") == ()
    await clock.advance(31 * 86_400)
    await memories.recall(ada, "home", limit=2, touch=True)
    assert 0 < len((await memories.audit(ada)).of("never_recalled")) < 9
    await clock.advance(200 * 86_400)
    assert (await memories.audit(ada)).of("stale")


async def test_an_audit_of_thousands_with_one_vector_compares_each_with_one_of_them(
    memories: Memories, records: MemoryRecords, upkeep: MemoryUpkeep, ada: Scope, clock: ManualClock
) -> None:
    """A thousand copies of a vector are half a million pairs; what is compared grows with their number only."""
    now, many = clock.now(), 300
    for number in range(many):
        content = f"Parcel {'a' * (number % 7 + 1)} of order {number} arrived"
        memory = Memory(
            uuid.UUID(int=10**6 + number), ada.agent_id, "fact", content, 0.5, Source("user"), "live", False, now, None,
            now, now,
        )  # fmt: skip
        await records.add(NewMemory(memory, content_hash(content), Vector((1.0, 2.0, 3.0), "m")))
    pairs = await upkeep.alike(ada, similarity=0.9, pairs=10**6)
    assert len(pairs) == many - 1
    assert {pair[0] for pair in pairs} == {uuid.UUID(int=10**6)}
    assert all(similarity == pytest.approx(1.0) for _, _, similarity in pairs)
    assert (await memories.audit(ada)).looked_at == many


async def test_memories_that_say_the_same_are_no_near_doubles_besides(
    memories: Memories, records: MemoryRecords, ada: Scope, clock: ManualClock
) -> None:
    now = clock.now()
    for number, content in enumerate(["The hound barks", "The hound barks.", "the hound  barks"]):
        memory = Memory(
            uuid.UUID(int=10**6 + number), ada.agent_id, "fact", content, 0.5, Source("user"), "live", False, now, None,
            now, now,
        )  # fmt: skip
        await records.add(NewMemory(memory, f"{number}", Vector((1.0, 2.0), "m")))
    audit = await memories.audit(ada)
    assert [len(finding.memories) for finding in audit.of("exact_double")] == [3]
    assert audit.of("near_double") == ()
