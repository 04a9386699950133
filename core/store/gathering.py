"""Questions that come one by one and are answered together: one transaction for all that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

V = TypeVar("V")

_MOST = 200
"""Questions in one transaction."""


class Gathering(Generic[V]):
    """Asks `answer` for many keys at once; while one call is under way, the next one gathers. On one loop.

    answer: gives for every key a value, or the error that whoever asked for it gets. Nobody shares a value: a key that
    is asked for twice is answered twice. dropped: gets the value of one who did not wait for it.
    """

    def __init__(
        self,
        answer: Callable[[list[str]], Awaitable[Mapping[str, V | Exception]]],
        dropped: Callable[[V], None] = lambda _: None,
    ) -> None:
        self._answer = answer
        self._dropped = dropped
        self._waiting: list[tuple[str, asyncio.Future[V]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, key: str) -> V:
        """The value for a key. Raises what was given instead of it, or what the call raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        self._waiting.append((key, future))
        if self._task is None:
            self._task = loop.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            asked = self._next()
            answers: Mapping[str, V | Exception]
            try:
                answers = await self._answer(list(asked))
            except Exception as error:  # noqa: BLE001 - it belongs to those who asked
                answers = dict.fromkeys(asked, error)
            for key, future in asked.items():
                self._settle(future, answers[key])
        self._task = None

    def _next(self) -> dict[str, asyncio.Future[V]]:
        asked: dict[str, asyncio.Future[V]] = {}
        later: list[tuple[str, asyncio.Future[V]]] = []
        for key, future in self._waiting:
            if key in asked or len(asked) >= _MOST:
                later.append((key, future))
            elif not future.done():
                asked[key] = future
        self._waiting = later
        return asked

    def _settle(self, future: asyncio.Future[V], answer: V | Exception) -> None:
        if isinstance(answer, Exception):
            if not future.done():
                future.set_exception(answer)
        elif future.done():
            self._dropped(answer)
        else:
            future.set_result(answer)
