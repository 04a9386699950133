"""Who owns something: this process, told apart from every other process of any machine, and whether it still lives."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""Linux has a clock that goes on while the machine sleeps; elsewhere the monotonic one does."""

_SAME_START = 2.0
"""Seconds by which two readings of one process's start may differ when the machine's clock is being adjusted."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that no other one is mistaken for.

    machine: host, boot and (on Linux) process-number space, so that numbers mean the same. started: seconds since
    the epoch.
    """

    machine: str
    pid: int
    started: float

    def __str__(self) -> str:
        return f"{self.machine}/{self.pid}/{self.started:.2f}"

    @classmethod
    def parse(cls, text: str) -> ProcessId | None:
        """The process that `str` wrote down, or None if the text is none."""
        try:
            machine, pid, started = text.rsplit("/", 2)
            return cls(machine, int(pid), float(started))
        except ValueError:
            return None

    @property
    def host(self) -> str:
        """The machine's name."""
        return self.machine.split("/", 1)[0]

    def is_dead(self) -> bool:
        """Whether it is certain that the process has ended; of another machine's processes nothing is certain."""
        if self.machine != this_machine():
            return False
        try:
            found = psutil.Process(self.pid)
            return abs(found.create_time() - self.started) > _SAME_START or found.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False


def lease_clock() -> float:
    """Seconds that have passed, those in which the machine was asleep included; what leases are measured with."""
    return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()


def this_process() -> ProcessId:
    """The running process."""
    return ProcessId(this_machine(), os.getpid(), psutil.Process().create_time())


def this_machine() -> str:
    """Host name, boot and process-number space: as long as it is the same, process numbers mean the same."""
    return "/".join((platform.node(), _boot(), _pid_space()))


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"{psutil.boot_time() / 60:.0f}"


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""
