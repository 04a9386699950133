"""How a workspace puts its memories together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from core.engine.clock import Clock
from core.engine.services import Models
from core.ids import new_id
from core.memory.budget import Budget
from core.memory.embedder import Embedder
from core.memory.learner import Learner
from core.memory.memories import Keep, Memories
from core.memory.model_decision import ModelDecider
from core.memory.reembedding import Reembedding
from core.settings import MemorySettings
from core.store.database import Database
from core.store.errors import StoreError
from core.store.lessons import Lessons
from core.store.memories import MemoryRecords
from core.store.memory_upkeep import MemoryUpkeep

_log = logging.getLogger(__name__)

_FIRST = 5.0
"""Seconds after the first use until the background work begins: the person's own work comes first."""
_AGAIN = 900.0
_LESSONS_KEPT = timedelta(days=30)
"""For which turns wait for a key or a budget."""


class Remembrance:
    """A workspace's memories, its learner, and what keeps both in order. Make it on a running loop; `close` it.

    embedding_model: name of the model that `models` makes vectors with. thinks: whether the models can be asked to
    learn and to decide (the demonstration model cannot). recalled: gets the seconds and the mode of every recall.
    """

    def __init__(
        self,
        database: Database,
        models: Models,
        *,
        embedding_model: str,
        settings: MemorySettings,
        clock: Clock,
        thinks: bool = True,
        recalled: Callable[[float, str], None] | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._upkeep = MemoryUpkeep(database)
        self._lessons = Lessons(database)
        embedder = Embedder(models, embedding_model, clock)
        self._reembedding = Reembedding(self._upkeep, embedder, clock)
        budget = Budget(clock, usd=settings.usd_per_day)
        asks = thinks and settings.learn
        self.memories = Memories(
            MemoryRecords(database),
            self._upkeep,
            clock=clock,
            new_id=new_id,
            embedder=embedder,
            decider=ModelDecider(models, settings.learn_model, budget) if asks else None,
            keep=Keep(most=settings.shared),
            recalled=recalled,
        )
        self.learner = Learner(
            self.memories,
            self._lessons,
            models if asks else None,
            clock=clock,
            budget=budget,
            model=settings.learn_model,
        )
        self._task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(self._keep_in_order())

    async def close(self) -> None:
        """Stop the background work; turns that wait to be learned from are kept."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.learner.close()

    async def _keep_in_order(self) -> None:
        await self._clock.sleep(_FIRST)
        while True:
            try:
                await self._reembedding.run()
                await self.learner.catch_up()
                await self._remove_old()
            except StoreError as error:
                _log.warning("memories could not be kept in order: %s", error)
            await self._clock.sleep(_AGAIN)

    async def _remove_old(self) -> None:
        now = self._clock.now()
        await self._lessons.forget_before(now - _LESSONS_KEPT)
        if self._settings.forgotten_days:
            await self._upkeep.purge(now - timedelta(days=self._settings.forgotten_days))
