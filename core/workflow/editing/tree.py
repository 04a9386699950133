"""Reading and replacing steps wherever they stand; what is not replaced stays the same object."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from core.workflow.catalogue import Catalogue
from core.workflow.model import DEFAULT_PORT, Group, Step, Workflow
from core.workflow.names import hint
from core.workflow.problems import EditRefused
from core.workflow.sameness import same


def find_step(workflow: Workflow, step_id: str) -> Step:
    """The step of that id wherever it stands. Raises EditRefused if there is none."""
    step = workflow.steps.get(step_id) or workflow.step(step_id)
    if step is None:
        raise unknown_step(workflow, step_id)
    return step


def unknown_step(workflow: Workflow, step_id: str) -> EditRefused:
    """The error about an id that no step has."""
    return EditRefused(f"There is no step {step_id!r}. {hint(step_id, step_ids(workflow), 'steps')}")


def step_ids(workflow: Workflow) -> list[str]:
    """The ids of all steps, in document order."""
    return [step.id for _, step in workflow.walk()]


def path_of(workflow: Workflow, step_id: str) -> tuple[str, ...]:
    """The ids of the loops around a step, outermost first. Raises EditRefused if there is no such step."""
    if step_id in workflow.steps:
        return ()
    found = next((path for path, step in workflow.walk() if step.id == step_id), None)
    if found is None:
        raise unknown_step(workflow, step_id)
    return found


def loop_of(workflow: Workflow, step_id: str) -> str:
    """The id of the loop in whose body a step stands, '' for the top level. Raises EditRefused."""
    path = path_of(workflow, step_id)
    return path[-1] if path else ""


def level(workflow: Workflow, loop: str) -> Mapping[str, Step]:
    """The steps in the body of a loop, or of the top level for ''. Raises EditRefused if there is no such loop."""
    if not loop:
        return workflow.steps
    step = find_step(workflow, loop)
    if step.body is None:
        raise EditRefused(f"The step {loop!r} is no loop, so no steps can stand inside it. Choose a loop.")
    return step.body


def same_level(workflow: Workflow, ids: Iterable[str]) -> str:
    """The loop (or '') in which all the steps stand. Raises EditRefused if they stand on several levels."""
    loops = {loop_of(workflow, step_id) for step_id in ids}
    if len(loops) != 1:
        raise EditRefused(
            "The steps stand on different levels. Choose steps that are all at the top, or in one loop."
            if loops
            else "No step is chosen. Choose at least one."
        )
    return loops.pop()


def outermost(workflow: Workflow, ids: Collection[str]) -> list[str]:
    """The steps of those ids that stand in no other one of them, in document order. Raises EditRefused."""
    wanted = set(ids)
    found = [step.id for path, step in workflow.walk() if step.id in wanted and not wanted.intersection(path)]
    if missing := wanted.difference(step_ids(workflow)):
        raise unknown_step(workflow, min(missing))
    return found


def with_inner(workflow: Workflow, ids: Collection[str]) -> set[str]:
    """Those ids and the ids of all steps inside them."""
    wanted = set(ids)
    return {step.id for path, step in workflow.walk() if step.id in wanted or wanted.intersection(path)}


def with_steps(workflow: Workflow, changed: Mapping[str, Step | None]) -> Workflow:
    """The workflow with steps replaced where they stand, or taken out where the new one is None."""
    steps = _changed(workflow.steps, changed)
    return workflow if steps is workflow.steps else replace(workflow, steps=steps)


def with_level(workflow: Workflow, loop: str, steps: Mapping[str, Step]) -> Workflow:
    """The workflow with all steps of one level replaced. loop: as in `level`."""
    if not loop:
        return replace(workflow, steps=steps)
    return with_steps(workflow, {loop: replace(find_step(workflow, loop), body=steps)})


def _changed(steps: Mapping[str, Step], changed: Mapping[str, Step | None]) -> Mapping[str, Step]:
    found = dict(steps)
    touched = False
    for step_id in changed.keys() & steps.keys():
        new = changed[step_id]
        if new is None:
            del found[step_id]
        elif same(new, steps[step_id]):
            continue
        else:
            found[step_id] = new
        touched = True
    for step_id, step in list(found.items()):
        if step.body:
            body = _changed(step.body, changed)
            if body is not step.body:
                found[step_id] = replace(step, body=body)
                touched = True
    return found if touched else steps


def without_traces(workflow: Workflow, gone: Collection[str]) -> Workflow:
    """The workflow without places, frames and collapsing of steps that are gone."""
    if not gone:
        return workflow
    return replace(
        workflow,
        layout={step_id: place for step_id, place in workflow.layout.items() if step_id not in gone},
        collapsed=workflow.collapsed.difference(gone),
        groups=without_members(workflow.groups, gone),
    )


def without_members(groups: Mapping[str, Group], gone: Collection[str]) -> dict[str, Group]:
    """The groups without some steps; a group that loses its last one is gone too."""
    found: dict[str, Group] = {}
    for group_id, group in groups.items():
        kept = tuple(step_id for step_id in group.steps if step_id not in gone)
        if kept:
            found[group_id] = group if kept == group.steps else replace(group, steps=kept)
    return found


def shared(old: Workflow, new: Workflow) -> Workflow:
    """The new workflow with every part that equals the old one's being the old one's object."""
    before = {step.id: step for _, step in old.walk()}
    steps = _shared_steps(new.steps, before)
    found = replace(new, steps=old.steps if same(steps, old.steps) else steps)
    return old if same(found, old) else found


def _shared_steps(steps: Mapping[str, Step], before: Mapping[str, Step]) -> dict[str, Step]:
    found: dict[str, Step] = {}
    for step_id, step in steps.items():
        if step.body:
            step = replace(step, body=_shared_steps(step.body, before))
        old = before.get(step.id)
        found[step_id] = old if old is not None and same(old, step) else step
    return found


def main_port(step: Step, types: Catalogue | None) -> str:
    """The port by which a step goes on when all is well; '' for a step of a type without ports."""
    kind = types.get(step.type) if types is not None else None
    if kind is None:
        return DEFAULT_PORT
    return next(iter(kind.ports(step.config)), "")


def is_canvas_only(step: Step, types: Catalogue | None) -> bool:
    """Whether a step is known never to run and to take no wires."""
    kind = types.get(step.type) if types is not None else None
    return kind is not None and kind.canvas_only


def incoming(steps: Mapping[str, Step], targets: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Source, port and target of every wire of a level that ends at one of the targets, in document order."""
    for step_id, step in steps.items():
        for port, ends in step.then.items():
            for end in ends:
                if end in targets:
                    yield step_id, port, end
