"""Ctrl-C: the first ends the run so that it can be resumed, the second ends the program."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.engine.engine import Run


@contextmanager
def cancelling_on_interrupt(run: Run) -> Iterator[None]:
    """While inside, SIGINT, SIGTERM and a closed terminal cancel the run as resumable; a second signal acts as ever."""
    with on_interrupt(lambda reason: run.cancel(reason, resumable=True)):
        yield


@contextmanager
def on_interrupt(stop: Callable[[str], None]) -> Iterator[None]:
    """While inside, the first SIGINT, SIGTERM or closed terminal calls back on the loop with the reason.

    A second signal acts as ever; one that was ignored before (nohup) stays ignored.
    """
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else [])]
    before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) != signal.SIG_IGN}

    def on_signal(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        reason = "Ctrl-C" if number == signal.SIGINT else "the program was asked to end"
        loop.call_soon_threadsafe(stop, reason)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
