"""Ctrl-C: the first ends the run so that it can be resumed, the second ends the program."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from core.engine.engine import Run


@contextmanager
def cancelling_on_interrupt(run: Run) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM cancel the run as resumable; a second SIGINT acts as ever."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        reason = "Ctrl-C" if number == signal.SIGINT else "the program was asked to end"
        loop.call_soon_threadsafe(lambda: run.cancel(reason, resumable=True))

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
