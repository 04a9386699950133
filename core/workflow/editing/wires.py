"""Drawing, moving and cutting wires."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from core.workflow.catalogue import Catalogue, StepKind
from core.workflow.editing.tree import find_step, is_canvas_only, level, loop_of, main_port, shared, with_steps
from core.workflow.model import ERROR_PORT, Json, Step, Wire, Workflow
from core.workflow.problems import EditRefused

_EMPTY: tuple[Json, ...] = (None, "", [], {})


def connect(
    workflow: Workflow, source: str, port: str, target: str, *, types: Catalogue | None = None, fill: bool = True
) -> Workflow:
    """The workflow with a wire more; the same one if the wire is there already.

    fill: an empty main field of the target gets a reference to the source's main output, as far as `types` tells
    them. Raises EditRefused with the reason of `why_not_connect`.
    """
    step = find_step(workflow, source)
    if target in step.then.get(port, ()):
        return workflow
    if reason := why_not_connect(workflow, types, source, port, target):
        raise EditRefused(reason)
    wired = with_steps(workflow, {source: with_wire(step, port, target)})
    return with_reference(wired, source, port, target, types) if fill else wired


def why_not_connect(workflow: Workflow, types: Catalogue | None, source: str, port: str, target: str) -> str:
    """Why a wire cannot be drawn, a sentence for the person who tries; '' if it can. Raises EditRefused for no step."""
    find_step(workflow, target)
    if reason := _why_not_from(find_step(workflow, source), port, types):
        return reason
    steps, other = level(workflow, loop_of(workflow, source)), find_step(workflow, target)
    circle = {target} if _leads_to(steps, target, source) else set()
    return _why_not_to(find_step(workflow, source), port, other, steps, circle, types)


def refusals(workflow: Workflow, types: Catalogue | None, source: str, port: str) -> dict[str, str]:
    """For every step why a wire from the source cannot end there, '' where it can.

    One pass over the document, so that a canvas of thousands of steps can dim all that is no target.
    """
    steps = level(workflow, loop_of(workflow, source))
    step = find_step(workflow, source)
    blocked = _why_not_from(step, port, types)
    before = _leading_to(steps, source)
    return {other.id: blocked or _why_not_to(step, port, other, steps, before, types) for _, other in workflow.walk()}


def disconnect(workflow: Workflow, wires: Iterable[Wire]) -> Workflow:
    """The workflow without those wires; wires that are not there count as cut."""
    cut: dict[str, set[tuple[str, str]]] = {}
    for wire in wires:
        cut.setdefault(wire.source, set()).add((wire.port, wire.target))
    sources = {source: workflow.steps.get(source) or workflow.step(source) for source in cut}
    return with_steps(
        workflow, {source: without_wires(step, cut[source]) for source, step in sources.items() if step is not None}
    )


def reconnect(workflow: Workflow, moved: Mapping[Wire, Wire], *, types: Catalogue | None = None) -> Workflow:
    """The workflow with wires moved to other ends, all at once. Raises EditRefused if one of them cannot be drawn."""
    changed = disconnect(workflow, moved)
    for old, new in moved.items():
        place = _place_of(workflow, old) if (old.source, old.port) == (new.source, new.port) else None
        step = find_step(changed, new.source)
        if new.target in step.then.get(new.port, ()):
            continue
        if reason := why_not_connect(changed, types, new.source, new.port, new.target):
            raise EditRefused(reason)
        changed = with_steps(changed, {new.source: with_wire(step, new.port, new.target, place)})
    return shared(workflow, changed)


def insert_on_wire(
    workflow: Workflow, step_id: str, wire: Wire, *, types: Catalogue | None = None, port: str = ""
) -> Workflow:
    """The workflow with a step put between the two ends of a wire. port: by which it goes on; '' for its main one.

    Raises EditRefused if the wire is not there or the step cannot stand on it.
    """
    step, source = find_step(workflow, step_id), find_step(workflow, wire.source)
    port = port or main_port(step, types)
    if not port:
        raise EditRefused(f"Nothing goes on from {step.name!r}, so it cannot stand on a wire. Wire it as a last step.")
    if wire.target not in source.then.get(wire.port, ()):
        raise EditRefused(f"There is no wire from {wire.source!r} to {wire.target!r} to put {step.name!r} on.")
    if step_id in (wire.source, wire.target):
        raise EditRefused(f"{step.name!r} is an end of this wire. Choose another wire.")
    changed = reconnect(workflow, {wire: Wire(wire.source, wire.port, step_id)}, types=types)
    changed = connect(changed, step_id, port, wire.target, types=types, fill=False)
    return with_reference(changed, wire.source, wire.port, step_id, types)


def with_wire(step: Step, port: str, target: str, place: int | None = None) -> Step:
    """The step with a wire more. place: among the port's wires, from 0; None for the last."""
    targets = list(step.then.get(port, ()))
    if target in targets:
        return step
    targets.insert(len(targets) if place is None else place, target)
    return replace(step, then={**step.then, port: tuple(targets)})


def without_wires(step: Step, ends: Iterable[tuple[str, str]]) -> Step:
    """The step without wires, each named by its port and target; a port without wires is not kept."""
    cut = set(ends)
    then = {port: tuple(one for one in targets if (port, one) not in cut) for port, targets in step.then.items()}
    then = {port: targets for port, targets in then.items() if targets}
    return step if then == step.then else replace(step, then=then)


def with_reference(workflow: Workflow, source: str, port: str, target: str, types: Catalogue | None) -> Workflow:
    """The workflow with the target's main field filled with the source's main output, if it is empty and fits."""
    giver, taker = find_step(workflow, source), find_step(workflow, target)
    gives = types.get(giver.type) if types is not None else None
    takes = types.get(taker.type) if types is not None else None
    if gives is None or takes is None or port == ERROR_PORT or not (gives.main_output and takes.main_field):
        return workflow
    if taker.config.get(takes.main_field) not in _EMPTY:
        return workflow
    reference = f"{{{{ {source}.{gives.main_output} }}}}"
    value: Json = {gives.main_output: reference} if _wants_object(takes, taker) else reference
    config = {**taker.config, takes.main_field: value}
    if not _is_readable(takes, config) or set(takes.variables_set(config)) != set(takes.variables_set(taker.config)):
        return workflow
    return with_steps(workflow, {target: replace(taker, config=config)})


def _is_readable(kind: StepKind, config: Mapping[str, Json]) -> bool:
    """Whether the main field is a template that reads the steps around it, not those inside it."""
    fields = [field for field in kind.template_fields(config) if field.path[:1] == (kind.main_field,)]
    return bool(fields) and all(field.scope == "step" for field in fields)


def _wants_object(kind: StepKind, step: Step) -> bool:
    """Whether the main field takes names with values and nothing else, so that a reference needs a name."""

    def fits(value: Json) -> bool:
        problems = kind.check_config({**step.config, kind.main_field: value})
        return not any(problem.path[:1] == (kind.main_field,) for problem in problems)

    return fits({"name": "x"}) and not fits("x") and not fits(["x"])


def _why_not_from(step: Step, port: str, types: Catalogue | None) -> str:
    if is_canvas_only(step, types):
        return f"{step.name!r} is a note and never runs, so no wire can leave it."
    kind = types.get(step.type) if types is not None else None
    ports = tuple(kind.ports(step.config)) if kind is not None else (port,)
    if port in ports or (port == ERROR_PORT and step.on_error == "branch"):
        return ""
    if port == ERROR_PORT:
        return f"{step.name!r} has no port for errors. Set what it does on an error to “branch” first."
    if ports:
        return f"{step.name!r} has no port {port!r}; it has {', '.join(ports)}."
    return f"Nothing goes on from {step.name!r}: it has no output port."


def _why_not_to(
    source: Step, port: str, target: Step, steps: Mapping[str, Step], before: set[str], types: Catalogue | None
) -> str:
    if target.id == source.id:
        return "A step cannot follow itself. To repeat it, put it in a loop."
    if target.id not in steps:
        return (
            f"A wire cannot cross the border of a loop, and {target.name!r} stands on the other side. "
            "Draw it to or from the loop itself."
        )
    if is_canvas_only(target, types):
        return f"{target.name!r} is a note and never runs, so no wire can lead to it."
    if target.id in source.then.get(port, ()):
        return f"A wire leads from {source.name!r} to {target.name!r} already."
    if target.id in before:
        return (
            f"{target.name!r} comes before {source.name!r}, so the wires would form a circle. "
            "To repeat steps, put them in a loop."
        )
    return ""


def _leads_to(steps: Mapping[str, Step], earlier: str, later: str) -> bool:
    """Whether wires of a level lead from one step to another one."""
    seen: set[str] = set()
    waiting = [earlier]
    while waiting:
        step_id = waiting.pop()
        if step_id == later:
            return True
        if step_id not in seen and step_id in steps:
            seen.add(step_id)
            waiting += (target for targets in steps[step_id].then.values() for target in targets)
    return False


def _leading_to(steps: Mapping[str, Step], step_id: str) -> set[str]:
    """The ids of a level's steps from which wires lead to a step."""
    sources: dict[str, list[str]] = {}
    for other in steps.values():
        for targets in other.then.values():
            for target in targets:
                sources.setdefault(target, []).append(other.id)
    found: set[str] = set()
    waiting = [step_id]
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


def _place_of(workflow: Workflow, wire: Wire) -> int | None:
    targets = find_step(workflow, wire.source).then.get(wire.port, ())
    return targets.index(wire.target) if wire.target in targets else None
