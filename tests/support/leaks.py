"""What a test of the desktop left behind: windows on the screen, timers that still tick, threads that still run."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

ENDLESS: Final = ("asyncio_", "ThreadPoolExecutor-", "Dummy-")
"""Threads of pools that the loop of a test, or Qt (Dummy), keeps by itself; their names begin so."""


@contextmanager
def nothing_left(patience_s: float = 2.0) -> Iterator[None]:
    """Fails if what runs inside leaves a window, a running timer or a thread that was not there before.

    patience_s: seconds that a thread which is just ending is given.
    """
    windows, timers, threads = set(map(id, _windows())), set(map(id, _timers())), set(threading.enumerate())
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    left = [f"window {_named(each)}" for each in _windows() if id(each) not in windows]
    left += [f"timer of {_owner(each)}" for each in _timers() if id(each) not in timers]
    left += [f"thread {each.name}" for each in _threads(threads, patience_s)]
    assert left == [], f"This test left behind: {', '.join(left)}."


def _windows() -> Sequence[QWidget]:
    return [each for each in QApplication.topLevelWidgets() if isValid(each) and each.isVisible()]


def _timers() -> Sequence[QTimer]:
    found = [each for each in gc.get_objects() if isinstance(each, QTimer)]
    return [each for each in found if isValid(each) and each.isActive()]


def _threads(before: set[threading.Thread], patience_s: float) -> Sequence[threading.Thread]:
    """Threads that are new and go on."""
    new = [each for each in threading.enumerate() if each not in before and not each.name.startswith(ENDLESS)]
    for each in new:
        each.join(patience_s)
    return [each for each in new if each.is_alive()]


def _named(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.windowTitle() or widget.objectName() or widget.accessibleName()!r}"


def _owner(timer: QTimer) -> str:
    parent = timer.parent()
    return (
        f"{type(parent).__name__} every {timer.interval()} ms"
        if parent is not None
        else f"nobody, {timer.interval()} ms"
    )
