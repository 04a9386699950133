from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desktop.canvas.geometry import Rect, spanned
from desktop.canvas.grid_index import GridIndex

numbers = st.floats(-20_000, 20_000, allow_nan=False, width=32)
rects = st.builds(spanned, numbers, numbers, numbers, numbers)


@given(st.lists(rects, max_size=30), rects)
def test_the_index_finds_what_a_look_at_everything_finds(placed: list[Rect], area: Rect) -> None:
    index: GridIndex[int] = GridIndex()
    for key, rect in enumerate(placed):
        index.put(key, rect)
    assert index.within(area) == {key for key, rect in enumerate(placed) if rect.intersects(area)}


@given(st.lists(st.tuples(st.integers(0, 5), rects), max_size=30), st.sets(st.integers(0, 5)), rects)
def test_what_was_moved_or_removed_is_found_where_it_is_now(
    moves: list[tuple[int, Rect]], gone: set[int], area: Rect
) -> None:
    index: GridIndex[int] = GridIndex()
    last: dict[int, Rect] = {}
    for key, rect in moves:
        index.put(key, rect)
        last[key] = rect
    for key in gone:
        index.remove(key)
        last.pop(key, None)
    assert index.within(area) == {key for key, rect in last.items() if rect.intersects(area)}
    assert len(index) == len(last)


def test_nothing_is_left_behind_by_what_was_removed() -> None:
    index: GridIndex[str] = GridIndex()
    index.put("wide", Rect(0, 0, 100_000, 100_000))
    index.put("small", Rect(0, 0, 10, 10))
    index.remove("wide")
    index.remove("small")
    index.remove("never there")
    assert "wide" not in index
    assert index.within(Rect(-1e6, -1e6, 1e6, 1e6)) == set()
