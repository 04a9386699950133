"""The rows and bars of a run's timeline: what runs inside what, from when to when. No widgets here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from core.engine.journal import StepRecord
from desktop.overlay import StepState, record_state
from desktop.run_log import AttemptKey, RunLog

_PASS = re.compile(r"(.*)\[(\d+)\]\Z", re.DOTALL)
_GRAVEST: Final[Sequence[StepState]] = ("running", "failed", "waiting", "cancelled", "done", "skipped")
"""Of several steps in one pass the first of these states is the pass's."""


@dataclass(slots=True)
class Bar:
    """One attempt of a step, or a whole pass of a loop (attempt 0). start, end: seconds since the run began.

    end: None while it goes on.
    """

    path: str
    attempt: int
    start: float
    end: float | None
    state: StepState


@dataclass(slots=True)
class Row:
    """One line of the timeline: a step, or a pass of a loop. depth: how many rows are around it.

    inside: of a pass, the bars of all steps below it, shown in its own line while it is closed.
    """

    key: str
    label: str
    depth: int
    parent: Row | None
    is_pass: bool
    is_open: bool
    bars: list[Bar] = field(default_factory=list)
    children: list[Row] = field(default_factory=list)
    inside: list[Bar] = field(default_factory=list)

    @property
    def state(self) -> StepState:
        """How its newest bar stands."""
        return self.bars[-1].state if self.bars else "idle"


class TimelineRows:
    """Grows with the log of one run. origin: when the run began.

    structure: counts up whenever rows were added, opened or closed.
    """

    def __init__(self, log: RunLog, origin: datetime) -> None:
        self._log = log
        self._origin = origin
        self._read = 0
        self._top: list[Row] = []
        self._by_key: dict[str, Row] = {}
        self._bars: dict[AttemptKey, Bar] = {}
        self._shown: list[Row] | None = None
        self.structure = 0

    @property
    def attempts(self) -> int:
        """How many attempts there are."""
        return len(self._bars)

    def take(self, *, running: bool) -> bool:
        """Take in what is new of the log; whether anything is. running: somebody executes the run."""
        touched = self._log.touched[self._read :]
        self._read = len(self._log.touched)
        for key in dict.fromkeys(touched):
            self._update(key, self._log.records[key], running=running)
        return bool(touched)

    def settle(self) -> None:
        """Nobody executes the run any more: what has no end was cut short."""
        for bar in self._bars.values():
            if bar.state == "running":
                bar.state = "cancelled"
        for row in self._by_key.values():
            if row.is_pass:
                self._sum_up(row)

    def shown(self) -> Sequence[Row]:
        """The rows in order, those in closed rows left out."""
        if self._shown is None:
            self._shown = []
            waiting = list(reversed(self._top))
            while waiting:
                row = waiting.pop()
                self._shown.append(row)
                if row.is_open:
                    waiting.extend(reversed(row.children))
        return self._shown

    def row(self, key: str) -> Row | None:
        """The row of a scope path or pass."""
        return self._by_key.get(key)

    def set_open(self, row: Row, is_open: bool) -> None:
        """Show or hide what is in a row."""
        if row.children and row.is_open != is_open:
            row.is_open = is_open
            self._changed()

    def reveal(self, key: str) -> Row | None:
        """Open all around a row, so that it is shown."""
        found = self._by_key.get(key)
        row = found.parent if found is not None else None
        while row is not None:
            self.set_open(row, True)
            row = row.parent
        return found

    def bar(self, path: str, attempt: int) -> Bar | None:
        """The bar of one attempt."""
        return self._bars.get((path, attempt))

    def extent(self, now: float) -> float:
        """Seconds from the run's beginning to the end of its last bar; to now, if one goes on."""
        return max((now if bar.end is None else bar.end for bar in self._bars.values()), default=0.0)

    def _update(self, key: AttemptKey, record: StepRecord, *, running: bool) -> None:
        begun, ended = record.started or record.ended, record.ended
        start = self._seconds(begun) if begun is not None else 0.0
        end = self._seconds(ended) if ended is not None else None
        state = record_state(record, running=running)
        if state == "waiting":
            end = None if running else end
        bar = self._bars.get(key)
        if bar is None:
            row = self._row(record.path, record.title or record.step_id)
            bar = self._bars[key] = Bar(record.path, record.attempt, start, end, state)
            if row.bars and not row.is_pass and row.bars[-1].end is None:
                row.bars[-1].end = start  # it waited until it went on
            row.bars.append(bar)
            around = row.parent
            while around is not None:
                if around.is_pass:
                    around.inside.append(bar)
                around = around.parent
        later = self._bars.get((record.path, record.attempt + 1))
        if end is None and later is not None:
            end = later.start
        bar.start, bar.end, bar.state = start, end, state
        parent = self._by_key[record.path].parent
        while parent is not None:
            if parent.is_pass:
                self._sum_up(parent)
            parent = parent.parent

    def _sum_up(self, row: Row) -> None:
        """Make a pass's own bar from the steps directly in it."""
        bars = [bar for child in row.children for bar in child.bars]
        newest = [child.bars[-1].state for child in row.children if child.bars]
        state: StepState = next((state for state in _GRAVEST if state in newest), "idle")
        ends = [bar.end for bar in bars if bar.end is not None]
        whole = Bar(row.key, 0, min(bar.start for bar in bars), max(ends, default=None), state)
        if state == "running":
            whole.end = None
        row.bars = [whole]

    def _row(self, path: str, label: str) -> Row:
        """The row of a step, made with everything around it if it is new."""
        row = self._by_key.get(path)
        if row is not None:
            if label and not row.is_pass:
                row.label = label
            return row
        around, _, name = path.rpartition("/")
        parent = self._pass_row(around) if around else None
        return self._add(Row(path, label or name, 0, parent, is_pass=False, is_open=True))

    def _pass_row(self, path: str) -> Row:
        """The row around a step: a pass of a loop (`all[2]`), or the step that called its workflow."""
        found = self._by_key.get(path)
        if found is not None:
            return found
        match = _PASS.match(path)
        if match is None:
            return self._row(path, "")
        loop = self._row(match[1], "")
        return self._add(Row(path, f"Pass {int(match[2]) + 1}", 0, loop, is_pass=True, is_open=False))

    def _add(self, row: Row) -> Row:
        self._by_key[row.key] = row
        if row.parent is None:
            self._top.append(row)
        else:
            row.depth = row.parent.depth + 1
            row.parent.children.append(row)
        self._changed()
        return row

    def _changed(self) -> None:
        self._shown = None
        self.structure += 1

    def _seconds(self, at: datetime) -> float:
        return max(0.0, (at - self._origin).total_seconds())
