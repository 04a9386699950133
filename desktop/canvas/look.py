"""What a step's face shows, as a value: equal looks are painted once and shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from core.engine.events import NOT_EXECUTED
from core.engine.step_type import StepType
from core.workflow.model import Json, Step
from core.workflow.problems import Severity
from desktop.canvas.geometry import Shape
from desktop.canvas.shapes import preview_characters
from desktop.canvas.wording import preview, summary, wrapped
from desktop.markdown_text import unmarked
from desktop.overlay import StepMark, StepState, StepView

LineKind: TypeAlias = Literal["config", "output", "error", "question"]
"""What the lines below the header are; it decides their colour."""

ChipKind: TypeAlias = Literal["facts", "pinned", "stale"]
"""What the chip tells: what the step took, that its output is pinned, that its result is out of date."""

_MINUTE = 60.0
_SHORT = 0.095
"""Seconds below which milliseconds are said."""

_TAIL = 400
"""Streamed characters that can be seen at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Everything that is painted of a step, but where it stands and whether it is selected.

    kind: its category (`kind.*` of the tokens), empty if its type is not installed. connected: ports with a wire, as
    side and name. chip: time, tokens and cost after a run, or what else is to be known. bare: no texts; bars stand for
    them (far away). fault: how grave the worst is that is wrong with the step.
    """

    shape: Shape
    kind: str
    icon: str
    title: str
    summary: str
    lines: tuple[str, ...]
    line_kind: LineKind
    state: StepState
    chip: str
    connected: frozenset[tuple[str, str]]
    disabled: bool
    tint: str = ""
    bare: bool = False
    chip_kind: ChipKind = "facts"
    fault: Severity | None = None
    _hash: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._values()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Look) and self._hash == other._hash and self._values() == other._values()

    def _values(self) -> tuple[object, ...]:
        return (
            id(self.shape), self.kind, self.icon, self.title, self.summary, self.lines, self.line_kind, self.state,
            self.chip, self.connected, self.disabled, self.tint, self.bare, self.chip_kind, self.fault,
        )  # fmt: skip

    @property
    def is_opaque(self) -> bool:
        """Whether the body hides what is behind it."""
        return not self.disabled and self.state != "skipped"


def look_from_afar(step: Step, kind: StepType[Any] | None, shape: Shape, state: StepState) -> Look:
    """The look without texts; lengths are rounded, so that thousands of steps share a few."""
    return Look(
        shape=shape,
        kind=kind.category if kind else "",
        icon="",
        title="x" * min(4, 1 + len(step.title) // 8),
        summary="x" if shape.summary else "",
        lines=("",) * shape.previews,
        line_kind="config",
        state=state,
        chip="",
        connected=frozenset(),
        disabled=step.disabled,
        tint=str(step.config.get("colour", "yellow")) if shape.form == "note" else "",
        bare=True,
    )


def look_of(
    step: Step,
    kind: StepType[Any] | None,
    shape: Shape,
    view: StepView | None,
    connected: frozenset[tuple[str, str]],
    mark: StepMark | None = None,
    fault: Severity | None = None,
) -> Look:
    """How a step looks now. view: its state in the run that is shown, None without one. mark: what is marked on it.

    fault: how grave the worst is that is wrong with it.
    """
    chip, chip_kind = _marked_chip(view, mark)
    lines, line_kind = _lines(step, kind, shape, view)
    tint = str(step.config.get("colour", "yellow")) if shape.form == "note" else ""
    return Look(
        shape=shape,
        kind=kind.category if kind else "",
        icon=kind.icon if kind else "circle-help",
        title=step.title or (kind.title if kind else step.id),
        summary=_summary(step, kind, shape, view),
        lines=lines,
        line_kind=line_kind,
        state=view.state if view else "idle",
        chip=chip,
        connected=connected,
        disabled=step.disabled,
        tint=tint,
        chip_kind=chip_kind,
        fault=fault,
    )


def said(seconds: float) -> str:
    """A duration as the canvas shows it: `40 ms`, `0.4 s`, `2 s`, `12 s`, `3 min 20 s`, `6 h 17 min`."""
    if 0.0 < seconds < _SHORT:
        return f"{max(1, round(seconds * 1_000))} ms"
    if seconds < 10.0 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        hours, minutes = divmod(minutes, 60)
        return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _summary(step: Step, kind: StepType[Any] | None, shape: Shape, view: StepView | None) -> str:
    if shape.form == "loop":
        base = summary(step, kind)
        if view is not None and (view.passes or view.passes_failed or view.running or view.state == "waiting"):
            items = view.inputs.get("items")
            total = f" of {len(items)}" if isinstance(items, list) else ""
            parts = [f"{view.passes}{total} done", f"{view.passes_failed} failed" if view.passes_failed else ""]
            return " · ".join(part for part in parts if part)
        return base
    if view is not None and view.state == "failed" and not shape.previews:
        return view.error
    return summary(step, kind) if shape.summary else ""


def _lines(
    step: Step, kind: StepType[Any] | None, shape: Shape, view: StepView | None
) -> tuple[tuple[str, ...], LineKind]:
    """The lines below the header, never more than the shape has room for."""
    if shape.form == "note":
        return (str(step.config.get("text", "")),), "config"  # Markdown, laid out when it is painted
    room, characters = shape.previews, preview_characters(shape.width)
    if view is not None and room:
        if view.state == "failed" and view.error:
            return wrapped(view.error, characters=characters, lines=room), "error"
        if view.state == "waiting" and view.question is not None:
            return wrapped(unmarked(view.question.message), characters=characters, lines=room), "question"
        if view.state == "running" and view.text:
            return _last_lines(view.text[-_TAIL:], characters, room), "output"
        if view.state == "done" and view.output is not None:
            text = _main_value(kind, view.output) or view.text
            if text:
                return wrapped(text, characters=characters, lines=room), "output"
    return preview(step, kind, characters=characters, lines=room) if room else (), "config"


def _last_lines(text: str, characters: int, room: int) -> tuple[str, ...]:
    """The end of a growing text: what has just come is what one wants to see."""
    return wrapped(text, characters=characters, lines=1_000)[-room:]


def _main_value(kind: StepType[Any] | None, output: object) -> str:
    if kind is None or not kind.main_output or not isinstance(output, dict):
        return ""
    value: Json = output.get(kind.main_output)
    return value if isinstance(value, str) else ""


def _marked_chip(view: StepView | None, mark: StepMark | None) -> tuple[str, ChipKind]:
    facts = _chip(view) if view is not None else ""
    if mark is not None and mark.pinned:
        return "Pinned", "pinned"
    if mark is not None and mark.stale and view is not None and view.state not in ("running", "waiting"):
        return f"Stale · {facts}" if facts else "Stale", "stale"
    return facts, "facts"


def _chip(view: StepView) -> str:
    if view.state == "done" and view.cause in NOT_EXECUTED:
        return view.cause.capitalize()
    if view.state == "waiting":
        return "Needs you" if view.question else "Waiting"
    if view.state not in ("done", "failed") or not (view.seconds or view.usage.tokens):
        return ""
    parts = [said(view.seconds)]
    if view.usage.tokens:
        parts.append(f"{view.usage.tokens:,} tok")
    if view.usage.cost_usd:
        parts.append(f"${view.usage.cost_usd:.4f}".rstrip("0"))
    if view.attempt > 1 and view.cause == "retry":  # a step that went on after an answer was not tried twice
        parts.append(f"try {view.attempt}")
    return " · ".join(parts)
