"""Asynchronous tests on the loop that the application runs on, and waiting for what Qt tells there."""

from __future__ import annotations

import asyncio
from typing import Any

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop


def qt_event_loop() -> asyncio.AbstractEventLoop:
    """A new loop of qasync around the tests' application."""
    QApplication.setQuitOnLastWindowClosed(False)  # a test that closes a dialog goes on
    loop = QEventLoop(QApplication.instance() or QApplication([]))
    assert isinstance(loop, asyncio.AbstractEventLoop)
    return loop


async def next_signal(signal: SignalInstance, seconds: float = 20) -> tuple[Any, ...]:
    """What the signal says when it is next emitted. Raises TimeoutError after so many seconds."""
    told: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

    def heard(*values: Any) -> None:
        if not told.done():
            told.set_result(values)

    signal.connect(heard)
    try:
        async with asyncio.timeout(seconds):
            return await told
    finally:
        signal.disconnect(heard)
