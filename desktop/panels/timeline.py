"""The timeline of the shown run: when each attempt of each step began and ended, live."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollBar, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from core.cli.wording import spent
from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.panels.empty_note import EmptyNote
from desktop.panels.timeline_list import RowList
from desktop.panels.timeline_rows import Row, TimelineRows
from desktop.run_controller import RunController
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager
from desktop.watched_run import WatchedRun

if TYPE_CHECKING:
    from desktop.panels.timeline_chart import TimelineChart

MANY: Final = 300
"""Records from which on a run's rows are made in a thread (5,000 take 85 ms)."""

_TICK_MS: Final = 100
_NAMES: Final = 240
_LEAST_SECONDS = 0.05
_ROOM: Final = (1.03, 1.6, 1.3)
"""Of a run that is followed, so many times its length is shown: at least, at most, and when that is left."""


class TimelinePanel(QWidget):
    """A line for each step, a bar for each attempt. step_selected: scope path and attempt.

    now: the time in UTC. The chart is loaded when the panel is first seen, beside the painting.
    """

    step_selected = Signal(str, int)
    loaded = Signal()

    def __init__(
        self,
        controller: RunController,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        *,
        now: Callable[[], datetime],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller, self._bridge, self._themes, self._icons, self._now = controller, bridge, themes, icons, now
        self._run: WatchedRun | None = None
        self._awaited: WatchedRun | None = None
        self._structure = -1
        self._asked = False
        self._was_live = False
        self._is_behind = False
        self.rows: TimelineRows | None = None
        self.chart: TimelineChart | None = None
        theme = themes.theme
        self.names = RowList(theme, icons, theme.px("node.row"))
        self.names.setFixedWidth(_NAMES)
        self.names.toggled.connect(self._toggle)
        self.names.picked.connect(self._pick_row)
        self.scroller = QScrollBar(Qt.Orientation.Vertical)
        inner = self.names.verticalScrollBar()
        inner.rangeChanged.connect(self._scroll_range)
        inner.valueChanged.connect(self.scroller.setValue)
        inner.valueChanged.connect(lambda _value: self._place_rows())
        self.scroller.valueChanged.connect(inner.setValue)
        self.follow = QToolButton()
        self.about = QLabel()
        self._corner = QWidget()
        self._body = QHBoxLayout()
        self._stack = QStackedWidget()
        self.empty = EmptyNote("chart-gantt", "No run to show", "Press Run to see when each step works.", themes, icons)
        self._build(theme)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._next)
        controller.changed.connect(self._heard)
        controller.shown_changed.connect(self._other_run)
        themes.changed.connect(self._retheme)
        self._retheme(theme)
        self._other_run(controller.shown)

    def refresh(self) -> None:
        """Show what is new of the run."""
        run, rows = self._run, self.rows
        if run is None or rows is None or self.chart is None or not self.isVisible():
            return
        self._is_behind = False
        rows.take(running=run.live)
        if self._was_live and not run.live:
            rows.settle()
        self._was_live = run.live
        self.about.setText(spent(run.usage, self._seconds(run) if run.live else run.duration_s))
        if rows.structure != self._structure:
            self._show_rows()
        else:
            first = self.names.indexAt(self.names.viewport().rect().topLeft()).row()
            self.names.names.tell_states(first, first + 60)
        self._tick()
        if run.live != self._timer.isActive():
            (self._timer.start if run.live else self._timer.stop)()

    def select(self, path: str, attempt: int = 0) -> None:
        """Mark a step, opening what is around it; the newest attempt if none is named. Tells nobody."""
        if self.rows is None or self.chart is None:
            return
        row = self.rows.reveal(path)
        newest = row.bars[-1].attempt if row is not None and row.bars else 0
        self.chart.chosen = (path, attempt or newest)
        if self.rows.structure != self._structure:
            self._show_rows()
        self.names.choose(path)
        self.chart.repaint_bars()

    def show_all(self) -> None:
        """Show the whole run."""
        self.follow.setChecked(True)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Load the chart the first time; catch up every time."""
        super().showEvent(event)
        if not self._asked:
            self._asked = True
            self._bridge.in_thread(lambda: import_module("desktop.panels.timeline_chart"), self._load)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing moves where nobody looks."""
        super().hideEvent(event)
        self._timer.stop()

    def _build(self, theme: Theme) -> None:
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.follow.setIconSize(QSize(14, 14))
        self.follow.setToolTip("Show the whole run and follow it (F)")
        self.follow.setAccessibleName("Show the whole run and follow it")
        self.follow.toggled.connect(lambda on: self._fit() if on else None)
        set_role(self.about, kind="caption")
        head = QHBoxLayout(self._corner)
        head.setContentsMargins(theme.px("space.2"), 0, 2, 0)
        head.addWidget(self.about, 1)
        head.addWidget(self.follow)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addWidget(self._corner)
        left.addWidget(self.names, 1)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.setSpacing(0)
        self._body.addLayout(left)
        self._body.addStretch(1)
        self._body.addWidget(self.scroller)
        filled = QWidget()
        filled.setLayout(self._body)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(filled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        for keys, act in (
            ("F", self.show_all),
            ("+", lambda: self._zoom(0.8)),
            ("=", lambda: self._zoom(0.8)),
            ("-", lambda: self._zoom(1.25)),
        ):
            shortcut = QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    def _load(self, _module: object) -> None:
        from desktop.panels.timeline_chart import HEADER, TimelineChart

        theme = self._themes.theme
        self.chart = TimelineChart(theme, theme.px("node.row"))
        self._corner.setFixedHeight(HEADER)
        self._body.takeAt(1)
        self._body.insertWidget(1, self.chart, 1)
        self.chart.picked.connect(self._picked)
        self.chart.moved.connect(self._moved)
        self.chart.scrolled.connect(lambda pixels: self.scroller.setValue(self.scroller.value() + pixels))
        self._structure = -1
        self.refresh()
        self.loaded.emit()

    def _other_run(self, run: WatchedRun | None) -> None:
        rows = TimelineRows(run.log, run.created) if run is not None else None
        if run is None or rows is None or len(run.log.touched) < MANY:
            self._show_run(run, rows)
            return
        self._awaited = run
        self._bridge.in_thread(
            lambda: rows.take(running=run.live),
            partial(self._taken, run, rows),
        )

    def _taken(self, run: WatchedRun, rows: TimelineRows, _is_new: bool) -> None:
        if self._awaited is run:
            self._show_run(run, rows)

    def _show_run(self, run: WatchedRun | None, rows: TimelineRows | None) -> None:
        self._run, self._awaited, self.rows = run, None, rows
        self._structure = -1
        self._was_live = run is not None and run.live
        self._stack.setCurrentIndex(1 if run is not None else 0)
        self.follow.setChecked(True)
        if self.chart is not None:
            self.chart.chosen = ("", 0)
        self.refresh()

    def _show_rows(self) -> None:
        assert self.rows is not None
        self._structure = self.rows.structure
        at = self.scroller.value()
        self.names.show_rows(self.rows.shown())
        self.scroller.setValue(at)
        self._place_rows()

    def _place_rows(self) -> None:
        if self.chart is not None and self.rows is not None:
            self.chart.show_rows(self.rows.shown(), self.names.verticalScrollBar().value())

    def _heard(self) -> None:
        """Of a run that goes on, what is new is shown ten times a second: each time costs a whole painting."""
        if self._run is not None and self._run.live and self._timer.isActive():
            self._is_behind = True
        else:
            self.refresh()

    def _next(self) -> None:
        if self._is_behind:
            self.refresh()
        else:
            self._tick()

    def _tick(self) -> None:
        run = self._run
        if run is None or self.chart is None:
            return
        self.chart.live = run.live
        self.chart.now = self._seconds(run)
        if run.live:
            self.about.setText(spent(run.usage, self.chart.now))
        if self.follow.isChecked():
            self._fit()
        else:
            self.chart.repaint_bars()

    def _fit(self) -> None:
        if self.chart is None or self.rows is None or self._run is None:
            return
        end = max(self.rows.extent(self._seconds(self._run)), _LEAST_SECONDS)
        start, shown = self.chart.seconds
        if not self._run.live:
            self.chart.set_range(-0.01 * end, end * 1.08)
        elif start > 0 or not end * _ROOM[0] < shown < end * _ROOM[1]:  # the axis is dear to make anew
            self.chart.set_range(-0.01 * end, end * _ROOM[2])
        else:
            self.chart.repaint_bars()

    def _moved(self) -> None:
        if self.chart is not None and self.chart.underMouse():
            self.follow.setChecked(False)

    def _zoom(self, factor: float) -> None:
        if self.chart is not None:
            self.follow.setChecked(False)
            self.chart.zoom(factor, self.chart.area().width() / 2)

    def _toggle(self, row: Row) -> None:
        if self.rows is not None:
            self.rows.set_open(row, not row.is_open)
            self._show_rows()

    def _pick_row(self, row: Row) -> None:
        self._picked(row.key, row.bars[-1].attempt if row.bars else 0)

    def _picked(self, path: str, attempt: int) -> None:
        if self.chart is not None:
            self.chart.chosen = (path, attempt)
            self.chart.repaint_bars()
            self.names.choose(path)
        if attempt:
            self.step_selected.emit(path, attempt)

    def _seconds(self, run: WatchedRun) -> float:
        return max(0.0, (self._now() - run.created).total_seconds())

    def _scroll_range(self, low: int, high: int) -> None:
        self.scroller.setRange(low, high)
        self.scroller.setPageStep(self.names.verticalScrollBar().pageStep())
        self.scroller.setVisible(high > low)

    def _retheme(self, theme: Theme) -> None:
        self.follow.setIcon(self._icons.icon("locate-fixed", theme))
        self.names.set_theme(theme)
        if self.chart is not None:
            self.chart.set_theme(theme)
