"""A double of the model server for tests: answers from a script, in order, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TypeAlias

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest
from core.workflow.model import Json


class UnexpectedModelCall(AssertionError):
    """A model was asked although the script has no answer left, or has an answer of another kind next."""


class UnusedAnswers(AssertionError):
    """The script holds answers that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Stalls:
    """An answer that begins with this text and then never goes on: for tests of cancelling and of timeouts."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class BreaksOff:
    """An answer that streams this text and then fails with this error, or just ends if there is none."""

    text: str
    error: StepError | None = None


Scripted: TypeAlias = "str | ChatAnswer | ImageAnswer | StepError | Stalls | BreaksOff"
"""One entry of a script. A text is a plain answer of that text, a StepError a call that fails at once."""


class ScriptedModels:
    """Implements `Models`. Answers in the order of the script; use it in `with` to be told of unused answers.

    requests, image_requests, embedded: what was asked, in order. closed: how many streams were closed early.
    waiting: how many streams stand still now. stalled: set when the first one does.
    """

    def __init__(self, *script: Scripted, usage: Usage | None = None) -> None:
        self._script: deque[Scripted] = deque(script)
        self._usage = usage or Usage(tokens_in=10, tokens_out=5, cost_usd=0.001)
        self.requests: list[ChatRequest] = []
        self.image_requests: list[ImageRequest] = []
        self.embedded: list[str] = []
        self.closed = 0
        self.waiting = 0
        self.stalled = asyncio.Event()

    def __enter__(self) -> ScriptedModels:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.assert_used()

    def assert_used(self) -> None:
        """Raise UnusedAnswers if the script is not used up."""
        if self._script:
            raise UnusedAnswers(f"{len(self._script)} scripted answers were not asked for: {list(self._script)!r:.300}")

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta | ChatAnswer]:
        """The next answer, its text in words."""
        self.requests.append(request)
        entry = self._next(f"chat request {len(self.requests)} ({request.messages[-1]['content']!r:.200})")
        if isinstance(entry, ImageAnswer):
            raise UnexpectedModelCall("A chat model was asked, but the next scripted answer is a picture.")
        if isinstance(entry, StepError):
            raise entry
        answer = self._answer(entry, request)
        finished = False
        try:
            for piece in _words(answer.text):
                await asyncio.sleep(0)
                yield ChatDelta(text=piece)
            if isinstance(entry, Stalls):
                await self._stall()
            if isinstance(entry, BreaksOff):
                if entry.error is not None:
                    raise entry.error
                return
            yield answer
            finished = True
        finally:
            self.closed += 0 if finished else 1

    async def _stall(self) -> None:
        self.waiting += 1
        self.stalled.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.waiting -= 1

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """The next answer, which has to be a picture or an error."""
        self.image_requests.append(request)
        entry = self._next(f"image request {len(self.image_requests)} ({request.prompt!r:.200})")
        await asyncio.sleep(0)
        if isinstance(entry, StepError):
            raise entry
        if not isinstance(entry, ImageAnswer):
            raise UnexpectedModelCall(f"A picture was asked for, but the next scripted answer is {entry!r:.200}.")
        return entry

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """A vector per text that depends on the text alone: equal texts, equal vectors. No script is used."""
        self.embedded.extend(texts)
        await asyncio.sleep(0)
        return [_vector(text, dimensions or 8) for text in texts], Usage(tokens_in=len(texts))

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """The request's model and messages."""
        return {"model": request.model, "messages": [dict(message) for message in request.messages]}

    def _next(self, asked: str) -> Scripted:
        if not self._script:
            raise UnexpectedModelCall(f"The script has no answer left for {asked}.")
        return self._script.popleft()

    def _answer(self, entry: str | ChatAnswer | Stalls | BreaksOff, request: ChatRequest) -> ChatAnswer:
        if isinstance(entry, ChatAnswer):
            return entry
        text = entry if isinstance(entry, str) else entry.text
        message = {"role": "assistant", "content": text}
        return ChatAnswer(text=text, message=message, model=request.model or "scripted", usage=self._usage)


def _words(text: str) -> list[str]:
    pieces = text.split(" ")
    return [piece + " " for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def _vector(text: str, dimensions: int) -> list[float]:
    stream = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(dimensions)
    length = sum((byte - 127.5) ** 2 for byte in stream) ** 0.5
    return [(byte - 127.5) / length for byte in stream]
