"""A thread with an event loop of its own, on which all talk with MCP servers happens.

A window's loop is never held up by it: with the SDK on a qasync loop the window stands still for half a second at a
time. The thread begins with the first call.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from core.agents.mcp.errors import McpError
from core.loops import run_until_stopped

T = TypeVar("T")


class McpThread:
    """A daemon thread that runs a plain asyncio loop, one that can start programs, until it is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def begun(self) -> bool:
        """Whether anything was ever called here."""
        return self._thread is not None

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Await the coroutine on this thread. Cancelling the caller cancels it there.

        Raises McpError after `close`.
        """
        try:
            loop = self._running()
        except McpError:
            work.close()
            raise
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    def soon(self, callback: Callable[..., object], *args: object) -> None:
        """Call back on this thread as soon as it is free. Does nothing before the first call and after `close`."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(callback, *args)

    async def close(self) -> None:
        """Cancel what still runs there, and end the thread. Idempotent."""
        with self._lock:
            self._closed = True
            loop, thread = self._loop, self._thread
            self._loop = None
            if loop is not None:
                loop.call_soon_threadsafe(loop.stop)
        if thread is not None:
            await asyncio.to_thread(thread.join)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise McpError("The program is closing; MCP servers can no longer be used.")
            if self._loop is None:
                self._loop = _new_loop()
                self._thread = threading.Thread(
                    target=run_until_stopped, args=(self._loop,), name="steploom-mcp", daemon=True
                )
                self._thread.start()
            return self._loop


def _new_loop() -> asyncio.AbstractEventLoop:
    """A loop that can start programs; by its name and not by policy: a window may have set one of its own."""
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    return asyncio.SelectorEventLoop()
