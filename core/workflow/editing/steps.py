"""Adding, removing, changing and copying steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from core.workflow.catalogue import Catalogue
from core.workflow.editing.layout import checked_place
from core.workflow.editing.new_ids import fresh_id
from core.workflow.editing.tree import (
    find_step,
    level,
    loop_of,
    outermost,
    shared,
    step_ids,
    with_inner,
    with_level,
    with_steps,
    without_traces,
)
from core.workflow.editing.wires import connect, insert_on_wire, with_wire, without_wires
from core.workflow.model import ERROR_PORT, Json, Step, Wire, Workflow
from core.workflow.problems import EditRefused
from core.workflow.rename import rename_step


def add_step(
    workflow: Workflow,
    type_name: str,
    *,
    at: tuple[float, float] | None = None,
    config: Mapping[str, Json] | None = None,
    title: str = "",
    into: str | None = None,
    after: tuple[str, str] | None = None,
    on: Wire | None = None,
    types: Catalogue | None = None,
) -> tuple[Workflow, str]:
    """The workflow with a new step, and the step's id, made from its type: `chat`, `chat_2`.

    at: its place in canvas pixels; None leaves it to the layout. into: the loop it stands in, '' for the top level;
    None for the level of `after` or `on`. after: source and port of a wire that leads to it. on: a wire that it is
    put on. types: fills the main field of a step that is wired. Raises EditRefused.
    """
    step_id = fresh_id(type_name, step_ids(workflow))
    kind = types.get(type_name) if types is not None else None
    body: dict[str, Step] | None = {} if kind is not None and kind.is_container else None
    step = Step(step_id, type_name, title, dict(config or {}), body=body)
    if into is None:
        source = after[0] if after else on.source if on else ""
        into = loop_of(workflow, source) if source else ""
    changed = with_level(workflow, into, {**level(workflow, into), step_id: step})
    if at is not None:
        changed = replace(changed, layout={**changed.layout, step_id: checked_place(at)})
    if after is not None:
        changed = connect(changed, after[0], after[1], step_id, types=types)
    if on is not None:
        changed = insert_on_wire(changed, step_id, on, types=types)
    return changed, step_id


def remove_steps(workflow: Workflow, ids: Collection[str], *, rejoin: bool = False) -> Workflow:
    """The workflow without steps, what is inside them, and the wires to them. Raises EditRefused for unknown ids.

    rejoin: wires that led to a removed step go on to where it led, but for its errors. References to removed steps
    stay, for validation to show.
    """
    outer = outermost(workflow, ids)
    gone = with_inner(workflow, outer)
    changed = workflow
    for loop in {loop_of(workflow, step_id) for step_id in outer}:
        before = level(changed, loop)
        steps = {step_id: _led_past(step, before, gone, rejoin) for step_id, step in before.items()}
        changed = with_level(changed, loop, {key: step for key, step in steps.items() if key not in gone})
    return without_traces(changed, gone)


def rename(workflow: Workflow, old: str, new: str, *, types: Catalogue | None = None) -> Workflow:
    """The workflow with a step's id changed, and every reference with it. Raises DocumentError as rename_step does."""
    return shared(workflow, rename_step(workflow, old, new, types))


def set_title(workflow: Workflow, step_id: str, title: str) -> Workflow:
    """The workflow with a step's title changed; '' shows its id instead. Raises EditRefused."""
    return with_steps(workflow, {step_id: replace(find_step(workflow, step_id), title=title)})


def set_disabled(workflow: Workflow, ids: Iterable[str], disabled: bool) -> Workflow:
    """The workflow with steps passed over in runs, or no longer. Raises EditRefused."""
    steps = [find_step(workflow, step_id) for step_id in ids]
    return with_steps(workflow, {s.id: replace(s, disabled=disabled) for s in steps if s.disabled != disabled})


def change_type(workflow: Workflow, step_id: str, type_name: str, types: Catalogue) -> Workflow:
    """The workflow with a step being of another type; id, title, wires and settings that fit stay.

    The main field's value becomes the new main field's. Wires from the main port leave from the new one; wires from
    ports that the new type lacks are cut. Raises EditRefused for a type that is not known or would lose steps inside.
    """
    step, new = find_step(workflow, step_id), types.get(type_name)
    if new is None:
        raise EditRefused(f"There is no step type {type_name!r}. Choose one from the palette.")
    if step.type == type_name:
        return workflow
    if step.body and not new.is_container:
        raise EditRefused(f"{step.name!r} holds steps, and “{type_name}” cannot. Move them out of it first.")
    old = types.get(step.type)
    config = dict(step.config)
    if old is not None and old.main_field in config and new.main_field and new.main_field not in config:
        config[new.main_field] = config.pop(old.main_field)
    unknown = {p.path[0] for p in new.check_config(config) if p.code == "unknown_field" and len(p.path) == 1}
    config = {name: value for name, value in config.items() if name not in unknown}
    body = (step.body or {}) if new.is_container else None
    changed = replace(step, type=type_name, config=config, body=body)
    was = next(iter(old.ports(step.config)), "") if old is not None else ""
    changed = _with_ports(changed, was, [] if new.canvas_only else list(new.ports(config)))
    workflow = with_steps(workflow, {step_id: changed})
    return _unwired(workflow, step_id) if new.canvas_only else workflow


def _with_ports(step: Step, main: str, ports: list[str]) -> Step:
    """The step with its wires leaving from the ports that there are. main: the port that becomes the first of them."""
    bare = replace(step, then={})
    for port, targets in step.then.items():
        kept = port if port in ports or (port == ERROR_PORT and ports) else ports[0] if ports and port == main else ""
        for target in targets if kept else ():
            bare = with_wire(bare, kept, target)
    return step if bare.then == step.then else bare


def _unwired(workflow: Workflow, step_id: str) -> Workflow:
    """The workflow without the wires that lead to a step."""
    loop = loop_of(workflow, step_id)
    steps = level(workflow, loop)
    cut = {key: without_wires(one, [(port, step_id) for port in one.then]) for key, one in steps.items()}
    return with_steps(workflow, {key: one for key, one in cut.items() if one is not steps[key]})


def _led_past(step: Step, steps: Mapping[str, Step], gone: Collection[str], rejoin: bool) -> Step:
    """The step with its wires to removed steps led on, or cut."""
    if not any(target in gone for targets in step.then.values() for target in targets):
        return step
    then: dict[str, tuple[str, ...]] = {}
    for port, targets in step.then.items():
        ends: dict[str, None] = {}
        for target in targets:
            for end in _ends(target, steps, gone) if rejoin else ([target] if target not in gone else []):
                ends[end] = None
        ends.pop(step.id, None)
        if ends:
            then[port] = tuple(ends)
    return replace(step, then=then)


def _ends(target: str, steps: Mapping[str, Step], gone: Collection[str]) -> list[str]:
    """The steps that stay to which a wire to `target` leads when removed steps are left out, in wire order."""
    found: list[str] = []
    seen: set[str] = set()
    waiting = [target]
    while waiting:
        step_id = waiting.pop()
        if step_id in seen:
            continue
        seen.add(step_id)
        if step_id not in gone:
            found.append(step_id)
        elif step_id in steps:
            then = steps[step_id].then
            onward = [end for port, ends in then.items() if port != ERROR_PORT for end in ends]
            waiting += reversed(onward)
    return found
