"""An open workflow: the document that every view shows, and the undo stack that every change goes through.

A workflow is an immutable value, so a change is a function from the old value to the new one, and undoing it is
going back to the old value: no mutation can be forgotten by undo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from core.workflow.model import Step, Workflow
from core.workflow.sameness import same

Edit: TypeAlias = Callable[[Workflow], Workflow]
"""A change: gives the workflow as it is after it. Raises WorkflowError if it cannot be made."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two states of a document, so that each view decides what to repaint.

    added, removed, changed: ids of steps, loop bodies included. moved: steps that stand elsewhere: their place, the
    loop around them or whether they are collapsed differs. rewired: whether any wire differs. about: whether the name,
    inputs, variables, outputs or the trigger differ. regrouped: whether any group differs.
    """

    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    rewired: bool = False
    about: bool = False
    regrouped: bool = False

    @property
    def only_moved(self) -> bool:
        """Whether nothing but positions differs."""
        return not (self.added or self.removed or self.changed or self.rewired or self.about or self.regrouped)


def changes_between(old: Workflow, new: Workflow) -> Changes:
    """What differs; steps are compared by identity first, so that this is quick for large documents."""
    if old is new:
        return Changes()
    before: dict[str, _Standing] = {}
    after: dict[str, _Standing] = {}
    _collect(old.steps, new.steps, "", before, after)
    common = before.keys() & after.keys()
    changed = frozenset(i for i in common if not same(before[i].step, after[i].step))
    added, removed = frozenset(after.keys() - before.keys()), frozenset(before.keys() - after.keys())
    rewired = bool(added or removed) or any(before[i].step.then != after[i].step.then for i in changed)
    places = old.layout.keys() | new.layout.keys() if old.layout is not new.layout else ()
    moved = {i for i in places if old.layout.get(i) != new.layout.get(i)}
    moved |= {i for i in common if before[i].loop != after[i].loop} | (old.collapsed ^ new.collapsed)
    about = any(not same(getattr(old, name), getattr(new, name)) for name in _ABOUT)
    regrouped = old.groups is not new.groups and old.groups != new.groups
    return Changes(added, removed, changed, frozenset(moved), rewired, about, regrouped)


_ABOUT = ("name", "description", "trigger", "inputs", "variables", "outputs", "tags", "timeout", "limits")


@dataclass(frozen=True, slots=True)
class _Standing:
    step: Step
    loop: str


def _collect(
    old: Mapping[str, Step],
    new: Mapping[str, Step],
    loop: str,
    before: dict[str, _Standing],
    after: dict[str, _Standing],
) -> None:
    """Find the steps that are not the very same object on the same level in both; edits share all others."""
    if old is new:
        return
    for step_id, step in old.items():
        other = new.get(step_id)
        if other is not step:
            before[step_id] = _Standing(step, loop)
            _collect(step.body or {}, (other.body if other is not None else None) or {}, step_id, before, after)
    for step_id, step in new.items():
        if old.get(step_id) is not step:
            after[step_id] = _Standing(step, loop)
            if step_id not in old:
                _collect({}, step.body or {}, step_id, before, after)


class OpenDocument(QObject):
    """One open workflow.

    changed: what differs, after every edit, undo and redo. saved_changed: whether there is unsaved work. file,
    version: where it was opened from and the library's version that edits are based on (0: never saved there).
    read_only: a past run's document, or one of a newer format; reason: why, in a sentence for the person. is_newer: its
    format is a newer one, so that it is understood in part only: it is neither run nor saved.
    """

    changed = Signal(object)
    saved_changed = Signal(bool)

    def __init__(
        self,
        workflow: Workflow,
        *,
        file: Path | None = None,
        version: int = 0,
        read_only: bool = False,
        reason: str = "",
        is_newer: bool = False,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workflow = workflow
        self.file = file
        self.version = version
        self.read_only = read_only
        self.reason = reason
        self.is_newer = is_newer
        self.stack = QUndoStack(self)
        self.stack.cleanChanged.connect(self._tell_saved)  # a lambda would be called while both are destroyed

    @property
    def workflow(self) -> Workflow:
        """The workflow as it is now."""
        return self._workflow

    @property
    def is_saved(self) -> bool:
        """Whether there is no unsaved work."""
        return self.stack.isClean()

    def apply(self, label: str, edit: Edit, *, merge: str = "") -> bool:
        """Make a change that can be undone; whether anything changed. Raises WorkflowError and changes nothing.

        label: for the undo menu ("Move 3 steps"). merge: consecutive changes with the same text become one (a
        burst of typing in one field, one drag).
        """
        if self.read_only:
            return False
        after = edit(self._workflow)
        if same(after, self._workflow):
            return False
        self.stack.push(_Change(self, label, self._workflow, after, merge))
        return True

    def end_merging(self) -> None:
        """The next change starts an entry of its own, whatever it is merged by."""
        index = self.stack.index()
        command = self.stack.command(index - 1) if index else None
        if isinstance(command, _Change):
            command.merge = ""

    def mark_saved(self) -> None:
        """The document's present state is the saved one."""
        self.stack.setClean()

    def renew(self, workflow: Workflow, version: int) -> None:
        """Show what the library has by now, which is the saved state from now on: the undo list begins anew."""
        self.version = version
        self.stack.clear()
        self.show(workflow)

    def _tell_saved(self, clean: bool) -> None:
        self.saved_changed.emit(not clean)

    def show(self, workflow: Workflow) -> None:
        """Show another state and tell the views; only undo commands and `renew` call this."""
        changes = changes_between(self._workflow, workflow)
        self._workflow = workflow
        self.changed.emit(changes)


class _Change(QUndoCommand):
    """One entry of the undo stack: the workflow before and after."""

    def __init__(self, document: OpenDocument, label: str, before: Workflow, after: Workflow, merge: str) -> None:
        super().__init__(label)
        self._document = document
        self._before = before
        self._after = after
        self.merge = merge

    def id(self) -> int:
        return 1 if self.merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802 - Qt's name
        if not isinstance(other, _Change) or other.merge != self.merge:
            return False
        self._after = other._after
        self.setObsolete(same(self._after, self._before))
        return True

    def redo(self) -> None:
        self._document.show(self._after)

    def undo(self) -> None:
        self._document.show(self._before)
