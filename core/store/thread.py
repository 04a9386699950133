"""A thread with an event loop of its own, where all talk with the database happens.

Callers may live on any loop (asyncio, qasync) or on none: the database never stalls them, and the loop that
psycopg needs (a selector loop, also on Windows) never depends on theirs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from core.loops import run_until_stopped
from core.store.errors import StoreClosed

P = ParamSpec("P")
T = TypeVar("T")


class StoreThread:
    """A daemon thread that runs a plain asyncio selector loop until it is closed."""

    def __init__(self, name: str = "steploom-store") -> None:
        self._loop = asyncio.SelectorEventLoop()
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=run_until_stopped, args=(self._loop,), name=name, daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether nothing can be called any more."""
        return self._closed

    async def call(self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await the coroutine function on the store's loop. Cancelling the caller cancels it there.

        Raises StoreClosed after `close`.
        """
        return await asyncio.wrap_future(self._submit(function(*args, **kwargs)))

    def run(self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for callers without a loop: blocks until it is done. Never call it on the store's own loop."""
        assert threading.current_thread() is not self._thread, "waiting for oneself"
        return self._submit(function(*args, **kwargs)).result()

    def close(self) -> None:
        """Cancel what still runs there, and end the thread. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        with self._lock:
            if self._closed:
                coroutine.close()
                raise StoreClosed
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
