"""From the MCP thread to whoever called: progress and questions arrive on the caller's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from core.agents.mcp.exchange import Elicit, Elicitation, ElicitationAnswer, McpProgress, ProgressListener

HAND_OVER_S: Final = 0.033
"""Seconds between two pieces of news: a server that sends thousands a second holds up nobody."""


class ProgressRelay:
    """Hands the newest news to a listener on its loop, now and then. loop: the listener's."""

    def __init__(self, listener: ProgressListener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop
        self._newest: McpProgress | None = None
        self._due: asyncio.TimerHandle | None = None

    def put(self, news: McpProgress) -> None:
        """On the MCP thread: there is news."""
        self._newest = news
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(HAND_OVER_S, self.flush)

    def flush(self) -> None:
        """On the MCP thread: hand over what has not been."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        news, self._newest = self._newest, None
        if news is not None:
            with suppress(RuntimeError):  # the caller's loop is closed: nobody listens any more
                self._loop.call_soon_threadsafe(self._listener, news)


def asked_there(elicit: Elicit, loop: asyncio.AbstractEventLoop) -> Elicit:
    """The same question, asked on another loop."""

    async def ask(question: Elicitation) -> ElicitationAnswer:
        answer = asyncio.run_coroutine_threadsafe(_asked(elicit, question), loop)
        return await asyncio.wrap_future(answer)

    return ask


def _asked(elicit: Elicit, question: Elicitation) -> Coroutine[Any, Any, ElicitationAnswer]:
    async def work() -> ElicitationAnswer:
        return await elicit(question)

    return work()
