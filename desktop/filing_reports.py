"""What a person reads when a workflow cannot be opened or saved, and what can be done about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from core.workflow.problems import DocumentError
from desktop.dialogs.message import Choice, MessageDialog
from desktop.dialogs.problem_report import ProblemReport
from desktop.document import OpenDocument
from desktop.filing import Filing, numbered
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.store.errors import VersionConflict


class FilingReports(QObject):
    """Shows the reports of a Filing over the window."""

    def __init__(self, window: MainWindow, filing: Filing) -> None:
        super().__init__(window)
        self._window, self._filing = window, filing
        filing.refused.connect(self._refused)
        filing.broken.connect(self._broken)
        filing.conflicting.connect(self._conflicting)

    def _refused(self, title: str, text: str, detail: str) -> None:
        MessageDialog(
            self._window, title=title, text=text, detail=detail, choices=[Choice("close", "Close", "primary")]
        ).open()

    def _broken(self, file: Path, error: DocumentError) -> None:
        number = len(error.problems)
        report = ProblemReport(
            self._window,
            title=f"{file.name} could not be opened",
            text=f"{'One thing is' if number == 1 else f'{number} things are'} wrong with it. Your open work is as it "
            "was.",
            problems=error.problems,
        )
        report.edit_wanted.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(file))))
        report.open()

    def _conflicting(self, tab: WorkTab, error: VersionConflict) -> None:
        mine = Choice("mine", f"Save mine as version {error.current + 1}", "primary")
        question = MessageDialog(
            self._window,
            title=f"Somebody else saved “{error.name}” meanwhile"
            if error.expected
            else f"The library has a workflow “{error.name}” already",
            text=f"The newest there is version {error.current}. Nothing is lost: saving yours makes a version of its "
            "own after it, and the library keeps both.",
            detail=_differences(error),
            choices=[
                Choice("cancel", "Cancel"),
                Choice("theirs", "Open the other"),
                *([] if error.expected else [Choice("rename", "Save under another name")]),
                mine,
            ],
        )
        question.chosen.connect(lambda key: self._decided(key, tab, error))
        question.open()

    def _decided(self, key: str, tab: WorkTab, error: VersionConflict) -> None:
        if key == "mine":
            tab.document.version = error.current
            self._filing.save_in_library(tab)
        elif key == "rename":
            name = numbered(error.name)
            tab.document.apply("Rename", lambda workflow: replace(workflow, name=name))
            self._filing.save_in_library(tab)
        elif key == "theirs":
            reason = f"This is version {error.current}, as somebody else saved it. Copy from it what you need."
            self._filing.opened.emit(OpenDocument(error.theirs, read_only=True, reason=reason), None)


def _differences(error: VersionConflict) -> str:
    """What theirs has that yours has not, and the other way round, in lines."""
    from core.workflow.compare import compare  # not needed before somebody else saves

    found = compare(error.theirs, error.mine)
    lines = [f"Only in yours: step {name}" for name in found.added]
    lines += [f"Only in theirs: step {name}" for name in found.removed]
    lines += [f"Renamed: {each.before} to {each.after}" for each in found.renamed]
    for step in found.changed:
        lines += [f"Different in step {step.step}: {change.path}" for change in step.changes]
    wires = len(found.wires_added) + len(found.wires_removed)
    lines += [f"Different wires: {wires}"] if wires else []
    lines += [f"Different: {change.path}" for change in found.document]
    lines += ["Different places on the canvas"] if found.layout or found.drawing else []
    return "\n".join(lines)
