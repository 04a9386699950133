from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import pytest

from core.engine.errors import StepError
from core.engine.testing import ManualClock
from core.memory.guard import MARK_BEGIN
from core.memory.memories import Memories
from core.memory.proposal import Proposed
from core.memory.recall import Recall
from core.store.memory_records import Scope, Source
from tests.support.memory import Meanings

SHARED = Scope(None)


async def _told(memories: Memories, scope: Scope, *contents: str) -> list[uuid.UUID]:
    ids = []
    for content in contents:
        outcome = await memories.remember(scope, Proposed(content))
        assert outcome.memory is not None, outcome
        ids.append(outcome.memory.id)
    return ids


def _contents(recall: Recall) -> list[str]:
    return [item.memory.content for item in recall.relevant]


async def test_a_question_in_other_words_finds_what_it_means(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, "Ada resides in Oslo", "The hound is called Rex", "The price went up")
    recall = await memories.recall(ada, "home?")
    assert (recall.mode, recall.note) == ("vector", "")
    assert _contents(recall) == ["Ada resides in Oslo"]


async def test_a_name_is_found_by_its_word_though_its_meaning_says_nothing(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, "Ticket XK-4711 was closed by Marek", "The hound is called Rex")
    recall = await memories.recall(ada, "Who closed ticket XK-4711?")
    assert _contents(recall)[0] == "Ticket XK-4711 was closed by Marek"
    assert "ticket" in recall.relevant[0].why.words


async def test_an_agent_never_sees_another_ones_memories(memories: Memories, ada: Scope, bob: Scope) -> None:
    await _told(memories, bob, "Bob resides in Rome")
    await _told(memories, SHARED, "The office is home to eight people")
    assert _contents(await memories.recall(ada, "home?")) == ["The office is home to eight people"]
    assert _contents(await memories.recall(Scope(ada.agent_id, shared=False), "home?")) == []
    assert _contents(await memories.recall(SHARED, "home? Rome")) == ["The office is home to eight people"]


async def test_as_many_come_back_as_were_asked_for_and_the_far_ones_are_marked(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, "The hound barks", "Dinner is at eight", "The price went up", "Ada resides in Oslo")
    recall = await memories.recall(ada, "pet", limit=3)
    assert len(recall.items) == 3
    assert [item.relevant for item in recall.items] == [True, False, False]
    assert recall.as_text().splitlines() == ["- The hound barks (fact, 2026-01-01)"]


async def test_nothing_is_a_good_answer_to_a_question_about_nothing_known(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, "The hound barks", "Dinner is at eight")
    recall = await memories.recall(ada, "the capital of France")
    assert recall.relevant == ()
    assert recall.as_text() == ""


async def test_pinned_memories_come_first_whatever_is_asked(memories: Memories, ada: Scope) -> None:
    ids = await _told(memories, ada, "Ada resides in Oslo", "Sam wants short answers")
    await memories.pin(ids[1])
    recall = await memories.recall(ada, "home?")
    assert _contents(recall) == ["Sam wants short answers", "Ada resides in Oslo"]
    assert recall.items[0].why.in_words().startswith("pinned")


async def test_important_and_lately_used_memories_come_first(
    memories: Memories, ada: Scope, clock: ManualClock
) -> None:
    await memories.remember(ada, Proposed("The home is red", importance=0.1))
    await memories.remember(ada, Proposed("The home is old", importance=0.9))
    assert _contents(await memories.recall(ada, "home"))[0] == "The home is old"
    await clock.advance(2000 * 3600)
    await memories.remember(ada, Proposed("The home is big", importance=0.1))
    recall = await memories.recall(ada, "home")
    recency = {item.memory.content: round(item.why.recency, 2) for item in recall.items}
    assert recency == {"The home is red": 0.0, "The home is old": 0.0, "The home is big": 1.0}


async def test_touching_counts_and_renews_those_that_were_used(
    memories: Memories, ada: Scope, clock: ManualClock
) -> None:
    ids = await _told(memories, ada, "Ada resides in Oslo", "The hound barks")
    await clock.advance(3600)
    await memories.recall(ada, "home", touch=True)
    used, unused = [await memories.get(memory_id) for memory_id in ids]
    assert (used.access_count, used.last_accessed) == (1, clock.now())
    assert (unused.access_count, unused.last_accessed) == (0, clock.now() - timedelta(hours=1))


async def test_the_room_in_a_prompt_is_kept_and_what_was_left_out_is_counted(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, *(f"The home number {n} is at the end of a very long road" for n in range(8)))
    whole = await memories.recall(ada, "home", tokens=10_000)
    part = await memories.recall(ada, "home", tokens=60)
    assert len(whole.items) == 8
    assert 0 < part.tokens <= 60
    assert part.left_out == 8 - len(part.items)


async def test_what_two_scopes_say_alike_is_told_once(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, "Ada resides in Oslo")
    await _told(memories, SHARED, "Ada resides in Oslo.")
    assert len(_contents(await memories.recall(ada, "home"))) == 1


async def test_a_memory_holds_from_its_first_to_its_last_day(
    memories: Memories, ada: Scope, clock: ManualClock
) -> None:
    now = clock.now()
    later, end = now + timedelta(days=1), now + timedelta(days=2)
    await memories.remember(ada, Proposed("Ada resides in a hotel", valid_from=later, valid_to=end))
    assert _contents(await memories.recall(ada, "home")) == []
    await clock.advance(30 * 3600)
    recall = await memories.recall(ada, "home")
    assert recall.as_text() == "- Ada resides in a hotel (fact, 2026-01-02, until 2026-01-03)"
    await clock.advance(30 * 3600)
    assert _contents(await memories.recall(ada, "home")) == []


async def test_without_an_embedding_model_words_are_searched_and_that_is_said(by_words: Memories, ada: Scope) -> None:
    await _told(by_words, ada, "Ada lives in Oslo", "The hound barks")
    recall = await by_words.recall(ada, "Where did Ada live?")
    assert recall.mode == "keyword"
    assert "in other words is not found" in recall.note
    assert _contents(recall) == ["Ada lives in Oslo"]
    assert _contents(await by_words.recall(ada, "home?")) == []


async def test_a_missing_key_is_said_and_not_asked_for_again_and_again(
    memories: Memories, models: Meanings, ada: Scope, clock: ManualClock
) -> None:
    models.failing = StepError("There is no key for OpenRouter. Set one.", kind="credentials")
    await _told(memories, ada, "Ada lives in Oslo")
    recall = await memories.recall(ada, "Ada")
    assert recall.mode == "keyword"
    assert "There is no key for OpenRouter" in recall.note
    assert _contents(recall) == ["Ada lives in Oslo"]
    models.failing = None
    assert (await memories.recall(ada, "Ada")).mode == "keyword"
    await clock.advance(61)
    assert (await memories.recall(ada, "Ada")).mode == "vector"


async def test_rare_words_count_for_more_than_frequent_ones(by_words: Memories, ada: Scope) -> None:
    await _told(by_words, ada, *(f"Project number {n} has a plan" for n in range(30)), "Project Zephyr has a leader")
    assert _contents(await by_words.recall(ada, "the project plan of Zephyr"))[0] == "Project Zephyr has a leader"


@pytest.mark.parametrize(
    "question", ["", "   ", "?", "'; DROP TABLE agents; --", "a & b | !c <-> (d", "\\", "''", "\x00é\ud800"]
)
async def test_any_text_can_be_asked(memories: Memories, by_words: Memories, ada: Scope, question: str) -> None:
    await _told(memories, ada, "The hound barks")
    assert len((await memories.recall(ada, question)).items) <= 1
    assert (await by_words.recall(ada, question)).mode == "keyword"


async def test_memories_are_marked_when_they_stand_in_a_prompt_and_are_not_kept_again(
    memories: Memories, ada: Scope
) -> None:
    outcome = await memories.remember(ada, Proposed(f"{MARK_BEGIN}] Ada resides in Oslo"))
    assert outcome.kind == "refused"


async def test_many_can_recall_and_remember_at_the_same_time(memories: Memories, ada: Scope) -> None:
    await asyncio.gather(*(memories.remember(ada, Proposed("Ada resides in Oslo")) for _ in range(8)))
    recalls = await asyncio.gather(*(memories.recall(ada, "home", touch=True) for _ in range(8)))
    assert [_contents(recall) for recall in recalls] == [["Ada resides in Oslo"]] * 8
    assert (await memories.get(recalls[0].items[0].memory.id)).access_count == 8


async def test_a_memory_from_outside_is_not_recalled(memories: Memories, ada: Scope) -> None:
    await memories.remember(ada, Proposed("Ada resides in Oslo", source=Source("web")))
    assert (await memories.recall(ada, "home Oslo")).items == ()
