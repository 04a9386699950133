from __future__ import annotations

import random

from core.workflow.graph import Graph
from core.workflow.model import Step, Wire


def graph(**targets: str) -> Graph:
    """A graph of steps by name, each with its targets separated by spaces."""
    return Graph({name: Step(name, "value", then={"out": tuple(text.split())}) for name, text in targets.items()})


def test_steps_are_ordered_after_those_that_lead_to_them() -> None:
    assert graph(c="", b="c", a="b").order == ("a", "b", "c")


def test_ties_in_the_order_are_broken_by_document_order() -> None:
    assert graph(z="end", m="end", a="end", end="").order == ("z", "m", "a", "end")


def test_rank_is_the_place_in_the_order() -> None:
    assert graph(b="", a="b").rank == {"a": 0, "b": 1}


def test_ancestors_are_all_steps_that_lead_to_a_step() -> None:
    wired = graph(a="b c", b="d", c="d", d="", lone="")
    assert wired.ancestors("d") == {"a", "b", "c"}
    assert wired.ancestors("a") == frozenset()
    assert wired.is_ancestor("a", "d")
    assert not wired.is_ancestor("b", "c")
    assert not wired.is_ancestor("lone", "d")
    assert not wired.is_ancestor("elsewhere", "d")


def test_incoming_and_outgoing_wires_carry_their_ports() -> None:
    wired = Graph({"a": Step("a", "choose", then={"true": ("b",), "false": ("b",)}), "b": Step("b", "value")})
    assert wired.incoming("b") == (Wire("a", "true", "b"), Wire("a", "false", "b"))
    assert wired.outgoing("a") == wired.incoming("b")


def test_wires_that_leave_the_level_do_not_count() -> None:
    wired = graph(a="nowhere b", b="")
    assert wired.outgoing("a") == (Wire("a", "out", "b"),)


def test_steps_without_incoming_wires_are_the_starts() -> None:
    assert graph(x="b", a="b", b="").starts == ("x", "a")


def test_a_graph_without_cycles_has_none() -> None:
    assert graph(a="b", b="").cycle() is None


def test_a_cycle_is_named_in_the_order_of_its_wires() -> None:
    assert graph(start="a", c="a", a="b", b="c", end="").cycle() == ("c", "a", "b")


def test_a_step_wired_to_itself_is_a_cycle_of_one() -> None:
    assert graph(a="a").cycle() == ("a",)


def test_each_group_of_steps_that_lead_to_each_other_gives_one_cycle() -> None:
    assert graph(a="b", b="a c", c="d", d="e", e="d", f="").cycles() == (("a", "b"), ("d", "e"))


def test_ancestors_behind_a_cycle_are_complete() -> None:
    wired = graph(s="a", a="b", b="a c", c="")
    assert wired.ancestors("c") == {"s", "a", "b"}
    assert wired.ancestors("a") == {"s", "a", "b"}
    assert wired.order == ("s", "a", "b", "c")


def test_ancestors_and_cycles_agree_with_a_plain_search_on_random_graphs() -> None:
    chance = random.Random(7)
    for _ in range(200):
        names = [f"s{number}" for number in range(chance.randint(1, 9))]
        targets = {name: {other for other in names if chance.random() < 0.18} for name in names}
        wired = graph(**{name: " ".join(sorted(found)) for name, found in targets.items()})
        reached = {name: _reached(targets, name) for name in names}
        for name in names:
            assert wired.ancestors(name) == {other for other in names if name in reached[other]}
        on_cycles = {name for name in names if name in reached[name]}
        assert (wired.cycle() is not None) == bool(on_cycles)
        for cycle in wired.cycles():
            assert set(cycle) <= on_cycles
            assert all(after in targets[before] for before, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        assert sorted(wired.order) == sorted(names)


def test_a_deep_chain_needs_no_recursion() -> None:
    names = [f"s{number}" for number in range(5000)]
    ring = dict(zip(names, (*names[1:], names[0]), strict=True))
    assert len(graph(**ring).cycle() or ()) == 5000
    ring[names[-1]] = ""
    assert len(graph(**ring).ancestors(names[-1])) == 4999


def _reached(targets: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = targets[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found
