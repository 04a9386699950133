from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.canvas.geometry import Rect
from desktop.canvas.viewport import LEAST_ZOOM, MOST_ZOOM, Viewport

factors = st.floats(0.1, 10.0, allow_nan=False)
pixels = st.floats(0.0, 1_000.0, allow_nan=False)


@given(st.lists(st.tuples(factors, pixels, pixels), max_size=12))
def test_zooming_keeps_what_is_under_the_pointer_under_it(steps: list[tuple[float, float, float]]) -> None:
    view = Viewport(1_000.0, 700.0)
    for factor, px, py in steps:
        before = view.to_canvas(px, py)
        view.zoom(factor, px, py)
        after = view.to_window(*before)
        assert abs(after[0] - px) < 1e-6
        assert abs(after[1] - py) < 1e-6
        assert LEAST_ZOOM <= view.scale <= MOST_ZOOM


@given(st.floats(1, 50_000), st.floats(1, 50_000))
def test_fitting_shows_all_of_an_area_and_never_enlarges_it(width: float, height: float) -> None:
    view = Viewport(1_000.0, 700.0)
    view.fit(Rect(-width, -height, width, height))
    assert view.scale <= 1.0
    if view.scale > LEAST_ZOOM:
        assert view.visible().grown(1e-6).encloses(Rect(-width, -height, width, height))


def test_panning_moves_by_window_pixels_at_every_scale() -> None:
    view = Viewport(1_000.0, 700.0)
    view.zoom_to(2.0, 0.0, 0.0)
    before = view.to_window(100.0, 100.0)
    view.pan(30.0, -20.0)
    after = view.to_window(100.0, 100.0)
    assert (before[0] - after[0], before[1] - after[1]) == (30.0, -20.0)


def test_revealing_pans_only_as_far_as_needed() -> None:
    view = Viewport(1_000.0, 700.0)
    assert not view.reveal(Rect(100, 100, 300, 200))
    assert view.reveal(Rect(1_500, 100, 1_700, 200))
    assert view.visible().encloses(Rect(1_500, 100, 1_700, 200))
    assert view.y == 0.0
