"""Steps and the view on their way to where they go, so that the eye can follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer

from desktop.canvas.layers import Place

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

MOST_STEPS: Final = 300
"""More steps than that are simply there: each frame paints all of them."""

_FRAME_MS: Final = 16


class Glide:
    """Moves steps from where they were to where the document has them, and the view along with them."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._from: dict[str, Place] = {}
        self._to: dict[str, Place] = {}
        self._views: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
        self._began = self._lasts = 0.0
        self._timer = QTimer(canvas)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._frame)

    @property
    def is_active(self) -> bool:
        """Whether something is on its way."""
        return self._timer.isActive()

    def begin(self, before: Mapping[str, Place], view: tuple[float, float, float]) -> None:
        """Show steps on their way from places they had, and the view from another one; both are where they go now.

        view: scale, and the canvas point at the window's corner, as `now` gives them.
        """
        canvas = self._canvas
        self.finish()
        boxes = canvas.diagram.boxes
        moved = {step: place for step, place in before.items() if step in boxes}
        ends = {step: canvas.diagram.place_of(step) for step in moved}
        self._lasts = canvas.theme.duration("slow") / 1_000
        if not self._lasts or len(moved) > MOST_STEPS or not canvas.isVisible():
            return
        self._from = {step: place for step, place in moved.items() if place != ends[step]}
        self._to = {step: ends[step] for step in self._from}
        self._views = (view, self.now())
        self._began = canvas.now()
        self._timer.start()
        self._frame()

    def now(self) -> tuple[float, float, float]:
        """The view as it is."""
        camera = self._canvas.camera
        return camera.scale, camera.x, camera.y

    def finish(self) -> None:
        """Be there at once."""
        if self._timer.isActive():
            self._timer.stop()
            self._show(1.0)
            self._from, self._to, self._views = {}, {}, None

    def _frame(self) -> None:
        share = (self._canvas.now() - self._began) / self._lasts
        if share >= 1.0:
            self.finish()
        else:
            self._show(1.0 - (1.0 - share) ** 3)

    def _show(self, share: float) -> None:
        canvas = self._canvas
        on_way = {
            step: (x + (self._to[step][0] - x) * share, y + (self._to[step][1] - y) * share)
            for step, (x, y) in self._from.items()
        }
        canvas.show_damage(canvas.diagram.show_at({} if share >= 1.0 else on_way))
        if self._views is not None:
            (scale, x, y), (end_scale, end_x, end_y) = self._views
            if (scale, x, y) != (end_scale, end_x, end_y):
                canvas.camera.scale = scale + (end_scale - scale) * share
                canvas.camera.x, canvas.camera.y = x + (end_x - x) * share, y + (end_y - y) * share
                canvas.camera_moved(on_its_way=share < 1.0)
