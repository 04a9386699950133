from __future__ import annotations

from pathlib import Path

import pytest

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import KeptMemory, KnownMemory, RecalledMemories, Services
from core.engine.testing import lone_context
from core.steps.recall import RecallStep
from core.steps.remember import RememberStep
from core.workflow.document import from_data
from core.workspace import Workspace
from tests.support.step_services import output_of

_TEA = KnownMemory("1", "Ada likes tea", "fact", 0.75, "has tea", "2026-01-01T00:00:00+00:00")


class _Notebook:
    """An `AgentMemory` that keeps what it is told in a list."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []

    async def recall(self, agent: str, question: str, *, limit: int, tokens: int, shared: bool) -> RecalledMemories:
        self.asked.append({"agent": agent, "question": question, "limit": limit, "tokens": tokens, "shared": shared})
        return RecalledMemories((_TEA,), "- Ada likes tea", "keyword", "By words only.", Usage(3, 0, 0.1))

    async def remember(
        self, agent: str, content: str, *, type: str, importance: float, pinned: bool, foreign: bool, run_id: str
    ) -> KeptMemory:
        self.asked.append({"agent": agent, "content": content, "type": type, "foreign": foreign, "run": run_id})
        return KeptMemory("updated", _TEA, "0", "Only one holds.", Usage(2, 0, 0.2))


async def test_recall_gives_lines_for_a_prompt_and_says_how_they_were_found() -> None:
    notebook = _Notebook()
    context = lone_context(services=Services(memory=notebook))
    output = await output_of(RecallStep(), {"question": "What does Ada drink?", "agent": "Ada", "limit": 3}, context)
    assert output == {
        "text": "- Ada likes tea",
        "memories": [_TEA.as_json()],
        "count": 1,
        "mode": "keyword",
        "note": "By words only.",
    }
    assert notebook.asked == [
        {"agent": "Ada", "question": "What does Ada drink?", "limit": 3, "tokens": 1500, "shared": True}
    ]
    assert context.usage.cost_usd == 0.1


async def test_remember_tells_what_came_of_it() -> None:
    notebook = _Notebook()
    context = lone_context(services=Services(memory=notebook))
    config = {"content": "Ada likes tea", "kind": "learned", "from_outside": True}
    output = await output_of(RememberStep(), config, context)
    assert output == {"outcome": "updated", "id": "1", "replaced": "0", "reason": "Only one holds."}
    assert notebook.asked == [
        {"agent": "", "content": "Ada likes tea", "type": "learned", "foreign": True, "run": "run-1"}
    ]


@pytest.mark.parametrize("step", [RecallStep(), RememberStep()])
async def test_without_a_database_the_steps_say_what_they_need(step: RecallStep | RememberStep) -> None:
    field = "question" if isinstance(step, RecallStep) else "content"
    with pytest.raises(StepError, match="needs a database"):
        await output_of(step, {field: "Ada"}, lone_context())


def _workflow(agent: str) -> object:
    return from_data(
        {
            "steploom": 1,
            "name": "Keep and find",
            "steps": {
                "keep": {
                    "type": "remember",
                    "config": {"content": "Ada's cat is called Tom", "agent": agent},
                    "then": "find",
                },
                "find": {"type": "recall", "config": {"question": "What is the cat of Ada called?", "agent": agent}},
            },
            "outputs": {"told": "{{ find.text }}", "outcome": "{{ keep.outcome }}", "mode": "{{ find.mode }}"},
        }
    )


async def test_a_workflow_finds_again_what_it_kept(home: Path, database_url: str) -> None:
    async with Workspace.open(database_url=database_url, demo=True) as workspace:
        for outcome in ("new", "same"):
            result = await workspace.run(_workflow(""))  # type: ignore[arg-type]
            assert result.outputs is not None
            assert result.outputs["outcome"] == outcome
            assert str(result.outputs["told"]).startswith("- Ada's cat is called Tom (fact, ")
            assert result.outputs["mode"] == "vector"
        assert workspace.memories is not None
        [memory] = (await workspace.memories.list()).items
        assert (memory.source.kind, memory.access_count) == ("run", 2)
        failed = await workspace.run(_workflow("Nobody"))  # type: ignore[arg-type]
        assert failed.error is not None
        assert "Nobody" in failed.error.message


async def test_without_a_key_memories_are_found_by_words_and_that_is_told(home: Path, database_url: str) -> None:
    async with Workspace.open(database_url=database_url) as workspace:
        result = await workspace.run(_workflow(""))  # type: ignore[arg-type]
        assert result.outputs is not None
        assert result.outputs["mode"] == "keyword"
        assert str(result.outputs["told"]).startswith("- Ada's cat is called Tom")


async def test_a_workspace_that_keeps_nothing_has_no_memories(home: Path) -> None:
    async with Workspace.open(memory_only=True) as workspace:
        assert workspace.memories is None
        assert workspace.learner is None
