"""Showing a part of the graph, or all of it, as large as it goes; and keeping all of it in view while nothing else was
asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from desktop.canvas.geometry import Rect
from desktop.canvas.viewport import LEAST_ZOOM

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

READABLE: Final = 0.6
"""The smallest scale at which a workflow opens: its texts can just be read."""


class Fitting:
    """Fits one canvas's camera. What was fitted stays so while the window around it changes, until the person looks
    elsewhere or the graph is another one."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._was: tuple[tuple[float, float, float], Rect | None] | None = None
        self._least = LEAST_ZOOM

    def first(self) -> None:
        """Show the whole graph, or where it begins if the whole could not be read; if nothing was ever fitted."""
        if self._was is None:
            self._show(None, READABLE)

    def fit(self, steps: Iterable[str] | None = None) -> None:
        """Show these steps, or everything, but not above 100 %."""
        self._show(steps, LEAST_ZOOM)

    def _show(self, steps: Iterable[str] | None, least: float) -> None:
        canvas, camera = self._canvas, self._canvas.camera
        area = canvas.diagram.bounds(steps)
        if area is None:
            camera.scale = 1.0
            camera.center_on(0.0, 0.0)
        else:
            camera.fit(area)
            if camera.scale < least:
                camera.scale = least
                camera.center_on(*area.center)
                camera.reveal(min(canvas.diagram.boxes.values(), key=lambda box: (box.x, box.y)).rect)
        if steps is None:
            self._was, self._least = (canvas.glide.now(), area), least
        canvas.camera_moved()

    def resized(self) -> bool:
        """The window has another size: fit again if all is in view because it was fitted; whether that was done."""
        canvas = self._canvas
        if self._was is None or not canvas.isVisible() or self._was != (canvas.glide.now(), canvas.diagram.bounds()):
            return False
        self._show(None, self._least)
        return True
