"""One question to a model, from its first piece to the whole answer."""

from __future__ import annotations

from collections.abc import Callable

from core.engine.errors import StepError
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, Models


async def whole_answer(models: Models, request: ChatRequest, on_piece: Callable[[ChatDelta], None]) -> ChatAnswer:
    """The answer as the model gave it last, its pieces shown as they come. Raises StepError.

    However the caller leaves, the connection is closed.
    """
    answer: ChatAnswer | None = None
    stream = models.stream(request)
    try:
        async for piece in stream:
            if isinstance(piece, ChatAnswer):
                answer = piece
            else:
                on_piece(piece)
    finally:
        # The protocol promises an iterator only; one that can be closed closes its connection.
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    if answer is None:
        raise StepError("The model's answer ended before it was whole. Try again.", kind="server", retryable=True)
    return answer
