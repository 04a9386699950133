"""One request to a model: streamed, and what had come of it when it was cut short."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from core.engine.model_answer import whole_answer
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, Models

OnDelta: TypeAlias = Callable[[ChatDelta], None]
"""Is shown each piece of an answer."""


class Partial:
    """What came in of an answer: its text, and what the model thinks aloud. It outlives the request that is cut
    off."""

    __slots__ = ("reasoning", "text")

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""


async def ask(
    models: Models, request: ChatRequest, on_delta: OnDelta | None = None, partial: Partial | None = None
) -> ChatAnswer:
    """The model's whole answer. partial: grows with it. Raises StepError."""

    def show(piece: ChatDelta) -> None:
        if partial is not None:
            partial.text += piece.text
            partial.reasoning += piece.reasoning
        if on_delta is not None:
            on_delta(piece)

    return await whole_answer(models, request, show)
