"""Making a workflow of its own out of selected steps, and putting the steps of a workflow back in their place."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject

from core.workflow.model import Step, Workflow
from core.workflow.problems import WorkflowError
from desktop.bridge import Bridge, explain
from desktop.canvas_commands import canvas_in_front
from desktop.commands import Command
from desktop.dialogs.text_prompt import TextPrompt
from desktop.document import OpenDocument
from desktop.filing import SUFFIX, Filing
from desktop.memory import RecentWork
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

STEP_TYPE: Final = "workflow"
"""The step type that runs another workflow."""


class WorkflowMissing(Exception):
    """A workflow that a step names is nowhere; the text says what to do."""

    code = "not_found"


class SubWorkflows(QObject):
    """What is extracted is kept where the workflow is kept: as a file beside it, or in the library."""

    def __init__(self, window: MainWindow, filing: Filing, bridge: Bridge) -> None:
        super().__init__(window)
        self._window, self._filing, self._bridge = window, filing, bridge

    def commands(self) -> Sequence[Command]:
        """What the menu Step offers."""
        return [
            Command(
                "step.extract", "Extract into a workflow…", self.extract, "box", ("Ctrl+Shift+G",), "Step",
                "parts", self._can_extract, scope="canvas",
                help="What they read becomes its inputs, what is read of them its outputs.",
            ),
            Command(
                "step.inline", "Replace by its steps", self.inline, "boxes", (), "Step", "parts",
                lambda: self._running_another() is not None, scope="canvas",
                help="The steps of the workflow that this step runs take its place.",
            ),
        ]  # fmt: skip

    def extract(self) -> None:
        """Ask for a name, keep the selected steps as a workflow of that name, and run it in their place."""
        tab, canvas = self._window.active, canvas_in_front(self._window)
        if tab is None or canvas is None or not canvas.selected:
            return
        from core.workflow import edits  # brings the YAML reader, which the first paint does not need

        steps = canvas.selected
        try:  # what cannot be extracted is said before a name is asked for
            edits.extract(tab.document.workflow, steps, "New workflow", types=canvas.types)
        except WorkflowError as error:
            self._refuse(str(error))
            return
        first = canvas.diagram.steps[min(steps, key=lambda step: canvas.diagram.boxes[step].x)]
        prompt = TextPrompt(
            self._window,
            title="Extract into a workflow",
            label=self._where(tab),
            text=first.name,
            action="Make it",
            check=lambda name: self._problem(tab, name),
        )
        prompt.given.connect(lambda name: self._keep(tab, steps, name))
        prompt.open()

    def inline(self) -> None:
        """Read the workflow that the selected step runs, and put its steps in the step's place."""
        tab, step = self._window.active, self._running_another()
        if tab is None or step is None:
            return
        name = str(step.config.get("workflow", "")).strip()
        if not name or "{{" in name:
            self._refuse(f"{step.name!r} names no workflow that could be read now.")
            return
        folder = str(tab.document.file.parent) if tab.document.file is not None else ""
        self._bridge.spawn(
            self._read(name, folder),
            lambda inner: self._put(tab, step.id, inner),
            lambda error: self._refuse(explain(error)),
        )

    def _keep(self, tab: WorkTab, steps: frozenset[str], name: str) -> None:
        file, canvas = _file_for(tab, name), canvas_in_front(self._window)
        if canvas is None or canvas.document is not tab.document:
            return
        from core.workflow import edits

        reference = file.name if file is not None else name
        try:
            made = edits.extract(tab.document.workflow, steps, name, reference=reference, types=canvas.types)
        except WorkflowError as error:
            self._refuse(str(error))
            return
        work = RecentWork("file", str(file), name) if file is not None else RecentWork("library", name, name)

        def kept(_: object) -> None:
            def edit(workflow: Workflow) -> Workflow:
                return edits.extract(workflow, steps, name, reference=reference, types=canvas.types).workflow

            if canvas.apply(f"Make “{name}” of steps", edit):
                canvas.focus_on(made.step)
                self._window.toasts.show(
                    f"“{name}” is a workflow of its own", "One step runs it in their place.", kind="done",
                    action="Open it", on_action=lambda: self._filing.open_recent(work),
                )  # fmt: skip

        if file is not None:
            self._bridge.spawn(_write(made.extracted, file), kept, lambda error: self._refuse(explain(error)))
        elif self._filing.library is not None:
            self._bridge.spawn(
                self._filing.library.save(made.extracted, 0), kept, lambda error: self._refuse(explain(error))
            )
        else:
            self._filing.opened.emit(_unsaved(made.extracted), None)
            self._window.tabs.setCurrentWidget(tab)
            kept(None)

    def _put(self, tab: WorkTab, step: str, inner: Workflow) -> None:
        canvas = canvas_in_front(self._window)
        if canvas is None or canvas.document is not tab.document:
            return
        from core.workflow import edits

        names: dict[str, str] = {}

        def edit(workflow: Workflow) -> Workflow:
            laid = edits.move_steps(workflow, canvas.diagram.unlaid())
            changed, made = edits.inline(laid, step, inner, types=canvas.types)
            names.update(made)
            return changed

        if canvas.apply(f"Put the steps of “{inner.name}” here", edit):
            canvas.select(names.values())

    async def _read(self, name: str, folder: str) -> Workflow:
        def from_file() -> Workflow | None:
            from core.library import find_file
            from core.workflow.document import load

            file = find_file(name, folder) if folder else None
            return load(file) if file is not None else None

        found = await asyncio.to_thread(from_file)
        if found is None and self._filing.library is not None:
            found = (await self._filing.library.get(name)).workflow
        if found is None:
            raise WorkflowMissing(
                f"There is no workflow “{name}” beside this one, and the library is not open. Open the database, or "
                "choose another workflow in the step's settings."
            )
        return found

    def _can_extract(self) -> bool:
        canvas = canvas_in_front(self._window)
        return canvas is not None and bool(canvas.selected) and not canvas.document.read_only

    def _running_another(self) -> Step | None:
        """The selected step if it runs another workflow and may be changed."""
        canvas = canvas_in_front(self._window)
        if canvas is None or len(canvas.selected) != 1 or canvas.document.read_only:
            return None
        step = canvas.document.workflow.step(next(iter(canvas.selected)))
        return step if step is not None and step.type == STEP_TYPE else None

    def _where(self, tab: WorkTab) -> str:
        if tab.document.file is not None:
            return f"Its name. It is kept as a file in {tab.document.file.parent}."
        if self._filing.library is not None:
            return "Its name. It is kept in the library."
        return "Its name. It opens in a tab of its own, where you can save it."

    def _problem(self, tab: WorkTab, name: str) -> str:
        if not name:
            return "Write what the new workflow is called."
        file = _file_for(tab, name)
        if file is not None and file.exists():
            return f"There is a file {file.name} already. Choose another name."
        return ""

    def _refuse(self, text: str) -> None:
        self._window.toasts.show("That cannot be done so", text, kind="failed")


def _file_for(tab: WorkTab, name: str) -> Path | None:
    """The file beside a document's own, None if it is no file."""
    if tab.document.file is None:
        return None
    plain = re.sub(r"[^\w.-]+", "_", name.strip().lower()).strip("_.") or "workflow"
    return tab.document.file.with_name(f"{plain}{SUFFIX}")


def _unsaved(workflow: Workflow) -> OpenDocument:
    document = OpenDocument(workflow)
    document.stack.resetClean()
    return document


async def _write(workflow: Workflow, file: Path) -> None:
    def write() -> None:
        from core.workflow.document import save

        save(workflow, file)

    await asyncio.to_thread(write)
