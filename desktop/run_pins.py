"""The pinned outputs of one open document: kept in the database, followed through renames, marked on the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from core.engine.journal import StepRecord
from core.engine.part import Given
from desktop.bridge import Bridge
from desktop.document import Changes, OpenDocument


class KeptPins(Protocol):
    """Where pins are kept."""

    async def of(self, workflow: str) -> Mapping[str, Given]:
        """The pins of a workflow by step id."""

    async def set(self, workflow: str, step_id: str, given: Given) -> None:
        """Pin an output."""

    async def remove(self, workflow: str, step_id: str) -> None:
        """Take a pin away."""

    async def rename_step(self, workflow: str, old: str, new: str) -> None:
        """The step is called otherwise now."""


class RunPins(QObject):
    """The pins of a document. changed: there are others. Steps that are gone for now keep theirs, as undo may bring
    them back. Those of a document that is kept nowhere yet are kept with it, once it is saved."""

    changed = Signal()

    def __init__(self, kept: KeptPins, document: OpenDocument, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept, self._document, self._bridge = kept, document, bridge
        self._pins: dict[str, Given] = {}
        self._key = self._key_now()
        document.changed.connect(self._follow)
        document.saved_changed.connect(lambda _: self._move())
        if self._key:
            bridge.spawn(kept.of(self._key), self._show)

    def pins(self) -> Mapping[str, Given]:
        """The pinned outputs by step id."""
        return self._pins

    def pin(self, step_id: str, given: Given) -> None:
        """Let runs take this output instead of running the step."""
        self._pins[step_id] = given
        self.changed.emit()
        self._move()
        if self._key:
            self._bridge.spawn(self._kept.set(self._key, step_id, given))

    def unpin(self, step_id: str) -> None:
        """Let runs run the step again."""
        if self._pins.pop(step_id, None) is not None:
            self.changed.emit()
            if self._key:
                self._bridge.spawn(self._kept.remove(self._key, step_id))

    def _show(self, pins: Mapping[str, Given]) -> None:
        self._pins = {**pins, **self._pins}
        if pins:
            self.changed.emit()

    def _follow(self, changes: Changes) -> None:
        self._move()
        if len(changes.added) == len(changes.removed) == 1:
            (old,), (new,) = changes.removed, changes.added
            if old in self._pins:
                self._pins[new] = self._pins.pop(old)
                self.changed.emit()
                if self._key:
                    self._bridge.spawn(self._kept.rename_step(self._key, old, new))

    def _move(self) -> None:
        """The document is kept elsewhere or called otherwise now: its pins go with it."""
        key = self._key_now()
        if key != self._key:
            self._key = key
            for step_id, given in self._pins.items() if key else ():
                self._bridge.spawn(self._kept.set(key, step_id, given))

    def _key_now(self) -> str:
        """The path of the document's file, its name in the library, or '' if it is kept nowhere yet."""
        document = self._document
        if document.file is not None:
            return str(document.file)
        return document.workflow.name if document.version else ""


def given_by(record: StepRecord) -> Given | None:
    """What a step gave, to be pinned; None for a record without a result."""
    if record.status != "completed" or record.output is None:
        return None
    return Given(record.output, record.ports, record.variables)
