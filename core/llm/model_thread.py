"""Models on a thread of their own, for a program whose loop must stay free: a window.

Reading a streamed answer costs about a quarter of a millisecond of a processor a token, most of it in the HTTP client.
Two thousand tokens a second would hold a window's loop up for half of its time; here they take another thread's time,
and what has come in is handed over thirty times a second for all streams together.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, ImageAnswer, ImageRequest
from core.loops import run_until_stopped
from core.workflow.model import Json

HAND_OVER_S: Final = 0.033
"""Seconds for which pieces are gathered before they are handed over."""

T = TypeVar("T")


class ClosableModels(Protocol):
    """Models that hold connections."""

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta | ChatAnswer]:
        """Pieces and, last, the whole answer."""

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """Make pictures."""

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """One vector per text."""

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """What would be sent."""

    async def aclose(self) -> None:
        """Close all connections."""


class ModelsInThread:
    """The `Models` of another one, which is used on this thread's loop alone. The thread begins with the first call.

    Neighbouring pieces of an answer may arrive as one. `aclose` when done.
    """

    def __init__(self, models: ClosableModels) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._full: list[_Inbox] = []

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """Pieces as they come and, last, the whole ChatAnswer. Closing the iterator closes the connection."""
        inbox = _Inbox(asyncio.get_running_loop())
        thread = self._running()
        thread.call_soon_threadsafe(self._begin, request, inbox)
        try:
            while not inbox.is_over:
                for piece in await inbox.take():
                    yield piece
            if inbox.error is not None:
                raise inbox.error
        finally:
            if not inbox.gone.done():
                thread.call_soon_threadsafe(inbox.cancel)
                await asyncio.shield(asyncio.wrap_future(inbox.gone))

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """Make pictures, by whichever route the model offers."""
        return await self._there(self._models.image(request))

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """One vector per text, in order."""
        return await self._there(self._models.embed(texts, model=model, dimensions=dimensions))

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """What `stream` would send."""
        return self._models.wire_request(request)

    async def aclose(self) -> None:
        """Close all connections and end the thread. Idempotent."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._models.aclose(), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            loop = self._running()
        except StepError:
            work.close()
            raise
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    def _running(self) -> asyncio.AbstractEventLoop:
        """The thread's loop; begins it the first time. Raises StepError if this was closed."""
        with self._lock:
            if self._closed:
                raise StepError("The program is closing; run the step again after it was opened.", kind="interrupted")
            if self._loop is None:
                self._loop = asyncio.SelectorEventLoop()
                self._thread = threading.Thread(
                    target=run_until_stopped, args=(self._loop,), name="steploom-models", daemon=True
                )
                self._thread.start()
            return self._loop

    def _begin(self, request: ChatRequest, inbox: _Inbox) -> None:
        """On the thread: start to read one answer."""
        inbox.follow(asyncio.get_running_loop().create_task(self._read(request, inbox)))

    async def _read(self, request: ChatRequest, inbox: _Inbox) -> None:
        pieces = self._models.stream(request)
        try:
            async for piece in pieces:
                if inbox.put(piece):
                    self._announce(inbox)
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()

    def _announce(self, inbox: _Inbox) -> None:
        """On the thread: hand over soon, together with whatever else comes in until then."""
        self._full.append(inbox)
        if len(self._full) == 1:
            asyncio.get_running_loop().call_later(HAND_OVER_S, self._hand_over)

    def _hand_over(self) -> None:
        full, self._full = self._full, []
        for loop in {id(inbox.loop): inbox.loop for inbox in full}.values():
            ready = [inbox for inbox in full if inbox.loop is loop]
            with suppress(RuntimeError):  # that loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_wake, ready)


class _Inbox:
    """What one stream has brought and its reader has not taken.

    gone: done when the other side has let go of it. error: what it ended with, once `is_over`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.gone: Future[None] = Future()
        self.error: BaseException | None = None
        self.is_over = False
        self._lock = threading.Lock()
        self._pieces: list[ChatDelta | ChatAnswer] = []
        self._ended = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def follow(self, task: asyncio.Task[None]) -> None:
        """On the thread: the stream is over when this task is."""
        self._task = task
        task.add_done_callback(self._end)

    def cancel(self) -> None:
        """On the thread: nobody reads any more."""
        if self._task is not None:
            self._task.cancel()

    def put(self, piece: ChatDelta | ChatAnswer) -> bool:
        """On the thread: keep a piece; whether the inbox was empty."""
        with self._lock:
            was_empty = not self._pieces
            last = self._pieces[-1] if self._pieces else None
            if isinstance(piece, ChatDelta) and isinstance(last, ChatDelta) and _go_on(last, piece):
                self._pieces[-1] = ChatDelta(last.text + piece.text, last.reasoning + piece.reasoning)
            else:
                self._pieces.append(piece)
            return was_empty

    def _end(self, task: asyncio.Task[None]) -> None:
        self.error = None if task.cancelled() else task.exception()
        with self._lock:
            self._ended = True
        self.gone.set_result(None)
        with suppress(RuntimeError):  # the reader's loop is closed
            self.loop.call_soon_threadsafe(self._news.set)

    def wake(self) -> None:
        """On the reader's loop: there is something."""
        self._news.set()

    async def take(self) -> list[ChatDelta | ChatAnswer]:
        """What has come since the last call, waiting for it; `is_over` is set with the last pieces."""
        await self._news.wait()
        self._news.clear()
        with self._lock:
            pieces, self._pieces = self._pieces, []
            self.is_over = self._ended
        return pieces


def _go_on(before: ChatDelta, after: ChatDelta) -> bool:
    """Whether two pieces can be one without changing what was said first: reasoning or text, not both."""
    return bool(before.text) == bool(after.text) and bool(before.reasoning) == bool(after.reasoning)


def _wake(inboxes: Sequence[_Inbox]) -> None:
    for inbox in inboxes:
        inbox.wake()
