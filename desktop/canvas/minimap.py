"""The whole graph in a corner: where the view is, and a way to go elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRectF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from desktop.canvas.geometry import NodeBox, Rect

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

WIDTH, HEIGHT = 200, 130
FEWEST: Final = 12
"""With fewer steps there is no map: everything is in view anyway."""

EDGE: Final = 16
"""Between the map and the border of the canvas."""

_PAD: Final = 8.0
_LATER_MS: Final = 200
_LEAST: Final = 1.5


class Minimap(QWidget):
    """A map of a canvas. Pressing or dragging goes there."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas.viewport())
        self._canvas = canvas
        self._map: QPixmap | None = None
        self._changed: set[str] = set()
        self._is_other = False
        self._scale = 1.0
        self._left = self._top = 0.0
        self._all: Rect | None = None
        self.setFixedSize(WIDTH, HEIGHT)
        self.setAccessibleName("Map of the workflow")
        # Otherwise every movement of the view would paint what is behind the map once more.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATER_MS)
        self._later.timeout.connect(self._redraw)
        canvas.viewed.connect(self._viewed)
        canvas.drawn.connect(self.outdate)
        self.place()

    def place(self) -> None:
        """Stand in the canvas's lower right corner, if there is something to show."""
        room = self._canvas.viewport().rect()
        self.move(room.right() - WIDTH - EDGE + 1, room.bottom() - HEIGHT - EDGE + 1)
        self._all = self._canvas.diagram.bounds()
        self._show()

    def outdate(self, steps: frozenset[str]) -> None:
        """The states of these steps are others, or the graph is if there are none: follow, but not at every change."""
        self._changed |= steps
        self._is_other |= not steps
        if not self._later.isActive():
            self._later.start()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """The map, and the part in view."""
        theme = self._canvas.theme
        if self._map is None or self._map.devicePixelRatio() != self.devicePixelRatioF():
            self._draw()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("canvas.bg"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.subtle"), 1.0))
        painter.setBrush(theme.color("surface.panel"))
        radius = theme.px("radius.control")
        painter.drawRoundedRect(QRectF(0.5, 0.5, WIDTH - 1.0, HEIGHT - 1.0), radius, radius)
        if self._map is not None:
            painter.drawPixmap(0, 0, self._map)
        seen = self._canvas.visible_area()
        view = QRectF(*self._to_map(seen.left, seen.top), seen.width * self._scale, seen.height * self._scale)
        view = view.intersected(QRectF(1.0, 1.0, WIDTH - 2.0, HEIGHT - 2.0))
        painter.setPen(QPen(theme.color("accent"), 1.5))
        painter.setBrush(theme.color("selection.fill"))
        painter.drawRoundedRect(view, 3.0, 3.0)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go there."""
        self._go(event.position().toPoint())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """The press was meant for the map and not for the canvas behind it."""
        event.accept()

    def _go(self, at: QPoint) -> None:
        if self._scale:
            self._canvas.camera.center_on(at.x() / self._scale + self._left, at.y() / self._scale + self._top)
            self._canvas.camera_moved()

    def _viewed(self) -> None:
        self._show()
        if self.isVisible():
            self.update()

    def _show(self) -> None:
        """Be there if there is room, and something that is out of view: else it only hides what is behind it."""
        room, all_there_is, seen = self._canvas.viewport().rect(), self._all, self._canvas.visible_area()
        fits = room.width() > 3 * WIDTH and room.height() > 3 * HEIGHT
        hides = all_there_is is not None and not (
            seen.left <= all_there_is.left
            and seen.top <= all_there_is.top
            and seen.right >= all_there_is.right
            and seen.bottom >= all_there_is.bottom
        )
        self.setVisible(fits and hides and len(self._canvas.diagram.boxes) >= FEWEST)

    def _redraw(self) -> None:
        if self._is_other:
            self._map = None
            self.place()
        elif self._map is not None and self.isVisible():
            painter = QPainter(self._map)
            for step in self._changed & self._canvas.diagram.boxes.keys():
                self._mark(painter, self._canvas.diagram.boxes[step])
            painter.end()
        self._changed.clear()
        self._is_other = False
        self.update()

    def _to_map(self, x: float, y: float) -> tuple[float, float]:
        return (x - self._left) * self._scale, (y - self._top) * self._scale

    def _draw(self) -> None:
        canvas, dpr = self._canvas, self.devicePixelRatioF()
        area = canvas.diagram.bounds() or Rect(0.0, 0.0, 1.0, 1.0)
        self._scale = min((WIDTH - 2 * _PAD) / max(area.width, 1.0), (HEIGHT - 2 * _PAD) / max(area.height, 1.0), 0.2)
        self._left = area.center[0] - WIDTH / 2 / self._scale
        self._top = area.center[1] - HEIGHT / 2 / self._scale
        self._map = QPixmap(round(WIDTH * dpr), round(HEIGHT * dpr))
        self._map.setDevicePixelRatio(dpr)
        self._map.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._map)
        for box in canvas.diagram.boxes.values():
            self._mark(painter, box)
        painter.end()

    def _mark(self, painter: QPainter, box: NodeBox) -> None:
        """A step as a rectangle in the colour of its state."""
        colour = self._canvas.picture.far_colour(box.id)
        x, y = self._to_map(box.x, box.y)
        rect = QRectF(x, y, max(_LEAST, box.width * self._scale), max(_LEAST, box.height * self._scale))
        if box.is_frame:
            painter.setPen(QPen(colour, 1.0))
            painter.drawRect(rect)
        else:
            painter.fillRect(rect, colour)
