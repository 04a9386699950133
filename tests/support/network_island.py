"""A network namespace with one way out, which can be cut so that nothing arrives any more and nobody is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOWHERE = "02:00:00:00:00:99"
"""A network card that is not there."""


class NoIslands(RuntimeError):
    """Network namespaces cannot be made here; the text says why."""


class Island:
    """address: of this machine, as seen from the island and from here."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        name = uuid.uuid4().hex[:8]
        net = int(name[:2], 16)
        self.address, self._inner = f"10.213.{net}.1", f"10.213.{net}.2"
        self._outside, self._inside = f"sl{name}o", f"sl{name}i"
        _run("ip", "link", "add", self._outside, "type", "veth", "peer", "name", self._inside)
        _run("ip", "link", "set", self._inside, "netns", str(pid))
        _run("ip", "addr", "add", f"{self.address}/30", "dev", self._outside)
        _run("ip", "link", "set", self._outside, "up")
        self._there("ip", "addr", "add", f"{self._inner}/30", "dev", self._inside)
        self._there("ip", "link", "set", self._inside, "up")
        self._there("ip", "link", "set", "lo", "up")

    @property
    def enter(self) -> tuple[str, ...]:
        """What stands before a command that is to be executed on the island."""
        return ("nsenter", "--target", str(self._pid), "--net", "--")

    def cut(self) -> None:
        """From now on every packet is lost, in both directions, as with a broken cable somewhere between."""
        _run("ip", "neigh", "replace", self._inner, "lladdr", NOWHERE, "dev", self._outside, "nud", "permanent")
        self._there("ip", "neigh", "replace", self.address, "lladdr", NOWHERE, "dev", self._inside, "nud", "permanent")

    def mend(self) -> None:
        """Let packets through again."""
        _run("ip", "neigh", "del", self._inner, "dev", self._outside)
        self._there("ip", "neigh", "del", self.address, "dev", self._inside)

    def _there(self, *command: str) -> None:
        _run(*self.enter, *command)


@contextmanager
def island() -> Iterator[Island]:
    """An island that is sunk again. Raises NoIslands."""
    if os.name != "posix" or os.geteuid() != 0:
        raise NoIslands("network namespaces are made by root only")
    missing = [tool for tool in ("ip", "unshare", "nsenter") if shutil.which(tool) is None]
    if missing:
        raise NoIslands(f"{', '.join(missing)} is not installed")
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stderr=subprocess.PIPE)
    try:
        _until_apart(holder)
        yield Island(holder.pid)
    finally:
        holder.kill()  # its end of the cable goes with the namespace, and so does ours
        holder.communicate()


def _until_apart(holder: subprocess.Popen[bytes]) -> None:
    own = Path("/proc/self/ns/net").readlink()
    ends = time.monotonic() + 10
    while Path(f"/proc/{holder.pid}/ns/net").readlink() == own:
        if holder.poll() is not None:
            said = holder.stderr.read().decode() if holder.stderr else ""
            raise NoIslands(f"the kernel lets nobody make a network namespace here: {said.strip()}")
        if time.monotonic() > ends:
            raise NoIslands("no network namespace was made within 10 s")
        time.sleep(0.01)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoIslands(f"{' '.join(command)}: {done.stderr.strip()}")
