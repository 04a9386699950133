"""Which row is where, though most heights are guesses."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop.chat.row_heights import RowHeights

HEIGHTS = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=40)
CHANGES = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 90)), max_size=10)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(HEIGHTS, CHANGES, st.lists(st.integers(0, 40), max_size=20))
def test_it_adds_up_like_a_list(heights: list[float], changes: list[tuple[int, int]], more: list[int]) -> None:
    rows, plain = RowHeights(heights), list(heights)
    for index, height in changes:
        if index < len(plain):
            assert rows.change(index, height) == height - plain[index]
            plain[index] = float(height)
    for height in more:
        rows.append(height)
        plain.append(float(height))
    assert rows.total == sum(plain)
    assert [rows.top(index) for index in range(len(plain))] == [sum(plain[:index]) for index in range(len(plain))]


@QUICK
@given(HEIGHTS, st.integers(0, 2000))
def test_the_row_at_a_height_is_the_one_that_covers_it(heights: list[float], y: int) -> None:
    rows = RowHeights(heights)
    found = rows.at(y)
    covering = [i for i in range(len(heights)) if sum(heights[:i]) <= y < sum(heights[: i + 1])]
    assert found == (covering[0] if covering else len(heights) - 1)
