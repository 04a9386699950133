from __future__ import annotations

from core.memory.memories import Memories
from core.memory.proposal import Proposed
from core.store.memory_records import Scope

SHARED = Scope(None)


async def _told(memories: Memories, scope: Scope, *contents: str) -> None:
    for content in contents:
        assert (await memories.remember(scope, Proposed(content))).memory is not None


def _contents(recall: object) -> list[str]:
    return [item.memory.content for item in recall.items]  # type: ignore[attr-defined]


async def test_a_question_in_other_words_finds_what_it_means(memories: Memories, ada: Scope) -> None:
    await _told(memories, ada, "Ada resides in Oslo", "The hound is called Rex", "The price went up")
    recall = await memories.recall(ada, "home?")
    assert recall.mode == "vector"
    assert recall.note == ""
    assert _contents(recall)[0] == "Ada resides in Oslo"
