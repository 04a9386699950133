"""How long steps take, by their type. Imports pyqtgraph: load this module when it is first needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtWidgets import QWidget

from desktop.monitoring.wording import took
from desktop.theme import Theme

if TYPE_CHECKING:
    from core.store.statistics import StepTimes

ROW: Final = 30
"""Logical pixels of one type."""

_AXIS: Final = 26
_NAMES: Final = 116
_MOST: Final = 12
"""Types shown: the slowest."""

_TICKS: Final = (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0)


class DurationsChart(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph has no types
    """A bar for each type: dark until half of its attempts are done, light until 95 of 100 are. Time is logarithmic.

    title_of: what a type is called.
    """

    def __init__(self, theme: Theme, title_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.times: Sequence[StepTimes] = ()
        self._title_of = title_of
        self._drawn: list[object] = []
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.layout.setContentsMargins(0, 0, 4, 0)
        self._box = plot.getViewBox()
        self._box.setMouseEnabled(x=False, y=False)
        self._box.setDefaultPadding(0)
        self._box.disableAutoRange()
        self._box.invertY(True)
        self._names = plot.getAxis("left")
        self._names.setWidth(_NAMES)
        self._seconds = plot.getAxis("bottom")
        self._seconds.setHeight(_AXIS)
        for axis in (self._names, self._seconds):
            axis.setStyle(tickLength=0)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the table of steps says the same for the keyboard
        self.setAccessibleName("How long steps take, by type")
        self.set_theme(theme)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its rows."""
        return QSize(420, _AXIS + ROW * max(4, min(_MOST, len(self.times))))

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.theme = theme
        self.setBackground(theme.color("surface.panel"))
        for axis, colour in ((self._names, "text.secondary"), (self._seconds, "text.muted")):
            axis.setPen(pg.mkPen(theme.color("border.subtle")))
            axis.setTextPen(theme.color(colour))
            axis.setTickFont(theme.font("caption", tabular=True))
        self._draw()

    def show_times(self, times: Sequence[StepTimes]) -> None:
        """Show other durations, the slowest first."""
        self.times = times
        said = [f"{self._title_of(each.step_type)}: half within {took(each.p50_s)}, 95 of 100 within "
                f"{took(each.p95_s)}" for each in times]  # fmt: skip
        self.setAccessibleDescription("; ".join(said))
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()
        self._draw()

    def wheelEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Scroll the panel, not the chart."""
        event.ignore()

    def mousePressEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """There is nothing to press."""
        event.ignore()

    def mouseMoveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Nor to drag."""
        event.ignore()

    def mouseReleaseEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Nor to let go of."""
        event.ignore()

    def _draw(self) -> None:
        for item in self._drawn:
            self._box.removeItem(item)
        self._drawn = []
        shown = self.times[:_MOST]
        if not shown:
            return
        low = math.floor(math.log10(max(0.0001, min(each.p50_s for each in shown)) * 0.8))
        high = math.log10(max(each.p95_s for each in shown))
        room = max(0.6, (high - low) * 0.42)  # for what is written after the bar
        self._box.setRange(xRange=(low, high + room), yRange=(-0.5, len(shown) - 0.5), padding=0)
        rows = list(range(len(shown)))
        for value, colour in (
            ([each.p95_s for each in shown], self.theme.color("accent", 0.35)),
            ([each.p50_s for each in shown], self.theme.color("accent")),
        ):
            ends = [math.log10(max(0.0001, seconds)) for seconds in value]
            item = pg.BarGraphItem(
                x0=[low] * len(rows), x1=ends, y=rows, height=0.46, brush=pg.mkBrush(colour), pen=pg.mkPen(None)
            )
            self._drawn.append(item)
            self._box.addItem(item, ignoreBounds=True)
        for row, each in enumerate(shown):
            label = pg.TextItem(
                f"{took(each.p50_s)} · {took(each.p95_s)}", anchor=(0, 0.5),
                color=self.theme.color("text.secondary"),
            )  # fmt: skip
            label.setFont(self.theme.font("caption", tabular=True))
            label.setPos(math.log10(max(0.0001, each.p95_s)), row)
            self._drawn.append(label)
            self._box.addItem(label, ignoreBounds=True)
        self._names.setTicks([[(row, _short(self._title_of(each.step_type))) for row, each in enumerate(shown)]])
        ticks = [each for each in _TICKS if low <= math.log10(each) <= high + room * 0.5]
        self._seconds.setTicks([[(math.log10(each), _tick(each)) for each in ticks]])


def _tick(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"


def _short(title: str) -> str:
    return title if len(title) <= 17 else f"{title[:16]}…"
