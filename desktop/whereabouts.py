"""Where a person is: the breadcrumbs from a workflow into its loops and into the workflows that it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject
from shiboken6 import isValid

from core.workflow.model import Step, Workflow
from desktop.bridge import Bridge
from desktop.canvas_commands import canvas_in_front
from desktop.commands import Command
from desktop.filing import Filing
from desktop.memory import RecentWork
from desktop.step_words import face_title
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.engine.step_type import StepTypes

STEP_TYPE: Final = "workflow"
"""The step type that runs another workflow."""


@dataclass(frozen=True, slots=True)
class _Source:
    """The workflow and the step from which another workflow was opened."""

    tab: WorkTab
    step: str


class Whereabouts(QObject):
    """Keeps the breadcrumbs of every open workflow, and opens the workflow that a step runs. types: as soon as they are
    there."""

    def __init__(
        self, window: MainWindow, filing: Filing, bridge: Bridge, types: Callable[[], StepTypes | None]
    ) -> None:
        super().__init__(window)
        self._window, self._filing, self._bridge, self._types = window, filing, bridge, types
        self._sources: dict[WorkTab, _Source] = {}
        self._loops: dict[WorkTab, tuple[str, ...]] = {}
        self._expected: tuple[RecentWork, _Source] | None = None
        window.opened.connect(self._opened)
        window.tab_closed.connect(self._closed)
        window.active_changed.connect(self._arrived)

    def commands(self) -> Sequence[Command]:
        """What the menu Step offers."""
        return [
            Command(
                "step.open_workflow", "Open the workflow that it runs", self.go_in, "workflow", ("F12",),
                "Step", "change", lambda: self._chosen() is not None, scope="canvas",
                help="The breadcrumbs above the canvas lead back.",
            ),
            Command(
                "view.go_up", "Go up", self.go_up, "arrow-up", ("Alt+Up",), "View", "focus", self._is_inside,
                help="To the loop or the workflow around this one.",
            ),
        ]  # fmt: skip

    def go_in(self) -> None:
        """Open the workflow that the selected step runs."""
        tab, step = self._window.active, self._chosen()
        if tab is None or step is None:
            return
        name = str(step.config.get("workflow", "")).strip()
        if not name or "{{" in name:
            what = "names no workflow yet" if not name else "finds its workflow's name when it runs"
            self._window.toasts.show(f"“{step.name}” {what}", "Choose one in its settings on the right.")
            return
        folder = str(tab.document.file.parent) if tab.document.file is not None else ""
        source = _Source(tab, step.id)
        self._bridge.spawn(_find(name, folder), lambda file: self._go(source, name, file))

    def go_up(self) -> None:
        """Go to what is around: the loop, or the workflow that runs this one."""
        tab = self._window.active
        if tab is not None:
            self._chose(tab, len(tab.bar.breadcrumbs.path) - 2)

    def _go(self, source: _Source, name: str, file: Path | None) -> None:
        unsaved = [tab for tab in self._window.all_tabs if tab.work is None and tab.title == name]
        if file is None and unsaved and isValid(source.tab):
            inner = unsaved[0]
            if inner is not source.tab and source.tab not in self._around(inner, inward=True):
                self._sources[inner] = source
            self._window.tabs.setCurrentWidget(inner)
            self._show(inner)
            return
        work = RecentWork("file", str(file), name) if file is not None else RecentWork("library", name, name)
        self._expected = (work, source)
        self._filing.open_recent(work)

    def _chosen(self) -> Step | None:
        """The selected step if it runs another workflow."""
        canvas = canvas_in_front(self._window)
        if canvas is None or len(canvas.selected) != 1:
            return None
        step = canvas.document.workflow.step(next(iter(canvas.selected)))
        return step if step is not None and step.type == STEP_TYPE else None

    def _is_inside(self) -> bool:
        tab = self._window.active
        return tab is not None and len(tab.bar.breadcrumbs.path) > 1

    def _opened(self, tab: WorkTab) -> None:
        tab.bar.breadcrumbs.chosen.connect(lambda index: self._chose(tab, index))
        tab.title_changed.connect(self._show_all)
        selected = getattr(tab.canvas, "selection_changed", None)
        if selected is not None:
            selected.connect(lambda steps: self._selected(tab, steps))
        self._arrived(tab)
        self._show(tab)

    def _closed(self, tab: WorkTab) -> None:
        self._sources.pop(tab, None)
        self._loops.pop(tab, None)
        for inner in [each for each, source in self._sources.items() if source.tab is tab]:
            del self._sources[inner]
            self._show(inner)

    def _arrived(self, tab: WorkTab | None) -> None:
        if tab is None or self._expected is None:
            return
        work, source = self._expected
        if work.is_same(tab.work):
            self._expected = None
            if source.tab is not tab and isValid(source.tab) and source.tab not in self._around(tab, inward=True):
                self._sources[tab] = source
            self._show(tab)

    def _selected(self, tab: WorkTab, steps: frozenset[str]) -> None:
        loops = loops_around(tab.document.workflow, next(iter(steps))) if len(steps) == 1 else ()
        if loops != self._loops.get(tab, ()):
            self._loops[tab] = loops
            self._show(tab)

    def _around(self, tab: WorkTab, *, inward: bool = False) -> list[WorkTab]:
        """The workflows around a tab's, outermost first; inward: those that were opened from it."""
        found: list[WorkTab] = []
        if inward:
            for inner, source in self._sources.items():
                if source.tab is tab:
                    found += [inner, *self._around(inner, inward=True)]
            return found
        around = self._sources.get(tab)
        while around is not None and around.tab not in found:
            found.insert(0, around.tab)
            around = self._sources.get(around.tab)
        return found

    def _show_all(self) -> None:
        for tab in self._window.all_tabs:
            self._show(tab)

    def _show(self, tab: WorkTab) -> None:
        workflow = tab.document.workflow
        steps = [workflow.step(name) for name in self._loops.get(tab, ())]
        loops = [face_title(step, self._types()) for step in steps if step is not None]
        tab.bar.breadcrumbs.show_path([*(each.title for each in self._around(tab)), tab.title, *loops])

    def _chose(self, tab: WorkTab, index: int) -> None:
        around = self._around(tab)
        if not 0 <= index < len(tab.bar.breadcrumbs.path):
            return
        if index < len(around):
            inner = [*around, tab][index + 1]
            self._window.tabs.setCurrentWidget(around[index])
            around[index].step_wanted.emit(self._sources[inner].step)
            around[index].canvas.setFocus()
            return
        loops = self._loops.get(tab, ())
        canvas = canvas_in_front(self._window)
        if canvas is None:
            return
        place = index - len(around)
        if place == 0:
            canvas.select(())
            canvas.fit()
        else:
            canvas.select([loops[place - 1]])
            canvas.fit([loops[place - 1]])
        canvas.setFocus()


def loops_around(workflow: Workflow, step_id: str) -> tuple[str, ...]:
    """The loops around a step, outermost first; of a loop itself also that loop."""
    for path, step in workflow.walk():
        if step.id == step_id:
            return (*path, step.id) if step.body is not None else path
    return ()


async def _find(name: str, folder: str) -> Path | None:
    def find() -> Path | None:
        from core.library import find_file

        found = find_file(name, folder) if folder else None
        return found.resolve() if found is not None else None

    return await asyncio.to_thread(find)
