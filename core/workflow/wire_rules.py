"""What can be wrong with the wires: ends that do not exist, ports that a type lacks, circles, steps never reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.workflow.model import DEFAULT_PORT, ERROR_PORT, Step
from core.workflow.outline import Level, Outline
from core.workflow.problems import Problem


def wire_problems(outline: Outline) -> Iterator[Problem]:
    """All of it, for every level."""
    for level, step in outline.steps():
        yield from _port_problems(outline, step)
        for port, targets in step.then.items():
            yield from _target_problems(outline, level, step, port, targets)
    for level in outline.levels:
        yield from _cycle_problems(level)
        yield from _unreachable_problems(outline, level)


def _field(step: Step, port: str) -> str:
    return "then" if list(step.then) == [DEFAULT_PORT] else f"then.{port}"


def _port_problems(outline: Outline, step: Step) -> Iterator[Problem]:
    kind = outline.kind(step)
    wired = [port for port, targets in step.then.items() if targets]
    if kind is None:
        return
    if kind.canvas_only:
        if wired:
            message = f"A step of type {step.type!r} is never run, so no wire can leave it."
            yield Problem("canvas_only", message, "Remove the wire.", step.id, "then")
        return
    ports = tuple(kind.ports(step.config))
    for port in wired:
        if port == ERROR_PORT and ERROR_PORT not in ports and step.on_error != "branch":
            message = "A wire leaves the port 'error', which this step only has with `on_error: branch`."
            yield Problem(
                "error_port", message, "Set `on_error: branch`, or remove the wire.", step.id, _field(step, port)
            )
        elif port not in ports and port != ERROR_PORT:
            message = f"A wire leaves the port {port!r}, which this step does not have."
            yield Problem("unknown_port", message, outline.hint(port, ports, "ports"), step.id, _field(step, port))
    if step.on_error == "branch" and ERROR_PORT not in wired:
        message = "An error of this step goes to its port 'error', from which no wire leads on; it would go unnoticed."
        fix = "Draw a wire from the port 'error', or set another `on_error`."
        yield Problem("unwired_error_port", message, fix, step.id, "on_error", "warning")


def _target_problems(
    outline: Outline, level: Level, step: Step, port: str, targets: Sequence[str]
) -> Iterator[Problem]:
    field = _field(step, port)
    for target in dict.fromkeys(targets):
        if target == step.id:
            message = "A wire leads from this step back to itself."
            yield Problem("wire_to_itself", message, "Remove it; to repeat a step, put it in a loop.", step.id, field)
        elif target in level.steps:
            if outline.is_canvas_only(level.steps[target]):
                message = f"A wire leads to {target!r}, which is never run."
                yield Problem("canvas_only", message, "Remove the wire.", step.id, field)
        elif target in outline.level_of:
            message = f"The wire to {target!r} crosses the border of a loop."
            fix = "Wires stay inside a loop's body or outside it; draw the wire to or from the loop itself."
            yield Problem("wire_crosses_loop", message, fix, step.id, field)
        else:
            message = f"A wire leads to {target!r}, but there is no such step."
            yield Problem("wire_to_nowhere", message, outline.hint(target, level.steps, "steps"), step.id, field)
    for target in dict.fromkeys(target for target in targets if targets.count(target) > 1):
        message = f"The wire to {target!r} stands here more than once."
        yield Problem("duplicate_target", message, "Remove the repetition.", step.id, field)


def _cycle_problems(level: Level) -> Iterator[Problem]:
    for cycle in level.graph.cycles():
        if len(cycle) > 1:
            circle = " → ".join((*cycle, cycle[0]))
            fix = "Remove one of these wires; to repeat steps, put them in a loop."
            yield Problem("cycle", f"The wires form a circle: {circle}.", fix, cycle[0], "then")


def _unreachable_problems(outline: Outline, level: Level) -> Iterator[Problem]:
    graph = level.graph
    reached: set[str] = set()
    waiting = list(graph.starts)
    while waiting:
        step_id = waiting.pop()
        if step_id not in reached:
            reached.add(step_id)
            if not level.steps[step_id].disabled:
                waiting += (wire.target for wire in graph.outgoing(step_id))
    for step_id, step in level.steps.items():
        if step_id in reached or step.disabled or graph.is_ancestor(step_id, step_id):
            continue  # Steps on a circle are reported with the circle.
        message = "No wire leads here from a step that runs, so this step never does."
        fix = "Draw a wire to it from a step that runs, or enable the disabled step before it."
        yield Problem("unreachable", message, fix, step.id, severity="warning")
