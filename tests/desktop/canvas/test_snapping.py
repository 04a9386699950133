from __future__ import annotations

from desktop.canvas.geometry import GRID, Rect
from desktop.canvas.snapping import snapped

BOX = Rect(0, 0, 240, 64)


def test_without_neighbours_a_step_comes_to_rest_on_the_grid() -> None:
    snap = snapped(Rect(3, 5, 243, 69), 10.0, 10.0, [], scale=1.0)
    assert (3 + snap.dx) % GRID == 0
    assert (5 + snap.dy) % GRID == 0
    assert snap.guides == ()


def test_an_edge_near_a_neighbours_edge_takes_it_and_a_guide_says_so() -> None:
    neighbour = Rect(403, 200, 643, 264)
    snap = snapped(BOX, 400.0, 20.0, [neighbour], scale=1.0)
    assert BOX.moved(snap.dx, snap.dy).left == 403
    assert snap.guides[0].x1 == snap.guides[0].x2 == 403
    assert snap.guides[0].gap == 200 - (64 + snap.dy)


def test_the_reach_of_a_guide_is_the_same_on_the_screen_at_every_scale() -> None:
    neighbour = Rect(403, 200, 643, 264)
    assert snapped(BOX, 391.0, 0.0, [neighbour], scale=1.0).dx != 403
    assert snapped(BOX, 391.0, 0.0, [neighbour], scale=0.25).dx == 403


def test_with_alt_held_nothing_snaps() -> None:
    snap = snapped(BOX, 401.3, 0.7, [Rect(400, 0, 640, 64)], scale=1.0, free=True)
    assert (snap.dx, snap.dy) == (401.3, 0.7)
