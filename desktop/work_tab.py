"""One open workflow in the window: its document, what its shown run looks like, its canvas, and the strip above it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.commands import Commands
from desktop.document import Changes, OpenDocument
from desktop.icons import Icons
from desktop.memory import RecentWork
from desktop.notice_strip import NoticeStrip
from desktop.overlay import RunOverlay
from desktop.theme import ThemeManager
from desktop.work_bar import WorkBar

CanvasFactory: TypeAlias = Callable[[OpenDocument, RunOverlay], QWidget]
"""Makes the canvas of a document; the overlay is that of the run shown on it."""


class WorkTab(QWidget):
    """title_changed: the name or whether there is unsaved work is another one. running_changed: the shown
    run is executed now, or no more. step_wanted: the id of a step that a person wants to see, chosen elsewhere.

    work: where the document is kept, None as long as it is nowhere. The document belongs to the tab.
    """

    title_changed = Signal()
    running_changed = Signal(bool)
    step_wanted = Signal(str)

    def __init__(
        self,
        document: OpenDocument,
        make_canvas: CanvasFactory,
        commands: Commands,
        icons: Icons,
        themes: ThemeManager,
        *,
        work: RecentWork | None = None,
    ) -> None:
        super().__init__()
        self.document = document
        self.overlay = RunOverlay()
        self.work = work
        self._running = False
        document.setParent(self)
        self.canvas = make_canvas(document, self.overlay)
        self.bar = WorkBar(commands, icons, themes)
        self.notices = NoticeStrip(icons, themes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.notices)
        column.addWidget(self.canvas, 1)
        self.setFocusProxy(self.canvas)
        document.changed.connect(self._changed)
        document.saved_changed.connect(lambda _: self.title_changed.emit())
        document.stack.indexChanged.connect(lambda _: commands.refresh())
        self.bar.breadcrumbs.show_path([self.title])
        self.bar.breadcrumbs.rename_wanted.connect(self._ask_name)
        self.bar.breadcrumbs.renamed.connect(self._rename)
        if document.read_only and document.reason:
            self.notices.tell("read_only", document.reason)

    @property
    def title(self) -> str:
        """The workflow's name."""
        return self.document.workflow.name or "Untitled"

    @property
    def is_running(self) -> bool:
        """Whether the shown run is executed now, or is about to be."""
        return self._running

    def show_running(self, running: bool, note: str = "") -> None:
        """Say whether the shown run is executed, or is about to be. note: how it stands, beside the buttons."""
        self.bar.say(note)
        if running != self._running:
            self._running = running
            self.running_changed.emit(running)

    def _ask_name(self) -> None:
        path = self.bar.breadcrumbs.path
        if path[-1] == self.title and not self.document.read_only:  # inside a loop the loop's title stands there
            self.bar.breadcrumbs.edit(self.canvas)

    def _rename(self, name: str) -> None:
        if name != self.document.workflow.name:
            self.document.apply("Change the name", lambda workflow: replace(workflow, name=name))

    def _changed(self, changes: Changes) -> None:
        if changes.about:
            if len(self.bar.breadcrumbs.path) == 1:
                self.bar.breadcrumbs.show_path([self.title])
            self.title_changed.emit()
