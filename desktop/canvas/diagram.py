"""The graph as it stands on the canvas: a box for every step, a path for every wire, found by place.

It follows the document edit by edit; a gesture may move boxes about before it makes its edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.engine.step_type import StepTypes
from core.workflow.model import Group, Step, Wire, Workflow
from desktop.canvas.geometry import (
    FRAME_PAD,
    GROUP_PAD,
    GROUP_TITLE,
    HEADER,
    NodeBox,
    Rect,
    Shape,
    WirePath,
    around,
)
from desktop.canvas.grid_index import GridIndex
from desktop.canvas.layers import Place
from desktop.canvas.placing import places
from desktop.canvas.routing import bounds
from desktop.canvas.shapes import Shapes
from desktop.document import Changes
from desktop.step_words import face_title


@dataclass(slots=True)
class Damage:
    """What has to be painted anew. areas: parts of the canvas. steps: ids whose face or place differs. wires: those
    added, removed or moved."""

    areas: list[Rect] = field(default_factory=list)
    steps: set[str] = field(default_factory=set)
    wires: set[Wire] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class GroupFrame:
    """A group and where its frame stands."""

    id: str
    group: Group
    rect: Rect


class Diagram:
    """Boxes and wires of one workflow.

    boxes: by step id, in document order, loops before what is inside them. wires: by themselves.
    """

    def __init__(self, types: StepTypes, workflow: Workflow) -> None:
        self.types = types
        self.workflow = workflow
        self.steps: dict[str, Step] = {}
        self.boxes: dict[str, NodeBox] = {}
        self.wires: dict[Wire, WirePath] = {}
        self.nodes: GridIndex[str] = GridIndex()
        self.paths: GridIndex[Wire] = GridIndex()
        self._shapes = Shapes()
        self._parents: dict[str, str | None] = {}
        self._children: dict[str, set[str]] = {}
        self._touching: dict[str, set[Wire]] = {}
        self._loops: set[str] = set()
        self._whole: Rect | None = None
        self._order: dict[str, int] = {}
        self._next = 0
        self._unlaid: dict[str, Place] = {}
        self._origins: dict[str, Place] = {}
        self._on_way: dict[str, Place] = {}
        self.groups: tuple[GroupFrame, ...] = ()
        self.update(workflow, Changes(added=frozenset(step.id for _, step in workflow.walk())))

    def update(self, workflow: Workflow, changes: Changes) -> Damage:
        """Follow an edit."""
        damage = Damage()
        before, self.workflow = self.workflow, workflow
        if changes.only_moved and before.steps is workflow.steps and before.collapsed is workflow.collapsed:
            for step in changes.moved & self.boxes.keys():
                self._lay(step, damage)
            self._frame(self._loops_around(changes.moved) | self._loops_in(changes.moved), damage)
        elif changes.added or changes.removed or changes.changed or changes.moved:
            self._follow(changes, damage)
        self._group(damage)
        return damage

    def _follow(self, changes: Changes, damage: Damage) -> None:
        """Bring everything that an edit touched up to date."""
        workflow = self.workflow
        folded = workflow.collapsed
        outline = {
            step.id: (step, path[-1] if path else None)
            for path, step in workflow.walk()
            if not path or folded.isdisjoint(path)
        }
        for step in self.boxes.keys() - outline.keys():
            self._drop(step, damage)
        fresh = [i for i in outline if i not in self.boxes]
        if any(i not in workflow.layout for i in fresh):
            spots = places(workflow, self.size_of, self.is_note)
            self._unlaid.update({i: spots[i] for i in fresh if i not in workflow.layout})
        adopted = [i for i, (_, parent) in outline.items() if i in self.boxes and self._parents[i] != parent]
        same = changes.changed | changes.moved
        touched = dict.fromkeys([*fresh, *adopted, *(i for i in outline if i in same)])
        for step in touched:
            self.steps[step], parent = outline[step]
            self._adopt(step, parent)
            self._lay(step, damage)
            damage.steps.add(step)
        self._frame(self._loops_around(touched) | self._loops_in(touched), damage)
        for step in touched:
            self._wire(step, damage)
        damage.areas += [self.boxes[step].rect for step in damage.steps if step in self.boxes]

    def show_at(self, places: Mapping[str, Place]) -> Damage:
        """Show steps at other places than the document's for a while; nothing given puts them back."""
        damage = Damage()
        touched = (self._on_way.keys() | places.keys()) & self.boxes.keys()
        self._on_way = dict(places)
        for step in touched:
            self._lay(step, damage)
        self._frame(self._loops_around(touched) | self._loops_in(touched), damage)
        self._group(damage)
        return damage

    def carried(self, places: Mapping[str, Place]) -> dict[str, Place]:
        """New places of steps, with those of what is hidden inside folded loops, which goes along."""
        out = dict(places)
        for loop in self.workflow.collapsed & places.keys() & self.boxes.keys():
            (x, y), (was_x, was_y) = places[loop], self._origins[loop]
            for _, inner in Workflow("", steps=self.steps[loop].body or {}).walk():
                spot = self.workflow.layout.get(inner.id)
                if spot is not None:
                    out[inner.id] = (spot[0] + x - was_x, spot[1] + y - was_y)
        return out

    def shown_for(self, step: str) -> str:
        """The step itself, or the folded loop that hides it; '' if there is no such step."""
        if step in self.boxes:
            return step
        paths = (path for path, inner in self.workflow.walk() if inner.id == step)
        return next((loop for loop in next(paths, ()) if loop in self.boxes and loop in self.workflow.collapsed), "")

    def place_of(self, step: str) -> Place:
        """Where a step stands; for a loop, without what its frame grows around."""
        return self._origins[step]

    def port_height(self, step: Step, port: str) -> float:
        """How far below a step's top an output port is; its input for an empty name."""
        shape = self._shape(step)
        spot = shape.exit(port) if port else shape.entry()
        return spot.y if spot is not None else HEADER / 2

    def unlaid(self) -> dict[str, Place]:
        """Where steps stand that have no place in the document: an edit of places writes them down as well."""
        return {i: (box.x, box.y) for i, box in self.boxes.items() if i not in self.workflow.layout}

    def wires_of(self, step: str) -> frozenset[Wire]:
        """The wires that begin or end at a step."""
        return frozenset(self._touching.get(step, ()))

    def inside(self, step: str) -> frozenset[str]:
        """Everything inside a loop, however deep."""
        out: set[str] = set()
        for child in self._children.get(step, ()):
            out.add(child)
            out |= self.inside(child)
        return frozenset(out)

    def with_inside(self, steps: Iterable[str]) -> frozenset[str]:
        """The steps and everything inside them."""
        out = set(steps)
        for step in tuple(out):
            out |= self.inside(step)
        return frozenset(out & self.boxes.keys())

    def in_area(self, area: Rect) -> list[NodeBox]:
        """The boxes that meet an area, from the bottom up: frames by depth, then steps in their order."""
        return self.in_areas((area,))

    def in_areas(self, areas: Iterable[Rect]) -> list[NodeBox]:
        """The boxes that meet any of the areas, in the order of `in_area`."""
        found = [self.boxes[step] for step in set[str]().union(*(self.nodes.within(area) for area in areas))]
        order = self._order
        return sorted(found, key=lambda box: (not box.is_frame, box.depth, order[box.id]))

    @property
    def frames(self) -> list[NodeBox]:
        """The loops' frames, outer before inner."""
        return sorted(map(self.boxes.__getitem__, self._loops), key=lambda box: (box.depth, self._order[box.id]))

    def bounds(self, steps: Iterable[str] | None = None) -> Rect | None:
        """The rectangle around the steps, or around everything; None if there is nothing."""
        if steps is not None:
            return around(self.boxes[step].rect for step in steps if step in self.boxes)
        if self._whole is None:
            self._whole = around(box.rect for box in self.boxes.values())
        return self._whole

    def extent(self, step: str) -> Rect:
        """The rectangle around a step and its wires."""
        rects = [self.boxes[step].rect, *(self.paths.rect(wire) for wire in self._touching.get(step, ()))]
        return around(rects) or self.boxes[step].rect

    def connected(self, step: str) -> frozenset[tuple[str, str]]:
        """The ports of a step that have a wire, as side and name."""
        return frozenset(
            ("out", wire.port) if wire.source == step else ("in", "") for wire in self._touching.get(step, ())
        )

    def title(self, step_id: str) -> str:
        """What a step is called on its face: its title, or else its type's, or else its id."""
        return face_title(self.steps[step_id], self.types)

    def is_note(self, step: Step) -> bool:
        """Whether a step is a note."""
        kind = self.types.get(step.type)
        return kind is not None and kind.canvas_only

    def _shape(self, step: Step) -> Shape:
        layout = self.workflow.layout.get(step.id, ())
        return self._shapes.of(
            step,
            self.types.get(step.type),
            width=layout[2] if len(layout) > 2 else 0.0,
            height=layout[3] if len(layout) > 3 else 0.0,
            collapsed=step.id in self.workflow.collapsed,
        )

    def size_of(self, step: Step) -> Place:
        """Width and height of a step that holds no others."""
        shape = self._shape(step)
        return shape.width, shape.height

    def _adopt(self, step: str, parent: str | None) -> None:
        old = self._parents.get(step)
        if old is not None:
            self._children.get(old, set()).discard(step)  # the loop itself may be gone
        if old != parent:
            self._order.pop(step, None)  # what came into a loop or out of it lies on top
        self._parents[step] = parent
        if parent is not None:
            self._children.setdefault(parent, set()).add(step)
        if step not in self._order:
            self._order[step] = self._next
            self._next += 1

    def _lay(self, step_id: str, damage: Damage) -> None:
        """Measure a step and put it where the document has it."""
        step = self.steps[step_id]
        shape = self._shape(step)
        layout = self.workflow.layout.get(step_id, ())
        x, y = layout[:2] if len(layout) > 1 else self._unlaid.get(step_id, (0.0, 0.0))
        x, y = self._on_way.get(step_id, (x, y))
        self._origins[step_id] = (float(x), float(y))
        parent = self._parents[step_id]
        self._set_box(
            NodeBox(step_id, float(x), float(y), shape.width, shape.height, shape, parent, self._depth(parent)), damage
        )

    def _depth(self, parent: str | None) -> int:
        depth = 0
        while parent is not None:
            depth, parent = depth + 1, self._parents[parent]
        return depth

    def _set_box(self, box: NodeBox, damage: Damage) -> None:
        old = self.boxes.get(box.id)
        if old == box:
            return
        if old is not None:
            damage.areas.append(old.rect)
        self.boxes[box.id] = box
        self._whole = None
        self.nodes.put(box.id, box.rect)
        if box.is_frame:
            self._loops.add(box.id)
        else:
            self._loops.discard(box.id)
        damage.areas.append(box.rect)
        damage.steps.add(box.id)
        for wire in self._touching.get(box.id, ()):
            self._draw(wire, damage)

    def _drop(self, step: str, damage: Damage) -> None:
        damage.areas.append(self.boxes.pop(step).rect)
        self._whole = None
        damage.steps.add(step)
        for wire in tuple(self._touching.get(step, ())):
            self._cut(wire, damage)
        self._touching.pop(step, None)
        self.nodes.remove(step)
        self._loops.discard(step)
        self.steps.pop(step)
        self._order.pop(step)
        self._origins.pop(step)
        self._unlaid.pop(step, None)
        parent = self._parents.pop(step)
        if parent is not None:
            self._children.get(parent, set()).discard(step)
        self._children.pop(step, None)

    def _wire(self, step_id: str, damage: Damage) -> None:
        """Bring the outgoing wires of a step, and those that wait for it, up to date."""
        wanted = dict.fromkeys(wire for wire in self.steps[step_id].wires() if wire.target in self.boxes)
        current = {wire for wire in self._touching.get(step_id, ()) if wire.source == step_id}
        for wire in current - wanted.keys():
            self._cut(wire, damage)
        for wire in wanted:
            self._touching.setdefault(wire.source, set()).add(wire)
            self._touching.setdefault(wire.target, set()).add(wire)
            damage.steps |= {wire.source, wire.target} if wire not in current else set()
            self._draw(wire, damage)

    def _draw(self, wire: Wire, damage: Damage) -> None:
        source, target = self.boxes[wire.source], self.boxes[wire.target]
        port, entry = source.shape.exit(wire.port), target.shape.entry()
        x1, y1 = source.spot(port) if port else (source.x + source.width, source.y + HEADER / 2)
        x2, y2 = target.spot(entry) if entry else (target.x, target.y + HEADER / 2)
        path = WirePath(wire, x1, y1, x2, y2, port.kind if port else "any", port is None)
        old = self.wires.get(wire)
        if old == path:
            return
        if old is not None:
            damage.areas.append(self.paths.rect(wire))
        self.wires[wire] = path
        area = bounds(x1, y1, x2, y2).grown(3.0)
        self.paths.put(wire, area)
        damage.areas.append(area)
        damage.wires.add(wire)

    def _cut(self, wire: Wire, damage: Damage) -> None:
        damage.areas.append(self.paths.rect(wire))
        damage.wires.add(wire)
        damage.steps |= {wire.source, wire.target}
        self.wires.pop(wire)
        self.paths.remove(wire)
        self._touching[wire.source].discard(wire)
        self._touching[wire.target].discard(wire)

    def _loops_around(self, steps: Iterable[str]) -> set[str]:
        out: set[str] = set()
        for step in steps:
            loop = self._parents.get(step)
            while loop is not None:
                out.add(loop)
                loop = self._parents.get(loop)
        return out

    def _loops_in(self, steps: Iterable[str]) -> set[str]:
        return {step for step in steps if step in self.boxes and self.boxes[step].is_frame}

    def _group(self, damage: Damage) -> None:
        """Bring the groups' frames up to date."""
        fresh: list[GroupFrame] = []
        for group_id, group in self.workflow.groups.items():
            held = around(self.boxes[step].rect for step in group.steps if step in self.boxes)
            if held is not None:
                rect = held.grown(GROUP_PAD)
                fresh.append(GroupFrame(group_id, group, Rect(rect.left, rect.top - GROUP_TITLE, *rect[2:])))
        damage.areas += [frame.rect for frame in {*fresh} ^ {*self.groups}]
        self.groups = tuple(fresh)

    def _frame(self, loops: set[str], damage: Damage) -> None:
        """Size frames to what is inside them, the innermost first."""
        for loop in sorted(loops & self.boxes.keys(), key=lambda i: -self.boxes[i].depth):
            box = self.boxes[loop]
            layout = self.workflow.layout.get(loop, ())
            x, y = self._origins[loop]
            least = Rect(x, y, x + box.shape.width, y + max((box.shape.height, *layout[3:4])))
            held = around(self.boxes[child].rect for child in self._children.get(loop, ()) if child in self.boxes)
            if held is None:
                rect = least
            else:
                held = Rect(held.left, held.top - HEADER, held.right, held.bottom).grown(FRAME_PAD)
                rect = held.united(least) if len(layout) > 1 else held
            self._set_box(replace(box, x=rect.left, y=rect.top, width=rect.width, height=rect.height), damage)
