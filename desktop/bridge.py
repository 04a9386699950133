"""The one door between core's coroutines and Qt: starts them, keeps them alive, and says in words what went wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid

TURN_S: Final = 0.001
"""Seconds after which a thread lets another one go on: for `sys.setswitchinterval`, once, by the program.

With Python's 5 ms a window waits that long for every turn while another thread computes; 50 streaming runs then held
it up for 74 ms at the 99.9th percentile, with 1 ms for 33 ms (benchmarks/responsiveness.py).
"""

T = TypeVar("T")

OnError: TypeAlias = Callable[[Exception], None]
"""Gets what a piece of work raised, for those who show it in a place of their own."""

_log = logging.getLogger(__name__)


def explain(error: BaseException) -> str:
    """What a person reads of an error: its own text if it was written for people, else where to look."""
    if isinstance(getattr(type(error), "code", None), str):  # every error tree of core carries a stable code
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}."
    name = type(error).__name__
    return f"Steploom itself made a mistake ({name}). Your work is unchanged; the details are in the log."


class Bridge(QObject):
    """Runs coroutines and slow functions for the widgets, on one loop. Nothing of it blocks.

    failed: the text of an error that nobody else wanted. busy_changed: how many pieces of work run now.
    loop: the qasync loop that Qt runs on; it need not run yet.
    """

    failed = Signal(str)
    busy_changed = Signal(int)

    def __init__(self, loop: asyncio.AbstractEventLoop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()
        self._standing: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def busy(self) -> int:
        """How many pieces of work run now."""
        return len(self._tasks)

    def spawn(
        self,
        work: Coroutine[Any, Any, T],
        on_done: Callable[[T], None] | None = None,
        on_error: OnError | None = None,
        *,
        name: str = "",
        instead_of: asyncio.Task[None] | None = None,
    ) -> asyncio.Task[None] | None:
        """Run a coroutine; cancelling the task gives up on it, and then neither callback is called.

        on_error: gets the error instead of the signal `failed`. instead_of: what asked the same before is given up, as
        it may have read what was then, and end last. None: the bridge is closed and nothing will run.
        """
        if instead_of is not None:
            instead_of.cancel()
        if self._closed:
            work.close()
            return None
        task = self._loop.create_task(self._work(work, on_done, on_error), name=name or None)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, work))
        self.busy_changed.emit(len(self._tasks))
        return task

    def keep(self, work: Coroutine[Any, Any, None], *, name: str = "") -> asyncio.Task[None] | None:
        """Run a coroutine that goes on until the bridge is closed; it does not count as busy.

        Cancelling the task ends it. None: the bridge is closed and nothing will run.
        """
        if self._closed:
            work.close()
            return None
        task = self._loop.create_task(self._work(work, None, None), name=name or None)
        self._standing.add(task)
        task.add_done_callback(self._standing.discard)
        task.add_done_callback(lambda _: work.close())
        return task

    def in_thread(
        self,
        function: Callable[[], T],
        on_done: Callable[[T], None] | None = None,
        on_error: OnError | None = None,
    ) -> asyncio.Task[None] | None:
        """Run a function that may take longer than a frame in a thread. It must not touch widgets."""
        return self.spawn(asyncio.to_thread(function), on_done, on_error, name="thread")

    def tell(self, error: Exception) -> None:
        """Say what an error is, for an `on_error` that has no better place for it."""
        self._tell(error, None)

    async def close(self) -> None:
        """Cancel everything that runs and wait until it is gone; later work is refused. Idempotent."""
        self._closed = True
        tasks = [task for task in (*self._tasks, *self._standing) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(
        self, work: Coroutine[Any, Any, T], on_done: Callable[[T], None] | None, on_error: OnError | None
    ) -> None:
        try:
            result = await work
            if on_done is not None and not self._closed and not _is_gone(on_done):
                on_done(result)
        except Exception as error:  # noqa: BLE001 - this is where the errors of all background work arrive
            self._tell(error, on_error)

    def _tell(self, error: Exception, on_error: OnError | None) -> None:
        if not isinstance(getattr(type(error), "code", None), str):
            _log.error("Background work failed", exc_info=error)
        if self._closed or (on_error is not None and _is_gone(on_error)):
            return
        if on_error is None:
            self.failed.emit(explain(error))
            return
        try:
            on_error(error)
        except Exception:  # noqa: BLE001 - a handler's mistake must not hide the error that it was called for
            _log.exception("A handler of errors failed")
            self.failed.emit(explain(error))

    def _ended(self, task: asyncio.Task[None], work: Coroutine[Any, Any, Any]) -> None:
        work.close()  # one that was cancelled before its first step would complain that nobody awaited it
        self._tasks.discard(task)
        if not self._closed:
            self.busy_changed.emit(len(self._tasks))


def _is_gone(callback: Callable[[Any], None]) -> bool:
    """Whether what a method, or a partial of one, belongs to was destroyed meanwhile: nobody waits for it any more."""
    owner = getattr(callback.func if isinstance(callback, partial) else callback, "__self__", None)
    return isinstance(owner, QObject) and not isValid(owner)
