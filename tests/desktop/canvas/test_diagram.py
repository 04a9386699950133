from __future__ import annotations

import random

import pytest

from core.resources import examples
from core.steps import discover
from core.workflow import edits
from core.workflow.document import load
from core.workflow.model import Step, Wire, Workflow
from desktop.canvas import shapes
from desktop.canvas.diagram import Diagram
from desktop.canvas.geometry import PLUS, Shape
from desktop.canvas.hit import Hit, entry_at, frame_at, hit, wire_at
from desktop.canvas.routing import curve, point_at
from desktop.canvas.walking import along_wires, downstream, in_direction, upstream
from desktop.document import changes_between
from tests.support.small_steps import small_step_types

TYPES = small_step_types()


def decision() -> Workflow:
    steps = {
        "start": Step("start", "value", then={"out": ("choose",)}),
        "choose": Step("choose", "choose", then={"true": ("yes",), "false": ("no",)}),
        "yes": Step("yes", "value"),
        "no": Step("no", "value", on_error="branch"),
    }
    layout = {"start": (0.0, 0.0), "choose": (320.0, 0.0), "yes": (640.0, -96.0), "no": (640.0, 96.0)}
    return Workflow("w", steps=steps, layout=layout)


def with_loop() -> Workflow:
    body = {"inner": Step("inner", "add")}
    steps = {"loop": Step("loop", "loop", config={"times": 3}, body=body), "outer": Step("outer", "value")}
    return Workflow("w", steps=steps, layout={"loop": (0.0, 0.0), "inner": (24.0, 60.0), "outer": (600.0, 0.0)})


def same_picture(one: Diagram, other: Diagram) -> bool:
    return (one.boxes, one.wires, one.groups) == (other.boxes, other.wires, other.groups) and all(
        one.nodes.rect(step) == other.nodes.rect(step) for step in one.boxes
    )


def test_a_decision_has_a_port_for_each_way_and_an_error_branch_has_one_more() -> None:
    diagram = Diagram(TYPES, decision())
    assert [port.name for port in diagram.boxes["choose"].shape.exits()] == ["true", "false"]
    assert [port.name for port in diagram.boxes["no"].shape.exits()] == ["out", "error"]
    assert all(port.kind == "flow" for port in diagram.boxes["choose"].shape.exits())


def test_steps_that_look_alike_share_a_shape_that_was_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[object] = []
    measure = shapes._measured

    def counted(traits: shapes._Traits) -> Shape:
        measured.append(traits)
        return measure(traits)

    monkeypatch.setattr(shapes, "_measured", counted)
    steps = {f"s{n}": Step(f"s{n}", ("value", "choose")[n % 2], title=f"Step {n}") for n in range(200)}
    diagram = Diagram(TYPES, Workflow("w", steps=steps))
    assert len(measured) == len({id(box.shape) for box in diagram.boxes.values()}) == 2


def test_wires_run_between_the_ports_that_they_name() -> None:
    diagram = Diagram(TYPES, decision())
    path = diagram.wires[Wire("choose", "false", "no")]
    port = diagram.boxes["choose"].shape.exit("false")
    assert port is not None
    assert (path.x1, path.y1) == diagram.boxes["choose"].spot(port)
    assert (path.x2, path.y2) == (640.0, 96.0 + 18.0)


def test_a_wire_from_a_port_that_is_gone_is_kept_and_marked() -> None:
    workflow = decision().with_step(Step("start", "value", then={"gone": ("choose",)}))
    assert Diagram(TYPES, workflow).wires[Wire("start", "gone", "choose")].missing


def test_a_step_of_a_type_that_is_not_installed_keeps_its_place_ports_and_wires() -> None:
    steps = {"x": Step("x", "vendor_thing", then={"left": ("y",)}), "y": Step("y", "value")}
    diagram = Diagram(TYPES, Workflow("w", steps=steps, layout={"x": (0.0, 0.0), "y": (400.0, 0.0)}))
    assert diagram.boxes["x"].shape.form == "unknown"
    assert Wire("x", "left", "y") in diagram.wires


def test_a_frame_holds_the_steps_of_its_loop_and_grows_with_them() -> None:
    workflow = with_loop()
    diagram = Diagram(TYPES, workflow)
    assert diagram.boxes["loop"].rect.encloses(diagram.boxes["inner"].rect)
    moved = edits.move_steps(workflow, {"inner": (500.0, 400.0)})
    diagram.update(moved, changes_between(workflow, moved))
    assert diagram.boxes["loop"].rect.encloses(diagram.boxes["inner"].rect)
    diagram.update(workflow, changes_between(moved, workflow))
    assert same_picture(diagram, Diagram(TYPES, workflow))


def test_steps_without_a_place_stand_right_of_what_leads_to_them_and_cover_nothing() -> None:
    workflow = decision()
    added = edits.connect(edits.add_step(workflow, "value")[0], "yes", "out", "value")
    diagram = Diagram(TYPES, added)
    assert diagram.boxes["value"].x > diagram.boxes["yes"].rect.right
    others = [box.rect for step, box in diagram.boxes.items() if step != "value"]
    assert not any(diagram.boxes["value"].rect.intersects(rect) for rect in others)
    assert diagram.unlaid().keys() == {"value"}


def test_collapsing_a_step_leaves_its_header_and_all_of_its_ports() -> None:
    workflow = decision()
    folded = edits.set_collapsed(workflow, ["choose"], True)
    diagram = Diagram(TYPES, workflow)
    diagram.update(folded, changes_between(workflow, folded))
    assert diagram.boxes["choose"].height == 36.0
    assert [port.name for port in diagram.boxes["choose"].shape.exits()] == ["true", "false"]


def test_a_group_is_framed_around_its_steps() -> None:
    workflow, group = edits.add_group(decision(), ["yes", "no"], title="Ends")
    frame = Diagram(TYPES, workflow).groups[0]
    assert frame.id == group
    assert all(frame.rect.encloses(Diagram(TYPES, workflow).boxes[step].rect) for step in ("yes", "no"))


@pytest.mark.parametrize("seed", range(12))
def test_following_edits_one_by_one_gives_the_picture_of_the_document(seed: int) -> None:
    rng = random.Random(seed)
    workflow = decision() if seed % 2 else with_loop()
    diagram = Diagram(TYPES, workflow)
    for _ in range(25):
        after = _edited(workflow, rng)
        diagram.update(after, changes_between(workflow, after))
        workflow = after
    fresh = Diagram(TYPES, workflow)
    assert diagram.boxes == fresh.boxes
    assert diagram.wires == fresh.wires
    assert diagram.groups == fresh.groups


def _edited(workflow: Workflow, rng: random.Random) -> Workflow:
    ids = [step.id for _, step in workflow.walk()]
    place = (float(rng.randrange(2_000)), float(rng.randrange(2_000)))
    loops = [step.id for _, step in workflow.walk() if step.body is not None]
    match rng.randrange(8):
        case 0:
            return edits.add_step(workflow, rng.choice(["value", "choose", "note"]), at=place)[0]
        case 1 if len(ids) > 3:
            return edits.remove_steps(workflow, [rng.choice(ids)], rejoin=rng.random() < 0.5)
        case 2 if loops:
            moved = rng.choice([i for i in ids if i not in loops] or ids)
            return workflow if moved in loops else edits.move_into_body(workflow, [moved], rng.choice([*loops, ""]))
        case 3:
            return edits.set_collapsed(workflow, [rng.choice(ids)], rng.random() < 0.5)
        case 4:
            return edits.set_title(workflow, rng.choice(ids), f"Title {rng.randrange(99)}")
        case 5:
            source, target = rng.choice(ids), rng.choice(ids)
            step = workflow.step(source)
            kind = TYPES.get(step.type) if step else None
            ports = kind.ports({}) if kind else ()
            if not ports or edits.why_not_connect(workflow, TYPES, source, ports[0], target):
                return workflow
            return edits.connect(workflow, source, ports[0], target)
        case _:
            return edits.move_steps(workflow, {rng.choice(ids): place})


def test_every_example_is_shown_with_all_of_its_steps_and_wires() -> None:
    types = discover(plug_ins=())
    for example in examples():
        workflow = load(getattr(example, "path", example))
        diagram = Diagram(types, workflow)
        assert diagram.boxes.keys() == {step.id for _, step in workflow.walk()}
        assert len(diagram.wires) == sum(1 for _, step in workflow.walk() for _ in step.wires())
        boxes = [box for box in diagram.boxes.values() if not box.is_frame]
        assert not any(a.rect.intersects(b.rect) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_ports_are_hit_before_steps_and_steps_before_wires() -> None:
    diagram = Diagram(TYPES, decision())
    found = hit(diagram, 243.0, 18.0, 1.0)
    assert (found.part, found.step, found.port and found.port.name) == ("port", "start", "out")
    assert hit(diagram, 100.0, 20.0, 1.0) == Hit("step", "start")
    path = diagram.wires[Wire("start", "out", "choose")]
    x, y = point_at(curve(path.x1, path.y1, path.x2, path.y2), 0.5)
    assert hit(diagram, x, y + 3.0, 1.0).wire == Wire("start", "out", "choose")
    assert hit(diagram, x, y + 30.0, 1.0).part == "void"


def test_the_reach_of_a_port_is_the_same_on_the_screen_when_zoomed_out() -> None:
    diagram = Diagram(TYPES, decision())
    assert hit(diagram, 255.0, 18.0, 0.4).part == "port"
    assert hit(diagram, 255.0, 18.0, 1.0).part == "wire"


def test_the_plus_beside_an_open_port_belongs_to_the_port() -> None:
    diagram = Diagram(TYPES, decision())
    found = hit(diagram, 880.0 + PLUS, -96.0 + 18.0, 1.0)
    assert (found.part, found.step) == ("port", "yes")
    assert hit(diagram, 240.0 + PLUS, 18.0, 1.0).part == "wire"


def test_the_inside_of_a_loop_is_a_void_that_belongs_to_it() -> None:
    diagram = Diagram(TYPES, with_loop())
    assert hit(diagram, 300.0, 140.0, 1.0) == Hit("frame", "loop")
    assert hit(diagram, 150.0, 18.0, 1.0) == Hit("step", "loop")
    inner = diagram.boxes["inner"].rect
    assert frame_at(diagram, inner) == "loop"
    assert frame_at(diagram, inner, frozenset({"loop"})) is None


def test_a_dragged_wire_takes_the_nearest_input_within_its_reach() -> None:
    diagram = Diagram(TYPES, decision())
    taken = entry_at(diagram, 620.0, 96.0 + 18.0, 1.0)
    assert taken is not None
    assert taken.id == "no"
    assert entry_at(diagram, 600.0, 96.0 + 18.0, 1.0) is None
    assert wire_at(diagram, 2_000.0, 2_000.0, 10.0) is None


def test_the_keyboard_walks_along_wires_and_between_the_ways_of_a_decision() -> None:
    diagram = Diagram(TYPES, decision())
    assert along_wires(diagram, "start", "right") == "choose"
    assert along_wires(diagram, "choose", "left") == "start"
    assert along_wires(diagram, "yes", "down") == "no"
    assert along_wires(diagram, "no", "right") is None
    assert in_direction(diagram, "choose", "left") == "start"


def test_upstream_and_downstream_are_everything_that_leads_there_and_on() -> None:
    diagram = Diagram(TYPES, decision())
    assert upstream(diagram, frozenset({"yes"})) == {"yes", "choose", "start"}
    assert downstream(diagram, frozenset({"choose"})) == {"choose", "yes", "no"}
