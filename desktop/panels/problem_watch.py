"""Keeps the problems of an open document up to date: checked in a thread, a moment after the last change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from core.engine.step_type import StepTypes
from core.workflow.model import Workflow
from core.workflow.outline import Outline
from core.workflow.problems import Problem
from desktop.document import Changes, OpenDocument
from desktop.panels.background import Background

PAUSE_MS: Final = 200
"""Milliseconds without a change until a document is checked."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with one state of a document, and that state laid out."""

    workflow: Workflow
    problems: Sequence[Problem]
    outline: Outline


class ProblemWatch(QObject):
    """The problems of one document. changed: the new Findings, after each check."""

    changed = Signal(object)

    def __init__(
        self, document: OpenDocument, types: StepTypes, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.document = document
        self._types = types
        self._background = background
        self._findings: Findings | None = None
        self._is_checking = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self.check)
        document.changed.connect(self._document_changed)
        self._timer.start()  # not at once: the work is painted first

    @property
    def findings(self) -> Findings | None:
        """What the last check found; None before the first."""
        return self._findings

    @property
    def problems(self) -> Sequence[Problem]:
        """The problems that the last check found."""
        return self._findings.problems if self._findings is not None else ()

    def of_step(self, step_id: str | None) -> Sequence[Problem]:
        """The problems of a step, or of the workflow as a whole for None."""
        return [problem for problem in self.problems if problem.step == step_id]

    def check(self) -> None:
        """Check the document as it is now, unless a check is under way, which is then followed by another."""
        workflow, types = self.document.workflow, self._types
        self._timer.stop()
        if self._is_checking:
            return
        self._is_checking = True
        self._background.in_thread(lambda: _examined(workflow, types), self._found, self._failed)

    def _document_changed(self, changes: Changes) -> None:
        if not changes.only_moved:
            self._timer.start()

    def _found(self, findings: Findings) -> None:
        if not isValid(self):
            return
        self._is_checking = False
        self._findings = findings
        self.changed.emit(findings)
        if findings.workflow is not self.document.workflow and not self._timer.isActive():
            self._timer.start()

    def _failed(self, error: Exception) -> None:
        self._is_checking = False
        raise error


def _examined(workflow: Workflow, types: StepTypes) -> Findings:
    from core.workflow.validate import validate  # in the thread: it takes several frames to import

    return Findings(workflow, validate(workflow, types), Outline(workflow, types))
