"""What a run looks like on the canvas: the state of every step, fed by the engine's events, coalesced for painting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from core.engine.errors import Question
from core.engine.events import (
    NO_USAGE,
    Event,
    StepCancelled,
    StepCompleted,
    StepDelta,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepSuspended,
    Usage,
)
from core.engine.journal import StepRecord
from core.workflow.model import Json

StepState: TypeAlias = Literal["idle", "queued", "running", "waiting", "done", "failed", "skipped", "cancelled"]
"""How a step stands, in the words of the design tokens (`state.*`)."""

STREAMED = 4_000
"""How many of the last streamed characters are kept for the face of a step."""


@dataclass(slots=True)
class StepView:
    """What is shown of one step. Loops: of all passes together; done, failed and total count passes.

    since: monotonic seconds when it began. seconds: how long it took. text: streamed so far. error: the first line.
    """

    state: StepState = "idle"
    since: float = 0.0
    seconds: float = 0.0
    usage: Usage = NO_USAGE
    text: str = ""
    error: str = ""
    question: Question | None = None
    inputs: Mapping[str, Json] = field(default_factory=dict)
    output: Mapping[str, Json] | None = None
    request: Mapping[str, Json] | None = None
    ports: tuple[str, ...] = ()
    attempt: int = 1
    running: int = 0
    done: int = 0
    failed: int = 0


class RunOverlay:
    """The state of every step of one run, by the step's id (the last part of its path) and by its scope path.

    `take_dirty` gives the ids that changed since it was last asked: one repaint per frame, however many events came.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, StepView] = {}
        self.by_path: dict[str, StepView] = {}
        self._dirty: set[str] = set()

    def __call__(self, event: Event, now: float = 0.0) -> None:
        """Take an event in. now: monotonic seconds."""
        if not isinstance(event, StepEvent):
            return
        if type(event) is StepCompleted and event.replayed and self._is_done(event.path):
            return  # a resumed run tells again what was loaded from its records
        path = self.by_path.get(event.path)
        if path is None:
            path = self.by_path[event.path] = StepView()
        face = self.by_id.get(event.step_id)
        if face is None:
            face = self.by_id[event.step_id] = StepView()
        _update(path, event, now)
        _update(face, event, now)
        self._dirty.add(event.step_id)

    def load(self, records: Iterable[StepRecord], *, running: bool) -> None:
        """Show what a run has done before anyone watched it. records: in order of their making.

        running: somebody executes the run, so that a step without an end is at work; else it was interrupted.
        """
        newest: dict[str, StepRecord] = {}
        for record in records:
            newest[record.path] = record
            for view in self._views(record):
                _spent(view, record.usage, record.duration_s)
        for record in newest.values():
            for view in self._views(record):
                _show(view, record, running=running)
            self._dirty.add(record.step_id)

    def _views(self, record: StepRecord) -> tuple[StepView, StepView]:
        path = self.by_path.setdefault(record.path, StepView())
        return path, self.by_id.setdefault(record.step_id, StepView())

    def _is_done(self, path: str) -> bool:
        view = self.by_path.get(path)
        return view is not None and view.state == "done"

    def take_dirty(self) -> frozenset[str]:
        """The ids of steps that changed since the last call."""
        dirty = frozenset(self._dirty)
        self._dirty.clear()
        return dirty


def _update(view: StepView, event: StepEvent, now: float) -> None:
    view.attempt = event.attempt
    match event:
        case StepStarted():
            view.state, view.since, view.text, view.error = "running", now, "", ""
            view.inputs, view.question = event.inputs, None
            view.running += 1
            return
        case StepDelta():
            if event.channel == "text":
                view.text = (view.text + event.text)[-STREAMED:]
            return
        case StepCompleted():
            view.state, view.output, view.ports, view.request = "done", event.output, event.ports, event.request
            view.done += 1
            _spent(view, event.usage, event.duration_s)
        case StepFailed():
            view.state, view.error, view.request = "failed", _first_line(event.error.message), event.request
            view.failed += 1
            _spent(view, event.usage, event.duration_s)
        case StepRetrying():
            view.error = _first_line(event.error.message)
            _spent(view, event.usage, event.duration_s)
        case StepSkipped():
            view.state = "running" if view.running else "skipped"
            return
        case StepSuspended():
            view.state, view.question = "waiting", event.question
        case StepCancelled():
            view.state = "cancelled"
        case _:
            return
    view.running = max(0, view.running - 1)
    if view.running:
        view.state = "running"


def _show(view: StepView, record: StepRecord, *, running: bool) -> None:
    """Bring a view up to the newest record of a path."""
    view.state = record_state(record, running=running)
    view.attempt, view.inputs, view.request = record.attempt, record.inputs, record.request
    view.question = record.question if view.state == "waiting" else None
    view.error = _first_line(record.error.message) if record.error and view.state == "failed" else ""
    match record.status:
        case "completed":
            view.output, view.ports = record.output, record.ports
            view.done += 1
        case "failed":
            view.failed += 1


def record_state(record: StepRecord, *, running: bool) -> StepState:
    """How the step of a record stands. running: somebody executes its run."""
    match record.status:
        case "completed":
            return "done"
        case "started":
            return "running" if running else "cancelled"
        case "suspended":
            return "waiting"
        case "failed" | "skipped" | "cancelled" as state:
            return state


def _spent(view: StepView, usage: Usage, seconds: float) -> None:
    view.usage = view.usage + usage
    view.seconds += seconds


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
