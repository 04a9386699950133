"""Where a running service is found: a file in the data folder that says which process it is and where it listens."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from core.store.file_lock import file_lock
from core.store.process import ProcessId, this_machine, this_process

FILE: Final = "service.json"
"""Within the home folder."""

_LOCK: Final = "service.lock"
_PATIENCE_S: Final = 10.0
_SAME_START_S: Final = 2.0

Keeper: TypeAlias = Literal["person", "window", "systemd"]
"""Who started a service: somebody on a terminal, the window (or `steploom service start`), or systemd."""

_KEEPERS: Final[tuple[Keeper, ...]] = ("person", "window", "systemd")


@dataclass(frozen=True, slots=True)
class Presence:
    """A service that was started. address: `http://127.0.0.1:8420`, '' until it listens. workers: runs at once.

    started: in UTC. is_demo: it uses the demonstration model.
    """

    process: ProcessId
    address: str
    started: datetime
    version: str
    keeper: Keeper = "person"
    workers: int = 0
    is_demo: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether its process has certainly ended; one from before the machine's last start has."""
        if self.process.machine == this_machine():
            return self.process.is_dead()
        return self.process.host == this_machine().split("/", 1)[0]

    @property
    def is_here(self) -> bool:
        """Whether its process could be signalled: it belongs to this machine, as it runs now."""
        return self.process.machine == this_machine()


def read(home: Path) -> Presence | None:
    """The service that was started last with that data folder and has not taken its leave; None if there is none."""
    try:
        data = json.loads((home / FILE).read_text(encoding="utf-8"))
        return _presence(data)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def announce(home: Path, presence: Presence) -> bool:
    """Let it be found, unless another service that lives is already; whether it is found now. Raises OSError."""
    home.mkdir(parents=True, exist_ok=True)
    with file_lock(home / _LOCK, _PATIENCE_S):
        before = read(home)
        if before is not None and not _same(before.process, presence.process) and not before.is_gone:
            return False
        if before is not None and _same(before.process, presence.process):
            if before.address and not presence.address:
                presence = replace(before, keeper=presence.keeper)  # the process was quicker than who started it
            elif presence.keeper == "person":
                presence = replace(presence, keeper=before.keeper)
        _write(home / FILE, presence)
        return True


def take_leave(home: Path, process: ProcessId | None = None) -> None:
    """Let that process (this one) be found no longer; whatever else is found stays."""
    wanted = process or this_process()
    if not home.exists():
        return
    with file_lock(home / _LOCK, _PATIENCE_S):
        found = read(home)
        if found is not None and _same(found.process, wanted):
            (home / FILE).unlink(missing_ok=True)


def _same(one: ProcessId, other: ProcessId) -> bool:
    """Whether both are one process; two readings of its start may differ a little."""
    return (one.machine, one.pid) == (other.machine, other.pid) and abs(one.started - other.started) < _SAME_START_S


def _write(path: Path, presence: Presence) -> None:
    data = {
        "process": str(presence.process), "address": presence.address, "started": presence.started.isoformat(),
        "version": presence.version, "keeper": presence.keeper, "workers": presence.workers, "demo": presence.is_demo,
    }  # fmt: skip
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=".service-", suffix=".json")  # readable by its owner alone
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(data, file)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def _presence(data: Any) -> Presence:
    process = ProcessId.parse(data["process"])
    started = datetime.fromisoformat(data["started"])
    if process is None or started.tzinfo is None:
        raise ValueError(data)
    keeper: Keeper = next((each for each in _KEEPERS if each == data.get("keeper")), "person")
    return Presence(
        process, str(data["address"]), started, str(data["version"]), keeper, int(data["workers"]), bool(data["demo"])
    )
