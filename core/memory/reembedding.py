"""Vectors for memories that have none of the present model: after a change of the model, or of a time without one."""

from __future__ import annotations

import logging

from core.engine.clock import Clock
from core.memory.embedder import Embedder
from core.store.memory_upkeep import MemoryUpkeep

_log = logging.getLogger(__name__)

BATCH = 50
_PAUSE = 0.5
"""Seconds between two batches: what a person waits for comes first."""


class Reembedding:
    """Works through the memories in the background, the most used first."""

    def __init__(self, upkeep: MemoryUpkeep, embedder: Embedder, clock: Clock) -> None:
        self._upkeep = upkeep
        self._embedder = embedder
        self._clock = clock

    async def run(self) -> int:
        """Give vectors to all memories; how many got one. Stops early if the model fails: the rest waits."""
        done = 0
        while batch := await self._upkeep.unembedded(self._embedder.model, BATCH):
            made = await self._embedder.embed([memory.content for memory in batch])
            if made.vectors is None:
                _log.warning("%d memories wait for vectors: %s.", len(batch), made.reason)
                break
            await self._upkeep.set_vectors(list(zip(batch, made.vectors, strict=True)))
            done += len(batch)
            await self._clock.sleep(_PAUSE)
        return done
