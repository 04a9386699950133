"""The models of a run that goes on with a cheaper one: a limit on spending was reached, and a person chose so."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from core.engine.events import Usage
    from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest, Models
    from core.workflow.model import Json


class CheaperModels:
    """Implements `Models` by another one: questions to a dearer chat model go to the cheaper one instead.

    model: the cheaper one. is_dearer: whether a model ('' for the default) costs more than another. Pictures and
    embeddings are made as before: a chat model cannot stand in for those.
    """

    def __init__(self, models: Models, model: str, is_dearer: Callable[[str, str], bool]) -> None:
        self._models = models
        self._model = model
        self._is_dearer = is_dearer

    def asked(self, model: str) -> str:
        """The model that is asked where that one ('' for the default) is wanted."""
        return self._model if self._is_dearer(model, self._model) else model

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """As of the models behind."""
        # The protocol promises an iterator only; every implementation here is a generator that can be closed.
        pieces = cast("AsyncGenerator[ChatDelta | ChatAnswer, None]", self._models.stream(self._cheaper(request)))
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """As of the models behind."""
        return await self._models.image(request)

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """As of the models behind."""
        return await self._models.embed(texts, model=model, dimensions=dimensions)

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """As of the models behind."""
        return self._models.wire_request(self._cheaper(request))

    def _cheaper(self, request: ChatRequest) -> ChatRequest:
        model = self.asked(request.model)
        # A fallback that is dearer would undo what the person chose.
        fallbacks = [name for name in request.fallbacks if self.asked(name) == name != model]
        if model == request.model and len(fallbacks) == len(request.fallbacks):
            return request
        return replace(request, model=model, fallbacks=tuple(fallbacks))
