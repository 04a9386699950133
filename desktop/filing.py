"""Opening and saving workflows: from and to files, and the library in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from PySide6.QtCore import QObject, Signal

from core.workflow.model import FORMAT_VERSION, Workflow
from core.workflow.problems import DocumentError
from desktop.bridge import Bridge, explain
from desktop.document import OpenDocument
from desktop.garbage import undisturbed
from desktop.memory import RecentWork
from desktop.work_tab import WorkTab

SUFFIX: Final = ".loom.yaml"
UNTITLED: Final = "Untitled workflow"


class SavedWorkflow(Protocol):
    """A workflow of the library and its version."""

    @property
    def workflow(self) -> Workflow:
        """The document."""

    @property
    def version(self) -> int:
        """Its number."""


class WorkflowLibrary(Protocol):
    """What is used of the store's workflows."""

    async def get(self, name: str) -> SavedWorkflow:
        """The newest version. Raises an error with a text for the person."""

    async def save(self, workflow: Workflow, expected_version: int) -> int:
        """Save as the next version; its number. Raises an error with a text for the person."""

    async def rename(self, name: str, new_name: str) -> int:
        """Give a workflow another name, as a new version; its number. Raises an error with a text for the person."""


class Filing(QObject):
    """Opens and saves. opened: an OpenDocument and where it is kept (RecentWork or None). saved: a WorkTab.

    refused: a title, a text and lines of detail, when a file cannot be opened or saved. broken: a file's path and the
    DocumentError that says what is wrong with it. conflicting: a WorkTab and the VersionConflict, when somebody else
    saved the workflow meanwhile. library: None until the database is open. taken: names that a new workflow does not
    get.
    """

    opened = Signal(object, object)
    saved = Signal(object)
    refused = Signal(str, str, str)
    broken = Signal(object, object)
    conflicting = Signal(object, object)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.library: WorkflowLibrary | None = None
        self.taken: Callable[[], Collection[str]] = tuple

    def new(self) -> None:
        """Open an empty workflow."""
        name, taken = UNTITLED, set(self.taken())
        while name in taken:
            name = numbered(name)
        self.opened.emit(OpenDocument(Workflow(name)), None)

    def open_files(self, files: Sequence[Path]) -> Sequence[asyncio.Task[None]]:
        """Open these files, each on its own: a broken one keeps no other from opening. Gives the work begun."""
        begun = [self._open_file(file) for file in files]
        return [task for task in begun if task is not None]

    def open_example(self, file: Path) -> None:
        """Open a copy of an example; it is kept nowhere until it is saved."""
        self._bridge.spawn(
            _read(file),
            lambda found: self.opened.emit(OpenDocument(found.workflow), None),
            lambda error: self._refuse(f"{file.name} could not be opened", error),
        )

    def open_recent(self, work: RecentWork) -> None:
        """Open what was open before."""
        if work.kind == "file":
            self.open_files([Path(work.name)])
        elif self.library is None:
            self.refused.emit(
                f"{work.title} is in the library", "The database is not open yet; try again in a moment.", ""
            )
        else:
            self._bridge.spawn(
                self.library.get(work.name),
                lambda found: self._opened(OpenDocument(found.workflow, version=found.version), work),
                lambda error: self._refuse(f"{work.title} could not be opened", error),
            )

    def save(self, tab: WorkTab, then: Callable[[], object] | None = None) -> None:
        """Save where the document is kept: its file, else the library. then: called if it was saved."""
        document = tab.document
        if document.file is not None:
            self.save_to_file(tab, document.file, then)
            return
        if self.library is None:
            self.refused.emit(
                f"{tab.title} is not saved", "The database is not open. Save it as a file, or try again.", ""
            )
            return
        self.save_in_library(tab, then)

    def save_in_library(self, tab: WorkTab, then: Callable[[], object] | None = None) -> None:
        """Save as the next version in the library, which is from then on where the document is kept."""
        document, workflow = tab.document, tab.document.workflow
        if self.library is None:
            return
        kept = tab.work is not None and tab.work.kind == "library"
        name = tab.work.name if tab.work is not None and kept else workflow.name

        def done(version: int) -> None:
            document.file, document.version = None, version
            self._saved(tab, workflow, RecentWork("library", workflow.name, workflow.name), then)

        def failed(error: Exception) -> None:
            if getattr(error, "code", "") == "version_conflict":
                self.conflicting.emit(tab, error)
            else:
                self._refuse(f"{tab.title} is not saved", error)

        version = document.version if kept else 0
        self._bridge.spawn(_save_in(self.library, workflow, version, name), done, failed)

    def save_to_file(self, tab: WorkTab, file: Path, then: Callable[[], object] | None = None) -> None:
        """Save to a file, which is from then on where the document is kept."""
        workflow = tab.document.workflow

        def done(_: None) -> None:
            tab.document.file = file
            self._saved(tab, workflow, RecentWork("file", str(file), workflow.name), then)

        self._bridge.spawn(_write(workflow, file), done, lambda error: self._refuse(f"{tab.title} is not saved", error))

    def save_all(self, tabs: Sequence[WorkTab], then: Callable[[], object]) -> None:
        """Save one after the other; `then` is called if all were saved."""
        if not tabs:
            then()
            return
        self.save(tabs[0], lambda: self.save_all(tabs[1:], then))

    def _open_file(self, file: Path) -> asyncio.Task[None] | None:
        work = RecentWork("file", str(file), file.name.removesuffix(SUFFIX))

        def failed(error: Exception) -> None:
            if isinstance(error, DocumentError):
                self.broken.emit(file, error)
            else:
                self._refuse(f"{file.name} could not be opened", error)

        return self._bridge.spawn(_read(file), lambda found: self._opened(_document(found, file), work), failed)

    def _opened(self, document: OpenDocument, work: RecentWork) -> None:
        named = replace(work, title=document.workflow.name or work.title)
        self.opened.emit(document, named)

    def _saved(self, tab: WorkTab, workflow: Workflow, work: RecentWork, then: Callable[[], object] | None) -> None:
        tab.work = work
        if tab.document.workflow is workflow:  # it may have been edited while it was written
            tab.document.mark_saved()
        self.saved.emit(tab)
        if then is not None:
            then()

    def _refuse(self, title: str, error: Exception) -> None:
        text, _, detail = explain(error).partition("\n")
        self.refused.emit(title, text, detail)


def numbered(name: str) -> str:
    """The next name in a row: `Triage`, `Triage 2`, `Triage 3`."""
    stem, _, number = name.rpartition(" ")
    return f"{stem} {int(number) + 1}" if stem and number.isdecimal() else f"{name} 2"


@dataclass(frozen=True, slots=True)
class _Read:
    """A document that was read. newer: the number of its format if that is newer than ours, else 0."""

    workflow: Workflow
    newer: int = 0


def _document(found: _Read, file: Path) -> OpenDocument:
    if not found.newer:
        return OpenDocument(found.workflow, file=file)
    reason = (
        f"A newer Steploom made this (format {found.newer}; this one knows up to {FORMAT_VERSION}). You can look at "
        "what this one understands of it; update Steploom to change or run it."
    )
    return OpenDocument(found.workflow, file=file, read_only=True, is_newer=True, reason=reason)


async def _read(file: Path) -> _Read:
    def read() -> _Read:
        from core.workflow.document import loads, read_bounded, read_newer  # takes longer than a frame to import

        text = read_bounded(file)
        try:
            with undisturbed():
                return _Read(loads(text, str(file)))
        except DocumentError:
            newer = read_newer(text)
            if newer is None:
                raise
            return _Read(*newer)

    return await asyncio.to_thread(read)


async def _save_in(library: WorkflowLibrary, workflow: Workflow, version: int, name: str) -> int:
    """Save what is kept as `name`, under its own name from now on if that is another one."""
    number = await library.save(replace(workflow, name=name), version)
    return number if name == workflow.name else await library.rename(name, workflow.name)


async def _write(workflow: Workflow, file: Path) -> None:
    def write() -> None:
        from core.workflow.document import save

        save(workflow, file)

    await asyncio.to_thread(write)
