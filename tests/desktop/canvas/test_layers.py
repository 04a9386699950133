from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.canvas.geometry import Rect
from desktop.canvas.layers import arranged

SIZE = (240.0, 80.0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 14))
    ends = st.integers(0, count - 1)
    return count, draw(st.lists(st.tuples(ends, ends), max_size=24))


def sizes(count: int) -> dict[str, tuple[float, float]]:
    return {f"s{i}": (240.0, 64.0 + 24.0 * (i % 3)) for i in range(count)}


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_no_two_steps_overlap_whatever_the_wires_are(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, wires = graph
    known = sizes(count)
    places = arranged(known, [(f"s{a}", f"s{b}") for a, b in wires])
    assert places.keys() == known.keys()
    boxes = [Rect(x, y, x + known[i][0], y + known[i][1]) for i, (x, y) in places.items()]
    for index, box in enumerate(boxes):
        assert not any(box.intersects(other) for other in boxes[index + 1 :])


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_wire_of_a_graph_without_cycles_leads_to_the_right(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, wires = graph
    forward = [(f"s{a}", f"s{b}") for a, b in wires if a < b]
    places = arranged(sizes(count), forward)
    assert all(places[a][0] < places[b][0] for a, b in forward)


def test_the_same_graph_gives_the_same_places() -> None:
    wires = [("s0", "s1"), ("s0", "s2"), ("s1", "s3"), ("s2", "s3"), ("s3", "s0")]
    assert arranged(sizes(4), wires) == arranged(sizes(4), wires)


def test_a_chain_lies_on_one_line() -> None:
    places = arranged(dict.fromkeys("abc", SIZE), [("a", "b"), ("b", "c")])
    assert len({y for _, y in places.values()}) == 1


def test_ways_that_could_cross_are_sorted_so_that_they_do_not() -> None:
    known = dict.fromkeys(["top", "low", "to_low", "to_top"], SIZE)
    places = arranged({"start": SIZE, **known}, [
        ("start", "top"), ("start", "low"), ("low", "to_low"), ("top", "to_top"),
    ])  # fmt: skip
    assert (places["top"][1] < places["low"][1]) == (places["to_top"][1] < places["to_low"][1])


def test_parts_without_wires_between_them_stand_below_each_other() -> None:
    places = arranged(dict.fromkeys("abcd", SIZE), [("a", "b"), ("c", "d")])
    assert max(places["a"][1], places["b"][1]) + SIZE[1] < min(places["c"][1], places["d"][1])
