from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.canvas.routing import bounds, crosses, curve, distance, point_at, sampled, strips

places = st.floats(-5_000, 5_000, allow_nan=False)


@given(places, places, places, places)
def test_a_wire_begins_and_ends_at_its_ports_and_stays_in_its_bounds(
    x1: float, y1: float, x2: float, y2: float
) -> None:
    line = sampled(curve(x1, y1, x2, y2))
    area = bounds(x1, y1, x2, y2).grown(1e-6)
    assert line[0] == (x1, y1)
    assert math.dist(line[-1], (x2, y2)) < 1e-6
    assert all(area.contains(x, y) for x, y in line)


@given(places, places, places, places)
def test_the_strips_of_a_wire_cover_all_of_it(x1: float, y1: float, x2: float, y2: float) -> None:
    parts = strips(x1, y1, x2, y2)
    points = sampled(curve(x1, y1, x2, y2), 12)
    assert all(any(part.grown(0.01).contains(x, y) for part in parts) for x, y in points)


def test_a_wire_leaves_to_the_right_and_arrives_from_the_left_whichever_way_its_target_lies() -> None:
    for x2 in (400.0, -400.0):
        line = sampled(curve(0.0, 0.0, x2, 300.0), 64)
        assert line[1][0] > line[0][0]
        assert line[-2][0] < line[-1][0]


def test_the_bend_is_half_the_distance_but_at_least_forty_pixels() -> None:
    assert curve(0, 0, 200, 0)[2] == 100.0
    assert curve(0, 0, 10, 0)[2] == 40.0


def test_a_wire_back_to_a_step_at_the_same_height_goes_around_below_both() -> None:
    line = sampled(curve(0.0, 0.0, -600.0, 0.0))
    assert max(y for _, y in line) > 90.0


def test_distance_is_measured_to_the_curve_and_not_to_its_rectangle() -> None:
    points = curve(0.0, 0.0, 400.0, 400.0)
    assert distance(points, *point_at(points, 0.3)) < 1.0
    assert distance(points, 390.0, 10.0) > 100.0


def test_a_cut_meets_only_the_wires_that_it_crosses() -> None:
    points = curve(0.0, 0.0, 400.0, 0.0)
    assert crosses(points, 200.0, -50.0, 200.0, 50.0)
    assert not crosses(points, 200.0, 10.0, 200.0, 50.0)
    assert not crosses(points, 500.0, -50.0, 500.0, 50.0)


@pytest.mark.parametrize("t", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_a_point_of_a_wire_is_asked_for_by_a_share_of_the_way_within_its_ends(t: float) -> None:
    x, _ = point_at(curve(0.0, 0.0, 100.0, 0.0), t)
    assert 0.0 <= x <= 100.0
