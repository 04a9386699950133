"""Showing a part of the graph, or all of it, as large as it goes; and keeping all of it in view while nothing else was
asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from desktop.canvas.geometry import Rect

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView


class Fitting:
    """Fits one canvas's camera. A whole graph that was fitted stays fitted while the window around it changes, until
    the person looks elsewhere or the graph is another one."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._was: tuple[tuple[float, float, float], Rect | None] | None = None

    def first(self) -> None:
        """Fit the whole graph, if nothing was ever fitted."""
        if self._was is None:
            self.fit()

    def fit(self, steps: Iterable[str] | None = None) -> None:
        """Show these steps, or everything, but not above 100 %."""
        canvas = self._canvas
        area = canvas.diagram.bounds(steps)
        if area is None:
            canvas.camera.scale = 1.0
            canvas.camera.center_on(0.0, 0.0)
        else:
            canvas.camera.fit(area)
        if steps is None:
            self._was = canvas.glide.now(), area
        canvas.camera_moved()

    def resized(self) -> bool:
        """The window has another size: fit again if all is in view because it was fitted; whether that was done."""
        canvas = self._canvas
        if self._was is None or not canvas.isVisible() or self._was != (canvas.glide.now(), canvas.diagram.bounds()):
            return False
        self.fit()
        return True
