"""A run as it is seen in a terminal: one line per step, streamed text of what is running, a closing line.

On a terminal the running steps are redrawn in place; elsewhere (a log, a pipe) each change is one plain line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from core.engine.clock import Clock
from core.engine.events import (
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


@dataclass(slots=True)
class _Running:
    title: str
    type: str
    since: float
    text: str = ""


@dataclass(slots=True)
class Progress:
    """Shows the events of one run. Call it with each event; use it as a context around the run."""

    console: Console
    types: StepTypes
    clock: Clock
    _running: dict[str, _Running] = field(default_factory=dict)
    _live: Live | None = None

    def __enter__(self) -> Progress:
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
                self._print(Text(event.error.message))
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
                again = "already done" if event.replayed else spent(event.usage, event.duration_s)
                mark, style = ("!", "yellow") if event.handled else ("✓", "green")
                note = f"handled: {event.handled.message}" if event.handled else self._preview(event)
                self._line(mark, style, event, again, note)
            case StepFailed():
                self._line("✗", "red", event, spent(event.usage, event.duration_s), event.error.message)
            case StepRetrying():
                self._line("↻", "yellow", event, f"again in {event.wait:.1f} s", event.error.message)
            case StepSkipped():
                self._line("-", "dim", event, "skipped")
            case StepCancelled():
                self._line("⊘", "dim", event, "cancelled", event.reason)
            case StepSuspended(question=None, until=None):
                pass
            case StepSuspended():
                self._line("?", "yellow", event, "waiting", event.question.message if event.question else "")
            case _:
                return
        self._running.pop(event.path, None)

    def _line(self, mark: str, style: str, event: StepEvent, fact: str, note: str = "") -> None:
        running = self._running.get(event.path)
        depth = event.path.count("/")
        title = running.title if running else event.step_id
        if depth:
            title = f"{event.path.rpartition('/')[0]} · {title}"
        line = Text.assemble("  " * (depth + 1), (f"{mark} ", style), title, ("  " + fact, "dim"))
        if note:
            line.append("  " + " ".join(note.split()), style="" if style == "red" else "dim italic")
        if style != "red":
            line.truncate(max(40, self.console.width - 1), overflow="ellipsis")
        self._print(line)

    def _preview(self, event: StepCompleted) -> str:
        running = self._running.get(event.path)
        kind = self.types.get(running.type) if running else None
        return preview(event.output, kind.main_output if kind else "")

    def _print(self, line: Text) -> None:
        self.console.print(line, soft_wrap=self._live is None, highlight=False)

    def _now(self) -> RenderableType:
        """What is running at this moment."""
        rows: list[RenderableType] = []
        for path, running in list(self._running.items())[:8]:
            table = Table.grid(padding=(0, 1))
            elapsed = self.clock.monotonic() - running.since
            label = Text.assemble(running.title, (f"  {elapsed:.1f} s", "dim"))
            table.add_row("  " * path.count("/") + " ", Spinner("dots", style="cyan"), label)
            rows.append(table)
            if running.text:
                tail = Text("      " + " ".join(running.text.split())[-(self.console.width - 10) :], style="dim")
                rows.append(tail)
        hidden = len(self._running) - 8
        if hidden > 0:
            rows.append(Text(f"   and {hidden} more", style="dim"))
        return Group(*rows)


def preview(output: Mapping[str, Any], key: str = "") -> str:
    """The one value of an output that matters, on one line."""
    value = output.get(key) if key else None
    if value is None:
        value = next((item for item in output.values() if item not in (None, "", [], {})), "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"{len(value)} items"
    if isinstance(value, dict):
        return ", ".join(value)
    return " ".join(str(value).split())[:200]


def spent(usage: Usage, seconds: float) -> str:
    """Time, tokens and money: `1.2 s · 1,204 tok · $0.0040`."""
    parts = [duration(seconds)]
    if usage.tokens:
        parts.append(f"{usage.tokens:,} tok")
    if usage.cost_usd:
        parts.append(f"${usage.cost_usd:.4f}")
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """A duration for people: `12 ms`, `3.4 s`, `2 min 5 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
