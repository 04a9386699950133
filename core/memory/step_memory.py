"""What steps of workflows see of memories: agents by name, outcomes as plain values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from uuid import UUID

from core.engine.errors import StepError
from core.engine.services import KeptMemory, KnownMemory, RecalledMemories

if TYPE_CHECKING:
    from core.memory.memories import Memories
    from core.store.memory_records import Memory, MemoryType


class StepMemory:
    """The `AgentMemory` service. memories: called when first needed. agent_named: an agent's id, or StepError."""

    def __init__(self, memories: Callable[[], Memories], agent_named: Callable[[str], Awaitable[UUID]]) -> None:
        self._memories = memories
        self._agent_named = agent_named

    async def recall(self, agent: str, question: str, *, limit: int, tokens: int, shared: bool) -> RecalledMemories:
        """What an agent remembers about a question, counted as used. Raises StepError."""
        from core.store.memory_records import Scope

        scope = Scope(await self._id(agent), shared)
        with _as_step_errors():
            recall = await self._memories().recall(scope, question, limit=limit, tokens=tokens, touch=True)
        found = tuple(_known(item.memory, item.score, item.why.in_words()) for item in recall.relevant)
        return RecalledMemories(found, recall.as_text(), recall.mode, recall.note, recall.usage)

    async def remember(
        self, agent: str, content: str, *, type: str, importance: float, pinned: bool, foreign: bool, run_id: str
    ) -> KeptMemory:
        """Keep a statement. Raises StepError."""
        from core.memory.proposal import Proposed
        from core.store.memory_records import Scope, Source

        scope = Scope(await self._id(agent))
        proposed = Proposed(
            content, cast("MemoryType", type), importance, Source("run", run=run_id), pinned=pinned, tainted=foreign
        )
        with _as_step_errors():
            outcome = await self._memories().remember(scope, proposed)
        memory = _known(outcome.memory) if outcome.memory else None
        replaced = str(outcome.replaced) if outcome.replaced else ""
        return KeptMemory(outcome.kind, memory, replaced, outcome.reason, outcome.usage)

    async def _id(self, agent: str) -> UUID | None:
        return await self._agent_named(agent) if agent else None


@contextmanager
def _as_step_errors() -> Iterator[None]:
    from core.store.errors import StoreError

    try:
        yield
    except StoreError as error:
        raise StepError(f"The memories cannot be reached. {error}", kind="connection", retryable=True) from None


def _known(memory: Memory, score: float = 0.0, why: str = "") -> KnownMemory:
    return KnownMemory(str(memory.id), memory.content, memory.type, score, why, memory.valid_from.isoformat())
