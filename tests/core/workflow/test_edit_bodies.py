from __future__ import annotations

import pytest

from core.workflow.document import dumps, loads
from core.workflow.edits import move_into_body, move_out_of_body, unwrap_loop, wrap_in_loop
from core.workflow.model import Workflow
from core.workflow.problems import EditRefused
from tests.support.wired_steps import document, wired_step_types

TYPES = wired_step_types()


def wires(workflow: Workflow) -> set[str]:
    return {f"{wire.source}.{wire.port}>{wire.target}" for _, step in workflow.walk() for wire in step.wires()}


def chain() -> Workflow:
    return document(
        {
            "a": {"type": "ask", "then": "b"},
            "b": {"type": "ask", "then": "c"},
            "c": {"type": "ask", "then": "d"},
            "d": {"type": "ask"},
            "each": {"type": "loop", "body": {"x": {"type": "ask", "then": "y"}, "y": {"type": "ask"}}},
        },
        layout={"b": [100, 200], "c": [400, 150]},
        groups={"g": {"steps": ["a", "b"]}},
    )


def test_steps_wrapped_in_a_loop_stand_in_it_and_the_loop_takes_their_outer_wires() -> None:
    before = chain()
    after, loop = wrap_in_loop(before, ["b", "c"], "loop", config={"times": 2}, types=TYPES)
    assert wires(after) == {f"a.out>{loop}", "b.out>c", f"{loop}.out>d", "x.out>y"}
    assert list(after.steps) == ["a", loop, "d", "each"]
    assert list(after.steps[loop].body or {}) == ["b", "c"]
    assert after.layout[loop] == (76.0, 94.0)
    assert after.groups["g"].steps == ("a",)
    assert after.steps["d"] is before.steps["d"]
    assert loads(dumps(after)) == after


def test_unwrapping_undoes_wrapping() -> None:
    before = chain()
    wrapped, loop = wrap_in_loop(before, ["b", "c"], "loop", types=TYPES)
    after = unwrap_loop(wrapped, loop, types=TYPES)
    assert wires(after) == wires(before)
    assert list(after.steps) == list(before.steps)
    assert after.layout == before.layout


def test_unwrapping_an_empty_loop_joins_its_wires() -> None:
    before = document(
        {"a": {"type": "ask", "then": "l"}, "l": {"type": "loop", "body": {}, "then": "b"}, "b": {"type": "ask"}}
    )
    assert wires(unwrap_loop(before, "l", types=TYPES)) == {"a.out>b"}


def test_steps_with_another_one_between_them_cannot_be_wrapped() -> None:
    with pytest.raises(EditRefused, match="'c' comes after some of these steps and before 'd'"):
        wrap_in_loop(chain(), ["b", "d"], "loop", types=TYPES)
    with pytest.raises(EditRefused, match="different levels"):
        wrap_in_loop(chain(), ["b", "x"], "loop", types=TYPES)
    with pytest.raises(EditRefused, match="cannot hold steps"):
        wrap_in_loop(chain(), ["b"], "ask", types=TYPES)


def test_a_step_moved_into_a_loop_hands_its_wires_to_the_loop() -> None:
    after = move_into_body(chain(), ["b"], "each", types=TYPES)
    assert wires(after) == {"a.out>each", "each.out>c", "c.out>d", "x.out>y"}
    assert list(after.steps["each"].body or {}) == ["x", "y", "b"]


def test_a_wire_that_would_close_a_circle_is_cut_instead() -> None:
    after = move_into_body(chain(), ["a", "d"], "each", types=TYPES)
    assert wires(after) in ({"each.out>b", "b.out>c", "x.out>y"},)


def test_a_step_moved_out_of_a_loop_is_wired_to_the_loop() -> None:
    assert wires(move_out_of_body(chain(), ["x"], types=TYPES)) == wires(chain()) - {"x.out>y"} | {"x.out>each"}
    assert wires(move_out_of_body(chain(), ["y"], types=TYPES)) == wires(chain()) - {"x.out>y"} | {"each.out>y"}


def test_a_step_moves_between_loops_that_stand_side_by_side() -> None:
    before, other = wrap_in_loop(chain(), ["b"], "loop", types=TYPES)
    after = move_into_body(before, ["y"], other, types=TYPES)
    assert list(after.steps[other].body or {}) == ["b", "y"]
    assert wires(after) == {f"a.out>{other}", f"{other}.out>c", "c.out>d", f"each.out>{other}"}


def test_moving_to_where_it_stands_changes_nothing() -> None:
    before = chain()
    assert move_into_body(before, ["x"], "each") is before
    assert move_into_body(before, ["a"], "") is before


def test_what_cannot_be_moved_says_why() -> None:
    nested, outer = wrap_in_loop(chain(), ["each"], "loop", types=TYPES)
    with pytest.raises(EditRefused, match="into itself"):
        move_into_body(nested, [outer], "each")
    with pytest.raises(EditRefused, match="no loop"):
        move_into_body(chain(), ["a"], "b")
    with pytest.raises(EditRefused, match="in no loop"):
        move_out_of_body(chain(), ["a"])
