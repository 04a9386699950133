"""Unsaved work on disk: the files that survive a program that was killed, and finding them at the next start.

Each open document with unsaved work has one file. Every line is a JSON object: the first says whose file it is, each
further one holds a whole state of the document, so that a line cut off by a crash costs the last state only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from core.workflow.document import read_leniently
from core.workflow.model import Workflow
from core.workflow.problems import Problem

FOLDER = "unsaved"
"""The folder of these files in Steploom's home."""

SUFFIX = ".unsaved"
"""How the names of these files end."""

WORKFLOW, AGENT = "workflow", "agent"
"""What unsaved work is: whose text a state holds."""

WORKFLOW, AGENT = "workflow", "agent"
"""What unsaved work is: whose text a state holds."""

MAX_BYTES = 8 * 2**20
"""A file that would grow beyond this is written anew with its last state alone."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. started: seconds since 1970, so that another process with the same number is another one."""

    pid: int
    started: float

    @classmethod
    def this_process(cls) -> Owner:
        """The process that asks."""
        return cls(os.getpid(), psutil.Process().create_time())

    def is_running(self) -> bool:
        """Whether that process is still there."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1
        except psutil.Error:
            return False


@dataclass(frozen=True, slots=True)
class State:
    """An unsaved state of a document.

    text: the document. at: when it was written, with its zone. file, version: where it was opened from and the
    library's version it is based on, as in OpenDocument. kind: WORKFLOW or AGENT; the text of an agent is what
    `desktop.agents.unsaved_agent` makes of it.
    """

    text: str
    name: str
    at: datetime
    file: Path | None = None
    version: int = 0
    kind: str = WORKFLOW


@dataclass(frozen=True, slots=True)
class Unsaved:
    """Work that a program which is gone had not saved. path: its file; state: the last whole one."""

    path: Path
    state: State

    def workflow(self) -> tuple[Workflow | None, list[Problem]]:
        """The workflow as far as it can be read, and all that is wrong with its text."""
        return read_leniently(self.state.text)

    def discard(self) -> None:
        """Delete it for good."""
        self.path.unlink(missing_ok=True)


class UnsavedFile:
    """The file of one open document. Not for use by several threads at once."""

    def __init__(self, path: Path, owner: Owner) -> None:
        self.path = path
        self._owner = owner

    def append(self, state: State) -> None:
        """Add a state; when it returns, the state is on disk. Raises OSError."""
        line = _line({**asdict(state), "at": state.at.isoformat(), "file": str(state.file) if state.file else None})
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size == 0 or size + len(line) > MAX_BYTES:
            self._write_anew(_line({"steploom_unsaved": 1, **asdict(self._owner)}) + line)
        else:
            with self.path.open("ab") as file:
                _to_disk(file.fileno(), line)

    def remove(self) -> None:
        """Delete the file, if there is one. Raises OSError."""
        self.path.unlink(missing_ok=True)

    def _write_anew(self, content: bytes) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        try:
            # For the user's eyes only: a workflow's texts may be confidential.
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb", buffering=0) as file:
                _to_disk(file.fileno(), content)
            draft.replace(self.path)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


def recoverable(folder: Path, is_running: Callable[[Owner], bool] = Owner.is_running) -> list[Unsaved]:
    """The unsaved work that programs which are gone left in a folder, the newest first. Unreadable files are left."""
    found: list[Unsaved] = []
    for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
        with suppress(OSError):
            owner, states = _read(path)
            if owner is not None and states and not is_running(owner):
                found.append(Unsaved(path, states[-1]))
    return sorted(found, key=lambda unsaved: unsaved.state.at, reverse=True)


def _to_disk(number: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(number, view) :]
    os.fsync(number)


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def _read(path: Path) -> tuple[Owner | None, list[State]]:
    owner: Owner | None = None
    states: list[State] = []
    for data in _objects(path.read_bytes()):
        with suppress(KeyError, TypeError, ValueError):
            if data.get("steploom_unsaved") == 1:
                owner = Owner(int(data["pid"]), float(data["started"]))
            else:
                states.append(_state(data))
    return owner, states


def _objects(content: bytes) -> Iterator[dict[str, Any]]:
    """The whole lines; what a crash cut off is passed over."""
    for line in content.split(b"\n")[:-1]:
        try:
            data = json.loads(line)
        except ValueError:
            continue
        if isinstance(data, dict):
            yield data


def _state(data: dict[str, Any]) -> State:
    file = Path(data["file"]) if data["file"] is not None else None
    at = datetime.fromisoformat(data["at"])
    return State(
        str(data["text"]), str(data["name"]), at, file, int(data["version"]), str(data.get("kind", WORKFLOW))
    )  # fmt: skip
