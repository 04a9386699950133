"""Running a part of an open document: one step alone, up to a step, from a step, on with an edited value; and pins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from core.engine.part import Given, Part, around_of
from core.engine.step_type import StepTypes
from core.workflow.model import Json, Step, Workflow
from core.workflow.sameness import same
from core.workflow.step_reads import reads_of
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.run_controller import RunController
from desktop.run_pins import RunPins, given_by
from desktop.run_reads import part_with, schema_like, schemas_of
from desktop.saved_inputs import InputSets, SavedInputs
from desktop.theme import ThemeManager
from desktop.watched_run import WatchedRun

if TYPE_CHECKING:
    from core.engine.journal import RunRecord
    from desktop.dialogs.run_prompt import RunPrompt


class RunParts(QObject):
    """What can be run of one document besides all of it. step_id: of a step of the document, wherever it stands.

    prompt: gives what asks for the inputs of a run, made when it is first needed.
    prompted: a dialog, once it is open. refused: why nothing was started.
    """

    prompted = Signal(object)
    refused = Signal(object)

    def __init__(
        self,
        document: OpenDocument,
        controller: RunController,
        prompt: Callable[[], RunPrompt | None],
        pins: RunPins,
        types: StepTypes,
        saved: SavedInputs,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        window: QWidget | None = None,
    ) -> None:
        super().__init__(controller)
        self._document, self._controller, self._prompt, self.pins = document, controller, prompt, pins
        self._types, self._saved, self._bridge = types, saved, bridge
        self._themes, self._icons, self._window = themes, icons, window

    def base(self) -> WatchedRun | None:
        """The run whose results can be used again: the shown one, or the newest; not one of a step alone."""
        shown = self._controller.shown
        usable = [run for run in self._controller.runs if not run.live and not run.part.only]
        if shown is not None and shown in usable:
            return shown
        return usable[-1] if usable else None

    # -- what can be done ----------------------------------------------------------------------------------------------

    def can_run(self, step_id: str) -> bool:
        """Whether the step is one that runs."""
        step = self._document.workflow.step(step_id)
        kind = self._types.get(step.type) if step is not None else None
        return kind is not None and not kind.canvas_only

    def can_run_from(self, step_id: str) -> bool:
        """Whether there are earlier results to go on from."""
        return self.can_run(step_id) and self.base() is not None

    def is_pinned(self, step_id: str) -> bool:
        """Whether runs take a pinned output instead of running the step."""
        return step_id in self.pins.pins()

    def can_pin(self, step_id: str) -> bool:
        """Whether the step has an output that can be pinned, or a pin that can be taken away."""
        return self.is_pinned(step_id) or self._given(step_id) is not None

    # -- doing it ------------------------------------------------------------------------------------------------------

    def run_until(self, step_id: str) -> None:
        """Run what leads to the step, and the step. Earlier results that still hold are used again."""
        base = self.base()
        if base is None:
            if (prompt := self._prompt()) is not None:
                prompt.run(Part(until=step_id))
        else:
            self._start(base.inputs, Part(until=step_id, base=base.id))

    def can_reuse(self) -> bool:
        """Whether there is a run whose results a new run can keep."""
        return self.base() is not None

    def run_reusing(self, record: RunRecord | None = None) -> None:
        """Run with other inputs, or after edits, and keep what still holds of a run. record: which; None for the base.

        A run of one step alone has nothing to keep: its inputs are offered, and all is run.
        """
        base = self.base()
        prompt = self._prompt()
        if prompt is None or (record is None and base is None):
            return
        if record is None:
            assert base is not None
            prompt.run_reusing(base.id, base.inputs, base.created)
        elif record.part.only:
            prompt.run(inputs=record.inputs)
        else:
            prompt.run_reusing(record.id, record.inputs, record.created)

    def run_from(self, step_id: str) -> None:
        """Run the step and all that follows it; earlier results that still hold are used again."""
        base = self.base()
        if base is not None:
            self._start(base.inputs, Part(anew=step_id, base=base.id))

    def retry(self, step_id: str) -> None:
        """Go on with the run that failed at the step; with a new one if the document has been changed since."""
        run = self._controller.shown
        if run is not None and run.resumable and same(run.workflow.steps, self._document.workflow.steps):
            self._controller.resume(run.id, self.refused.emit)
        else:
            self.run_from(step_id)

    def run_alone(self, step_id: str) -> None:
        """Run the step by itself, after asking for what it reads of other steps."""
        step = self._document.workflow.step(step_id)
        if step is None:
            return
        if not reads_of(step):
            self._start({}, Part(only=step_id))
            return
        key = self._key(step_id)
        self._bridge.in_thread(lambda: self._saved.read(key), lambda sets: self._ask_alone(step, sets))

    def edit_output(self, step_id: str) -> None:
        """Ask what the step shall give, for a run that goes on from there or to be pinned."""
        from desktop.dialogs.output_editor import OutputEditor

        step = self._document.workflow.step(step_id)
        if step is None:
            return
        given = self.pins.pins().get(step_id) or self._given(step_id)
        schemas = schema_like(given.output) if given is not None else self._declared(step)
        refusal = "" if self.base() is not None else "Run the workflow once; then a run can go on from here."
        dialog = OutputEditor(
            step.name, schemas, self._themes, self._icons, refusal=refusal, parent=self._window
        )  # fmt: skip
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        ports = given.ports if given is not None else None
        dialog.run_requested.connect(lambda output: self._run_on(step_id, Given(output, ports, why="edited")))
        dialog.pin_requested.connect(lambda output: self.pins.pin(step_id, Given(output, ports)))
        dialog.open()
        self.prompted.emit(dialog)

    def toggle_pin(self, step_id: str) -> None:
        """Pin the step's last output, or take its pin away."""
        given = self._given(step_id)
        if self.is_pinned(step_id):
            self.pins.unpin(step_id)
        elif given is not None:
            self.pins.pin(step_id, given)

    # -- how -----------------------------------------------------------------------------------------------------------

    def _start(self, inputs: Mapping[str, Json], part: Part) -> None:
        self._controller.start(inputs, on_error=self.refused.emit, part=part)

    def _run_on(self, step_id: str, given: Given) -> None:
        base = self.base()
        if base is not None:
            self._start(base.inputs, Part(base=base.id, given={step_id: given}))

    def _ask_alone(self, step: Step, sets: InputSets) -> None:
        from desktop.dialogs.inputs import InputsDialog

        workflow, key, outputs = self._document.workflow, self._key(step.id), self._outputs()
        reads = reads_of(step)
        inputs = self._controller.shown.inputs if self._controller.shown is not None else {}
        schemas = schemas_of(workflow, reads, outputs, inputs, self._first_item(step.id))
        asked = Workflow(
            step.name, inputs=schemas, description="Runs this step alone, with what it reads of other steps:"
        )
        dialog = InputsDialog(asked, self._bridge, self._themes, self._icons, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.offer_sets(sets, self._saved, key)

        def run(values: Mapping[str, Json]) -> None:
            part, typed = part_with(step.id, reads, values, outputs)
            self._start(typed, part)
            self._bridge.in_thread(lambda: self._saved.remember(key, values))

        dialog.run_requested.connect(run)
        dialog.open()
        self.prompted.emit(dialog)

    def _outputs(self) -> dict[str, Mapping[str, Json]]:
        """What each step gave when it ran last, pins before all; of the runs at hand, the shown one counts most."""
        shown = self._controller.shown
        found: dict[str, Mapping[str, Json]] = {}
        for run in (*self._controller.runs, *((shown,) if shown is not None else ())):
            found.update({i: view.output for i, view in run.overlay.by_id.items() if view.output is not None})
        found.update({step_id: given.output for step_id, given in self.pins.pins().items()})
        return found

    def _first_item(self, step_id: str) -> Json:
        """What the loop around the step went through first in the run before, None if that is not known."""
        around = around_of(self._document.workflow, step_id)
        run = self.base()
        view = run.overlay.by_id.get(around[-1]) if run is not None and around else None
        items = view.inputs.get("items") if view is not None else None
        return items[0] if isinstance(items, list) and items else None

    def _given(self, step_id: str) -> Given | None:
        run = self._controller.shown
        record = run.log.newest_of_step(step_id) if run is not None else None
        return given_by(record) if record is not None else None

    def _declared(self, step: Step) -> dict[str, dict[str, Json]]:
        kind = self._types.get(step.type)
        named = {name: text for name, text in (kind.outputs if kind is not None else {}).items() if name != "*"}
        return {name: {"description": text} for name, text in named.items()}

    def _key(self, step_id: str) -> str:
        file = self._document.file
        return f"{file or self._document.workflow.name} {step_id}"
