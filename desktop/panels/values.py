"""The exact input, request, output, error and cost of one attempt of a step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from core.cli.wording import duration, spent
from core.engine.events import Cause
from core.engine.journal import StepRecord
from core.workflow.model import Json
from desktop.bridge import Bridge
from desktop.dialogs.value_editors import ChoiceBox
from desktop.icons import Icons
from desktop.overlay import StepState, record_state
from desktop.panels.empty_note import EmptyNote
from desktop.panels.file_view import ReadFile
from desktop.panels.value_parts import prompt_keys
from desktop.panels.value_view import ValueView
from desktop.panels.wording import STATE_ICONS, path_words
from desktop.run_controller import RunController
from desktop.style import set_role
from desktop.theme import ThemeManager
from desktop.watched_run import WatchedRun

PartName: TypeAlias = Literal["output", "input", "request", "error", "facts"]

_PARTS: Final[Mapping[PartName, str]] = {
    "output": "Output", "input": "Input", "request": "Request", "error": "Error", "facts": "Facts"
}  # fmt: skip


_CAUSES: Final[Mapping[Cause, str]] = {
    "first": "first time in this run", "retry": "tried again after a failure", "resumed": "the run went on",
    "answered": "its question was answered", "input_changed": "what it reads has changed",
    "definition_changed": "its settings have changed", "forced": "asked for", "reused": "taken from an earlier run",
    "pinned": "its output is pinned", "edited": "its output was edited",
}  # fmt: skip


class ValuesPanel(QWidget):
    """Shows a step of the run that the controller shows. step_shown: the scope path that is shown now."""

    step_shown = Signal(str)

    def __init__(
        self,
        controller: RunController,
        read: ReadFile,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller, self._themes, self._icons = controller, themes, icons
        self._path = ""
        self._attempt = 0
        self._record: StepRecord | None = None
        self._streamed = ""
        self.view = ValueView(read, bridge, themes, icons)
        self.parts = QTabBar()
        self.parts.setAccessibleName("Part of the step's record")
        self.parts.setExpanding(False)
        self.parts.setDrawBase(False)
        for name, title in _PARTS.items():
            self.parts.setTabData(self.parts.addTab(title), name)
        self.parts.currentChanged.connect(lambda _index: self._fill())
        self._sign, self.title, self.about = QLabel(), QLabel(), QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.title, kind="strong")
        set_role(self.about, kind="caption")
        self.attempts = ChoiceBox()
        self.attempts.setAccessibleName("Attempt")
        self.attempts.activated.connect(self._choose_attempt)
        head = QHBoxLayout()
        head.setSpacing(themes.theme.px("space.2"))
        for widget in (self._sign, self.title, self.about, self.attempts):
            head.addWidget(widget)
        head.addStretch(1)
        head.addWidget(self.parts)
        filled = QWidget()
        side = themes.theme.px("space.3")
        column = QVBoxLayout(filled)
        column.setContentsMargins(side, themes.theme.px("space.1"), side, themes.theme.px("space.2"))
        column.setSpacing(themes.theme.px("space.1"))
        column.addLayout(head)
        column.addWidget(self.view, 1)
        self.empty = EmptyNote(
            "braces",
            "No values yet",
            "Run the workflow, then choose a step to see exactly what went in and what came out.",
            themes,
            icons,
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(filled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        controller.changed.connect(self.refresh)
        controller.shown_changed.connect(self._other_run)
        themes.changed.connect(lambda _theme: self._show_head())

    @property
    def record(self) -> StepRecord | None:
        """The record that is shown."""
        return self._record

    def show_step(self, path: str, attempt: int = 0) -> None:
        """Show an attempt of the step at a scope path; the newest if none is named."""
        self._path, self._attempt = path, attempt
        self._record, self._streamed = None, ""
        self.refresh()
        self.step_shown.emit(path)

    def show_step_id(self, step_id: str) -> None:
        """Show the newest attempt of a step in whatever pass; nothing, if it has not run."""
        run = self._controller.shown
        record = run.log.newest_of_step(step_id) if run is not None else None
        self.show_step(record.path if record is not None else step_id)

    def show_part(self, name: PartName) -> None:
        """Show another part of the record."""
        self.parts.setCurrentIndex(list(_PARTS).index(name))

    def refresh(self) -> None:
        """Show what is new of the step."""
        run = self._controller.shown
        record = self._wanted(run)
        streamed = ""
        if run is not None and record is not None and record.status == "started":
            view = run.overlay.by_path.get(self._path)
            streamed = view.text if view is not None else ""
        if record is None and self._record is None:
            self._say_nothing(run)
        if record is self._record and streamed == self._streamed:
            return
        other = self._record is None or record is None or record.path != self._record.path
        self._record, self._streamed = record, streamed
        if record is None:
            self._say_nothing(run)
            return
        self._stack.setCurrentIndex(1)
        self._offer(record, other)
        self._show_head()
        self._fill()

    def _wanted(self, run: WatchedRun | None) -> StepRecord | None:
        if run is None:
            return None
        return run.log.records.get((self._path, self._attempt)) if self._attempt else run.log.newest(self._path)

    def _say_nothing(self, run: WatchedRun | None) -> None:
        if run is None:
            self.empty.say("No values yet", "Run the workflow, then choose a step to see what went in and came out.")
        elif not self._path:
            self.empty.say("No step chosen", "Choose a step on the canvas or a bar of the timeline.")
        else:
            where = path_words(self._path, run.workflow)
            self.empty.say("Not run", f"“{where}” has not run in this run, or not yet.")
        self._stack.setCurrentIndex(0)

    def _offer(self, record: StepRecord, other: bool) -> None:
        """Offer the parts that there are; of another step show what matters most."""
        there = {
            "output": record.output is not None or record.status == "started",
            "input": True,
            "request": record.request is not None,
            "error": record.error is not None,
            "facts": True,
        }
        for index, name in enumerate(_PARTS):
            if self.parts.isTabVisible(index) != there[name]:  # Qt forgets to lay the tabs out after a call for nothing
                self.parts.setTabVisible(index, there[name])
        self.parts.updateGeometry()
        current = self.parts.tabData(self.parts.currentIndex())
        if other or not there[current]:
            self.show_part("error" if record.status == "failed" else "output" if there["output"] else "input")
        run = self._controller.shown
        tries = run.log.attempts(record.path) if run is not None else []
        self.attempts.clear()
        for each in tries:
            self.attempts.addItem(f"Attempt {each.attempt}: {_outcome(each)}", each.attempt)
        self.attempts.setCurrentIndex(self.attempts.findData(record.attempt))
        self.attempts.setVisible(len(tries) > 1)

    def _show_head(self) -> None:
        record = self._record
        if record is None:
            return
        run = self._controller.shown
        state: StepState = record_state(record, running=run is not None and run.live)
        colour = self._themes.theme.color(f"state.{state}")
        self._sign.setPixmap(self._icons.pixmap(STATE_ICONS[state], colour, 16, self.devicePixelRatioF()))
        self._sign.setToolTip(state)
        self._sign.setAccessibleName(state)
        self.title.setText(record.title or record.step_id)
        where = record.path if record.path != (record.title or record.step_id) else ""
        cost = spent(record.usage, record.duration_s) if record.ended is not None else ""
        self.about.setText("   ".join(each for each in (where, cost) if each))

    def _fill(self) -> None:
        record = self._record
        if record is None:
            return
        match self.parts.tabData(self.parts.currentIndex()):
            case "input":
                self.view.show_value(dict(record.inputs))
            case "request":
                request = dict(record.request or {})
                self.view.show_value(request, main=prompt_keys(request))
            case "error":
                self.view.show_value(error_value(record), main=("message",))
            case "facts":
                self.view.show_value(facts(record))
            case _ if record.output is None:
                self.view.show_value(self._streamed)
            case _:
                self.view.show_value(dict(record.output), record.step_id)

    def _choose_attempt(self, row: int) -> None:
        self.show_step(self._path, int(self.attempts.itemData(row)))

    def _other_run(self, _run: QObject | None) -> None:
        self._record, self._attempt = None, 0
        self.refresh()


def _outcome(record: StepRecord) -> str:
    """How an attempt ended, in a word."""
    if record.status == "suspended":
        return "asked" if record.question is not None else "waits"
    return {"started": "runs", "completed": "answered" if record.cause == "answered" else "done"}.get(
        record.status, record.status
    )


def error_value(record: StepRecord) -> dict[str, Json]:
    """A record's error as a value: what a step on the error port reads, and the facts for the person."""
    if record.error is None:
        return {}
    detail = record.error.detail
    return {**record.error.as_json(), **({"detail": dict(detail)} if detail else {})}


def facts(record: StepRecord) -> dict[str, Json]:
    """What else is known of an attempt: why it ran, when, what it spent, what it asked."""
    out: dict[str, Json] = {
        "path": record.path,
        "type": record.type,
        "status": record.status,
        "attempt": record.attempt,
        "why": _CAUSES[record.cause],
        "started": _when(record.started),
        "ended": _when(record.ended),
        "took": duration(record.duration_s),
        "tokens_in": record.usage.tokens_in,
        "tokens_out": record.usage.tokens_out,
        "cost_usd": record.usage.cost_usd,
        "ports": list(record.ports),
        "definition": record.definition,
    }
    if record.variables:
        out["variables_set"] = dict(record.variables)
    if reason := record.state.get("reason"):
        out["reason"] = reason
    if record.question is not None:
        out["question"] = record.question.message
        out["answer"] = dict(record.answer) if record.answer is not None else None
    return out


def _when(at: datetime | None) -> str | None:
    return at.astimezone().isoformat(" ", timespec="milliseconds") if at is not None else None
