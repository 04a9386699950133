"""A lock that excludes other processes and other threads alike, and ends with the process that holds it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.store.errors import ServerError

_PAUSE = 0.02
"""Seconds between two tries."""


@contextmanager
def file_lock(path: Path, patience: float = 60.0) -> Iterator[None]:
    """Hold the lock file `path`, making it if needed. Blocks; call it in a thread.

    patience: seconds to wait for another holder. Raises ServerError after that.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        ends = time.monotonic() + patience
        while not _try_lock(descriptor):
            if time.monotonic() > ends:
                raise ServerError(
                    f"Another process has kept {path} locked for {patience:.0f} seconds. "
                    "End the other Steploom that is starting or stopping its database, then try again."
                )
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
