"""Models that are called no more often than was agreed with their provider, by all workers together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol, cast

from core.engine.clock import Clock
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest, Models
from core.settings import Settings, rate_of
from core.store.errors import StoreError
from core.workflow.model import Json

_log = logging.getLogger(__name__)


class Draw(Protocol):
    """Where the right to a call comes from."""

    async def draw(self, name: str, number: int, seconds: float) -> float:
        """Seconds to wait before one call out of `number` in so many seconds."""


class LimitedModels:
    """Implements `Models` by another one whose calls wait for their turn.

    limits: calls and seconds by the beginning of the model's name; `*` for all others. The longest beginning counts.
    default: the model that a request without a name means.
    """

    def __init__(
        self, models: Models, limits: Mapping[str, tuple[int, float]], rates: Draw, clock: Clock, *, default: str = ""
    ) -> None:
        self._models = models
        self._limits = dict(sorted(limits.items(), key=lambda entry: -len(entry[0])))
        self._rates = rates
        self._clock = clock
        self._default = default

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """As of the models behind, when its turn has come."""
        await self._turn(request.model)
        # The protocol promises an iterator only; every implementation here is a generator that can be closed.
        pieces = cast("AsyncGenerator[ChatDelta | ChatAnswer, None]", self._models.stream(request))
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """As of the models behind, when its turn has come."""
        await self._turn(request.model)
        return await self._models.image(request)

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """As of the models behind, when its turn has come."""
        await self._turn(model)
        return await self._models.embed(texts, model=model, dimensions=dimensions)

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """As of the models behind."""
        return self._models.wire_request(request)

    async def _turn(self, model: str) -> None:
        named = model or self._default
        found = next((name for name in self._limits if name != "*" and named.startswith(name)), None)
        name = found if found is not None else "*" if "*" in self._limits else None
        if name is None:
            return
        try:
            seconds = await self._rates.draw(name, *self._limits[name])
        except StoreError as error:
            _log.warning("The limit on calls of %s could not be asked for: %s", name, error)
            return
        if seconds > 0:
            await self._clock.sleep(seconds)


def limited(models: Models, settings: Settings, rates: Draw | None, clock: Clock) -> Models:
    """The models with the settings' limits on calls, if there are any and a database to keep count in."""
    if rates is None or not settings.limits.models:
        return models
    limits = {name: rate_of(text) for name, text in settings.limits.models.items()}
    return LimitedModels(models, limits, rates, clock, default=settings.default_model)
