"""The bars of a run's timeline over an axis of time. Imports pyqtgraph: load this module when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from core.cli.wording import duration
from desktop.panels.timeline_rows import Bar, Row
from desktop.theme import Theme

HEADER: Final = 28
"""Height of the axis above the bars, in logical pixels."""

_BAR = 14
_THIN = 8
_LEAST_SPAN = 0.002
_LONGEST_SPAN = 400 * 86_400.0
_ZOOM = 1.0015


class TimelineChart(pg.PlotWidget):  # type: ignore[misc] # pyqtgraph has no types
    """Shows some rows from a scroll position on. Seconds run to the right.

    picked: scope path and attempt of a pressed bar (attempt 0: a pass). moved: the person panned or zoomed.
    scrolled: pixels by which the rows shall move. row_height: logical pixels.
    """

    picked = Signal(str, int)
    moved = Signal()
    scrolled = Signal(int)

    def __init__(self, theme: Theme, row_height: int, parent: QWidget | None = None) -> None:
        self._axis = _Seconds(orientation="top")
        super().__init__(parent, axisItems={"top": self._axis})
        self.row_height = row_height
        self.rows: Sequence[Row] = ()
        self.offset = 0
        self.now = 0.0
        self.live = False
        self.chosen: tuple[str, int] = ("", 0)
        self._seconds = (0.0, 1.0)
        self._pressed: QPoint | None = None
        self._grabbed: tuple[QPoint, tuple[float, float]] | None = None
        plot = self.getPlotItem()
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.showAxis("top")
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.layout.setContentsMargins(0, 0, 0, 0)
        plot.layout.setSpacing(0)
        self._axis.setHeight(HEADER)
        self._box = plot.getViewBox()
        self._box.setMouseEnabled(x=False, y=False)
        self._box.setDefaultPadding(0)
        self._box.disableAutoRange()
        self._bars = _Bars(self)
        self._box.addItem(self._bars, ignoreBounds=True)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Timeline of the run")
        self.set_theme(theme)
        self.set_range(0.0, 1.0)

    @property
    def seconds(self) -> tuple[float, float]:
        """The shown seconds."""
        return self._seconds

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.theme = theme
        self.setBackground(theme.color("surface.panel"))
        self._axis.setPen(pg.mkPen(theme.color("border.subtle")))
        self._axis.setTextPen(theme.color("text.muted"))
        self._axis.setTickFont(theme.font("caption", tabular=True))
        self.repaint_bars()

    def set_range(self, start: float, end: float) -> None:
        """Show these seconds."""
        span = min(max(end - start, _LEAST_SPAN), _LONGEST_SPAN)
        start = max(start, -0.05 * span)
        self._seconds = (start, start + span)
        self._box.setXRange(*self._seconds, padding=0)
        self.repaint_bars()

    def show_rows(self, rows: Sequence[Row], offset: int) -> None:
        """Show rows. offset: how many pixels of them are above."""
        self.rows, self.offset = rows, offset
        self.repaint_bars()

    def repaint_bars(self) -> None:
        """Paint the bars anew: they, the time or the choice changed."""
        self._bars.update()

    def area(self) -> QRectF:
        """Where bars are, in the widget's pixels."""
        return QRectF(0, HEADER, self.viewport().width(), max(0, self.viewport().height() - HEADER))

    def x_of(self, seconds: float) -> float:
        """The pixel of a second."""
        start, end = self._seconds
        return (seconds - start) / (end - start) * self.area().width()

    def seconds_at(self, x: float) -> float:
        """The second of a pixel."""
        start, end = self._seconds
        return start + x / max(1.0, self.area().width()) * (end - start)

    def rect_of(self, place: int, bar: Bar, height: int = _BAR) -> QRectF:
        """Where a bar of the row at a place is, in the widget's pixels; never narrower than can be seen."""
        left, right = self.x_of(bar.start), self.x_of(self.now if bar.end is None else bar.end)
        top = HEADER + place * self.row_height - self.offset + (self.row_height - height) / 2
        return QRectF(left, top, max(3.0, right - left), height)

    def bars_of(self, row: Row) -> tuple[Sequence[Bar], int]:
        """What a row shows, and how high: its own bars, or those of all that is in it while it is closed."""
        if row.children and not row.is_open and row.is_pass:
            return [bar for bar in row.inside if bar.attempt], _THIN
        return row.bars, _BAR

    def bar_at(self, point: QPoint | QPointF) -> Bar | None:
        """The bar at a pixel: of several, the one whose middle is nearest."""
        place = int((point.y() - HEADER + self.offset) // self.row_height)
        if point.y() < HEADER or not 0 <= place < len(self.rows):
            return None
        bars, height = self.bars_of(self.rows[place])
        rects = ((bar, self.rect_of(place, bar, height)) for bar in bars)
        near = [(bar, rect) for bar, rect in rects if rect.adjusted(-2, -4, 2, 4).contains(QPointF(point))]
        return min(near, key=lambda found: abs(found[1].center().x() - point.x()))[0] if near else None

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the seconds, whatever the width."""
        super().resizeEvent(event)
        if event is not None:  # pyqtgraph calls it once by itself
            self.moved.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Scroll the rows; with Ctrl zoom at the cursor, with Shift or sideways pan."""
        turn, sideways = event.angleDelta().y(), event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(_ZOOM**-turn, event.position().x())
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(sideways) > abs(turn):
            self.pan(-(sideways or turn))
        else:
            self.scrolled.emit(-turn)
        event.accept()

    def zoom(self, factor: float, x: float) -> None:
        """Show so many times as long a span, keeping the second at a pixel where it is."""
        start, end = self._seconds
        at = self.seconds_at(x)
        self.set_range(at - (at - start) * factor, at + (end - at) * factor)
        self.moved.emit()

    def pan(self, pixels: float) -> None:
        """Move on in time by some pixels."""
        start, end = self._seconds
        by = pixels / max(1.0, self.area().width()) * (end - start)
        self.set_range(start + by, end + by)
        self.moved.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Begin a click or a drag."""
        self._pressed = event.position().toPoint()
        self._grabbed = (self._pressed, self._seconds)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Drag the time along, or say what is under the cursor."""
        at = event.position().toPoint()
        if self._grabbed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            start, (low, high) = self._grabbed
            if self._pressed is not None and (at - start).manhattanLength() < 5:
                return
            self._pressed = None
            by = (start.x() - at.x()) / max(1.0, self.area().width()) * (high - low)
            self.set_range(low + by, high + by)
            self.moved.emit()
            return
        bar = self.bar_at(at)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if bar else Qt.CursorShape.ArrowCursor)
        QToolTip.showText(event.globalPosition().toPoint(), self.tip(bar) if bar else "", self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """A press without a drag chooses."""
        pressed, self._pressed, self._grabbed = self._pressed, None, None
        bar = self.bar_at(pressed) if pressed is not None else None
        if bar is not None:
            self.picked.emit(bar.path, bar.attempt)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Nothing is under the cursor any more."""
        QToolTip.hideText()

    def tip(self, bar: Bar) -> str:
        """What is said of a bar under the cursor."""
        seconds = (self.now if bar.end is None else bar.end) - bar.start
        attempt = f", attempt {bar.attempt}" if bar.attempt > 1 else ""
        return f"{bar.path}{attempt}\n{bar.state}, {duration(seconds)}, from {duration(bar.start)}"


class _Seconds(pg.AxisItem):  # type: ignore[misc] # pyqtgraph has no types
    """An axis that speaks of time as people do."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:  # noqa: N802 - its name
        """A label for each tick."""
        return ["" if value < 0 else "0" if not value else _tick(value, spacing) for value in values]


class _Bars(pg.GraphicsObject):  # type: ignore[misc] # pyqtgraph has no types
    """Paints what is in view in the widget's own pixels, so that corners and texts are never stretched."""

    def __init__(self, chart: TimelineChart) -> None:
        super().__init__()
        self._chart = chart

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """Everywhere; only one such item is in the scene."""
        return QRectF(self.viewRect())

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        """Paint the rows in view."""
        chart = self._chart
        area = chart.area()
        inverse, fits = self.sceneTransform().inverted()
        if not fits:
            return
        painter.setTransform(inverse, True)
        painter.setClipRect(area)
        first = max(0, chart.offset // chart.row_height)
        last = min(len(chart.rows), int((chart.offset + area.height()) // chart.row_height) + 1)
        theme = chart.theme
        chosen_row = next((n for n in range(first, last) if chart.rows[n].key == chart.chosen[0]), -1)
        if chosen_row >= 0:
            top = HEADER + chosen_row * chart.row_height - chart.offset
            painter.fillRect(QRectF(0, top, area.width(), chart.row_height), theme.color("selection.fill"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption", tabular=True))
        for place in range(first, last):
            self._paint_row(painter, place, chart.rows[place], area)
        if chart.live:
            painter.setPen(QPen(theme.color("state.running", 0.6), 1))
            x = chart.x_of(chart.now)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))

    def _paint_row(self, painter: QPainter, place: int, row: Row, area: QRectF) -> None:
        chart, theme = self._chart, self._chart.theme
        bars, height = chart.bars_of(row)
        end = 0.0
        for bar in bars:
            rect = chart.rect_of(place, bar, height)
            if rect.right() < area.left() or rect.left() > area.right():
                continue
            _paint_bar(painter, rect.intersected(area.adjusted(-20, -40, 20, 40)), bar, theme, row)
            if (bar.path, bar.attempt) == chart.chosen:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.color("accent"), 2))
                painter.drawRoundedRect(rect.adjusted(-2, -2, 2, 2), 5, 5)
            end = max(end, rect.right())
        if row.state != "skipped" and 0 < end < area.right() - 40:
            seconds = sum((chart.now if bar.end is None else bar.end) - bar.start for bar in row.bars)
            painter.setPen(theme.color("text.muted"))
            top = HEADER + place * chart.row_height - chart.offset
            left = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
            painter.drawText(QRectF(end + 6, top, 120, chart.row_height), left, duration(seconds))


def _paint_bar(painter: QPainter, rect: QRectF, bar: Bar, theme: Theme, row: Row) -> None:
    """States differ by form too: waiting is hatched, skipped and cancelled are hollow."""
    colour = theme.color(f"state.{bar.state}")
    fill = QBrush(_toned(colour, 0.45 if row.children and row.is_open else 0.9))
    pen = QPen(colour, 1)
    if bar.state == "waiting":
        painter.fillRect(rect, theme.color("state.waiting", 0.18))
        fill = QBrush(colour, Qt.BrushStyle.BDiagPattern)
    elif bar.state in ("skipped", "cancelled"):
        fill = QBrush(_toned(colour, 0.15))
        pen.setStyle(Qt.PenStyle.DashLine if bar.state == "skipped" else Qt.PenStyle.SolidLine)
    painter.setBrush(fill)
    painter.setPen(pen)
    radius = min(4.0, rect.width() / 2)
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def _toned(colour: QColor, alpha: float) -> QColor:
    out = QColor(colour)
    out.setAlphaF(alpha)
    return out


def _tick(seconds: float, spacing: float) -> str:
    """A second on the axis, as exactly as ticks lie apart."""
    if seconds >= 3600:
        return f"{seconds // 3600:.0f}:{seconds % 3600 // 60:02.0f} h"
    if seconds >= 120 and spacing >= 1:
        return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
    digits = 0 if spacing >= 1 else 1 if spacing >= 0.1 else 2 if spacing >= 0.01 else 3
    return f"{seconds:.{digits}f} s"
