"""What is marked on the steps of an open document beside their state: pinned outputs, and results that are stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from core.engine.staleness import Stale, stale_steps
from core.workflow.model import Workflow
from desktop.bridge import Bridge
from desktop.document import OpenDocument
from desktop.overlay import StepMark
from desktop.run_controller import RunController
from desktop.run_pins import RunPins
from desktop.watched_run import WatchedRun

WAIT_MS: Final = 120
"""Milliseconds of quiet after an edit before results are judged anew."""

AT_ONCE: Final = 300
"""Steps up to which that is done at once; larger documents are judged in a thread."""


class RunMarks(QObject):
    """Keeps the marks of the shown run up to date. changed: steps are marked otherwise."""

    changed = Signal()

    def __init__(
        self,
        document: OpenDocument,
        controller: RunController,
        pins: RunPins,
        bridge: Bridge,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._controller, self._pins, self._bridge = document, controller, pins, bridge
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self.refresh)
        document.changed.connect(lambda changes: None if changes.only_moved else self._timer.start())
        controller.shown_changed.connect(lambda _run: self.refresh())
        controller.ended.connect(lambda _result: self.refresh())
        pins.changed.connect(self.refresh)
        self.refresh()

    def stale(self, step_id: str) -> str:
        """Why a step's result is out of date, '' if it is not."""
        mark = self._controller.overlay.marks.get(step_id)
        return mark.stale if mark is not None else ""

    def refresh(self) -> None:
        """Judge the results of the shown run again."""
        self._timer.stop()
        run, now = self._controller.shown, self._document.workflow
        if run is None or run.workflow is now:
            self._mark({}, run, now)
            return
        having = frozenset(i for i, view in run.overlay.by_id.items() if view.state in ("done", "failed"))
        then = run.workflow
        if len(now.steps) <= AT_ONCE:
            self._mark(stale_steps(now, then, having), run, now)
        else:
            self._bridge.in_thread(
                lambda: stale_steps(now, then, having), lambda found: self._mark(found, run, now)
            )  # fmt: skip

    def _mark(self, stale: Mapping[str, Stale], run: WatchedRun | None, now: Workflow) -> None:
        if not isValid(self) or run is not self._controller.shown or now is not self._document.workflow:
            return
        names = {step.id: step.name for _, step in now.walk()} if stale else {}
        pinned = self._pins.pins().keys()
        marks = {
            step_id: StepMark(
                step_id in pinned,
                stale[step_id].sentence(names.get(stale[step_id].after, "")) if step_id in stale else "",
            )
            for step_id in {*pinned, *stale}
        }
        if self._controller.overlay.mark(marks):
            self._controller.changed.emit()
            self.changed.emit()
