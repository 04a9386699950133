"""A child process that takes one message and gives one, held to limits, and surely gone afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

_GRACE = 1.0
"""Seconds that a program which left the process group may keep the pipes open after the child has ended."""

LOG_BYTES = 65_536
"""How much of what the child prints is kept, in bytes; what follows is counted."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that has ended. answer: what it wrote to its output. log: the beginning of what it printed.

    status: its exit status, negative for a signal. too_much: whether it was ended because its answer was too long.
    """

    status: int
    answer: bytes
    log: str
    too_much: bool


async def converse(
    command: Sequence[str], message: bytes, *, folder: Path, environment: Mapping[str, str], max_answer: int
) -> Ended:
    """Start the command, give it the message (its input stays open), and wait for its end.

    Cancelling ends the child and all it started. max_answer: bytes. Raises OSError if it cannot be started.
    """
    loop = asyncio.get_running_loop()
    transport, child = await loop.subprocess_exec(
        lambda: _Child(max_answer),
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=dict(environment),
        **_own_group(),
    )
    try:
        _send(transport, message)
        await child.ended.wait()
        status = transport.get_returncode()
        return Ended(-1 if status is None else status, bytes(child.answer), child.shown_log(), child.too_much)
    finally:
        # Cancelled or not: nothing that the child started outlives the step.
        child.kill()
        transport.close()
        await child.exited.wait()


class _Child(asyncio.SubprocessProtocol):
    """Gathers what the child writes. ended: it has exited and its pipes are empty. exited: it has exited."""

    def __init__(self, max_answer: int) -> None:
        self._max_answer = max_answer
        self._pid = 0
        self._log = bytearray()
        self._unkept = 0
        self.answer = bytearray()
        self.too_much = False
        self.ended = asyncio.Event()
        self.exited = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pid = cast("asyncio.SubprocessTransport", transport).get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.answer += data
            if len(self.answer) > self._max_answer:
                self.too_much = True
                self.answer.clear()
                self.kill()
            return
        room = LOG_BYTES - len(self._log)
        self._log += data[:room]
        self._unkept += max(0, len(data) - room)

    def process_exited(self) -> None:
        self.exited.set()
        self.kill()
        self._timer = asyncio.get_running_loop().call_later(_GRACE, self.ended.set)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.ended.set()

    def kill(self) -> None:
        """End the child and its process group. Harmless when they are gone."""
        if sys.platform == "win32":
            _kill_tree(self._pid)
            return
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone; macOS says the second of a group of zombies
            return

    def shown_log(self) -> str:
        """What the child printed, with a note of what was left out."""
        text = self._log.decode("utf-8", "replace").replace("\0", "\ufffd")
        return f"{text}\n… ({self._unkept} more bytes)" if self._unkept else text


def _send(transport: asyncio.SubprocessTransport, message: bytes) -> None:
    """Hand the message over; a child that has ended already does not read it, and its end tells why."""
    pipe = cast("asyncio.WriteTransport | None", transport.get_pipe_transport(0))
    if pipe is not None and not pipe.is_closing():
        pipe.write(message)


def _own_group() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _kill_tree(pid: int) -> None:
    """End a process and its descendants, where there are no process groups to do it."""
    import psutil

    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
