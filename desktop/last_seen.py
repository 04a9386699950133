"""The library's workflows that are open, as they were last seen: kept on disk, shown before the database answers.

A copy is never more than a first look: as soon as the library is there it is compared, and what is newer there is
shown instead. Edits made meanwhile stay, on the version that they were made on.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject

from core.workflow.model import Workflow
from core.workflow.problems import DocumentError
from core.workflow.sameness import same
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.filing import Filing, SavedWorkflow, WorkflowLibrary
from desktop.garbage import undisturbed
from desktop.memory import RecentWork
from desktop.recovery import Opens
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

FOLDER: Final = "last seen"
"""The folder of the copies in Steploom's home."""

NOTICE: Final = "last_seen"


@dataclass(frozen=True, slots=True)
class Seen:
    """A workflow of the library, and the number of its version."""

    workflow: Workflow
    version: int


class LastSeen(QObject):
    """Keeps the copies, and brings what was opened from them up to date with the library.

    works: what was opened from a copy in this program.
    """

    def __init__(self, home: Path, window: MainWindow, filing: Filing, opens: Opens, bridge: Bridge) -> None:
        super().__init__(window)
        self._folder = home / FOLDER
        self._window, self._filing, self._opens, self._bridge = window, filing, opens, bridge
        self._shown: dict[WorkTab, Seen] = {}
        self.works: list[RecentWork] = []
        filing.opened.connect(self._opened)
        filing.saved.connect(self._saved)
        window.tab_closed.connect(lambda tab: self._shown.pop(tab, None))

    def open(self, works: Sequence[RecentWork]) -> Sequence[asyncio.Task[None]]:
        """Open those of these workflows of the library that there is a copy of. Gives the work begun."""
        paths = [_path(self._folder, work.name) for work in works]
        if not paths:
            return []
        begun = self._bridge.in_thread(lambda: list(map(_read, paths)), lambda found: self._show(works, found))
        return [begun] if begun is not None else []

    def throw_away_others(self, works: Sequence[RecentWork]) -> None:
        """Keep no copies but those of these workflows."""
        wanted = {_path(self._folder, work.name) for work in works if work.kind == "library"}
        self._bridge.in_thread(lambda: _throw_away(self._folder, wanted))

    def compare(self, library: WorkflowLibrary) -> None:
        """Bring what was opened from a copy up to date with the library."""
        for tab, seen in self._shown.items():
            self._compare(library, tab, seen)
        self._shown.clear()

    def _show(self, works: Sequence[RecentWork], found: Sequence[Seen | None]) -> None:
        for work, seen in zip(works, found, strict=True):
            tab = self._opens.open(OpenDocument(seen.workflow, version=seen.version), work) if seen else None
            if seen is not None and tab is not None:
                self._shown[tab] = seen
                self.works.append(work)

    def _compare(self, library: WorkflowLibrary, tab: WorkTab, seen: Seen) -> None:
        name = tab.work.name if tab.work is not None else ""
        self._bridge.spawn(
            _difference(library, name, seen),
            lambda newer: self._bring(tab, newer) if newer is not None else None,
            lambda error: self._missing(tab, error),
        )

    def _bring(self, tab: WorkTab, newer: SavedWorkflow) -> None:
        document = tab.document
        if tab not in self._window.all_tabs:
            return
        if document.is_saved:
            document.renew(newer.workflow, newer.version)
            self._keep(newer.workflow.name, Seen(newer.workflow, newer.version))
            return
        if document.version == newer.version:  # another database: of this one's versions it is based on none
            document.version = 0
        tab.notices.tell(
            NOTICE,
            f"Version {newer.version} in the library is another one than yours is based on. Both are kept when you "
            "save: you are asked how.",
        )

    def _missing(self, tab: WorkTab, error: Exception) -> None:
        if getattr(error, "code", "") != "workflow_not_found":
            self._bridge.tell(error)
        elif tab in self._window.all_tabs:
            tab.work, tab.document.version = None, 0
            tab.document.stack.resetClean()  # it is kept nowhere else: closing it asks
            tab.notices.tell(NOTICE, "It is not in the library any more. This is what was last seen of it.")

    def _opened(self, document: OpenDocument, work: RecentWork | None) -> None:
        if work is not None and work.kind == "library":
            self._keep(work.name, Seen(document.workflow, document.version))

    def _saved(self, tab: WorkTab) -> None:
        if tab.work is not None and tab.work.kind == "library" and tab.document.is_saved:
            self._keep(tab.work.name, Seen(tab.document.workflow, tab.document.version))
            tab.notices.take_back(NOTICE)

    def _keep(self, name: str, seen: Seen) -> None:
        self._bridge.in_thread(lambda: _write(_path(self._folder, name), seen))


async def _difference(library: WorkflowLibrary, name: str, seen: Seen) -> SavedWorkflow | None:
    """What the library has in the place of a copy; None if it is the same. Raises what the library raises."""
    newest = await library.get(name)
    if newest.version != seen.version:
        return newest
    return None if await asyncio.to_thread(same, newest.workflow, seen.workflow) else newest


def _path(folder: Path, name: str) -> Path:
    import hashlib  # not for every start

    return folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _throw_away(folder: Path, wanted: Collection[Path]) -> None:
    for path in folder.glob("*"):
        if path not in wanted:
            with suppress(OSError):
                path.unlink()


def _read(path: Path) -> Seen | None:
    """A copy; None if there is none that can be read."""
    from core.workflow.document import from_data  # takes longer than a frame to import

    try:
        with undisturbed():
            found = json.loads(path.read_bytes())
            return Seen(from_data(found["workflow"]), int(found["version"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, DocumentError):
        return None


def _write(path: Path, seen: Seen) -> None:
    """Keep a copy, wholly or not at all; what cannot be kept is looked up in the database at the next start."""
    from core.workflow.document import to_data

    draft = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    with suppress(OSError, DocumentError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = json.dumps({"version": seen.version, "workflow": to_data(seen.workflow)}).encode()
        # For the user's eyes only: a workflow's texts may be confidential.
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        draft.replace(path)
