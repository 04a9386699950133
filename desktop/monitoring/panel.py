"""The panel: what runs, steps, models and workers did, in charts and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.chat.flow_row import FlowRow
from desktop.dialogs.value_editors import ChoiceBox
from desktop.icons import Icons
from desktop.monitoring import rows
from desktop.monitoring.durations_chart import DurationsChart
from desktop.monitoring.numbers import COLOURS, STATES, WORDS, Numbers
from desktop.monitoring.range_bar import RangeBar
from desktop.monitoring.ranges import Range
from desktop.monitoring.runs_chart import RunsChart
from desktop.monitoring.tables import NumberTable
from desktop.monitoring.wording import figures, piece_words
from desktop.panels.empty_note import EmptyNote
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

AGAIN_MS = 30_000
"""How often the numbers are read again while they are looked at."""

_TWO_COLUMNS = 900
_BY = {"model": "By model", "workflow": "By workflow", "agent": "By agent"}


class MonitoringPanel(QWidget):
    """wanted: numbers shall be read. runs_wanted: a Range of one bar, and how the runs stand ('' for all).

    step_wanted: a workflow's name and the id of a step of it. title_of: what a step type is called. now: the time in
    UTC. lost_after_s: seconds of silence after which a worker is lost.
    """

    wanted = Signal()
    runs_wanted = Signal(object, str)
    step_wanted = Signal(str, str)

    def __init__(
        self,
        themes: ThemeManager,
        icons: Icons,
        *,
        title_of: Callable[[str], str],
        now: Callable[[], datetime],
        lost_after_s: float,
    ) -> None:
        super().__init__()
        self._themes, self._icons, self._title_of, self._lost = themes, icons, title_of, lost_after_s
        self.numbers: Numbers | None = None
        self._columns = 0
        theme = themes.theme
        self.bar = RangeBar(themes, icons, now)
        self.bar.changed.connect(self.wanted)
        self.bar.again.connect(self.wanted)
        self.runs_chart = RunsChart(theme)
        self.runs_chart.chosen.connect(self._open_bar)
        self.runs_chart.pointed.connect(self._point)
        self.pointed = QLabel()
        set_role(self.pointed, kind="muted")
        self.pointed.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.durations = DurationsChart(theme, title_of)
        self.by = self._choice("Spending by", list(_BY.values()), self._show_spent)
        self.spent = NumberTable("Spending", rows.SPENT, (78, 60, 96, 96), themes, spare=(4, 3, 2))
        self.which = self._choice("Which steps", ["Slowest", "Most failing"], self._show_steps)
        self.steps = NumberTable("Steps", rows.STEPS, (104, 72, 96, 88, 84), themes, texts=(0, 1), spare=(1, 2, 4))
        self.steps.setToolTip("Double-click a step, or press Return, to see it on the canvas")
        self.steps.activated.connect(lambda index: self._open_step(self.steps.key_of(index)))
        self.workers = NumberTable("Workers", rows.WORKERS, (64, 84, 72, 132), themes, texts=(0, 1, 2), spare=(1, 2))
        self.queues = NumberTable("Queues", rows.QUEUES, (90, 110), themes)
        self.no_workers = self._muted("No worker is running. Queued runs wait until one is started: steploom worker.")
        self.nothing_spent = self._muted("")
        self.no_steps = self._muted("")
        self._figures = FlowRow(spacing=theme.px("space.6"), lines=theme.px("space.1"))
        self._figure_labels: list[tuple[QLabel, QLabel]] = []
        self._title = QLabel("Runs")
        self._cards = [
            self._card(self._title, self.pointed, self.runs_chart, self.legend),
            self._card("How long steps take: half within, 95 of 100 within", self.durations, self.no_steps),
            self._card("Spending on models", self.spent, self.nothing_spent, aside=self.by),
            self._card("Steps", self.steps, aside=self.which),
            self._card("Workers and queues", self.workers, self.no_workers, self.queues),
        ]
        self._stack = QStackedWidget()
        self._stack.addWidget(
            EmptyNote("chart-line", "No runs in this time", "Run a workflow, or choose a longer time.", themes, icons)
        )
        self._stack.addWidget(self._scroll())
        side = theme.px("space.3")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(side, theme.px("space.2"), side, 0)
        layout.setSpacing(theme.px("space.2"))
        layout.addWidget(self.bar)
        layout.addWidget(self._stack, 1)
        self._again = QTimer(self)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.wanted)
        themes.changed.connect(self._dress)
        self._dress(theme)

    # -- showing -------------------------------------------------------------------------------------------------------

    def show_numbers(self, numbers: Numbers) -> None:
        """Show these numbers."""
        self.numbers = numbers
        self.bar.show_workflows(numbers.workflows)
        self._stack.setCurrentIndex(1 if numbers.runs or numbers.workers or numbers.waiting else 0)
        self._title.setText(numbers.range.title)
        self._show_figures(figures(numbers, self._lost))
        self.runs_chart.show_bars(numbers.bars, numbers.range)
        self.durations.show_times(numbers.types)
        self.durations.setVisible(bool(numbers.types))
        counting = "Steps are being counted." if numbers.uncounted else "No step has ended in this time."
        self.no_steps.setText(counting)
        self.no_steps.setVisible(not numbers.types)
        self._show_spent()
        self._show_steps()
        self.workers.show_rows(rows.workers(numbers.workers, self._lost))
        self.workers.setVisible(bool(numbers.workers))
        self.no_workers.setVisible(not numbers.workers)
        self.queues.show_rows(rows.queues(numbers.waiting))
        self.queues.setVisible(bool(numbers.waiting))

    def say_left(self, uncounted: int) -> None:
        """Say how many runs' steps are not counted yet; 0 for none."""
        runs = "1 run" if uncounted == 1 else f"{uncounted:,} runs"
        self.bar.say(f"Counting the steps of {runs}…" if uncounted else "")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read the numbers while they are looked at."""
        super().showEvent(event)
        self._again.start()
        self.wanted.emit()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Nobody looks."""
        super().hideEvent(event)
        self._again.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """One column or two, as there is room."""
        super().resizeEvent(event)
        self._place()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _open_bar(self, index: int, state: str) -> None:
        range_ = self.runs_chart.span
        if range_ is not None:
            start = range_.start_of(index)
            self.runs_wanted.emit(Range(start, min(start + range_.piece, range_.until), range_.piece), state)

    def _open_step(self, key: str) -> None:
        if key:
            self.step_wanted.emit(*rows.step_of(key))

    def _point(self, words: str) -> None:
        self.pointed.setText(words or "Click a bar, or choose one by the arrow keys, to see its runs.")

    def _show_figures(self, items: Sequence[tuple[str, str]]) -> None:
        while len(self._figure_labels) < len(items):
            figure, value, name = QWidget(), QLabel(), QLabel()
            set_role(value, kind="title")
            set_role(name, kind="caption")
            column = QVBoxLayout(figure)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(name)
            column.addWidget(value)
            self._figures.add(figure)
            self._figure_labels.append((name, value))
        for (name, value), (what, text) in zip(self._figure_labels, items, strict=True):
            name.setText(what)
            value.setText(text)
            value.setAccessibleName(f"{what}: {text}")

    def _show_spent(self) -> None:
        if self.numbers is None:
            return
        by = list(_BY)[self.by.currentIndex()]
        items = self.numbers.spent.get(by, ())
        self.spent.show_rows(rows.spent(items), [item.name for item in items])
        self.spent.setVisible(bool(items))
        whole = by == "agent" and self.numbers.workflow
        if whole:
            text = "What agents spend is not told by workflow: these are all workflows and chats."
        else:
            text = "" if items else "No model was asked in this time."
        self.nothing_spent.setText(text)
        self.nothing_spent.setVisible(bool(text))

    def _show_steps(self) -> None:
        if self.numbers is None:
            return
        failing = self.which.currentIndex() == 1
        shown = rows.ranked(self.numbers.steps, failing=failing)
        self.steps.show_rows(rows.steps(shown, self._title_of), [rows.step_key(item) for item in shown])

    def _choice(self, name: str, words: Sequence[str], then: Callable[[], None]) -> ChoiceBox:
        box = ChoiceBox()
        box.setAccessibleName(name)
        for word in words:
            box.addItem(word)
        box.activated.connect(lambda _row: then())
        return box

    def _muted(self, text: str) -> QLabel:
        label = QLabel(text)
        label.setWordWrap(True)
        set_role(label, kind="muted")
        return label

    def _card(self, title: QLabel | str, *inside: QWidget, aside: QWidget | None = None) -> QFrame:
        card = QFrame()
        set_role(card, role="card")
        label = QLabel(title) if isinstance(title, str) else title
        set_role(label, kind="strong")
        head = QHBoxLayout()
        head.addWidget(label)
        head.addStretch(1)
        if aside is not None:
            head.addWidget(aside)
        column = QVBoxLayout(card)
        side = self._themes.theme.px("space.4")
        column.setContentsMargins(side, side - 4, side, side - 4)
        column.setSpacing(self._themes.theme.px("space.2"))
        column.addLayout(head)
        for widget in inside:
            column.addWidget(widget)
        column.addStretch(1)
        return card

    def _scroll(self) -> QScrollArea:
        inside = QWidget()
        inside.setProperty("surface", "panel")
        self._grid = QGridLayout()
        self._grid.setSpacing(self._themes.theme.px("space.3"))
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, self._themes.theme.px("space.1"), 0, self._themes.theme.px("space.3"))
        column.setSpacing(self._themes.theme.px("space.3"))
        column.addWidget(self._figures)
        column.addLayout(self._grid)
        column.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inside)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._place()
        return self._area

    def _place(self) -> None:
        columns = 2 if self.width() >= _TWO_COLUMNS else 1
        if columns == self._columns:
            return
        self._columns = columns
        for card in self._cards:
            self._grid.removeWidget(card)
        runs, durations, spent, steps, workers = self._cards
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, columns - 1)
        if columns == 2:
            self._grid.addWidget(runs, 0, 0)
            self._grid.addWidget(durations, 0, 1)
            self._grid.addWidget(steps, 1, 0, 1, 2)
            self._grid.addWidget(spent, 2, 0)
            self._grid.addWidget(workers, 2, 1)
        else:
            for row, card in enumerate((runs, durations, spent, steps, workers)):
                self._grid.addWidget(card, row, 0)

    def _dress(self, theme: Theme) -> None:
        self.runs_chart.set_theme(theme)
        self.durations.set_theme(theme)
        words = (
            f'<span style="color:{theme.css(COLOURS[state])}">■</span>&nbsp;{WORDS[state]}' for state in STATES
        )  # a bar's parts are named in words, too, as soon as it is pointed at
        self.legend.setText("&nbsp;&nbsp; ".join(words))
        self._point(self.runs_chart.accessibleDescription())


def scope_title(range_: Range, state: str, workflow: str) -> str:
    """Which runs those of a bar are, in words."""
    when = piece_words(Range(range_.since, range_.until, range_.until - range_.since or timedelta(hours=1)), 0)
    return " \N{MIDDLE DOT} ".join(part for part in (WORDS.get(state, ""), when, workflow or "All workflows") if part)
