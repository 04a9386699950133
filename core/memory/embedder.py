"""Vectors for memories and questions, by the embedding model of the settings; or the reason why there are none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from core.engine.clock import Clock
from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import Models
from core.store.memory_records import Vector
from core.store.tables import EMBEDDING_DIMENSIONS

_REST = 60.0
"""Seconds after a failure for which the model is not asked again: no turn of a chat waits for a server that is away."""
_KEPT = 256
"""Questions whose vectors are kept."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors of texts, in order; or none and the reason, in words for the person."""

    vectors: tuple[Vector, ...] | None
    usage: Usage = NO_USAGE
    reason: str = ""


class Embedder:
    """Makes vectors by one model. model: its name, which is kept with every vector, so that models are never mixed.

    Longer vectors than the column are asked for anew in its size, which models that were made for it (Matryoshka)
    can give; others cannot be used.
    """

    def __init__(self, models: Models, model: str, clock: Clock) -> None:
        self._models = models
        self.model = model
        self._clock = clock
        self._size: int | None = None
        self._failed: tuple[float, str] | None = None
        self._known: OrderedDict[str, Vector] = OrderedDict()

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """A vector for each text."""
        if not self.model:
            return Embedded(None, reason="no embedding model is chosen in the settings")
        if self._failed is not None and self._clock.monotonic() - self._failed[0] < _REST:
            return Embedded(None, reason=self._failed[1])
        try:
            vectors, usage = await self._asked(texts)
        except StepError as error:
            self._failed = (self._clock.monotonic(), _first_sentence(error.message))
            return Embedded(None, reason=self._failed[1])
        self._failed = None
        return Embedded(tuple(Vector(tuple(values), self.model) for values in vectors), usage)

    async def question(self, text: str) -> Embedded:
        """The vector of a question; the newest ones are kept, as a chat asks the same more than once."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return Embedded((known,))
        found = await self.embed([text])
        if found.vectors:
            self._known[text] = found.vectors[0]
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    async def _asked(self, texts: Sequence[str]) -> tuple[list[list[float]], Usage]:
        vectors, usage = await self._models.embed(texts, model=self.model, dimensions=self._size)
        if vectors and len(vectors[0]) > EMBEDDING_DIMENSIONS:
            self._size = EMBEDDING_DIMENSIONS
            vectors, more = await self._models.embed(texts, model=self.model, dimensions=self._size)
            usage += more
        if any(not any(values) for values in vectors):
            raise StepError(f"{self.model} gave a vector of zeros.", kind="server")
        return vectors, usage


def _first_sentence(message: str) -> str:
    head = message.split(". ")[0].rstrip(".")
    return head[:300]
