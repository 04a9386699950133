"""Moving steps into loops and out of them, and making loops around steps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from core.workflow.catalogue import Catalogue
from core.workflow.editing.groups import leave_groups
from core.workflow.editing.layout import move_steps
from core.workflow.editing.new_ids import fresh_id
from core.workflow.editing.tree import (
    find_step,
    incoming,
    is_canvas_only,
    level,
    loop_of,
    main_port,
    outermost,
    path_of,
    same_level,
    shared,
    step_ids,
    with_level,
    with_steps,
    without_traces,
)
from core.workflow.editing.wires import connect, why_not_connect, without_wires
from core.workflow.graph import Graph
from core.workflow.model import Json, Step, Wire, Workflow
from core.workflow.problems import EditRefused

_MARGIN = (24.0, 56.0)
"""From a new loop's corner to the steps inside it, in canvas pixels: its frame and its header."""


def move_into_body(workflow: Workflow, ids: Collection[str], loop: str, *, types: Catalogue | None = None) -> Workflow:
    """The workflow with steps standing in the body of a loop, or at the top level for ''.

    A wire that would cross the loop's border is drawn to or from the loop instead, or cut where that makes no sense.
    Moved steps leave their groups. Raises EditRefused if `loop` is no loop or is one of the steps.
    """
    outer = [step_id for step_id in outermost(workflow, ids) if loop_of(workflow, step_id) != loop]
    if not outer:
        return workflow
    around = (*path_of(workflow, loop), loop) if loop else ()
    if inside := next((step_id for step_id in outer if step_id in around), None):
        raise EditRefused(f"The loop {inside!r} cannot be moved into itself. Choose another loop.")
    level(workflow, loop)  # refuses what is no loop
    moved = {step_id: find_step(workflow, step_id) for step_id in outer}
    crossing = list(_crossing(workflow, outer, loop))
    changed = with_steps(workflow, dict.fromkeys(outer))
    changed = with_level(changed, loop, {**level(changed, loop), **moved})
    for wire in crossing:
        changed = _without(changed, wire)
    for wire in crossing:
        changed = _redrawn(changed, wire, types)
    return shared(workflow, leave_groups(changed, outer))


def move_out_of_body(workflow: Workflow, ids: Collection[str], *, types: Catalogue | None = None) -> Workflow:
    """The workflow with steps of one loop standing beside that loop. Wires as in move_into_body. Raises EditRefused."""
    outer = outermost(workflow, ids)
    loop = same_level(workflow, outer)
    if not loop:
        raise EditRefused("These steps stand in no loop. Choose steps inside one.")
    return move_into_body(workflow, outer, loop_of(workflow, loop), types=types)


def wrap_in_loop(
    workflow: Workflow,
    ids: Collection[str],
    type_name: str,
    *,
    config: Mapping[str, Json] | None = None,
    types: Catalogue | None = None,
) -> tuple[Workflow, str]:
    """The workflow with steps of one level put into a new loop in their place, and the loop's id.

    Raises EditRefused if a step between them is left out, which would come both before and after the loop.
    """
    outer = outermost(workflow, ids)
    around = same_level(workflow, outer)
    check_together(workflow, outer)
    kind = types.get(type_name) if types is not None else None
    if kind is not None and not kind.is_container:
        raise EditRefused(f"Steps of the type {type_name!r} cannot hold steps. Choose a loop.")
    loop_id = fresh_id(type_name, step_ids(workflow))
    loop = Step(loop_id, type_name, config=dict(config or {}), body={})
    steps: dict[str, Step] = {}
    for step_id, step in level(workflow, around).items():
        if step_id == outer[0]:
            steps[loop_id] = loop
        steps[step_id] = step
    changed = move_into_body(with_level(workflow, around, steps), outer, loop_id, types=types)
    places = [workflow.layout[step_id] for step_id in outer if step_id in workflow.layout]
    if places:
        corner = (min(place[0] for place in places) - _MARGIN[0], min(place[1] for place in places) - _MARGIN[1])
        changed = move_steps(changed, {loop_id: corner})
    return changed, loop_id


def unwrap_loop(workflow: Workflow, loop_id: str, *, types: Catalogue | None = None) -> Workflow:
    """The workflow with a loop's steps in the loop's place. Raises EditRefused if it is no loop.

    Wires to the loop lead to its first steps, wires from it leave from its last ones. References to `item` and to the
    loop's output stay, for validation to show.
    """
    loop, inside = find_step(workflow, loop_id), level(workflow, loop_id)
    around = loop_of(workflow, loop_id)
    runnable = {key: step for key, step in inside.items() if not is_canvas_only(step, types)}
    graph = Graph(runnable)
    ends = [key for key in runnable if not graph.outgoing(key)]
    before = list(incoming(level(workflow, around), {loop_id}))
    after = [target for port, target in _ends_of(loop) if port == main_port(loop, types)]
    steps: dict[str, Step] = {}
    for step_id, step in level(workflow, around).items():
        if step_id == loop_id:
            steps.update(inside)
        else:
            steps[step_id] = without_wires(step, [(port, loop_id) for port in step.then])
    changed = without_traces(with_level(workflow, around, steps), {loop_id})
    for source, port, _ in before:
        for target in graph.starts if runnable else after:
            changed = _wired(changed, source, port, target)
    for end in ends:
        for target in after:
            changed = _wired(changed, end, main_port(runnable[end], types), target)
    return shared(workflow, changed)


def check_together(workflow: Workflow, ids: Collection[str]) -> None:
    """Whether steps of one level can become one step: raises EditRefused if a way leaves them and comes back."""
    chosen = set(ids)
    graph = Graph(level(workflow, same_level(workflow, ids)))
    for step_id in graph.order:
        if step_id in chosen or not chosen & graph.ancestors(step_id):
            continue
        if later := next((one for one in ids if graph.is_ancestor(step_id, one)), None):
            between, last = find_step(workflow, step_id), find_step(workflow, later)
            raise EditRefused(
                f"{between.name!r} comes after some of these steps and before {last.name!r}. Choose it too, or leave "
                f"{last.name!r} out."
            )


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A wire that would cross a loop's border, and where it can be drawn instead. None: nowhere."""

    wire: Wire
    instead: tuple[str, str] | None


def _crossing(workflow: Workflow, moved: Collection[str], loop: str) -> Iterator[_Crossing]:
    """The wires with one end among steps that move to another level."""
    target_path = (*path_of(workflow, loop), loop) if loop else ()
    for step_id in moved:
        path = path_of(workflow, step_id)
        for key, step in level(workflow, path[-1] if path else "").items():
            for port, end in _ends_of(step):
                if step_id not in (key, end) or (key in moved and end in moved):
                    continue
                ways = {step_id: (*target_path, step_id)}
                source, target = _apart(ways.get(key, (*path, key)), ways.get(end, (*path, end)))
                yield _Crossing(Wire(key, port, end), (source, target) if source != target else None)


def _apart(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, str]:
    """The steps that stand for two steps on the innermost level that holds both. Paths lead from the top to each."""
    depth = 0
    while depth < min(len(one), len(other)) - 1 and one[depth] == other[depth]:
        depth += 1
    return one[depth], other[depth]


def _without(workflow: Workflow, crossing: _Crossing) -> Workflow:
    wire = crossing.wire
    source = find_step(workflow, wire.source)
    return with_steps(workflow, {source.id: without_wires(source, [(wire.port, wire.target)])})


def _redrawn(workflow: Workflow, crossing: _Crossing, types: Catalogue | None) -> Workflow:
    if crossing.instead is None:
        return workflow
    source, target = crossing.instead
    port = crossing.wire.port if source == crossing.wire.source else main_port(find_step(workflow, source), types)
    return _wired(workflow, source, port, target)


def _wired(workflow: Workflow, source: str, port: str, target: str) -> Workflow:
    """The workflow with a wire more, if it can be drawn at all."""
    if not port or why_not_connect(workflow, None, source, port, target):
        return workflow
    return connect(workflow, source, port, target, fill=False)


def _ends_of(step: Step) -> list[tuple[str, str]]:
    return [(port, target) for port, targets in step.then.items() for target in targets]
