from __future__ import annotations

import json
import uuid

import pytest

from core.engine.testing import ManualClock
from core.memory.errors import MemoryNotFound, MemoryRefused, MemoryTaken
from core.memory.memories import Memories
from core.memory.proposal import Proposed
from core.store.memory_records import Memory, MemoryFilter, Scope, Source


async def _kept(memories: Memories, scope: Scope, content: str) -> Memory:
    memory = (await memories.remember(scope, Proposed(content))).memory
    assert memory is not None
    return memory


async def test_a_corrected_memory_is_found_by_its_new_words_and_meaning(memories: Memories, ada: Scope) -> None:
    memory = await _kept(memories, ada, "The hound is called Rex")
    changed = await memories.edit(
        memory.id, content="Ada resides in Oslo", importance=0.9, type="learned", supersede=False, who="Sam"
    )
    assert (changed.content, changed.importance, changed.type) == ("Ada resides in Oslo", 0.9, "learned")
    assert [item.memory.id for item in (await memories.recall(ada, "home")).relevant] == [memory.id]
    assert (await memories.recall(ada, "pet")).relevant == ()
    newest, first = await memories.history(memory.id)
    assert (newest.kind, newest.who, newest.cause, newest.content) == (
        "edited",
        "Sam",
        "corrected",
        "Ada resides in Oslo",
    )
    assert (first.kind, first.content) == ("made", "The hound is called Rex")


async def test_a_fact_that_has_changed_is_superseded_and_the_old_one_kept_with_its_time(
    memories: Memories, ada: Scope, clock: ManualClock
) -> None:
    old = await _kept(memories, ada, "I live in Berlin")
    await memories.pin(old.id)
    await clock.advance(86_400)
    new = await memories.edit(old.id, content="I live in Rome", importance=0.8, who="Sam")
    assert new.id != old.id
    assert (new.content, new.importance, new.pinned, new.valid_from, new.state) == (
        "I live in Rome", 0.8, True, clock.now(), "live",
    )  # fmt: skip
    assert (new.source.kind, new.source.who, new.access_count) == ("user", "Sam", 0)
    before = await memories.get(old.id)
    assert (before.content, before.state, before.valid_to, before.superseded_by) == (
        "I live in Berlin", "replaced", clock.now(), new.id,
    )  # fmt: skip
    assert [memory.id for memory in await memories.replaced_by(new.id)] == [old.id]
    assert [item.memory.id for item in (await memories.recall(ada, "home")).relevant] == [new.id]
    kinds = [(change.kind, change.who) for change in await memories.history(old.id)]
    assert kinds == [("replaced", "Sam"), ("pinned", ""), ("made", "")]
    [finding] = (await memories.audit(ada)).of("changed")
    assert [memory.content for memory in finding.memories] == ["I live in Rome", "I live in Berlin"]
    await clock.advance(100 * 86_400)
    assert (await memories.audit(ada)).of("changed") == ()


async def test_what_superseded_another_is_taken_back(memories: Memories, ada: Scope) -> None:
    old = await _kept(memories, ada, "I live in Berlin")
    new = await memories.edit(old.id, content="I live in Rome")
    back = await memories.take_back(new.id, old.id, who="Sam")
    assert (back.id, back.state, back.valid_to, back.superseded_by) == (old.id, "live", None, None)
    assert (await memories.get(new.id)).state == "forgotten"
    assert [item.memory.id for item in (await memories.recall(ada, "home")).relevant] == [old.id]
    with pytest.raises(MemoryNotFound):
        await memories.take_back(uuid.uuid4(), old.id)


@pytest.mark.parametrize(
    ("before", "after", "superseded"),
    [
        ("I live in Berlin", "I live in Rome", True),
        ("The budget is 5000", "The budget is 50000", True),
        ("Ada likes tea", "Ada does not like tea", True),
        ("Ada likes tea", "Ada likes coffee", True),
        ("Ada drink tea", "Ada drinks tea.", False),
        ("the hound is called Rex", "The hound is called Rex!", False),
    ],
)
async def test_words_that_say_otherwise_supersede_and_mere_wording_is_corrected(
    memories: Memories, ada: Scope, before: str, after: str, superseded: bool
) -> None:
    known = await _kept(memories, ada, before)
    changed = await memories.edit(known.id, content=after)
    assert (changed.id != known.id) is superseded
    assert changed.content == after


async def test_what_waits_or_no_longer_holds_is_corrected_in_place(memories: Memories, ada: Scope) -> None:
    waiting = (await memories.remember(ada, Proposed("I live in Berlin", source=Source("web")))).memory
    assert waiting is not None
    assert (await memories.edit(waiting.id, content="I live in Rome")).id == waiting.id
    taken = await _kept(memories, ada, "I like tea")
    other = await _kept(memories, ada, "I like beer")
    with pytest.raises(MemoryTaken):
        await memories.edit(other.id, content="I like tea")
    assert (await memories.get(other.id)).state == (await memories.get(taken.id)).state == "live"


async def test_changing_nothing_is_no_change(memories: Memories, ada: Scope) -> None:
    memory = await _kept(memories, ada, "The hound is called Rex")
    await memories.edit(memory.id, content=" The hound is  called Rex", importance=0.5)
    await memories.pin(memory.id, False)
    assert len(await memories.history(memory.id)) == 1


async def test_a_correction_may_not_hold_a_secret_or_say_what_another_says(memories: Memories, ada: Scope) -> None:
    await _kept(memories, ada, "Ada likes tea")
    memory = await _kept(memories, ada, "Ada likes coffee")
    with pytest.raises(MemoryRefused, match="keyring"):
        await memories.edit(memory.id, content="The password is hunter22")
    with pytest.raises(MemoryTaken, match="says just that"):
        await memories.edit(memory.id, content="Ada likes tea.")
    assert (await memories.get(memory.id)).content == "Ada likes coffee"


async def test_every_change_can_be_taken_back(memories: Memories, ada: Scope) -> None:
    memory = await _kept(memories, ada, "Ada likes tea")
    await memories.edit(memory.id, content="Ada likes coffee", supersede=False)
    await memories.pin(memory.id)
    await memories.forget(memory.id, who="Sam")
    assert (await memories.recall(ada, "Ada likes")).items == ()
    back = await memories.revert(memory.id)
    assert (back.state, back.content, back.pinned) == ("live", "Ada likes coffee", True)
    first = (await memories.history(memory.id))[-1]
    whole = await memories.revert(memory.id, first.number)
    assert (whole.content, whole.pinned) == ("Ada likes tea", False)
    kinds = [change.kind for change in await memories.history(memory.id)]
    assert kinds == ["restored", "restored", "forgotten", "pinned", "edited", "made"]


async def test_a_replaced_memory_can_be_brought_back(memories: Memories, ada: Scope) -> None:
    old = await _kept(memories, ada, "I live in Berlin")
    await _kept(memories, ada, "I live in Rome")
    back = await memories.revert(old.id)
    assert (back.state, back.superseded_by, back.valid_to) == ("live", None, None)


async def test_what_is_forgotten_for_good_leaves_no_word_of_itself(memories: Memories, ada: Scope) -> None:
    memory = await _kept(memories, ada, "Ada fancies Bob")
    await memories.edit(memory.id, content="Ada adores Bob", supersede=False)
    assert await memories.forget_for_good(memory.id, uuid.uuid4(), who="Sam") == 1
    with pytest.raises(MemoryNotFound):
        await memories.get(memory.id)
    [line] = await memories.history(memory.id)
    assert (line.kind, line.content, line.who) == ("erased", "", "Sam")
    assert (await memories.recall(ada, "Ada Bob fancies adores")).items == ()
    assert (await memories.remember(ada, Proposed("Ada fancies Bob"))).kind == "new"


async def test_unknown_memories_are_said_to_be_gone(memories: Memories) -> None:
    nobody = uuid.uuid4()
    for call in (memories.get, memories.pin, memories.forget, memories.confirm, memories.revert):
        with pytest.raises(MemoryNotFound, match="forgotten for good"):
            await call(nobody)
    assert await memories.history(nobody) == []


async def test_confirming_what_is_known_already_keeps_one(memories: Memories, ada: Scope) -> None:
    known = await _kept(memories, ada, "Ada likes tea")
    waiting = (await memories.remember(ada, Proposed("Tea, Ada likes!", source=Source("web")))).memory
    assert waiting is not None
    assert (await memories.confirm(known.id)).reason == "It waits for no confirmation."
    outcome = await memories.confirm(waiting.id)
    assert outcome.memory is not None
    assert outcome.memory.state == "live"


async def test_the_list_can_be_filtered_ordered_and_paged(memories: Memories, ada: Scope, clock: ManualClock) -> None:
    contents = ["Ada likes tea", "Bob likes milk", "Cy likes beer_50%"]
    for content in contents:
        await _kept(memories, ada, content)
        await clock.advance(60)
    await memories.remember(Scope(None), Proposed("All like water", "learned", 0.9))
    await memories.remember(ada, Proposed("Dee likes gin", source=Source("web")))

    async def names(shown: MemoryFilter, limit: int = 10, offset: int = 0) -> list[str]:
        page = await memories.list(shown, limit=limit, offset=offset)
        return [memory.content for memory in page.items]

    assert (await memories.list()).total == 5
    assert await names(MemoryFilter(), limit=2) == ["Dee likes gin", "All like water"] or (
        await names(MemoryFilter(), limit=2) == ["All like water", "Dee likes gin"]
    )
    assert await names(MemoryFilter(agents=(None,))) == ["All like water"]
    assert len(await names(MemoryFilter(agents=(ada.agent_id, None)))) == 5
    assert await names(MemoryFilter(types=("learned",))) == ["All like water"]
    assert await names(MemoryFilter(states=("quarantined",))) == ["Dee likes gin"]
    assert await names(MemoryFilter(sources=("web",))) == ["Dee likes gin"]
    assert await names(MemoryFilter(text="likes bob")) == ["Bob likes milk"]
    assert await names(MemoryFilter(text="beer_50%")) == ["Cy likes beer_50%"]
    assert await names(MemoryFilter(text="%")) == ["Cy likes beer_50%"]
    assert await names(MemoryFilter(order="content"), limit=2, offset=1) == ["All like water", "Bob likes milk"]
    assert await names(MemoryFilter(order="important"), limit=1) == ["All like water"]


async def test_the_export_holds_everything_but_vectors(memories: Memories, ada: Scope) -> None:
    memory = await _kept(memories, ada, "Ada likes tea")
    await memories.pin(memory.id)
    await memories.forget((await _kept(memories, ada, "The hound barks")).id)
    entries = [json.loads(json.dumps(entry)) async for entry in memories.export()]
    assert {entry["content"]: entry["state"] for entry in entries} == {
        "Ada likes tea": "live",
        "The hound barks": "forgotten",
    }
    [tea] = [entry for entry in entries if entry["pinned"]]
    assert [change["kind"] for change in tea["history"]] == ["made", "pinned"]
    assert tea["source"]["kind"] == "user"
    assert not any(key == "embedding" for key in tea)


async def test_odd_characters_come_back_as_they_went_in(memories: Memories, ada: Scope) -> None:
    memory = await _kept(memories, ada, "Ada said \ud83d\ude00 and \ud800 loudly")
    assert (await memories.get(memory.id)).content == "Ada said \U0001f600 and \ud800 loudly" or (
        (await memories.get(memory.id)).content == "Ada said \ud83d\ude00 and \ud800 loudly"
    )
