"""Runs in bars over time, stacked by how they stand. Imports pyqtgraph: load this module when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QGraphicsRectItem, QWidget

from desktop.monitoring.numbers import COLOURS, STATES, Bar
from desktop.monitoring.ranges import Range
from desktop.monitoring.wording import bar_words, tick, ticks
from desktop.theme import Theme

_HEIGHT: Final = 190
_LABEL_ROOM: Final = 76
"""Logical pixels that a label below needs."""

_FILL: Final = 0.76
"""Share of its place that a bar takes."""

_LEAST_PIXELS: Final = 2.0
"""What a bar's part is high at least: one failed run among a thousand must be seen."""


class RunsChart(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph has no types
    """Stacked bars. chosen: the person opened a bar: its index and how the runs stand, '' for all of them.

    pointed: what is said of the bar under the cursor or the keyboard, '' for none.
    """

    chosen = Signal(int, str)
    pointed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        self._times = pg.AxisItem(orientation="bottom")
        super().__init__(parent, axisItems={"bottom": self._times})
        self.theme = theme
        self.bars: Sequence[Bar] = ()
        self.span: Range | None = None
        self.at = -1
        self._drawn: list[pg.BarGraphItem] = []
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.layout.setContentsMargins(0, 4, 4, 0)
        self._box = plot.getViewBox()
        self._box.setMouseEnabled(x=False, y=False)
        self._box.setDefaultPadding(0)
        self._box.disableAutoRange()
        self._numbers = plot.getAxis("left")
        self._numbers.setWidth(44)
        self._times.setHeight(24)
        for axis in (self._numbers, self._times):
            axis.setStyle(tickLength=0)
        self._mark = QGraphicsRectItem()
        self._mark.setZValue(-10)
        self._mark.hide()
        self._box.addItem(self._mark, ignoreBounds=True)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(_HEIGHT)
        self.viewport().setMouseTracking(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Runs over time")
        self.set_theme(theme)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide and flat."""
        return QSize(480, _HEIGHT)

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.theme = theme
        self.setBackground(theme.color("surface.panel"))
        for axis in (self._numbers, self._times):
            axis.setPen(pg.mkPen(theme.color("border.subtle")))
            axis.setTextPen(theme.color("text.muted"))
            axis.setTickFont(theme.font("caption", tabular=True))
        self._mark.setBrush(theme.color("selection.fill"))
        self._draw()

    def show_bars(self, bars: Sequence[Bar], range_: Range) -> None:
        """Show other runs; the bar that is pointed at stays if the range does."""
        if self.span != range_:
            self.at = -1
        self.bars, self.span = bars, range_
        self._draw()
        self._tell()

    def point_at(self, index: int) -> None:
        """Point at a bar; -1 for none."""
        index = index if 0 <= index < len(self.bars) else -1
        if index != self.at:
            self.at = index
            self._tell()

    def part_at(self, point: QPointF) -> tuple[int, str]:
        """Which bar is at a pixel of the widget, and how the runs of the part there stand: '' above them all."""
        if not self.bars or not self._box.sceneBoundingRect().contains(self.mapToScene(point.toPoint())):
            return -1, ""
        place = self._box.mapSceneToView(self.mapToScene(point.toPoint()))
        index = int(place.x())
        if not 0 <= index < len(self.bars):
            return -1, ""
        top = 0.0
        for state, height in self._heights(self.bars[index]):
            top += height
            if 0 <= place.y() <= top:
                return index, state
        return index, ""

    def center_of(self, index: int, state: str) -> QPointF:
        """The middle of a bar's part, in the widget's pixels."""
        bottom = 0.0
        for each, height in self._heights(self.bars[index]):
            if each == state:
                scene = self._box.mapViewToScene(QPointF(index + 0.5, bottom + height / 2))
                return QPointF(self.mapFromScene(scene))
            bottom += height
        raise KeyError(state)

    # -- hands ---------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Open the runs of the part under the cursor."""
        index, state = self.part_at(event.position())
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() == Qt.MouseButton.LeftButton and index >= 0 and self.bars[index].total:
            self.point_at(index)
            self.chosen.emit(index, state)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The press did it."""
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Say what is under the cursor."""
        index, _ = self.part_at(event.position())
        busy = index >= 0 and self.bars[index].total > 0
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if busy else Qt.CursorShape.ArrowCursor)
        self.point_at(index)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing is under the cursor any more."""
        super().leaveEvent(event)
        if not self.hasFocus():
            self.point_at(-1)

    def wheelEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Scroll the panel, not the chart."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Left and Right walk along the bars, Home and End to the ends, Return opens one."""
        last = len(self.bars) - 1
        match event.key():
            case Qt.Key.Key_Left:
                self.point_at(max(0, self.at - 1) if self.at >= 0 else last)
            case Qt.Key.Key_Right:
                self.point_at(min(last, self.at + 1))
            case Qt.Key.Key_Home:
                self.point_at(0)
            case Qt.Key.Key_End:
                self.point_at(last)
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Space:
                if self.at >= 0 and self.bars[self.at].total:
                    self.chosen.emit(self.at, "")
            case _:
                event.ignore()
                return
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """By the keyboard, begin at the newest bar."""
        super().focusInEvent(event)
        if self.at < 0 and event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.point_at(len(self.bars) - 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """As many labels as there is room for."""
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it once by itself
            self._draw()

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _highest(self) -> float:
        return max(4.0, 1.08 * max((bar.total for bar in self.bars), default=0))

    def _heights(self, bar: Bar) -> list[tuple[str, float]]:
        """How high the parts of a bar are drawn, from the bottom."""
        pixels = max(1.0, self.viewport().height() - 32.0)
        least = self._highest() / pixels * _LEAST_PIXELS
        return [(state, max(least, bar.counts[state])) for state in STATES if bar.counts.get(state)]

    def _draw(self) -> None:
        for item in self._drawn:
            self._box.removeItem(item)
        self._drawn = []
        if self.span is None:
            return
        places: dict[str, list[tuple[float, float, float]]] = {state: [] for state in STATES}
        for index, bar in enumerate(self.bars):
            bottom = 0.0
            for state, height in self._heights(bar):
                places[state].append((index + 0.5, bottom, height))
                bottom += height
        for state, parts in places.items():
            if parts:
                places_x, bottoms, heights = zip(*parts, strict=True)
                brush = pg.mkBrush(self.theme.color(COLOURS[state]))
                pen = pg.mkPen(self.theme.color("surface.panel"), width=0.5)
                item = pg.BarGraphItem(x=places_x, y0=bottoms, height=heights, width=_FILL, brush=brush, pen=pen)
                self._drawn.append(item)
                self._box.addItem(item, ignoreBounds=True)
        self._box.setRange(xRange=(0, max(1, len(self.bars))), yRange=(0, self._highest()), padding=0)
        highest = self._highest()
        step = next((n * 10**k for k in range(9) for n in (1, 2, 5) if highest / (n * 10**k) <= 4), 10**9)
        self._numbers.setTicks([[(n * step, f"{n * step:,}") for n in range(int(highest / step) + 1)]])
        every = max(1, -(-len(self.bars) * _LABEL_ROOM // max(_LABEL_ROOM, self.viewport().width() - 44)))
        self._times.setTicks([[(n + 0.5, tick(self.span.start_of(n), self.span)) for n in ticks(self.span, every)]])
        self._place_mark()

    def _tell(self) -> None:
        self._place_mark()
        words = ""
        if self.span is not None and self.at >= 0:
            words = bar_words(self.span, self.at, self.bars[self.at])
        self.setAccessibleDescription(words)
        self.pointed.emit(words)

    def _place_mark(self) -> None:
        self._mark.setVisible(self.at >= 0)
        if self.at >= 0:
            self._mark.setPen(pg.mkPen(self.theme.color("focus"), width=1, style=Qt.PenStyle.DashLine))
            self._mark.setRect(QRectF(self.at + 0.03, 0, 0.94, self._highest()))
