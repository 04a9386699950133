"""What a run looks like on the canvas: the state of every step, fed by the engine's events, coalesced for painting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from core.engine.errors import Question
from core.engine.events import (
    NO_USAGE,
    Cause,
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
from core.workflow.model import Json, Workflow

StepState: TypeAlias = Literal["idle", "queued", "running", "waiting", "done", "failed", "skipped", "cancelled"]
"""How a step stands, in the words of the design tokens (`state.*`)."""

STREAMED = 4_000
"""How many of the last streamed characters are kept for the face of a step."""


@dataclass(slots=True)
class StepView:
    """What is shown of one step. Of a step inside a loop: of all passes together; done and failed count them.

    passes, passes_failed: of a loop, how many have ended well and how many have not. sent: how many results went out of
    each port. cause: why it ran. since: monotonic seconds when it began. seconds: how long it took. text: streamed so
    far. error: the first line.
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
    cause: Cause = "first"
    passes: int = 0
    passes_failed: int = 0
    sent: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepMark:
    """What is to be known of a step beside its state. pinned: its output stands instead of running it.

    stale: why its result is out of date, a sentence, '' if it is not.
    """

    pinned: bool = False
    stale: str = ""


class RunOverlay:
    """The state of every step of one run, by the step's id (the last part of its path) and by its scope path.

    marks: of the document's steps, by id; also of those that have not run. loops: the ids of the steps directly inside
    each loop, by the loop's id.
    `take_dirty` gives the ids that changed since it was last asked: one repaint per frame, however many events came.
    """

    def __init__(self, loops: Mapping[str, frozenset[str]] | None = None) -> None:
        self._loops = loops or {}
        self._passes: dict[str, set[str]] = {}
        self.by_id: dict[str, StepView] = {}
        self.by_path: dict[str, StepView] = {}
        self.marks: Mapping[str, StepMark] = {}
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
        if type(event) in (StepCompleted, StepSkipped, StepFailed):
            self._settled(event.path, event.step_id, failed=type(event) is StepFailed)

    def load(
        self, records: Iterable[StepRecord], *, running: bool, when: Callable[[datetime], float] = lambda _at: 0.0
    ) -> None:
        """Show what a run has done before anyone watched it. records: in order of their making.

        running: somebody executes the run, so that a step without an end is at work; else it was interrupted. when:
        gives monotonic seconds, on the scale of `StepView.since`.
        """
        newest: dict[str, StepRecord] = {}
        for record in records:
            newest[record.path] = record
            for view in self._views(record):
                _spent(view, record.usage, record.duration_s)
        for record in newest.values():
            for view in self._views(record):
                _show(view, record, running=running)
                if running and record.status == "started" and record.started is not None:
                    view.since = when(record.started)
            self._dirty.add(record.step_id)
            if record.status in ("completed", "skipped", "failed"):
                self._settled(record.path, record.step_id, failed=record.status == "failed")

    def queue(self, steps: Iterable[str]) -> None:
        """A run has begun that these steps have yet to be reached by."""
        for step in steps:
            if step not in self.by_id:
                self.by_id[step] = StepView("queued")
                self._dirty.add(step)

    def settle(self) -> None:
        """Nobody executes the run any more: what was not reached never was."""
        for step in [step for step, view in self.by_id.items() if view.state == "queued"]:
            self._dirty.add(step)
            if self.by_id[step].error:
                self.by_id[step].state = "cancelled"
            else:
                del self.by_id[step]

    def mark(self, marks: Mapping[str, StepMark]) -> bool:
        """Mark steps, by id, instead of those that were marked before; whether that is anything new."""
        before, self.marks = self.marks, marks
        changed = {step for step in before.keys() | marks.keys() if before.get(step) != marks.get(step)}
        self._dirty |= changed
        return bool(changed)

    def _views(self, record: StepRecord) -> tuple[StepView, StepView]:
        path = self.by_path.setdefault(record.path, StepView())
        return path, self.by_id.setdefault(record.step_id, StepView())

    def _settled(self, path: str, step_id: str, *, failed: bool) -> None:
        """Count the pass of a loop that has ended with this step."""
        around = path[: -len(step_id) - 1] if path.endswith(f"/{step_id}") else ""
        if not around.endswith("]"):
            return
        loop_path = around[: around.rindex("[")]
        loop = loop_path.rpartition("/")[2]
        inside = self._loops.get(loop)
        settled = self._passes.setdefault(around, set())
        if inside is None or inside <= settled:
            return
        settled.update(inside if failed else (step_id,))
        if not inside <= settled:
            return
        for view in (self.by_path.setdefault(loop_path, StepView()), self.by_id.setdefault(loop, StepView())):
            view.passes += not failed
            view.passes_failed += failed
        self._dirty.add(loop)

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
            view.inputs, view.question, view.cause = event.inputs, None, event.cause
            view.running += 1
            return
        case StepDelta():
            if event.channel == "text":
                view.text = (view.text + event.text)[-STREAMED:]
            return
        case StepCompleted():
            view.state, view.output, view.ports, view.request = "done", event.output, event.ports, event.request
            view.done += 1
            _send(view)
            _spent(view, event.usage, event.duration_s)
        case StepFailed():
            view.state, view.error, view.request = "failed", _first_line(event.error.message), event.request
            view.failed += 1
            _spent(view, event.usage, event.duration_s)
        case StepRetrying():
            view.state, view.error = "queued", _first_line(event.error.message)
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
    view.cause = record.cause
    view.question = record.question if view.state == "waiting" else None
    view.error = _first_line(record.error.message) if record.error and view.state == "failed" else ""
    match record.status:
        case "completed":
            view.output, view.ports = record.output, record.ports
            view.done += 1
            _send(view)
        case "failed":
            view.failed += 1
        case "started" if running:
            view.running += 1
    if running and view.running:
        view.state = "running"


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


def _send(view: StepView) -> None:
    """Count the result that has just gone out."""
    for port in view.ports:
        view.sent[port] = view.sent.get(port, 0) + 1


def _spent(view: StepView, usage: Usage, seconds: float) -> None:
    view.usage = view.usage + usage
    view.seconds += seconds


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def loops_of(workflow: Workflow) -> dict[str, frozenset[str]]:
    """The ids of the steps directly inside each loop that take part in runs, by the loop's id."""
    return {
        step.id: frozenset(inner.id for inner in step.body.values() if inner.type != "note")
        for _, step in workflow.walk()
        if step.body
    }
