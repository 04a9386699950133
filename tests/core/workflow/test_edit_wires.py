from __future__ import annotations

import pytest

from core.workflow.edits import connect, disconnect, insert_on_wire, reconnect, refusals, why_not_connect
from core.workflow.model import Wire, Workflow
from core.workflow.problems import EditRefused
from core.workflow.validate import validate
from tests.support.wired_steps import document, wired_step_types

TYPES = wired_step_types()


def chain() -> Workflow:
    return document(
        {
            "a": {"type": "ask", "config": {"prompt": "x"}, "then": "b"},
            "b": {"type": "ask", "config": {"prompt": "{{ a.text }}"}, "then": "c"},
            "c": {"type": "ask", "config": {"prompt": "{{ b.text }}"}},
            "d": {"type": "ask"},
            "pass": {"type": "loop", "config": {"times": 1}, "body": {"inner": {"type": "ask"}}},
            "note": {"type": "note"},
            "end": {"type": "end"},
        }
    )


def test_a_wire_is_drawn_last_and_everything_else_stays_the_same_object() -> None:
    before = chain()
    after = connect(before, "a", "out", "d", types=TYPES)
    assert after.steps["a"].then == {"out": ("b", "d")}
    assert [key for key in before.steps if after.steps[key] is not before.steps[key]] == ["a", "d"]


def test_drawing_a_wire_twice_changes_nothing() -> None:
    before = chain()
    assert connect(before, "a", "out", "b", types=TYPES) is before


def test_an_empty_main_field_is_filled_with_the_sources_main_output() -> None:
    after = connect(chain(), "c", "out", "d", types=TYPES)
    assert after.steps["d"].config == {"prompt": "{{ c.text }}"}


def test_a_main_field_that_holds_something_is_left_alone() -> None:
    after = connect(chain(), "d", "out", "a", types=TYPES)
    assert after.steps["a"].config == {"prompt": "x"}


def test_a_main_field_that_takes_names_gets_the_reference_under_a_name() -> None:
    before = document({"a": {"type": "ask"}, "g": {"type": "gather"}})
    after = connect(before, "a", "out", "g", types=TYPES)
    assert after.steps["g"].config == {"inputs": {"text": "{{ a.text }}"}}


@pytest.mark.parametrize("target", ["until", "set", "end", "other"])
def test_a_main_field_that_reads_the_body_or_does_not_exist_is_not_filled(target: str) -> None:
    before = document({"a": {"type": "ask"}, "x": {"type": target, "config": {"variables": {}}}})
    assert connect(before, "a", "out", "x", types=TYPES).steps["x"] is before.steps["x"]


def test_the_error_port_gives_no_reference() -> None:
    before = document({"a": {"type": "ask", "on_error": "branch"}, "b": {"type": "ask"}})
    after = connect(before, "a", "error", "b", types=TYPES)
    assert after.steps["a"].then == {"error": ("b",)}
    assert after.steps["b"].config == {}


@pytest.mark.parametrize(
    ("source", "port", "target", "reason"),
    [
        ("c", "out", "a", "circle"),
        ("a", "out", "a", "follow itself"),
        ("a", "out", "inner", "border of a loop"),
        ("inner", "out", "a", "border of a loop"),
        ("pass", "out", "inner", "border of a loop"),
        ("a", "out", "note", "note"),
        ("note", "out", "a", "note"),
        ("a", "oops", "d", "no port 'oops'"),
        ("a", "error", "d", "on an error"),
        ("end", "out", "d", "no output port"),
    ],
)
def test_a_wire_that_cannot_be_drawn_says_why(source: str, port: str, target: str, reason: str) -> None:
    before = chain()
    sentence = why_not_connect(before, TYPES, source, port, target)
    assert reason in sentence
    assert sentence.endswith(".")
    assert refusals(before, TYPES, source, port)[target] == sentence
    with pytest.raises(EditRefused) as caught:
        connect(before, source, port, target, types=TYPES)
    assert str(caught.value) == sentence


def test_refusals_name_every_step_and_agree_with_the_single_question() -> None:
    before = chain()
    found = refusals(before, TYPES, "b", "out")
    assert found.keys() == {"a", "b", "c", "d", "pass", "inner", "note", "end"}
    assert {key for key, reason in found.items() if not reason} == {"d", "pass", "end"}
    assert all(reason == why_not_connect(before, TYPES, "b", "out", key) for key, reason in found.items())


def test_an_unknown_step_is_named_with_the_nearest_one() -> None:
    with pytest.raises(EditRefused, match=r"no step 'pas'.*'pass'"):
        connect(chain(), "pas", "out", "a")


def test_cutting_the_last_wire_leaves_no_empty_port() -> None:
    after = disconnect(chain(), [Wire("a", "out", "b"), Wire("b", "out", "nowhere")])
    assert after.steps["a"].then == {}
    assert after.steps["b"].then == {"out": ("c",)}


def test_several_wires_move_to_another_step_at_once_in_their_places() -> None:
    before = document(
        {
            "a": {"type": "ask", "then": ["x", "y"]},
            "b": {"type": "ask", "then": "x"},
            "x": {"type": "ask"},
            "y": {"type": "ask"},
            "z": {"type": "ask"},
        }
    )
    moved = {Wire(key, "out", "x"): Wire(key, "out", "z") for key in "ab"}
    after = reconnect(before, moved, types=TYPES)
    assert after.steps["a"].then == {"out": ("z", "y")}
    assert after.steps["b"].then == {"out": ("z",)}


def test_a_wire_can_be_turned_round() -> None:
    before = document({"a": {"type": "ask", "then": "b"}, "b": {"type": "ask"}})
    after = reconnect(before, {Wire("a", "out", "b"): Wire("b", "out", "a")}, types=TYPES)
    assert (after.steps["a"].then, after.steps["b"].then) == ({}, {"out": ("a",)})


def test_a_move_that_is_refused_changes_nothing() -> None:
    with pytest.raises(EditRefused, match="circle"):
        reconnect(chain(), {Wire("b", "out", "c"): Wire("b", "out", "a")}, types=TYPES)


def test_a_step_put_on_a_wire_stands_between_its_ends_and_reads_the_first() -> None:
    before = chain()
    after = insert_on_wire(before, "d", Wire("a", "out", "b"), types=TYPES)
    assert after.steps["a"].then == {"out": ("d",)}
    assert after.steps["d"].then == {"out": ("b",)}
    assert after.steps["d"].config == {"prompt": "{{ a.text }}"}
    assert after.steps["b"] is before.steps["b"]


@pytest.mark.parametrize(
    ("step", "wire", "reason"),
    [
        ("end", Wire("a", "out", "b"), "Nothing goes on"),
        ("d", Wire("a", "out", "c"), "no wire"),
        ("a", Wire("a", "out", "b"), "an end of this wire"),
        ("inner", Wire("a", "out", "b"), "border"),
        ("c", Wire("a", "out", "b"), "circle"),
    ],
)
def test_a_step_that_cannot_stand_on_a_wire_says_why(step: str, wire: Wire, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        insert_on_wire(chain(), step, wire, types=TYPES)


def test_what_connect_draws_validation_accepts() -> None:
    after = connect(
        document({"a": {"type": "ask", "config": {"prompt": "x"}}, "b": {"type": "ask"}}), "a", "out", "b", types=TYPES
    )
    assert validate(after, TYPES) == []
