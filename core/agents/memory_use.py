"""An agent's memory during a turn: recalled before the first request, learned from after the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from core.agents.agent import MemoryUse
from core.agents.chat_events import RecalledMemory
from core.agents.kit import Learned, Recollection
from core.store.errors import StoreError

if TYPE_CHECKING:
    from core.memory.composition import Remembrance


class AgentMemory:
    """The Remembering of a workspace. remembrance: put together when first needed."""

    def __init__(self, remembrance: Callable[[], Remembrance]) -> None:
        self._remembrance = remembrance

    async def recall(self, agent_id: UUID, use: MemoryUse, query: str) -> Recollection:
        """What is worth knowing for this question, counted as used. A store that fails gives nothing but a note."""
        from core.store.memory_records import Scope

        try:
            recall = await self._remembrance().memories.recall(
                Scope(agent_id, use.shared), query, tokens=use.context_tokens, touch=True
            )
        except StoreError as error:
            return Recollection(note=f"Memory could not be searched: {error}")
        found = tuple(
            RecalledMemory(str(item.memory.id), item.memory.content, item.score, item.why.in_words())
            for item in recall.relevant
        )
        return Recollection(found, recall.as_text(), recall.mode, recall.note, recall.usage)

    def learn(self, agent_id: UUID, use: MemoryUse, turn: Learned) -> None:
        """Hand a finished turn over for learning in the background."""
        from core.memory.learner import Heard
        from core.memory.memories import Keep
        from core.store.memory_records import Scope

        said = [message for message in turn.messages if message.role == "user" and message.text.strip()]
        if not said:
            return
        answers = [message.text for message in turn.messages if message.role == "assistant" and message.text.strip()]
        self._remembrance().learner.hear(
            Heard(
                scope=Scope(agent_id, use.shared),
                conversation=str(turn.conversation_id),
                message=str(said[-1].id),
                user=said[-1].text,
                assistant=answers[-1] if answers else "",
                tainted=turn.tainted,
                prompts=tuple(turn.prompts),
                recalled=_ids(turn.recalled),
                keep=Keep(use.most, use.oldest_days),
            )
        )


def _ids(recalled: Sequence[str]) -> tuple[UUID, ...]:
    return tuple(UUID(each) for each in recalled)
