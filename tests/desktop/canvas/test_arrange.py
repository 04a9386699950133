from __future__ import annotations

import json

import pytest

from core.workflow.model import Group, Step, Workflow
from desktop.canvas.arrange import Edge, aligned, distributed, level_of, tidied
from desktop.canvas.diagram import Diagram
from desktop.canvas.dot_child import arranged_by_dot
from desktop.canvas.geometry import NodeBox, Rect, Shape
from desktop.canvas.layers import Place
from desktop.canvas.levels import Arrange, Level, in_columns, placed
from tests.support.small_steps import small_step_types


def box(name: str, x: float, y: float, width: float = 240.0, height: float = 64.0) -> NodeBox:
    return NodeBox(name, x, y, width, height, Shape("step", width, height, ()))


BOXES = [box("a", 0, 0), box("b", 100, 200, 300), box("c", 40, 500, 240, 120)]


@pytest.mark.parametrize(("edge", "line"), [("left", 0.0), ("right", 400.0), ("center", 200.0)])
def test_alignment_brings_edges_or_middles_into_one_upright_line(edge: Edge, line: float) -> None:
    places = aligned(BOXES, edge)
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[edge]
    assert {places[b.id][0] + b.width * share for b in BOXES} == {line}
    assert all(places[b.id][1] == b.y for b in BOXES)


def test_alignment_works_across_too() -> None:
    assert {y for _, y in aligned(BOXES, "top").values()} == {0.0}
    assert {aligned(BOXES, "bottom")[b.id][1] + b.height for b in BOXES} == {620.0}
    assert aligned([], "top") == {}


def test_distribution_makes_the_spaces_between_steps_equal_and_keeps_the_ends() -> None:
    places = distributed(BOXES, "down")
    assert (places["a"][1], places["c"][1]) == (0, 500)
    assert places["b"][1] - 64 == 500 - (places["b"][1] + 64)
    assert distributed(BOXES[:2], "down") == {}


def arranged(workflow: Workflow, arrange: Arrange) -> dict[str, Place]:
    diagram = Diagram(small_step_types(), workflow)
    level = level_of(
        workflow.steps, diagram.size_of, diagram.is_note, groups=workflow.groups.values(), ports=diagram.port_height
    )
    again = Level.from_json(json.loads(json.dumps(level.as_json())))
    assert again.as_json() == level.as_json()
    return tidied(workflow, level, placed(again, arrange)[0])


BOTH = pytest.mark.parametrize("arrange", [arranged_by_dot, in_columns], ids=["dot", "columns"])


@BOTH
def test_tidying_up_lays_out_loops_around_what_is_inside_them(arrange: Arrange) -> None:
    inner = {"in_a": Step("in_a", "value", then={"out": ("in_b",)}), "in_b": Step("in_b", "value")}
    steps = {
        "first": Step("first", "value", then={"out": ("loop",)}),
        "loop": Step("loop", "loop", body=inner, then={"out": ("last",)}),
        "last": Step("last", "value"),
        "remark": Step("remark", "note"),
        "empty": Step("empty", "loop", body={}),
    }
    workflow = Workflow("w", steps=steps, layout={"remark": (7.0, 7.0)})
    places = arranged(workflow, arrange)
    assert "remark" not in places
    moved = Diagram(small_step_types(), Workflow("w", steps=steps, layout={**places, "remark": (7.0, 7.0)}))
    frame = moved.boxes["loop"].rect
    assert frame.encloses(moved.boxes["in_a"].rect)
    assert frame.encloses(moved.boxes["in_b"].rect)
    assert moved.boxes["first"].rect.right < frame.left
    assert frame.right < moved.boxes["last"].rect.left


@BOTH
def test_tidying_up_keeps_the_corner_where_the_workflow_was(arrange: Arrange) -> None:
    steps = {"a": Step("a", "value", then={"out": ("b",)}), "b": Step("b", "value")}
    workflow = Workflow("w", steps=steps, layout={"a": (300.0, 100.0), "b": (900.0, 500.0)})
    places = arranged(workflow, arrange)
    area = Rect(*places["a"], *places["b"])
    assert (area.left, area.top) == (300.0, 100.0)


@BOTH
def test_a_chain_is_tidied_into_one_straight_line_whatever_its_steps_heights(arrange: Arrange) -> None:
    steps = {
        "a": Step("a", "value", then={"out": ("b",)}),
        "b": Step("b", "loop", body={"x": Step("x", "value")}, then={"out": ("c",)}),
        "c": Step("c", "value"),
    }
    places = arranged(Workflow("w", steps=steps), arrange)
    assert places["a"][1] == places["b"][1] == places["c"][1]


def test_dot_keeps_a_group_together_and_others_out_of_it() -> None:
    ways = {f"s{i}": Step(f"s{i}", "value", then={"out": ("end",)}) for i in range(6)}
    steps = {"start": Step("start", "value", then={"out": tuple(ways)}), **ways, "end": Step("end", "value")}
    groups = {"g": Group("Kept", "blue", ("s0", "s5"))}
    workflow = Workflow("w", steps=steps, groups=groups)
    places = arranged(workflow, arranged_by_dot)
    moved = Diagram(small_step_types(), Workflow("w", steps=steps, groups=groups, layout=places))
    frame = moved.groups[0].rect
    assert not [step for step in steps if step not in groups["g"].steps and moved.boxes[step].rect.intersects(frame)]


def test_the_ways_of_a_decision_are_tidied_in_the_order_of_its_ports() -> None:
    steps = {
        "no": Step("no", "value"),
        "yes": Step("yes", "value"),
        "choose": Step("choose", "choose", then={"true": ("yes",), "false": ("no",)}),
    }
    places = arranged(Workflow("w", steps=steps), arranged_by_dot)
    assert places["yes"][1] < places["no"][1]
