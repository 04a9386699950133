"""Which part of the canvas is in view, and how large."""

from __future__ import annotations

from desktop.canvas.geometry import Rect

LEAST_ZOOM, MOST_ZOOM = 0.05, 4.0
"""1.0 = 100 %."""

_MARGIN = 48.0
_AROUND = 32.0
"""Window pixels left around what is revealed, and around what is fitted: there every pixel makes texts larger."""


class Viewport:
    """The window onto the canvas.

    scale: 1.0 = 100 %. x, y: the canvas point at the window's top left corner. width, height: of the window, in
    window pixels.
    """

    def __init__(self, width: float = 800.0, height: float = 600.0) -> None:
        self.scale = 1.0
        self.x = 0.0
        self.y = 0.0
        self.width = width
        self.height = height

    def to_canvas(self, px: float, py: float) -> tuple[float, float]:
        """The canvas point under a window point."""
        return self.x + px / self.scale, self.y + py / self.scale

    def to_window(self, x: float, y: float) -> tuple[float, float]:
        """The window point over a canvas point."""
        return (x - self.x) * self.scale, (y - self.y) * self.scale

    def visible(self) -> Rect:
        """The part of the canvas in view."""
        return Rect(self.x, self.y, self.x + self.width / self.scale, self.y + self.height / self.scale)

    def pan(self, dx: float, dy: float) -> None:
        """Show what lies further right and down, by window pixels."""
        self.x += dx / self.scale
        self.y += dy / self.scale

    def zoom(self, factor: float, px: float, py: float) -> None:
        """Zoom by a factor; the canvas point under a window point stays under it."""
        self.zoom_to(self.scale * factor, px, py)

    def zoom_to(self, scale: float, px: float, py: float) -> None:
        """Zoom to a scale within the limits; the canvas point under a window point stays under it."""
        x, y = self.to_canvas(px, py)
        self.scale = min(MOST_ZOOM, max(LEAST_ZOOM, scale))
        self.x, self.y = x - px / self.scale, y - py / self.scale

    def center_on(self, x: float, y: float) -> None:
        """Put a canvas point into the window's middle."""
        self.x, self.y = x - self.width / 2 / self.scale, y - self.height / 2 / self.scale

    def fit(self, area: Rect, most: float = 1.0) -> None:
        """Show an area whole, with a margin. most: the largest scale that this may lead to."""
        across = (self.width - 2 * _AROUND) / max(area.width, 1.0)
        down = (self.height - 2 * _AROUND) / max(area.height, 1.0)
        self.scale = min(most, MOST_ZOOM, max(LEAST_ZOOM, min(across, down)))
        self.center_on(*area.center)

    def reveal(self, area: Rect) -> bool:
        """Pan as little as shows the area, from its top left if it is too large; whether that was needed."""
        seen = self.visible()
        margin = _MARGIN / self.scale
        before = self.x, self.y
        self.x += _shift(seen.left, seen.right, area.left - margin, area.right + margin)
        self.y += _shift(seen.top, seen.bottom, area.top - margin, area.bottom + margin)
        return (self.x, self.y) != before

    def resize(self, width: float, height: float) -> None:
        """The window has another size; the canvas point at its top left corner stays."""
        self.width, self.height = width, height


def _shift(low: float, high: float, wanted_low: float, wanted_high: float) -> float:
    if wanted_low < low or wanted_high - wanted_low > high - low:
        return wanted_low - low
    return max(0.0, wanted_high - high)
