"""Keeps unsaved work on disk while people edit, so that it survives a killed program.

Each edit of a document that is followed is written within half a second, on a thread of its own, as a large document
takes longer to write than a window may stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from core.engine.clock import Clock, Timer
from core.workflow.document import dumps
from core.workflow.problems import DocumentError
from desktop.document import OpenDocument
from desktop.unsaved_work import SUFFIX, WORKFLOW, Owner, State, Unsaved, UnsavedFile

INTERVAL = 0.5
"""Seconds between two writes of the same document, at least."""


class Document(Protocol):
    """What is edited and kept: an open workflow, or an agent in its editor. Its signals are Qt's."""

    stack: QUndoStack

    @property
    def changed(self) -> Any:
        """Emitted after every edit."""

    @property
    def saved_changed(self) -> Any:
        """Emitted when `is_saved` may have changed, after `changed`."""

    @property
    def is_saved(self) -> bool:
        """Whether nothing would be lost."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it is now. text: makes its text, on a thread of its own. The rest as in State."""

    name: str
    text: Callable[[], str]
    file: Path | None = None
    version: int = 0
    kind: str = WORKFLOW

    def state(self, at: datetime) -> State:
        """The state to write. Raises DocumentError or ValueError if it cannot be put into text."""
        return State(self.text(), self.name, at, self.file, self.version, self.kind)


def snapshot_of(document: OpenDocument) -> Snapshot:
    """An open workflow as it is now."""
    workflow = document.workflow
    return Snapshot(workflow.name, partial(dumps, workflow), document.file, document.version)


class UndoJournal(QObject):
    """Writes the unsaved states of open documents.

    trouble: a sentence when a state could not be written; once, until one can be written again. folder: where the
    files are kept. worker: one thread, which outlives the journal and does its writing in order. new_id: gives names
    for files.
    """

    trouble = Signal(str)

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        worker: Executor,
        owner: Owner,
        new_id: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._folder = folder
        self._clock = clock
        self._worker = worker
        self._owner = owner
        self._new_id = new_id
        self._followed: dict[Document, _Followed] = {}

    def follow(self, document: OpenDocument) -> None:
        """Keep the document's unsaved states from now on, until `forget`."""
        if not document.read_only:
            self.follow_any(document, lambda: snapshot_of(document))

    def follow_any(self, document: Document, snapshot: Callable[[], Snapshot]) -> None:
        """Keep the states of whatever is edited. snapshot: gives it as it is now."""
        if document in self._followed:
            return
        file = UnsavedFile(self._folder / f"{self._new_id()}{SUFFIX}", self._owner)
        followed = _Followed(document, snapshot, file, self._clock, self._worker, self.trouble.emit)
        self._followed[document] = followed
        document.changed.connect(followed.note_change)
        document.saved_changed.connect(followed.note_saved)
        if not document.is_saved:
            followed.write()

    def adopt(self, document: Document, unsaved: Unsaved) -> None:
        """Follow a document that was made from unsaved work: it is unsaved still, now under this program's name.

        An agent is followed already, as soon as its editor is open.
        """
        if isinstance(document, OpenDocument):
            self.follow(document)
            document.stack.resetClean()
        self._followed[document].write()
        self._worker.submit(self._discard, unsaved)

    def forget(self, document: Document) -> None:
        """Let go of a document that is closed, its work saved or given up: its states are deleted."""
        followed = self._followed.pop(document, None)
        if followed is not None:
            document.changed.disconnect(followed.note_change)
            document.saved_changed.disconnect(followed.note_saved)
            followed.drop()

    def leave(self, document: Document) -> None:
        """Follow a document no longer, and keep what is unsaved of it for the next start."""
        followed = self._followed.pop(document, None)
        if followed is not None:
            document.changed.disconnect(followed.note_change)
            document.saved_changed.disconnect(followed.note_saved)
            followed.finish()

    def close(self) -> None:
        """Write what waits and stop following. What is unsaved stays on disk for the next start."""
        for document in list(self._followed):
            self.leave(document)

    def _discard(self, unsaved: Unsaved) -> None:
        try:
            unsaved.discard()
        except OSError as error:
            self.trouble.emit(f"Work that was taken over could not be removed from {unsaved.path.parent}: {error}.")


class _Followed:
    """One document: when it is written next, and its file."""

    def __init__(
        self,
        document: Document,
        snapshot: Callable[[], Snapshot],
        file: UnsavedFile,
        clock: Clock,
        worker: Executor,
        tell: Callable[[str], None],
    ) -> None:
        self._document = document
        self._snapshot = snapshot
        self._file = file
        self._clock = clock
        self._worker = worker
        self._tell = tell
        self._timer: Timer | None = None
        self._written: float | None = None
        self._in_trouble = False

    def note_change(self, _: object = None) -> None:
        """The document was edited: write it at once, or as soon as the last write is half a second old."""
        if self._timer is not None:
            return
        since = INTERVAL if self._written is None else self._clock.monotonic() - self._written
        if since >= INTERVAL:
            self.write()
        else:
            self._timer = self._clock.call_later(INTERVAL - since, self.write)

    def note_saved(self, _: object = None) -> None:
        """The document was saved, or undone to what is saved, or is so no longer."""
        if self._document.is_saved:
            self.drop()

    def write(self) -> None:
        """Write the present state."""
        self._stop_timer()
        self._written = self._clock.monotonic()
        self._worker.submit(self._append, self._snapshot(), self._clock.now())

    def drop(self) -> None:
        """Delete the file: there is nothing unsaved."""
        self._stop_timer()
        self._written = None
        self._worker.submit(self._remove)

    def finish(self) -> None:
        """Write what waits for its time."""
        if self._timer is not None:
            self.write()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _append(self, snapshot: Snapshot, at: datetime) -> None:
        """On the worker's thread."""
        try:
            self._file.append(snapshot.state(at))
        except (OSError, DocumentError, ValueError) as error:
            if not self._in_trouble:
                reason = str(error).rstrip(". ")
                self._tell(
                    f"Unsaved changes of “{snapshot.name}” cannot be kept in {self._file.path.parent}: {reason}. "
                    f"Save the {snapshot.kind} soon; until then a crash would lose them."
                )
            self._in_trouble = True
        else:
            self._in_trouble = False

    def _remove(self) -> None:
        try:
            self._file.remove()
        except OSError as error:
            self._tell(f"The copy of unsaved work in {self._file.path.parent} could not be removed: {error}.")
