"""Starting runs of a document from the window: at once, or after asking for the inputs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Final

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from core.engine.errors import InputError
from core.engine.part import WHOLE, Part
from core.workflow.model import Json, Workflow
from desktop.bridge import Bridge
from desktop.dialogs.inputs import InputsDialog
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.run_controller import RunController
from desktop.saved_inputs import InputSets, SavedInputs
from desktop.theme import ThemeManager

REUSE: Final = "Keep what still holds of the run of {at:%H:%M:%S}"
REUSE_HELP: Final = (
    "Steps that are as they were then, and are given the same, keep their outputs and are not run again."
)


class RunPrompt(QObject):
    """Starts runs of one document, asking for inputs if it has any.

    prompted: the dialog, once it is open. refused: why nothing was started (DocumentError: the document has problems);
    whoever hears it says so. estimate: tells in words what a run of a workflow will cost.
    """

    prompted = Signal(object)
    refused = Signal(object)

    def __init__(
        self,
        document: OpenDocument,
        controller: RunController,
        saved: SavedInputs,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        window: QWidget | None = None,
        estimate: Callable[[Workflow], Coroutine[Any, Any, str]] | None = None,
    ) -> None:
        super().__init__(window)
        self._document = document
        self._controller = controller
        self._saved = saved
        self._bridge = bridge
        self._themes = themes
        self._icons = icons
        self._window = window
        self._estimate = estimate
        self._part = WHOLE

    def run(self, part: Part = WHOLE, inputs: Mapping[str, Json] | None = None) -> None:
        """Ask for the inputs, or start at once if there are none. part: what of the document runs. inputs: to begin
        with, instead of those of the last run.
        """
        self._part = part
        if not self._document.workflow.inputs:
            self._start({})
            return

        def ask(sets: InputSets) -> None:
            dialog = self._ask(sets)
            if inputs is not None:
                dialog.fill(inputs)

        key = self._key()
        self._bridge.in_thread(lambda: self._saved.read(key), ask)

    def run_reusing(self, base: str, inputs: Mapping[str, Json], began: datetime) -> None:
        """Ask for the inputs, those of an earlier run first, and run with what still holds of that run's results.

        base: the id of that run. began: when it did. Without inputs it starts at once.
        """
        self._part = Part(base=base)
        if not self._document.workflow.inputs:
            self._start({})
            return

        def ask(sets: InputSets) -> None:
            dialog = self._ask(sets)
            dialog.fill(inputs)
            dialog.offer_reuse(REUSE.format(at=began.astimezone()), REUSE_HELP)

            def choose(on: bool) -> None:
                self._part = Part(base=base) if on else WHOLE

            dialog.reuse.toggled.connect(choose)

        key = self._key()
        self._bridge.in_thread(lambda: self._saved.read(key), ask)

    def run_again(self) -> None:
        """Start with the inputs of the last run; ask if there was none."""
        key = self._key()
        self._part = WHOLE

        def start(sets: InputSets) -> None:
            if sets.last or not self._document.workflow.inputs:
                self._start(sets.last)
            else:
                self._ask(sets)

        self._bridge.in_thread(lambda: self._saved.read(key), start)

    def _ask_with(self, sets: InputSets) -> None:
        self._ask(sets)

    def _ask(self, sets: InputSets) -> InputsDialog:
        dialog = InputsDialog(self._document.workflow, self._bridge, self._themes, self._icons, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.offer_sets(sets, self._saved, self._key())
        dialog.fill(sets.last)
        dialog.run_requested.connect(self._start)
        dialog.open()
        self.prompted.emit(dialog)
        if self._estimate is not None and self._part.is_whole:  # what a part costs is not known
            asked = self._bridge.spawn(
                self._estimate(self._document.workflow), dialog.show_estimate, lambda _: None, name="estimate"
            )
            if asked is not None:  # whoever is quicker with the inputs does not wait for it
                dialog.finished.connect(lambda _: asked.cancel())
        return dialog

    def _start(self, inputs: Mapping[str, Json]) -> None:
        key, values = self._key(), dict(inputs)
        self._controller.start(values, on_error=self._refused, part=self._part)
        self._bridge.in_thread(lambda: self._saved.remember(key, values))

    def _refused(self, error: Exception) -> None:
        if isinstance(error, InputError):  # the inputs of another time do not fit the workflow of today
            key, problems = self._key(), list(error.problems)
            self.prompted.connect(lambda dialog: dialog.show_problems(problems), Qt.ConnectionType.SingleShotConnection)
            self._bridge.in_thread(lambda: self._saved.read(key), self._ask_with)
            return
        self.refused.emit(error)

    def _key(self) -> str:
        file = self._document.file
        return str(file) if file is not None else self._document.workflow.name
