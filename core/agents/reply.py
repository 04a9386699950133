"""An answer in the making: watch it from its first event, wait for its outcome, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias
from uuid import UUID

from core.agents.chat_events import ChatEvent, TurnEnded, TurnWaiting

Outcome: TypeAlias = TurnEnded | TurnWaiting
Work: TypeAlias = Callable[[Callable[[ChatEvent], None]], Awaitable[Outcome]]


class Reply:
    """One turn while it is worked on, in a task of its own: who watches may leave and come back.

        async for event in reply: ...

    Every iteration tells everything from the beginning, and ends with the turn; if the turn could not be worked on at
    all, it raises why.
    """

    def __init__(self, conversation_id: UUID, work: Work) -> None:
        self.conversation_id = conversation_id
        self.events: list[ChatEvent] = []
        self.listeners: list[Callable[[ChatEvent], None]] = []
        self._waiting: list[asyncio.Event] = []
        self._stopped = False
        self._task = asyncio.get_running_loop().create_task(self._run(work), name=f"conversation {conversation_id}")
        self._task.add_done_callback(self._wake_all)

    @property
    def done(self) -> bool:
        """Whether nothing is worked on any more."""
        return self._task.done()

    def cancel(self) -> None:
        """Stop promptly. What had come of the answer is kept, marked."""
        if not self._stopped:
            self._stopped = True
            self._task.cancel()

    async def outcome(self) -> Outcome:
        """How the turn ended, once it has. Waiting may be given up without harm to it.

        Raises ChatError or StoreError if it could not be worked on.
        """
        return await asyncio.shield(self._task)

    async def __aiter__(self) -> AsyncIterator[ChatEvent]:
        told = 0
        news = asyncio.Event()
        self._waiting.append(news)
        try:
            while True:
                while told < len(self.events):
                    told += 1
                    yield self.events[told - 1]
                if self._task.done():
                    break
                news.clear()
                await news.wait()
        finally:
            self._waiting.remove(news)
        if not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise error

    async def _run(self, work: Work) -> Outcome:
        try:
            return await work(self._tell)
        except asyncio.CancelledError:
            ended = next((event for event in reversed(self.events) if isinstance(event, TurnEnded)), None)
            if ended is None:
                raise
            return ended

    def _tell(self, event: ChatEvent) -> None:
        self.events.append(event)
        for listener in tuple(self.listeners):
            listener(event)
        self._wake_all()

    def _wake_all(self, _: object = None) -> None:
        for news in self._waiting:
            news.set()
