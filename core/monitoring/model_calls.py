"""What was asked of models, told to whoever counts or traces it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, cast

from core.engine.clock import Clock
from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest, Models
from core.workflow.model import Json

Operation: TypeAlias = Literal["chat", "image", "embeddings"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One finished question to a model server. Holds no text of the question or the answer.

    asked: the model by the name in the request, '' for the default. model: the one that answered, '' if none did.
    first_piece_s: seconds until the first visible piece, None if there was none. error: kind of the failure, '' for
    none; `cancelled` when nobody waited for the answer any more.
    """

    operation: Operation
    asked: str
    started: datetime
    duration_s: float
    model: str = ""
    provider: str = ""
    finish: str = ""
    first_piece_s: float | None = None
    usage: Usage = NO_USAGE
    error: str = ""


Observer: TypeAlias = Callable[[ModelCall], None]
"""Gets every finished call. It must be quick and must not raise."""


class ObservedModels:
    """Implements `Models` by another one, and tells observers, also those that come later, of every call."""

    def __init__(self, models: Models, clock: Clock, observers: Sequence[Observer]) -> None:
        self.behind = models
        """Who really answers."""
        self._clock = clock
        self._observers = observers

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """As of the models behind."""
        with self._told("chat", request.model) as call:
            # The protocol promises an iterator only; every implementation here is a generator that can be closed.
            pieces = cast("AsyncGenerator[ChatDelta | ChatAnswer, None]", self.behind.stream(request))
            async with aclosing(pieces):
                async for piece in pieces:
                    call.saw(piece)
                    yield piece

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """As of the models behind."""
        with self._told("image", request.model) as call:
            answer = await self.behind.image(request)
            call.model, call.usage = answer.model, answer.usage
        return answer

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """As of the models behind."""
        with self._told("embeddings", model) as call:
            vectors, call.usage = await self.behind.embed(texts, model=model, dimensions=dimensions)
        return vectors, call.usage

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """As of the models behind."""
        return self.behind.wire_request(request)

    @contextmanager
    def _told(self, operation: Operation, asked: str) -> Iterator[_Call]:
        """A call that the observers hear of when it is over, however it ends."""
        call = _Call(operation, asked, self._clock)
        try:
            yield call
        except StepError as error:
            call.error = error.kind
            raise
        except BaseException:
            call.error = "cancelled"
            raise
        finally:
            finished = call.finished()
            for observer in self._observers:
                observer(finished)


class _Call:
    """A call while it is going on."""

    def __init__(self, operation: Operation, asked: str, clock: Clock) -> None:
        self.model = self.provider = self.finish = self.error = ""
        self.usage = NO_USAGE
        self._operation = operation
        self._asked = asked
        self._clock = clock
        self._started = clock.now()
        self._began = clock.monotonic()
        self._first: float | None = None

    def saw(self, piece: ChatDelta | ChatAnswer) -> None:
        """Note what a piece of the answer tells."""
        if self._first is None and (isinstance(piece, ChatDelta) or piece.text):
            self._first = self._clock.monotonic() - self._began
        if isinstance(piece, ChatAnswer):
            self.model, self.provider, self.finish, self.usage = piece.model, piece.provider, piece.finish, piece.usage

    def finished(self) -> ModelCall:
        """The call as a fact."""
        return ModelCall(
            self._operation,
            self._asked,
            self._started,
            self._clock.monotonic() - self._began,
            model=self.model,
            provider=self.provider,
            finish=self.finish,
            first_piece_s=self._first,
            usage=self.usage,
            error="" if self.finish and self.error == "cancelled" else self.error,  # closed after the whole answer
        )
