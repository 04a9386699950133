"""Ctrl+C in the terminal and SIGTERM end the program in order, although Qt's loop waits outside Python."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier


class Interrupts(QObject):
    """Calls `on_signal` on the GUI thread for SIGINT and SIGTERM, until `close`.

    Python writes a byte to a socket when a signal comes; Qt watches that socket.
    """

    def __init__(self, on_signal: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._on_signal = on_signal
        self._before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._handlers = {number: signal.signal(number, _ignore) for number in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._came)

    def close(self) -> None:
        """Handle signals as before."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _came(self) -> None:
        numbers = self._read.recv(64)
        if signal.SIGINT in numbers or signal.SIGTERM in numbers:
            self._on_signal()


def _ignore(number: int, frame: FrameType | None) -> None:
    """The byte in the socket says all; a handler must be there, or the signal would end the process."""
