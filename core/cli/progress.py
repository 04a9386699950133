"""A run as it is seen in a terminal: one line per step, streamed text of what is running, a closing line.

On a terminal the running steps are redrawn in place; elsewhere (a log, a pipe) each change is one plain line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.text import Text

from core.cli.terminal import LOG_WIDTH
from core.cli.wording import duration, preview, spent
from core.engine.clock import Clock
from core.engine.events import (
    NO_USAGE,
    Event,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunResumed,
    RunStarted,
    RunSuspended,
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
from core.engine.step_type import StepTypes

SHOWN_TEXT = 400
"""How many of the last streamed characters of a running step are kept for showing."""

SHORTEST_NOTE = 10
"""Columns; less of a note says nothing."""

SHOWN_STEPS = 8
"""How many running steps are shown at once."""


@dataclass(slots=True)
class _Running:
    title: str
    type: str
    since: float
    text: str = ""


@dataclass(slots=True)
class Progress:
    """Shows the events of one run. Call it with each event; use it as a context around the run.

    titles: what steps are called, by id; for those whose start was not seen.
    """

    console: Console
    types: StepTypes
    clock: Clock
    titles: Mapping[str, str] = field(default_factory=dict)
    _running: dict[str, _Running] = field(default_factory=dict)
    _explained: dict[str, str] = field(default_factory=dict)
    _spent: Usage = NO_USAGE
    _since: float = 0.0
    _live: Live | None = None

    def __enter__(self) -> Progress:
        self._since = self.clock.monotonic()
        if self.console.is_terminal:
            self._live = Live(get_renderable=self._now, console=self.console, refresh_per_second=12, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case RunStarted() | RunResumed():
                word = "resumed" if isinstance(event, RunResumed) else "run"
                self._print(Text.assemble((event.workflow, "bold"), f"  {word} {event.run_id}"))
            case StepStarted():
                self._running[event.path] = _Running(event.title or event.step_id, event.type, self.clock.monotonic())
                if self._live is None:
                    self._line("▸", "cyan", event, "started")
            case StepDelta() if event.path in self._running:
                running = self._running[event.path]
                running.text = (running.text + event.text)[-SHOWN_TEXT:]
            case StepEvent():
                self._ended(event)
            case RunCompleted():
                self._print(Text(f"Completed in {spent(event.usage, event.duration_s)}", style="bold green"))
            case RunFailed():
                where = f" at {event.path}" if event.path else ""
                self._print(Text(f"Failed{where} after {spent(event.usage, event.duration_s)}", style="bold red"))
                if event.path not in self._explained:
                    self._explain(event.error.message, 0)
            case RunCancelled():
                self._print(Text(f"Cancelled after {spent(event.usage, event.duration_s)}", style="bold yellow"))
            case RunSuspended():
                until = f", until {event.wake_at:%Y-%m-%d %H:%M:%S %Z} at the latest" if event.wake_at else ""
                self._print(Text(f"Suspended: waiting at {', '.join(event.waiting)}{until}", style="bold yellow"))
            case _:
                pass

    def _ended(self, event: StepEvent) -> None:
        match event:
            case StepCompleted():
                self._count(event)
                again = "already done" if event.replayed else spent(event.usage, event.duration_s)
                mark, style = ("!", "yellow") if event.handled else ("✓", "green")
                note = f"handled: {event.handled.message}" if event.handled else self._preview(event)
                self._line(mark, style, event, again, note)
            case StepFailed():
                self._count(event)
                self._line("✗", "red", event, spent(event.usage, event.duration_s))
                if not self._is_told(event):
                    self._explain(event.error.message, event.path.count("/") + 2)
                self._explained[event.path] = event.error.message
            case StepRetrying():
                self._count(event)
                self._line("↻", "yellow", event, f"again in {event.wait:.1f} s", event.error.message)
            case StepSkipped():
                self._line("-", "dim", event, "skipped")
            case StepCancelled():
                self._count(event)
                self._line("⊘", "dim", event, "cancelled", event.reason)
            case StepSuspended(question=None, until=None):
                pass
            case StepSuspended():
                self._line("?", "yellow", event, "waiting", event.question.message if event.question else "")
            case _:
                return
        self._running.pop(event.path, None)

    def _count(self, event: StepCompleted | StepFailed | StepRetrying | StepCancelled) -> None:
        if not isinstance(event, StepCompleted) or not event.replayed:
            self._spent = self._spent + event.usage

    def _line(self, mark: str, style: str, event: StepEvent, fact: str, note: str = "") -> None:
        """A line that never takes two: the title is cut before the fact, and the note where the line ends."""
        depth = event.path.count("/")
        title = Text(self._title(event))
        room = self._width - 2 * (depth + 1) - 2 - 2 - len(fact)
        title.truncate(max(12, room), overflow="ellipsis")
        line = Text.assemble("  " * (depth + 1), (f"{mark} ", style), title, ("  " + fact if fact else "", "dim"))
        if note and line.cell_len + SHORTEST_NOTE <= self._width:
            line.append("  " + " ".join(note.split()), style="dim italic")
        line.truncate(self._width, overflow="ellipsis")
        self._print(line)

    def _title(self, event: StepEvent) -> str:
        running = self._running.get(event.path)
        return _scoped(event.path, running.title if running else self.titles.get(event.step_id, event.step_id))

    def _is_told(self, event: StepFailed) -> bool:
        """Whether what is inside of the step has failed by the same error, which stands there."""
        inside = (message for path, message in self._explained.items() if _is_inside(path, event.path))
        return event.error.message in inside

    def _explain(self, message: str, depth: int) -> None:
        """An error's whole text under its step."""
        text = Text(message.strip())
        if self._live is None:
            self._print(Text("\n").join(Text("  " * depth) + line for line in text.split()))
        else:
            self.console.print(Padding(text, (0, 0, 0, 2 * depth)), highlight=False)

    def _preview(self, event: StepCompleted) -> str:
        running = self._running.get(event.path)
        kind = self.types.get(running.type) if running else None
        return preview(event.output, kind.main_output if kind else "")

    @property
    def _width(self) -> int:
        return self.console.width - 1 if self.console.is_terminal else LOG_WIDTH

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True, highlight=False)

    def _now(self) -> RenderableType:
        """What is running at this moment, and what was spent so far."""
        rows: list[RenderableType] = []
        now = self.clock.monotonic()
        for path, running in list(self._running.items())[:SHOWN_STEPS]:
            rows.append(self._spinning(path, running, now))
            if running.text:
                room = max(10, self._width - 7)
                rows.append(Text("      " + _tail(running.text, room), style="dim", no_wrap=True))
        hidden = len(self._running) - SHOWN_STEPS
        if hidden > 0:
            rows.append(Text(f"   and {hidden} more", style="dim"))
        rows.append(Text(f"  {spent(self._spent, now - self._since)}", style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*rows)

    def _spinning(self, path: str, running: _Running, now: float) -> RenderableType:
        indent = 2 * (path.count("/") + 1)
        elapsed = f"  {duration(now - running.since)}"
        title = Text(_scoped(path, running.title))
        title.truncate(max(12, self._width - indent - 2 - len(elapsed)), overflow="ellipsis")
        spinner = Spinner("dots", text=title.append(elapsed, style="dim"), style="cyan")
        spinner.start_time = 0.0  # made anew for every frame, they must not begin anew
        return Padding(spinner, (0, 0, 0, indent))


def _is_inside(path: str, container: str) -> bool:
    """Whether a scope path leads into a loop or a workflow."""
    return path.startswith((f"{container}/", f"{container}["))


def _scoped(path: str, title: str) -> str:
    """A step's title with the loop pass or workflow that it stands in."""
    around = path.rpartition("/")[0]
    return f"{around} · {title}" if around else title


def _tail(text: str, width: int) -> str:
    """The end of a text on one line, no wider than so many columns of a terminal."""
    line = Text(" ".join(text.split()))
    while line.cell_len > width:
        line = line[max(1, (line.cell_len - width) // 2) :]
    return line.plain
