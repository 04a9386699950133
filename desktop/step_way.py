"""The way to a step that is known by name only: to the canvas of its workflow, opened if need be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject

from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.filing import Filing
from desktop.memory import RecentWork
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.workspace import Workspace

PAST: Final = "This is the workflow of its newest run; the library has none of that name. It cannot be changed."


class StepWay(QObject):
    """Shows steps. workspace: the one that is open."""

    def __init__(
        self, window: MainWindow, filing: Filing, bridge: Bridge, workspace: Callable[[], Workspace | None]
    ) -> None:
        super().__init__(window)
        self._window, self._filing, self._bridge, self._workspace = window, filing, bridge, workspace

    def show(self, workflow: str, step: str) -> None:
        """Show a step on the open workflow of that name, else on that of the library, else on that of its newest run.

        Says so if there is none, or if the step is not in it.
        """
        tab = self._tab(workflow)
        if tab is not None:
            self._point(tab, step)
            return
        workspace = self._workspace()
        if workspace is not None:
            self._bridge.spawn(_find(workspace, workflow), lambda found: self._open(found, workflow, step))

    def _open(self, found: tuple[OpenDocument, RecentWork | None] | None, workflow: str, step: str) -> None:
        if found is not None:
            self._filing.opened.emit(*found)
        tab = self._tab(workflow)
        if tab is not None:
            self._point(tab, step)
        else:
            self._window.toasts.show(f"{workflow} is not here", "Neither it nor a run of it is kept.", kind="failed")

    def _tab(self, workflow: str) -> WorkTab | None:
        found = [tab for tab in self._window.all_tabs if tab.document.workflow.name == workflow]
        return min(found, key=lambda tab: tab.document.read_only, default=None)

    def _point(self, tab: WorkTab, step: str) -> None:
        self._window.tabs.setCurrentWidget(tab)
        if tab.document.workflow.step(step) is not None:
            tab.step_wanted.emit(step)
            return
        text = f"“{step}” was removed or renamed, or is a step of a workflow or an agent that this one runs."
        self._window.toasts.show(f"{tab.title} has no such step", text)


async def _find(workspace: Workspace, name: str) -> tuple[OpenDocument, RecentWork | None] | None:
    """A workflow by name, from the library or the newest run."""
    from core.store.errors import WorkflowNotFound

    if workspace.store is not None:
        try:
            saved = await workspace.store.workflows.get(name)
            return OpenDocument(saved.workflow, version=saved.version), RecentWork("library", name, name)
        except WorkflowNotFound:
            pass
    runs = await workspace.journal.runs(workflow=name, limit=1)
    return (OpenDocument(runs[0].workflow, read_only=True, reason=PAST), None) if runs else None
